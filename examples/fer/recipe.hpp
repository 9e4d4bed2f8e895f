// How the options of fer train become an optimizer and a schedule.
#pragma once

#include <octet/data/dataset.hpp>
#include <octet/optim/optimizer.hpp>

#include "commands.hpp"

namespace fer {

/// Fails, naming the option, if one makes no sense.
void check(const TrainOptions& options);

octet::Schedule schedule_from(const TrainOptions& options, std::int64_t steps_per_epoch);
octet::Optimizer<float> optimizer_from(const TrainOptions& options);

/// What must be the same when a training goes on.
octet::Json settings_from(const TrainOptions& options, const octet::ImageDataset& data);

}  // namespace fer
