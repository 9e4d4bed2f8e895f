// MobileNetV2: narrow residual paths, wide depthwise convolutions between them.
#pragma once

#include "octet/models/conv_block.hpp"
#include "octet/nn/add.hpp"
#include "octet/nn/depthwise_conv2d.hpp"
#include "octet/nn/dropout.hpp"
#include "octet/nn/global_pool.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/relu6.hpp"
#include "octet/nn/reshape.hpp"

namespace octet::inline OCTET_ABI {

struct MobilenetV2Options {
  std::int64_t classes = 7;
  /// Scales every number of channels, rounded to a multiple of 8; the last one only upwards.
  double width = 1;
  /// 2 for large images as in the paper; 1 keeps more of small ones.
  std::int64_t first_stride = 2;
  double dropout = 0.2;
};

/// The multiple of 8 nearest to `channels`, at least 8 and not below 90 % of it.
inline std::int64_t channels_by_eight(double channels) {
  if (!(channels > 0 && channels < 1e6))
    fail("mobilenet_v2: expected a width that gives 1 to 1000000 channels, got ", channels);
  const std::int64_t nearest =
      (std::max<std::int64_t>)(8, static_cast<std::int64_t>(channels + 4) / 8 * 8);
  return static_cast<double>(nearest) < 0.9 * channels ? nearest + 8 : nearest;
}

/// 1x1 convolution to `expansion` times the channels (unless that is 1), 3x3 depthwise convolution
/// with this stride, 1x1 convolution to `channels` without activation; plus x where shapes agree.
template <class T>
Value<T> inverted_residual(Value<T> x, std::int64_t channels, std::int64_t stride,
                           std::int64_t expansion) {
  Value<T> y = x;
  if (expansion != 1)
    y = relu6(
        batch_norm(conv2d(y, x.shape().back() * expansion, {.kernel = 1, .bias = Bias::none})));
  y = relu6(batch_norm(
      depthwise_conv2d(y, {.kernel = 3, .stride = stride, .padding = 1, .bias = Bias::none})));
  y = batch_norm(conv2d(y, channels, {.kernel = 1, .bias = Bias::none}));
  return y.shape() == x.shape() ? x + y : y;
}

/// Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: inverted residuals and linear
/// bottlenecks" (2018).
template <class T>
Value<T> mobilenet_v2(Value<T> x, const MobilenetV2Options& options = {}) {
  struct Stage {
    std::int64_t expansion, channels, repeats, stride;
  };
  const auto scaled = [&](double channels) { return channels_by_eight(channels * options.width); };
  x = relu6(batch_norm(
      conv2d(x, scaled(32),
             {.kernel = 3, .stride = options.first_stride, .padding = 1, .bias = Bias::none})));
  for (const Stage& stage :
       {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
        Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}})
    for (std::int64_t i = 0; i < stage.repeats; ++i)
      x = inverted_residual(x, scaled(static_cast<double>(stage.channels)),
                            i == 0 ? stage.stride : 1, stage.expansion);
  const std::int64_t last = channels_by_eight(1280 * (std::max)(1.0, options.width));
  x = relu6(batch_norm(conv2d(x, last, {.kernel = 1, .bias = Bias::none})));
  x = flatten(global_average_pool(x));
  if (options.dropout > 0) x = dropout(x, {.probability = options.dropout});
  return linear(x, options.classes);
}

}  // namespace octet::inline OCTET_ABI
