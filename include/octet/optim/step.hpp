#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "octet/optim/optimizer.hpp"

namespace octet::inline OCTET_ABI {

struct StepDecayOptions {
  double learning_rate = 1e-2;
  double factor = 0.1;
  /// Steps between two drops; 0: only at the milestones.
  std::int64_t every = 0;
  /// Steps at which the rate drops, beside that.
  std::vector<std::int64_t> milestones = {};
};

/// learning_rate * factor^(number of drops up to and including this step).
inline Schedule step_decay(const StepDecayOptions& options) {
  if (options.every < 0)
    fail("step_decay: expected at least 0 steps between drops, got ", options.every);
  return [options](std::int64_t step) {
    const auto passed = std::count_if(options.milestones.begin(), options.milestones.end(),
                                      [step](std::int64_t milestone) { return milestone <= step; });
    const std::int64_t drops = passed + (options.every ? step / options.every : 0);
    return Rate{options.learning_rate * std::pow(options.factor, static_cast<double>(drops))};
  };
}

}  // namespace octet::inline OCTET_ABI
