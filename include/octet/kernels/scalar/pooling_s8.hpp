// The references of int8 pooling.
#pragma once

#include "octet/kernels/arithmetic_s8.hpp"
#include "octet/kernels/conv2d_shape.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The part of a pooling window that lies inside of the image.
struct WindowS8 {
  std::int64_t h_begin, h_end, w_begin, w_end;
  WindowS8(const Pool2dShape& s, std::int64_t oh, std::int64_t ow) {
    const std::int64_t h = oh * s.stride_h - s.pad_top, w = ow * s.stride_w - s.pad_left;
    h_begin = (std::clamp)(h, std::int64_t{0}, s.H);
    h_end = (std::clamp)(h + s.KH, std::int64_t{0}, s.H);
    w_begin = (std::clamp)(w, std::int64_t{0}, s.W);
    w_end = (std::clamp)(w + s.KW, std::int64_t{0}, s.W);
  }
  std::int64_t taps() const { return (h_end - h_begin) * (w_end - w_begin); }
  /// What an average over this window divides by; 1 where the window sees no image.
  std::int64_t count(const Pool2dShape& s, const AverageS8& p) const {
    if (p.over == AverageOver::window) return s.KH * s.KW;
    return (std::max)(taps(), std::int64_t{1});
  }
};

}  // namespace octet::inline OCTET_ABI::kernels

namespace octet::inline OCTET_ABI::kernels::scalar {

/// Row (n, oh) of the output: the largest of the window's values inside of the image, -128 if there
/// is none.
inline void max_pool_s8_row(const Pool2dShape& s, const std::int8_t* x, std::int8_t* y,
                            std::int64_t n, std::int64_t oh) noexcept {
  for (std::int64_t ow = 0; ow < s.OW; ++ow)
    for (std::int64_t c = 0; c < s.C; ++c) {
      const WindowS8 window(s, oh, ow);
      std::int8_t best = -128;
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          best = (std::max)(best, x[((n * s.H + h) * s.W + w) * s.C + c]);
      y[((n * s.OH + oh) * s.OW + ow) * s.C + c] = best;
    }
}

/// Row (n, oh) of the output: the mean of the window.
inline void average_pool_s8_row(const Pool2dShape& s, const std::int8_t* x, const AverageS8& p,
                                std::int8_t* y, std::int64_t n, std::int64_t oh) noexcept {
  for (std::int64_t ow = 0; ow < s.OW; ++ow)
    for (std::int64_t c = 0; c < s.C; ++c) {
      const WindowS8 window(s, oh, ow);
      std::int32_t sum = 0;
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          sum += x[((n * s.H + h) * s.W + w) * s.C + c] - p.x_zero_point;
      y[((n * s.OH + oh) * s.OW + ow) * s.C + c] =
          requantize(sum, average_multiplier(p, window.count(s, p)), p.zero_point, p.lo, p.hi);
    }
}

}  // namespace octet::inline OCTET_ABI::kernels::scalar
