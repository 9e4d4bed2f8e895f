// int8 addition and multiplication with AVX2, 16 elements at a time in float32.
#pragma once

#include "octet/kernels/avx2/requantize_s8.hpp"
#include "octet/kernels/scalar/elementwise_s8.hpp"

#if OCTET_X86

namespace octet::inline OCTET_ABI::kernels::avx2 {

OCTET_TARGET_AVX2_S8 inline __m256i load_8_as_int32(const std::int8_t* x) noexcept {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x)));
}

OCTET_TARGET_AVX2_S8 inline void add_s8(std::int64_t count, const std::int8_t* a,
                                        const std::int8_t* b, const AddS8& p,
                                        std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const __m256 a_multiplier = _mm256_set1_ps(p.a_multiplier);
  const __m256 b_multiplier = _mm256_set1_ps(p.b_multiplier);
  const __m256 constant = _mm256_set1_ps(p.constant);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    __m256 value[2];
    for (int half = 0; half < 2; ++half) {
      __m256 a_part =
          _mm256_mul_ps(_mm256_cvtepi32_ps(load_8_as_int32(a + i + 8 * half)), a_multiplier);
      __m256 b_part =
          _mm256_mul_ps(_mm256_cvtepi32_ps(load_8_as_int32(b + i + 8 * half)), b_multiplier);
      // A product that must exist as a float32 cannot be fused with the sum.
      asm("" : "+x"(a_part), "+x"(b_part));
      value[half] = _mm256_add_ps(_mm256_add_ps(a_part, b_part), constant);
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), round_16(value, limits));
  }
  scalar::add_s8(count - i, a + i, b + i, p, y + i);
}

OCTET_TARGET_AVX2_S8 inline void multiply_s8(std::int64_t count, const std::int8_t* a,
                                             const std::int8_t* b, const MultiplyS8& p,
                                             std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const __m256 multiplier = _mm256_set1_ps(p.multiplier);
  const __m256i a_zero = _mm256_set1_epi32(p.a_zero_point);
  const __m256i b_zero = _mm256_set1_epi32(p.b_zero_point);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    __m256 value[2];
    for (int half = 0; half < 2; ++half) {
      const __m256i product =
          _mm256_mullo_epi32(_mm256_sub_epi32(load_8_as_int32(a + i + 8 * half), a_zero),
                             _mm256_sub_epi32(load_8_as_int32(b + i + 8 * half), b_zero));
      value[half] = _mm256_mul_ps(_mm256_cvtepi32_ps(product), multiplier);
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), round_16(value, limits));
  }
  scalar::multiply_s8(count - i, a + i, b + i, p, y + i);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx2

#endif
