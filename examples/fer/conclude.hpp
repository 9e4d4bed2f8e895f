// What follows the last step of a training.
#pragma once

#include <octet/train/fit.hpp>

#include "beginning.hpp"
#include "commands.hpp"

namespace fer {

/// Says how the training ended, judges the models that it has written, writes the int8 program of a
/// quantization-aware one, and says what can be done next. Returns the exit code, which tells the
/// signal that interrupted it.
int conclude(const TrainOptions& options, const octet::FitResult& result, int signal,
             const Beginning& beginning, octet::ThreadPool& pool);

}  // namespace fer
