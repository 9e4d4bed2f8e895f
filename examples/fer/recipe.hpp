// How the options of fer train become an optimizer, a schedule and augmentations.
#pragma once

#include <octet/data/loader.hpp>
#include <octet/data/transforms/normalize.hpp>
#include <octet/optim/optimizer.hpp>

#include "beginning.hpp"
#include "commands.hpp"

namespace fer {

/// Fails, naming the options, if they do not go together.
void check(const TrainOptions& options);

octet::Schedule schedule_from(const TrainOptions& options, std::int64_t steps_per_epoch);
octet::Optimizer<float> optimizer_from(const TrainOptions& options);
octet::Pipeline augmentation_from(const TrainOptions& options,
                                  const octet::NormalizeOptions& normalization);
octet::LoaderOptions loader_from(const TrainOptions& options);

/// What must be the same when a training goes on.
octet::Json settings_from(const TrainOptions& options, const Beginning& beginning);

}  // namespace fer
