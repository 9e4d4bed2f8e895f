// The brick that most of the zoo is built of.
#pragma once

#include <cmath>

#include "octet/graph/graph.hpp"
#include "octet/nn/batch_norm.hpp"
#include "octet/nn/conv2d.hpp"
#include "octet/nn/max_pool.hpp"
#include "octet/nn/relu.hpp"

namespace octet::inline OCTET_ABI {

/// 3x3 convolution with padding 1 and without bias, batch norm, ReLU.
template <class T>
Value<T> conv_block(Value<T> x, std::int64_t channels) {
  return relu(batch_norm(conv2d(x, channels, {.kernel = 3, .padding = 1, .bias = Bias::none})));
}

/// Halves height and width: the maximum of each 2x2 square.
template <class T>
Value<T> halve(Value<T> x) {
  return max_pool(x, {.kernel = 2, .stride = 2});
}

/// `channels` times a width factor, rounded to the nearest number above 0.
inline std::int64_t scaled_channels(std::int64_t channels, double width) {
  if (!(width > 0 && width <= 64)) fail("model: expected a width in (0, 64], got ", width);
  return (std::max<std::int64_t>)(1, std::llround(static_cast<double>(channels) * width));
}

}  // namespace octet::inline OCTET_ABI
