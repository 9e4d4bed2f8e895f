// int8 addition and multiplication with AVX-512 in float32, and table lookup.
#pragma once

#include "octet/kernels/avx512/requantize_s8.hpp"
#include "octet/kernels/scalar/elementwise_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::avx512 {

OCTET_TARGET_AVX512_S8 inline __m512i load_16_as_int32(__mmask16 mask,
                                                       const std::int8_t* x) noexcept {
  return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, x));
}

OCTET_TARGET_AVX512_S8 inline void add_s8(std::int64_t count, const std::int8_t* a,
                                          const std::int8_t* b, const AddS8& p,
                                          std::int8_t* y) noexcept {
  const Limits64S8 limits = limits_64_s8(p.zero_point, p.lo, p.hi);
  const __m512 a_multiplier = _mm512_set1_ps(p.a_multiplier);
  const __m512 b_multiplier = _mm512_set1_ps(p.b_multiplier);
  const __m512 constant = _mm512_set1_ps(p.constant);
  for (std::int64_t i = 0; i < count; i += 64) {
    __m512 value[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const std::int64_t at = (std::min)(i + 16 * k, count);
      const __mmask16 mask = mask_16(count - at);
      __m512 a_part =
          _mm512_mul_ps(_mm512_cvtepi32_ps(load_16_as_int32(mask, a + at)), a_multiplier);
      __m512 b_part =
          _mm512_mul_ps(_mm512_cvtepi32_ps(load_16_as_int32(mask, b + at)), b_multiplier);
      // A product that must exist as a float32 cannot be fused with the sum.
      asm("" : "+v"(a_part), "+v"(b_part));
      value[k] = _mm512_add_ps(_mm512_add_ps(a_part, b_part), constant);
    }
    const std::int64_t left = count - i;
    const __mmask64 mask = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    _mm512_mask_storeu_epi8(y + i, mask, in_order_64(round_64(value, limits)));
  }
}

OCTET_TARGET_AVX512_S8 inline void multiply_s8(std::int64_t count, const std::int8_t* a,
                                               const std::int8_t* b, const MultiplyS8& p,
                                               std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const __m512 multiplier = _mm512_set1_ps(p.multiplier);
  const __m512i a_zero = _mm512_set1_epi32(p.a_zero_point);
  const __m512i b_zero = _mm512_set1_epi32(p.b_zero_point);
  for (std::int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = mask_16(count - i);
    const __m512i product =
        _mm512_mullo_epi32(_mm512_sub_epi32(load_16_as_int32(mask, a + i), a_zero),
                           _mm512_sub_epi32(load_16_as_int32(mask, b + i), b_zero));
    const __m512i q = round_16(_mm512_mul_ps(_mm512_cvtepi32_ps(product), multiplier), limits);
    _mm_mask_storeu_epi8(y + i, mask, _mm512_cvtepi32_epi8(q));
  }
}

/// Tile: 64 bytes. Each sixteenth of the table is a vpshufb; the trick is that of AVX2's lookup_s8.
/// Measured on Zen 5: 7 times the scalar loop.
OCTET_TARGET_AVX512_S8 inline void lookup_s8(std::int64_t count, const std::int8_t* x,
                                             const TableS8& table, std::int8_t* y) noexcept {
  std::int64_t i = 0;
  __m512i difference[16];
  if (count >= 64)
#pragma GCC unroll 16
    for (int k = 0; k < 16; ++k) {
      const auto* const part = reinterpret_cast<const __m128i*>(table.data()) + k;
      difference[k] = _mm512_broadcast_i32x4(_mm_loadu_si128(part));
      if (k % 8)
        difference[k] =
            _mm512_xor_si512(difference[k], _mm512_broadcast_i32x4(_mm_loadu_si128(part - 1)));
    }
  const __m512i top = _mm512_set1_epi8(-128), sixteen = _mm512_set1_epi8(16);
  for (; i + 64 <= count; i += 64) {
    __m512i high = _mm512_loadu_si512(x + i);
    __m512i low = _mm512_xor_si512(high, top), result = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      result = _mm512_xor_si512(result, _mm512_shuffle_epi8(difference[k], low));
      result = _mm512_xor_si512(result, _mm512_shuffle_epi8(difference[8 + k], high));
      low = _mm512_subs_epi8(low, sixteen);
      high = _mm512_subs_epi8(high, sixteen);
    }
    _mm512_storeu_si512(y + i, result);
  }
  scalar::lookup_s8(count - i, x + i, table, y + i);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
