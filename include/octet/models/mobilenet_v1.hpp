// MobileNet: depthwise convolutions filter each channel, 1x1 convolutions mix those of each pixel.
#pragma once

#include "octet/models/conv_block.hpp"
#include "octet/nn/depthwise_conv2d.hpp"
#include "octet/nn/global_pool.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/reshape.hpp"

namespace octet::inline OCTET_ABI {

struct MobilenetV1Options {
  std::int64_t classes = 7;
  /// Scales every number of channels: 1, 0.75, 0.5 and 0.25 in the paper.
  double width = 1;
  /// 2 for large images as in the paper; 1 keeps more of small ones.
  std::int64_t first_stride = 2;
};

/// A 3x3 convolution, 13 pairs of a depthwise and a 1x1 one, the mean of each channel, and a linear
/// layer to the classes. Howard et al., "MobileNets: efficient convolutional neural networks for
/// mobile vision applications" (2017).
template <class T>
Value<T> mobilenet_v1(Value<T> x, const MobilenetV1Options& options = {}) {
  struct Stage {
    std::int64_t channels;
    std::int64_t stride;
  };
  x = relu(batch_norm(
      conv2d(x, scaled_channels(32, options.width),
             {.kernel = 3, .stride = options.first_stride, .padding = 1, .bias = Bias::none})));
  for (const Stage& stage :
       {Stage{64, 1}, Stage{128, 2}, Stage{128, 1}, Stage{256, 2}, Stage{256, 1}, Stage{512, 2},
        Stage{512, 1}, Stage{512, 1}, Stage{512, 1}, Stage{512, 1}, Stage{512, 1}, Stage{1024, 2},
        Stage{1024, 1}}) {
    x = relu(batch_norm(depthwise_conv2d(
        x, {.kernel = 3, .stride = stage.stride, .padding = 1, .bias = Bias::none})));
    x = relu(batch_norm(conv2d(x, scaled_channels(stage.channels, options.width),
                               {.kernel = 1, .bias = Bias::none})));
  }
  return linear(flatten(global_average_pool(x)), options.classes);
}

}  // namespace octet::inline OCTET_ABI
