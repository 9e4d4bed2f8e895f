// The larger of two plain networks for facial expressions.
#pragma once

#include "octet/models/conv_block.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/reshape.hpp"

namespace octet::inline OCTET_ABI {

struct DeepCnnOptions {
  std::int64_t classes = 7;
  /// Scales every number of channels, also those of the linear layers.
  double width = 1;
};

/// Six conv blocks in pairs of 64, 128 and 256 channels, each pair halved by max pooling; linear
/// 256 and 128 with ReLU; the classes.
template <class T>
Value<T> deep_cnn(Value<T> x, const DeepCnnOptions& options = {}) {
  for (const std::int64_t base : {64, 128, 256}) {
    const std::int64_t channels = scaled_channels(base, options.width);
    x = halve(conv_block(conv_block(x, channels), channels));
  }
  x = relu(linear(flatten(x), scaled_channels(256, options.width)));
  x = relu(linear(x, scaled_channels(128, options.width)));
  return linear(x, options.classes);
}

}  // namespace octet::inline OCTET_ABI
