// The references of int8 pooling.
#pragma once

#include "octet/kernels/arithmetic_s8.hpp"
#include "octet/kernels/conv2d_shape.hpp"

namespace octet::inline OCTET_ABI::kernels::scalar {

/// Row (n, oh) of the output: the largest of the window's values inside of the image.
inline void max_pool_s8_row(const Pool2dShape& s, const std::int8_t* x, std::int8_t* y,
                            std::int64_t n, std::int64_t oh) noexcept {
  for (std::int64_t ow = 0; ow < s.OW; ++ow)
    for (std::int64_t c = 0; c < s.C; ++c) {
      std::int8_t best = -128;
      for (std::int64_t kh = 0; kh < s.KH; ++kh)
        for (std::int64_t kw = 0; kw < s.KW; ++kw) {
          const std::int64_t h = oh * s.stride_h - s.pad_top + kh;
          const std::int64_t v = ow * s.stride_w - s.pad_left + kw;
          if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
          best = (std::max)(best, x[((n * s.H + h) * s.W + v) * s.C + c]);
        }
      y[((n * s.OH + oh) * s.OW + ow) * s.C + c] = best;
    }
}

/// Row (n, oh) of the output: the mean of the window.
inline void average_pool_s8_row(const Pool2dShape& s, const std::int8_t* x, const AverageS8& p,
                                std::int8_t* y, std::int64_t n, std::int64_t oh) noexcept {
  for (std::int64_t ow = 0; ow < s.OW; ++ow)
    for (std::int64_t c = 0; c < s.C; ++c) {
      std::int32_t sum = 0;
      std::int64_t inside = 0;
      for (std::int64_t kh = 0; kh < s.KH; ++kh)
        for (std::int64_t kw = 0; kw < s.KW; ++kw) {
          const std::int64_t h = oh * s.stride_h - s.pad_top + kh;
          const std::int64_t v = ow * s.stride_w - s.pad_left + kw;
          if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
          sum += x[((n * s.H + h) * s.W + v) * s.C + c] - p.x_zero_point;
          ++inside;
        }
      const std::int64_t count = p.padding_count == PaddingCount::included
                                     ? s.KH * s.KW
                                     : (std::max)(inside, std::int64_t{1});
      y[((n * s.OH + oh) * s.OW + ow) * s.C + c] =
          requantize(sum, average_multiplier(p, count), p.zero_point, p.lo, p.hi);
    }
}

}  // namespace octet::inline OCTET_ABI::kernels::scalar
