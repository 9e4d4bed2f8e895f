// The smaller of two plain networks for facial expressions.
#pragma once

#include "octet/models/conv_block.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/reshape.hpp"

namespace octet::inline OCTET_ABI {

struct ShallowCnnOptions {
  std::int64_t classes = 7;
  /// Scales every number of channels, also those of the linear layers.
  double width = 1;
};

/// Three conv blocks of 64, 128 and 256 channels, each halved by max pooling; linear 256 and 128
/// with ReLU; the classes.
template <class T>
Value<T> shallow_cnn(Value<T> x, const ShallowCnnOptions& options = {}) {
  for (const std::int64_t channels : {64, 128, 256})
    x = halve(conv_block(x, scaled_channels(channels, options.width)));
  x = relu(linear(flatten(x), scaled_channels(256, options.width)));
  x = relu(linear(x, scaled_channels(128, options.width)));
  return linear(x, options.classes);
}

}  // namespace octet::inline OCTET_ABI
