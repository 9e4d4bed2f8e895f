#pragma once

#include "octet/optim/optimizer.hpp"

namespace octet::inline OCTET_ABI {

struct WarmUpOptions {
  std::int64_t steps = 0;
  /// The first rate as a share of the one that is warmed up to.
  double start_factor = 0;
};

/// Rises in a straight line to the first rate of `schedule`, which it reaches at step `steps` and
/// follows from there. Goyal et al., "Accurate, large minibatch SGD" (2017).
inline Schedule warm_up(const WarmUpOptions& options, Schedule schedule) {
  if (options.steps < 0) fail("warm_up: expected at least 0 steps, got ", options.steps);
  return [options, schedule = std::move(schedule)](std::int64_t step) {
    if (step >= options.steps) return schedule(step - options.steps);
    Rate rate = schedule(0);
    const double part = static_cast<double>(step) / static_cast<double>(options.steps);
    rate.learning_rate *= options.start_factor + (1 - options.start_factor) * part;
    return rate;
  };
}

}  // namespace octet::inline OCTET_ABI
