#pragma once

#include "octet/nn/losses/elementwise_mean.hpp"

namespace octet::inline OCTET_ABI {

/// The mean of (output - target)^2 over all elements. Writes its gradient,
/// 2 * (output - target) / count, to d_outputs unless that is empty; it may be outputs.
template <class T>
double mean_squared_error(TensorView<const T> outputs, TensorView<const T> targets,
                          TensorView<T> d_outputs = {}, ThreadPool& pool = default_thread_pool()) {
  return losses::elementwise_mean<T>(
      "mean_squared_error", outputs, targets, d_outputs, pool, [](double d) { return d * d; },
      [](double d) { return 2 * d; });
}

}  // namespace octet::inline OCTET_ABI
