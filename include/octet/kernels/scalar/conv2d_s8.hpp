// The reference of the int8 convolution: the sum as it is written on paper.
#pragma once

#include "octet/kernels/arithmetic_s8.hpp"
#include "octet/kernels/conv2d_shape.hpp"

namespace octet::inline OCTET_ABI::kernels::scalar {

/// Row (n, oh) of the output: OW pixels of OC channels.
inline void conv2d_s8_row(const Conv2dShape& s, const std::int8_t* x, int x_zero_point,
                          const std::int8_t* w, const Requantize& q, std::int8_t* y, std::int64_t n,
                          std::int64_t oh) noexcept {
  const std::int64_t group_C = s.C / s.groups;
  for (std::int64_t ow = 0; ow < s.OW; ++ow)
    for (std::int64_t oc = 0; oc < s.OC; ++oc) {
      const std::int64_t first_c = oc / (s.OC / s.groups) * group_C;
      std::int32_t acc = q.bias ? q.bias[oc] : 0;
      for (std::int64_t kh = 0; kh < s.KH; ++kh)
        for (std::int64_t kw = 0; kw < s.KW; ++kw) {
          const std::int64_t h = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
          const std::int64_t v = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
          if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
          for (std::int64_t c = 0; c < group_C; ++c)
            acc += (x[((n * s.H + h) * s.W + v) * s.C + first_c + c] - x_zero_point) *
                   w[((oc * s.KH + kh) * s.KW + kw) * group_C + c];
        }
      y[((n * s.OH + oh) * s.OW + ow) * s.OC + oc] =
          requantize(acc, q.multiplier[oc], q.zero_point, q.lo, q.hi);
    }
}

}  // namespace octet::inline OCTET_ABI::kernels::scalar
