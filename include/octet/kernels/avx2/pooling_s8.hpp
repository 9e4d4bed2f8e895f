// int8 pooling with AVX2, 16 or 32 channels at a time.
#pragma once

#include "octet/kernels/avx2/requantize_s8.hpp"
#include "octet/kernels/scalar/pooling_s8.hpp"

#if OCTET_X86

namespace octet::inline OCTET_ABI::kernels::avx2 {

OCTET_TARGET_AVX2_S8 inline void max_pool_s8_row(const Pool2dShape& s, const std::int8_t* x,
                                                 std::int8_t* y, std::int64_t n,
                                                 std::int64_t oh) noexcept {
  for (std::int64_t ow = 0; ow < s.OW; ++ow) {
    const WindowS8 window(s, oh, ow);
    std::int8_t* const to = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
    const std::int8_t* const image = x + n * s.H * s.W * s.C;
    std::int64_t c = 0;
    for (; c + 32 <= s.C; c += 32) {
      __m256i best = _mm256_set1_epi8(-128);
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          best = _mm256_max_epi8(best, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(
                                           image + (h * s.W + w) * s.C + c)));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + c), best);
    }
    for (; c < s.C; c += 16) {
      __m128i best = _mm_set1_epi8(-128);
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          best = _mm_max_epi8(best, load_bytes(image + (h * s.W + w) * s.C + c, s.C - c));
      store_bytes(to + c, best, s.C - c);
    }
  }
}

OCTET_TARGET_AVX2_S8 inline void average_pool_s8_row(const Pool2dShape& s, const std::int8_t* x,
                                                     const AverageS8& p, std::int8_t* y,
                                                     std::int64_t n, std::int64_t oh) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  for (std::int64_t ow = 0; ow < s.OW; ++ow) {
    const WindowS8 window(s, oh, ow);
    std::int8_t* const to = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
    const std::int8_t* const image = x + n * s.H * s.W * s.C;
    const auto zeros = static_cast<int>(-window.taps() * p.x_zero_point);
    const __m256 multiplier = _mm256_set1_ps(average_multiplier(p, window.count(s, p)));
    for (std::int64_t c = 0; c < s.C; c += 16) {
      __m256i sum[2] = {_mm256_set1_epi32(zeros), _mm256_set1_epi32(zeros)};
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w) {
          const __m128i values = load_bytes(image + (h * s.W + w) * s.C + c, s.C - c);
          sum[0] = _mm256_add_epi32(sum[0], _mm256_cvtepi8_epi32(values));
          sum[1] = _mm256_add_epi32(sum[1], _mm256_cvtepi8_epi32(_mm_srli_si128(values, 8)));
        }
      const __m256 value[2] = {_mm256_mul_ps(_mm256_cvtepi32_ps(sum[0]), multiplier),
                               _mm256_mul_ps(_mm256_cvtepi32_ps(sum[1]), multiplier)};
      store_bytes(to + c, round_16(value, limits), s.C - c);
    }
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::avx2

#endif
