// The mean of a function of every output and its target: what regression losses share.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "octet/core/tensor.hpp"
#include "octet/core/thread_pool.hpp"

namespace octet::inline OCTET_ABI::losses {

/// The mean of value(difference) over all elements, where difference = output - target; writes
/// slope(difference) / count to d_outputs unless that is empty. Sums in double over pieces of a
/// fixed size, so that the number of threads does not change the result.
template <class T, class Value, class Slope>
double elementwise_mean(std::string_view name, TensorView<const T> outputs,
                        TensorView<const T> targets, TensorView<T> d_outputs, ThreadPool& pool,
                        const Value& value, const Slope& slope) {
  if (!(targets.shape() == outputs.shape()))
    fail(name, ": expected targets of shape ", outputs.shape(), ", got ", targets.shape());
  if (!d_outputs.empty() && !(d_outputs.shape() == outputs.shape()))
    fail(name, ": expected a gradient of shape ", outputs.shape(), ", got ", d_outputs.shape());
  const std::int64_t count = outputs.elements();
  if (count == 0) return 0;
  constexpr std::int64_t grain = 16384;
  std::vector<double> sums(static_cast<std::size_t>(pieces(count, grain)));
  pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      const double difference =
          static_cast<double>(outputs.data()[i]) - static_cast<double>(targets.data()[i]);
      sum += value(difference);
      if (!d_outputs.empty())
        d_outputs.data()[i] = static_cast<T>(slope(difference) / static_cast<double>(count));
    }
    sums[static_cast<std::size_t>(begin / grain)] = sum;
  });
  double sum = 0;
  for (const double piece : sums) sum += piece;
  return sum / static_cast<double>(count);
}

}  // namespace octet::inline OCTET_ABI::losses
