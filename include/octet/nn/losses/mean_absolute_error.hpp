#pragma once

#include <cmath>

#include "octet/nn/losses/elementwise_mean.hpp"

namespace octet::inline OCTET_ABI {

/// The mean of |output - target| over all elements. Writes its gradient, sign(output - target) /
/// count with sign(0) = 0, to d_outputs unless that is empty; it may be outputs.
template <class T>
double mean_absolute_error(TensorView<const T> outputs, TensorView<const T> targets,
                           TensorView<T> d_outputs = {}, ThreadPool& pool = default_thread_pool()) {
  return losses::elementwise_mean<T>(
      "mean_absolute_error", outputs, targets, d_outputs, pool,
      [](double d) { return std::abs(d); },
      [](double d) { return d > 0   ? 1.0
                            : d < 0 ? -1.0
                                    : 0.0; });
}

}  // namespace octet::inline OCTET_ABI
