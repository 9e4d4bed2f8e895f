// int8 pooling with WebAssembly's SIMD, 16 channels at a time.
#pragma once

#include "octet/kernels/scalar/pooling_s8.hpp"
#include "octet/kernels/wasm_simd128/requantize_s8.hpp"

#if OCTET_WASM_SIMD128

namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {

inline void max_pool_s8_row(const Pool2dShape& s, const std::int8_t* x, std::int8_t* y,
                            std::int64_t n, std::int64_t oh) noexcept {
  const std::int8_t* const image = x + n * s.H * s.W * s.C;
  for (std::int64_t ow = 0; ow < s.OW; ++ow) {
    const WindowS8 window(s, oh, ow);
    std::int8_t* const to = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
    for (std::int64_t c = 0; c < s.C; c += 16) {
      v128_t best = wasm_i8x16_const_splat(-128);
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          best = wasm_i8x16_max(best, load_bytes(image + (h * s.W + w) * s.C + c, s.C - c));
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
    const v128_t zeros = wasm_i32x4_splat(static_cast<int>(-window.taps() * p.x_zero_point));
    const v128_t multiplier = wasm_f32x4_splat(average_multiplier(p, window.count(s, p)));
    for (std::int64_t c = 0; c < s.C; c += 16) {
      Int32x16 sum{{zeros, zeros, zeros, zeros}};
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w) {
          const v128_t bytes = load_bytes(image + (h * s.W + w) * s.C + c, s.C - c);
          const Int32x16 wide = widen_16(bytes);
          OCTET_UNROLL for (int j = 0; j < 4; ++j) {
            sum.part[j] = wasm_i32x4_add(sum.part[j], wide.part[j]);
          }
        }
      store_bytes(to + c, round_16(scaled_16(sum, multiplier), limits), s.C - c);
    }
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128

#endif
