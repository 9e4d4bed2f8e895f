// int8 addition and multiplication with AVX2, 16 elements at a time in float32, and tables.
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

/// Tile: 32 bytes. Each sixteenth of the table is a vpshufb, which gives zero for a negative index.
/// Indices go down by 16 from one sixteenth to the next, and each holds the difference (xor) from
/// the one before, so that what an index has passed sums up to its own: one instruction less than
/// to look whether it is inside. Measured on Zen 5: 3 times the scalar loop.
OCTET_TARGET_AVX2_S8 inline void lookup_s8(std::int64_t count, const std::int8_t* x,
                                           const TableS8& table, std::int8_t* y) noexcept {
  std::int64_t i = 0;
  __m256i difference[16];
  if (count >= 32)
    for (int k = 0; k < 16; ++k) {
      const auto* const part = reinterpret_cast<const __m128i*>(table.data()) + k;
      difference[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128(part));
      if (k % 8)
        difference[k] =
            _mm256_xor_si256(difference[k], _mm256_broadcastsi128_si256(_mm_loadu_si128(part - 1)));
    }
  const __m256i top = _mm256_set1_epi8(-128), sixteen = _mm256_set1_epi8(16);
  for (; i + 32 <= count; i += 32) {
    // Of x < 0 and of the others: each is negative where the other counts.
    __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    __m256i low = _mm256_xor_si256(high, top), result = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      result = _mm256_xor_si256(result, _mm256_shuffle_epi8(difference[k], low));
      result = _mm256_xor_si256(result, _mm256_shuffle_epi8(difference[8 + k], high));
      low = _mm256_subs_epi8(low, sixteen);
      high = _mm256_subs_epi8(high, sixteen);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), result);
  }
  scalar::lookup_s8(count - i, x + i, table, y + i);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx2

#endif
