// int8 pooling with AVX-512, 64 or 16 channels at a time; masks take what is left.
#pragma once

#include "octet/kernels/avx512/requantize_s8.hpp"
#include "octet/kernels/scalar/pooling_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::avx512 {

OCTET_TARGET_AVX512_S8 inline void max_pool_s8_row(const Pool2dShape& s, const std::int8_t* x,
                                                   std::int8_t* y, std::int64_t n,
                                                   std::int64_t oh) noexcept {
  for (std::int64_t ow = 0; ow < s.OW; ++ow) {
    const WindowS8 window(s, oh, ow);
    std::int8_t* const to = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
    const std::int8_t* const image = x + n * s.H * s.W * s.C;
    for (std::int64_t c = 0; c < s.C; c += 64) {
      const __mmask64 mask = s.C - c >= 64 ? ~__mmask64{0} : (__mmask64{1} << (s.C - c)) - 1;
      __m512i best = _mm512_set1_epi8(-128);
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          best =
              _mm512_max_epi8(best, _mm512_maskz_loadu_epi8(mask, image + (h * s.W + w) * s.C + c));
      _mm512_mask_storeu_epi8(to + c, mask, best);
    }
  }
}

OCTET_TARGET_AVX512_S8 inline void average_pool_s8_row(const Pool2dShape& s, const std::int8_t* x,
                                                       const AverageS8& p, std::int8_t* y,
                                                       std::int64_t n, std::int64_t oh) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  for (std::int64_t ow = 0; ow < s.OW; ++ow) {
    const WindowS8 window(s, oh, ow);
    std::int8_t* const to = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
    const std::int8_t* const image = x + n * s.H * s.W * s.C;
    const auto zeros = static_cast<int>(-window.taps() * p.x_zero_point);
    const __m512 multiplier = _mm512_set1_ps(average_multiplier(p, window.count(s, p)));
    for (std::int64_t c = 0; c < s.C; c += 16) {
      const __mmask16 mask = mask_16(s.C - c);
      __m512i sum = _mm512_set1_epi32(zeros);
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          sum = _mm512_add_epi32(sum, _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(
                                          mask, image + (h * s.W + w) * s.C + c)));
      const __m512i q = round_16(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), multiplier), limits);
      _mm_mask_storeu_epi8(to + c, mask, _mm512_cvtepi32_epi8(q));
    }
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
