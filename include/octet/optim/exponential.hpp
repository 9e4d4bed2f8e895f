#pragma once

#include <cmath>

#include "octet/optim/optimizer.hpp"

namespace octet::inline OCTET_ABI {

struct ExponentialOptions {
  double learning_rate = 1e-2;
  /// What is left of the rate after `over` steps.
  double factor = 0.95;
  /// 1, or the steps of an epoch.
  std::int64_t over = 1;
};

/// learning_rate * factor^(step / over), smoothly in every step.
inline Schedule exponential(const ExponentialOptions& options) {
  if (options.over < 1) fail("exponential: expected a length of at least 1, got ", options.over);
  if (!(options.factor > 0)) fail("exponential: expected a factor above 0, got ", options.factor);
  return [options](std::int64_t step) {
    return Rate{
        options.learning_rate *
        std::pow(options.factor, static_cast<double>(step) / static_cast<double>(options.over))};
  };
}

}  // namespace octet::inline OCTET_ABI
