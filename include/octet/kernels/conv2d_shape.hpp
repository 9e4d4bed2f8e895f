// The geometry of a convolution, as every kernel gets it.
#pragma once

#include <cstdint>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// y[n, oh, ow, oc] = sum over kh, kw, c of
///   x[n, oh * stride_h - pad_top + kh * dilation_h, ow * stride_w - pad_left + kw * dilation_w, c]
///   * w[oc, kh, kw, c]
/// where x reads as zero (int8: as its zero point) outside of the image. With G groups, output
/// channel oc sees the C / G input channels from oc / (OC / G) * (C / G) on, and w is [OC, KH, KW,
/// C / G].
struct Conv2dShape {
  std::int64_t N = 1, H = 1, W = 1, C = 1;
  std::int64_t OH = 1, OW = 1, OC = 1;
  std::int64_t KH = 1, KW = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0;
  std::int64_t groups = 1;
};

/// A linear layer, y[rows, outputs] = x[rows, inputs] * w[outputs, inputs]^T, as the 1x1
/// convolution that it is.
constexpr Conv2dShape linear_shape(std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
  return {.N = 1, .H = 1, .W = rows, .C = inputs, .OH = 1, .OW = rows, .OC = outputs};
}

/// Whether each pixel of the result sees that pixel alone.
constexpr bool is_pointwise(const Conv2dShape& s) {
  return s.KH == 1 && s.KW == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_top == 0 &&
         s.pad_left == 0 && s.OH == s.H && s.OW == s.W;
}

/// The window of a pooling; the same letters, channel by channel.
struct Pool2dShape {
  std::int64_t N = 1, H = 1, W = 1, C = 1;
  std::int64_t OH = 1, OW = 1;
  std::int64_t KH = 1, KW = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_top = 0, pad_left = 0;
};

/// Windows that lie side by side without gaps, of each of which a max pooling keeps one pixel.
struct MaxWindows {
  std::int64_t rows = 1, columns = 1;
  bool pool() const { return rows * columns > 1; }
};

/// What an average is divided by: the whole window, padding included, or its part in the image.
enum class AverageOver { window, image };

/// The longest reduction KH * KW * C / groups whose int32 accumulator provably cannot overflow:
/// |x - x_zero_point| <= 255 and |w| <= 127, so a sum of K products and the bias is at most
/// K * 255 * 127 + |bias| in magnitude, and so is every part of it.
constexpr std::int64_t conv2d_s8_max_depth(std::int64_t bias_magnitude = 0) {
  return (INT32_MAX - bias_magnitude) / (255 * 127);
}

}  // namespace octet::inline OCTET_ABI::kernels
