#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "octet/optim/optimizer.hpp"

namespace octet::inline OCTET_ABI {

struct CosineOptions {
  double learning_rate = 1e-2;
  /// The rate at the end, which stays afterwards.
  double final_learning_rate = 0;
  std::int64_t total_steps = 1;
};

/// final + (first - final) * (1 + cos(pi * step / total_steps)) / 2: half a cosine downwards.
/// Loshchilov and Hutter, "SGDR" (ICLR 2017), without restarts.
inline Schedule cosine(const CosineOptions& options) {
  if (options.total_steps < 1) fail("cosine: expected at least 1 step, got ", options.total_steps);
  return [options](std::int64_t step) {
    const double part = static_cast<double>((std::min)(step, options.total_steps)) /
                        static_cast<double>(options.total_steps);
    return Rate{options.final_learning_rate +
                (options.learning_rate - options.final_learning_rate) *
                    (1 + std::cos(std::numbers::pi * part)) / 2};
  };
}

}  // namespace octet::inline OCTET_ABI
