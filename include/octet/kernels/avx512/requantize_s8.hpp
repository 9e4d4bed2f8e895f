// Between float32 and int8 with AVX-512, and the rounding that the other AVX-512 kernels share.
#pragma once

#include "octet/kernels/scalar/requantize_s8.hpp"

#if OCTET_X86
#include <immintrin.h>

#define OCTET_TARGET_AVX512_S8 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

// GCC 12 takes the deliberately undefined operands inside of its own intrinsics for mistakes.
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::avx512 {

/// The limits of an output, before and after its zero point is added.
struct LimitsS8 {
  __m512 lowest, highest;
  __m512i zero_point;
};

OCTET_TARGET_AVX512_S8 inline LimitsS8 limits_s8(int zero_point, int lo, int hi) noexcept {
  return {_mm512_set1_ps(static_cast<float>(lo - zero_point)),
          _mm512_set1_ps(static_cast<float>(hi - zero_point)), _mm512_set1_epi32(zero_point)};
}

/// clamp(round(value) + zero_point) of 16 lanes, as int32.
OCTET_TARGET_AVX512_S8 inline __m512i round_16(__m512 value, const LimitsS8& limits) noexcept {
  value = _mm512_min_ps(_mm512_max_ps(value, limits.lowest), limits.highest);
  return _mm512_add_epi32(_mm512_cvtps_epi32(value), limits.zero_point);
}

/// The same limits for 64 lanes at once.
struct Limits64S8 {
  __m512 highest;
  __m512i zero_point, lowest;
  __m512i most;             ///< the highest result
  bool fits_int32 = false;  ///< the products of requantize_64() stay in int32
};

OCTET_TARGET_AVX512_S8 inline Limits64S8 limits_64_s8(int zero_point, int lo, int hi) noexcept {
  return {_mm512_set1_ps(static_cast<float>(hi - zero_point)),
          _mm512_set1_epi16(static_cast<short>(zero_point)),
          _mm512_set1_epi8(static_cast<char>(lo)), _mm512_set1_epi8(static_cast<char>(hi))};
}

/// clamp(round(value) + zero_point) of 4 x 16 lanes, as bytes: 4 of the first vector, 4 of the
/// second, third and fourth, the next 4 of the first ... Only the upper limit needs a float: what
/// is too low converts to the lowest int32, and the saturation of the packs keeps it low. Measured:
/// half of the time of four times round_16().
OCTET_TARGET_AVX512_S8 __attribute__((always_inline)) inline __m512i round_64(
    const __m512 (&value)[4], const Limits64S8& limits) noexcept {
  __m512i q[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) q[i] = _mm512_cvtps_epi32(_mm512_min_ps(value[i], limits.highest));
  const __m512i first = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), limits.zero_point);
  const __m512i second = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), limits.zero_point);
  return _mm512_max_epi8(_mm512_packs_epi16(first, second), limits.lowest);
}

/// The same of values that stay in int32, with the limits of int8: the packs saturate.
OCTET_TARGET_AVX512_S8 __attribute__((always_inline)) inline __m512i saturate_64(
    const __m512 (&value)[4], __m512i zero_point) noexcept {
  const __m512i first = _mm512_adds_epi16(
      _mm512_packs_epi32(_mm512_cvtps_epi32(value[0]), _mm512_cvtps_epi32(value[1])), zero_point);
  const __m512i second = _mm512_adds_epi16(
      _mm512_packs_epi32(_mm512_cvtps_epi32(value[2]), _mm512_cvtps_epi32(value[3])), zero_point);
  return _mm512_packs_epi16(first, second);
}

/// round_64() of float(sum) * multiplier.
OCTET_TARGET_AVX512_S8 __attribute__((always_inline)) inline __m512i requantize_64(
    const __m512i (&sum)[4], const __m512 (&multiplier)[4], const Limits64S8& limits) noexcept {
  const __m512 value[4] = {_mm512_mul_ps(_mm512_cvtepi32_ps(sum[0]), multiplier[0]),
                           _mm512_mul_ps(_mm512_cvtepi32_ps(sum[1]), multiplier[1]),
                           _mm512_mul_ps(_mm512_cvtepi32_ps(sum[2]), multiplier[2]),
                           _mm512_mul_ps(_mm512_cvtepi32_ps(sum[3]), multiplier[3])};
  if (!limits.fits_int32) return round_64(value, limits);
  return _mm512_max_epi8(_mm512_min_epi8(saturate_64(value, limits.zero_point), limits.most),
                         limits.lowest);
}

