// Nine layers with two residual blocks, known from fast training on CIFAR-10.
#pragma once

#include "octet/models/conv_block.hpp"
#include "octet/nn/add.hpp"
#include "octet/nn/global_pool.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/reshape.hpp"

namespace octet::inline OCTET_ABI {

struct Resnet9Options {
  std::int64_t classes = 7;
  /// Scales every number of channels.
  double width = 1;
};

/// Conv blocks of 64, 128, 256 and 512 channels, the last three halved by max pooling; after the
/// second and the fourth x + f(x), f being two conv blocks; the maximum over what is left of height
/// and width; the classes. He, Zhang, Ren and Sun, "Deep residual learning for image recognition"
/// (2015); the nine-layer form is David Page's.
template <class T>
Value<T> resnet9(Value<T> x, const Resnet9Options& options = {}) {
  const auto block = [&](Value<T> in, std::int64_t channels) {
    return conv_block(in, scaled_channels(channels, options.width));
  };
  x = block(x, 64);
  x = halve(block(x, 128));
  x = x + block(block(x, 128), 128);
  x = halve(block(x, 256));
  x = halve(block(x, 512));
  x = x + block(block(x, 512), 512);
  return linear(flatten(global_max_pool(x)), options.classes);
}

}  // namespace octet::inline OCTET_ABI
