// Between float32 and int8 with AVX2, and the requantization that the other AVX2 kernels share.
#pragma once

#include "octet/kernels/scalar/requantize_s8.hpp"

#if OCTET_X86
#include <cstring>
#include <immintrin.h>

// Without fma: no product may be fused with an addition.
#define OCTET_TARGET_AVX2_S8 __attribute__((target("avx2")))

namespace octet::inline OCTET_ABI::kernels::avx2 {

/// The limits of an output: the highest before its zero point is added, the lowest as bytes.
struct LimitsS8 {
  __m256 highest;
  __m256i zero_point;  ///< as int16
  __m128i lowest;
};

OCTET_TARGET_AVX2_S8 inline LimitsS8 limits_s8(int zero_point, int lo, int hi) noexcept {
  return {_mm256_set1_ps(static_cast<float>(hi - zero_point)),
          _mm256_set1_epi16(static_cast<short>(zero_point)), _mm_set1_epi8(static_cast<char>(lo))};
}

/// round(value) + zero_point of 2 x 8 lanes, as int16 in the order that vpackssdw leaves. Only the
/// upper limit needs a float: what is too low converts to the lowest int32, and the saturation of
/// the packs keeps it low.
OCTET_TARGET_AVX2_S8 inline __m256i round_to_words(__m256 first, __m256 second,
                                                   const LimitsS8& limits) noexcept {
  const __m256i low = _mm256_cvtps_epi32(_mm256_min_ps(first, limits.highest));
  const __m256i high = _mm256_cvtps_epi32(_mm256_min_ps(second, limits.highest));
  return _mm256_adds_epi16(_mm256_packs_epi32(low, high), limits.zero_point);
}

/// clamp(round(value) + zero_point) of 2 x 8 lanes, as bytes.
OCTET_TARGET_AVX2_S8 inline __m128i round_16(const __m256 (&value)[2],
                                             const LimitsS8& limits) noexcept {
  const __m256i words = round_to_words(value[0], value[1], limits);
  const __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  return _mm_max_epi8(_mm_shuffle_epi32(bytes, 0xd8), limits.lowest);
}

/// The first `count` of 16 bytes.
OCTET_TARGET_AVX2_S8 inline void store_bytes(std::int8_t* y, __m128i bytes,
                                             std::int64_t count) noexcept {
  if (count >= 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y), bytes);
    return;
  }
  alignas(16) std::int8_t all[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(all), bytes);
  std::memcpy(y, all, static_cast<std::size_t>(count));
}

/// The first `count` of 16 bytes, zeros behind.
OCTET_TARGET_AVX2_S8 inline __m128i load_bytes(const std::int8_t* x, std::int64_t count) noexcept {
  if (count >= 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
  alignas(16) std::int8_t all[16] = {};
  std::memcpy(all, x, static_cast<std::size_t>(count));
  return _mm_load_si128(reinterpret_cast<const __m128i*>(all));
}

/// All bits set in the first `count` of 8 lanes.
OCTET_TARGET_AVX2_S8 inline __m256i lanes_below(std::int64_t count) noexcept {
  const auto lanes = static_cast<int>(count < 0 ? 0 : count > 8 ? 8 : count);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/// correction + bias and the multipliers of 16 channels, of which `left` exist.
struct Channels16 {
  __m256i start[2];
  __m256 multiplier[2];
};

OCTET_TARGET_AVX2_S8 inline Channels16 channels_16(const std::int32_t* correction,
                                                   const std::int32_t* bias,
                                                   const float* multiplier,
                                                   std::int64_t left) noexcept {
  Channels16 channels;
  for (int half = 0; half < 2; ++half) {
    const __m256i mask = lanes_below(left - 8 * half);
    channels.start[half] =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(correction + 8 * half));
    // Behind the last channel nothing is loaded, and no pointer made.
    if (bias && left > 8 * half)
      channels.start[half] =
          _mm256_add_epi32(channels.start[half], _mm256_maskload_epi32(bias + 8 * half, mask));
    channels.multiplier[half] =
        left > 8 * half ? _mm256_maskload_ps(multiplier + 8 * half, mask) : _mm256_setzero_ps();
  }
  return channels;
}

/// The first eight channels, for two pixels of them in 16 lanes.
OCTET_TARGET_AVX2_S8 inline Channels16 eight_twice(Channels16 channels) noexcept {
  channels.start[1] = channels.start[0];
  channels.multiplier[1] = channels.multiplier[0];
  return channels;
}

OCTET_TARGET_AVX2_S8 inline void quantize_f32(std::int64_t count, const float* x, float scale,
                                              int zero_point, std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(zero_point, -128, 127);
  const __m256 divisor = _mm256_set1_ps(scale);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    __m256 value[2];
    for (int half = 0; half < 2; ++half) {
      const __m256 quotient = _mm256_div_ps(_mm256_loadu_ps(x + i + 8 * half), divisor);
      const __m256 number = _mm256_cmp_ps(quotient, quotient, _CMP_ORD_Q);
      value[half] = _mm256_and_ps(quotient, number);
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), round_16(value, limits));
  }
  scalar::quantize_f32(count - i, x + i, scale, zero_point, y + i);
}

OCTET_TARGET_AVX2_S8 inline void dequantize_f32(std::int64_t count, const std::int8_t* x,
                                                float scale, int zero_point, float* y) noexcept {
  const __m256i zero = _mm256_set1_epi32(zero_point);
  const __m256 factor = _mm256_set1_ps(scale);
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i q =
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x + i)));
    _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(q, zero)), factor));
  }
  scalar::dequantize_f32(count - i, x + i, scale, zero_point, y + i);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx2

#endif