/// The 64 bytes of round_64() in the order of their lanes: all of the first vector, ...
OCTET_TARGET_AVX512_S8 __attribute__((always_inline)) inline __m512i in_order_64(
    __m512i bytes) noexcept {
  return _mm512_permutexvar_epi32(
      _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
}

/// The opposite for 64 lanes of int32: 4 of them go to the first vector, 4 to the second, third and
/// fourth, the next 4 to the first ..., and round_64() puts them in order.
OCTET_TARGET_AVX512_S8 inline void deal_64(const __m512i (&in_order)[4],
                                           __m512i (&dealt)[4]) noexcept {
  const __m512i a = _mm512_shuffle_i32x4(in_order[0], in_order[1], 0x44);
  const __m512i b = _mm512_shuffle_i32x4(in_order[0], in_order[1], 0xee);
  const __m512i c = _mm512_shuffle_i32x4(in_order[2], in_order[3], 0x44);
  const __m512i d = _mm512_shuffle_i32x4(in_order[2], in_order[3], 0xee);
  dealt[0] = _mm512_shuffle_i32x4(a, c, 0x88), dealt[1] = _mm512_shuffle_i32x4(a, c, 0xdd);
  dealt[2] = _mm512_shuffle_i32x4(b, d, 0x88), dealt[3] = _mm512_shuffle_i32x4(b, d, 0xdd);
}

/// The first `count` of 16 lanes, and of 32.
inline __mmask16 mask_16(std::int64_t count) noexcept {
  return static_cast<__mmask16>(count >= 16 ? 0xffff : (1 << count) - 1);
}
inline __mmask32 mask_32(std::int64_t count) noexcept {
  return static_cast<__mmask32>(count >= 32 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1);
}

/// Writes 64 results: 16 * NR channels, of which `left` exist, of 4 / NR pixels, of which `pixels`
/// do.
template <int NR>
OCTET_TARGET_AVX512_S8 __attribute__((always_inline)) inline void store_pixels(
    __m512i bytes, std::int8_t* y, std::int64_t y_stride, std::int64_t pixels,
    std::int64_t left) noexcept {
  if constexpr (NR == 4) {
    _mm512_mask_storeu_epi8(y, left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1, bytes);
  } else if constexpr (NR == 2) {
    const __mmask32 mask = mask_32(left);
    _mm256_mask_storeu_epi8(y, mask, _mm512_castsi512_si256(bytes));
    if (pixels > 1)
      _mm256_mask_storeu_epi8(y + y_stride, mask, _mm512_extracti64x4_epi64(bytes, 1));
  } else {
    const __mmask16 mask = mask_16(left);
    _mm_mask_storeu_epi8(y, mask, _mm512_castsi512_si128(bytes));
    if (pixels > 1) _mm_mask_storeu_epi8(y + y_stride, mask, _mm512_extracti32x4_epi32(bytes, 1));
    if (pixels > 2)
      _mm_mask_storeu_epi8(y + 2 * y_stride, mask, _mm512_extracti32x4_epi32(bytes, 2));
    if (pixels > 3)
      _mm_mask_storeu_epi8(y + 3 * y_stride, mask, _mm512_extracti32x4_epi32(bytes, 3));
  }
}

/// Whether all of these multipliers are below 1, so that float(sum) * multiplier stays in int32.
OCTET_TARGET_AVX512_S8 inline bool below_one(std::int64_t count, const float* multiplier) noexcept {
  const __m512 one = _mm512_set1_ps(1);
  __mmask16 below = 0xffff;
  for (std::int64_t i = 0; i < count; i += 16) {
    const __m512 m = _mm512_maskz_loadu_ps(mask_16(count - i), multiplier + i);
    below &= _mm512_cmp_ps_mask(_mm512_abs_ps(m), one, _CMP_LT_OQ);
  }
  return below == 0xffff;
}

OCTET_TARGET_AVX512_S8 inline void quantize_f32(std::int64_t count, const float* x, float scale,
                                                int zero_point, std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(zero_point, -128, 127);
  const __m512 divisor = _mm512_set1_ps(scale);
  for (std::int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = mask_16(count - i);
    const __m512 quotient = _mm512_div_ps(_mm512_maskz_loadu_ps(mask, x + i), divisor);
    const __mmask16 number = _mm512_cmp_ps_mask(quotient, quotient, _CMP_ORD_Q);
    const __m512i q = round_16(_mm512_maskz_mov_ps(number, quotient), limits);
    _mm_mask_storeu_epi8(y + i, mask, _mm512_cvtepi32_epi8(q));
  }
}

OCTET_TARGET_AVX512_S8 inline void dequantize_f32(std::int64_t count, const std::int8_t* x,
                                                  float scale, int zero_point, float* y) noexcept {
  const __m512i zero = _mm512_set1_epi32(zero_point);
  const __m512 factor = _mm512_set1_ps(scale);
  for (std::int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = mask_16(count - i);
    const __m512i q = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, x + i));
    const __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32(q, zero));
    _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(value, factor));
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
