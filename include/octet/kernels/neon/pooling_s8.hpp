// int8 pooling with NEON, 16 channels at a time.
#pragma once

#include "octet/kernels/neon/requantize_s8.hpp"
#include "octet/kernels/scalar/pooling_s8.hpp"

#if OCTET_NEON

namespace octet::inline OCTET_ABI::kernels::neon {

inline void max_pool_s8_row(const Pool2dShape& s, const std::int8_t* x, std::int8_t* y,
                            std::int64_t n, std::int64_t oh) noexcept {
  const std::int8_t* const image = x + n * s.H * s.W * s.C;
  for (std::int64_t ow = 0; ow < s.OW; ++ow) {
    const WindowS8 window(s, oh, ow);
    std::int8_t* const to = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
    for (std::int64_t c = 0; c < s.C; c += 16) {
      int8x16_t best = vdupq_n_s8(-128);
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          best = vmaxq_s8(best, load_bytes(image + (h * s.W + w) * s.C + c, s.C - c));
      store_bytes(to + c, best, s.C - c);
    }
  }
}

inline void average_pool_s8_row(const Pool2dShape& s, const std::int8_t* x, const AverageS8& p,
                                std::int8_t* y, std::int64_t n, std::int64_t oh) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const std::int8_t* const image = x + n * s.H * s.W * s.C;
  for (std::int64_t ow = 0; ow < s.OW; ++ow) {
    const WindowS8 window(s, oh, ow);
    std::int8_t* const to = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
    const int32x4_t zeros = vdupq_n_s32(static_cast<int>(-window.taps() * p.x_zero_point));
    const float32x4_t multiplier = vdupq_n_f32(average_multiplier(p, window.count(s, p)));
    for (std::int64_t c = 0; c < s.C; c += 16) {
      Int32x16 sum{{zeros, zeros, zeros, zeros}};
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w) {
          const int8x16_t bytes = load_bytes(image + (h * s.W + w) * s.C + c, s.C - c);
          const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
          sum.part[0] = vaddw_s16(sum.part[0], vget_low_s16(low));
          sum.part[1] = vaddw_high_s16(sum.part[1], low);
          sum.part[2] = vaddw_s16(sum.part[2], vget_low_s16(high));
          sum.part[3] = vaddw_high_s16(sum.part[3], high);
        }
      store_bytes(to + c, round_16(scaled_16(sum, multiplier), limits), s.C - c);
    }
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::neon

#endif
