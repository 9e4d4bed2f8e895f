// The dot products of emitted int8 convolutions, one for each instruction set, chosen by what the
// compiler says of its target. All of them are exact sums, so all of them agree.
#pragma once

#include <string_view>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::emission {

/// An instruction set as the emitted header sees it.
struct DotText {
  std::string_view name;       ///< of its inline namespace
  std::string_view condition;  ///< on the compiler's macros; empty for the last one
  std::string_view header;     ///< of its intrinsics
  std::string_view text;
  std::string_view shared = {};  ///< what follows for several instruction sets
};

// x * w = |x| * (w with the sign of x), because the instructions want one unsigned factor. Weights
// are at least -127, so that the sign can be turned, and two products fit into 16 bits.
inline constexpr std::string_view dot_avx512_vnni_text = R"text(
constexpr std::int32_t dot_step = 64;

inline __m512i dot_64(__m512i sum, __m512i magnitude, __mmask64 negative, const std::int8_t* w) {
  const __m512i weight = _mm512_loadu_si512(w);
  return _mm512_dpbusd_epi32(
      sum, magnitude, _mm512_mask_sub_epi8(weight, negative, _mm512_setzero_si512(), weight));
}
/// The mask asks for all lanes: without it GCC 12 warns of its own header.
inline __m256i half_sum(__m512i sum) {
  return _mm256_add_epi32(_mm512_maskz_extracti64x4_epi64(0xff, sum, 0),
                          _mm512_maskz_extracti64x4_epi64(0xff, sum, 1));
}

inline void dot_4(std::int32_t count, const std::int8_t* x, const std::int8_t* const* w,
                  std::int32_t* sums) {
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  for (std::int32_t i = 0; i < count; i += dot_step) {
    const __m512i value = _mm512_loadu_si512(x + i), magnitude = _mm512_abs_epi8(value);
    const __mmask64 negative = _mm512_movepi8_mask(value);
    a = dot_64(a, magnitude, negative, w[0] + i);
    b = dot_64(b, magnitude, negative, w[1] + i);
    c = dot_64(c, magnitude, negative, w[2] + i);
    d = dot_64(d, magnitude, negative, w[3] + i);
  }
  const __m256i ab = _mm256_hadd_epi32(half_sum(a), half_sum(b));
  const __m256i cd = _mm256_hadd_epi32(half_sum(c), half_sum(d));
  const __m256i abcd = _mm256_hadd_epi32(ab, cd);
  _mm_storeu_si128(
      reinterpret_cast<__m128i*>(sums),
      _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1)));
}
)text";

// AVX2 with and without VNNI differ in one function.
inline constexpr std::string_view dot_avx_vnni_text = R"text(
constexpr std::int32_t dot_step = 32;

inline __m256i dot_32(__m256i sum, __m256i value, __m256i magnitude, const std::int8_t* w) {
  const __m256i weight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
  return _mm256_dpbusd_avx_epi32(sum, magnitude, _mm256_sign_epi8(weight, value));
}
)text";
inline constexpr std::string_view dot_avx2_text = R"text(
constexpr std::int32_t dot_step = 32;

inline __m256i dot_32(__m256i sum, __m256i value, __m256i magnitude, const std::int8_t* w) {
  const __m256i weight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
  const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(weight, value));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
)text";
inline constexpr std::string_view dot_32_text = R"text(
inline void dot_4(std::int32_t count, const std::int8_t* x, const std::int8_t* const* w,
                  std::int32_t* sums) {
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (std::int32_t i = 0; i < count; i += dot_step) {
    const __m256i value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    const __m256i magnitude = _mm256_abs_epi8(value);
    a = dot_32(a, value, magnitude, w[0] + i);
    b = dot_32(b, value, magnitude, w[1] + i);
    c = dot_32(c, value, magnitude, w[2] + i);
    d = dot_32(d, value, magnitude, w[3] + i);
  }
  const __m256i abcd = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  _mm_storeu_si128(
      reinterpret_cast<__m128i*>(sums),
      _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1)));
}
)text";

// NEON with and without its dot product, too.
inline constexpr std::string_view dot_neon_dotprod_text = R"text(
constexpr std::int32_t dot_step = 16;

inline int32x4_t dot_16(int32x4_t sum, int8x16_t value, const std::int8_t* w) {
  return vdotq_s32(sum, value, vld1q_s8(w));
}
)text";
inline constexpr std::string_view dot_neon_text = R"text(
constexpr std::int32_t dot_step = 16;

inline int32x4_t dot_16(int32x4_t sum, int8x16_t value, const std::int8_t* w) {
  const int8x16_t weight = vld1q_s8(w);
  const int16x8_t low = vmull_s8(vget_low_s8(value), vget_low_s8(weight));
  return vpadalq_s16(sum, vmlal_s8(low, vget_high_s8(value), vget_high_s8(weight)));
}
)text";
inline constexpr std::string_view dot_16_text = R"text(
inline int32x2_t half_sum(int32x4_t sum) {
  return vpadd_s32(vget_low_s32(sum), vget_high_s32(sum));
}

inline void dot_4(std::int32_t count, const std::int8_t* x, const std::int8_t* const* w,
                  std::int32_t* sums) {
  int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a;
  for (std::int32_t i = 0; i < count; i += dot_step) {
    const int8x16_t value = vld1q_s8(x + i);
    a = dot_16(a, value, w[0] + i);
    b = dot_16(b, value, w[1] + i);
    c = dot_16(c, value, w[2] + i);
    d = dot_16(d, value, w[3] + i);
  }
  vst1_s32(sums, vpadd_s32(half_sum(a), half_sum(b)));
  vst1_s32(sums + 2, vpadd_s32(half_sum(c), half_sum(d)));
}
)text";

inline constexpr std::string_view dot_helium_text = R"text(
constexpr std::int32_t dot_step = 16;

inline void dot_4(std::int32_t count, const std::int8_t* x, const std::int8_t* const* w,
                  std::int32_t* sums) {
  std::int32_t a = 0, b = 0, c = 0, d = 0;
  for (std::int32_t i = 0; i < count; i += dot_step) {
    const int8x16_t value = vldrbq_s8(x + i);
    a = vmladavaq_s8(a, value, vldrbq_s8(w[0] + i));
    b = vmladavaq_s8(b, value, vldrbq_s8(w[1] + i));
    c = vmladavaq_s8(c, value, vldrbq_s8(w[2] + i));
    d = vmladavaq_s8(d, value, vldrbq_s8(w[3] + i));
  }
  sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}
)text";

inline constexpr std::string_view dot_dsp_text = R"text(
constexpr std::int32_t dot_step = 4;

/// Bytes 0 and 2 of four, and bytes 1 and 3, as 16-bit integers.
struct Pairs {
  int16x2_t even, odd;
};
inline Pairs pairs_of(const std::int8_t* bytes) {
  std::uint32_t word;
  __builtin_memcpy(&word, bytes, sizeof word);
  return {__sxtb16(static_cast<int8x4_t>(word)),
          __sxtb16(static_cast<int8x4_t>(word >> 8 | word << 24))};
}
inline std::int32_t dot_pairs(std::int32_t sum, const Pairs& x, const std::int8_t* w) {
  const Pairs weight = pairs_of(w);
  return __smlad(x.odd, weight.odd, __smlad(x.even, weight.even, sum));
}

inline void dot_4(std::int32_t count, const std::int8_t* x, const std::int8_t* const* w,
                  std::int32_t* sums) {
  std::int32_t a = 0, b = 0, c = 0, d = 0;
  for (std::int32_t i = 0; i < count; i += dot_step) {
    const Pairs value = pairs_of(x + i);
    a = dot_pairs(a, value, w[0] + i);
    b = dot_pairs(b, value, w[1] + i);
    c = dot_pairs(c, value, w[2] + i);
    d = dot_pairs(d, value, w[3] + i);
  }
  sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}
)text";

inline constexpr std::string_view dot_simd128_text = R"text(
constexpr std::int32_t dot_step = 16;

inline v128_t dot_16(v128_t sum, v128_t low, v128_t high, const std::int8_t* w) {
  const v128_t weight = wasm_v128_load(w);
  sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(low, wasm_i16x8_extend_low_i8x16(weight)));
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(high, wasm_i16x8_extend_high_i8x16(weight)));
}
inline std::int32_t lane_sum(v128_t sum) {
  return wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1) +
         wasm_i32x4_extract_lane(sum, 2) + wasm_i32x4_extract_lane(sum, 3);
}

inline void dot_4(std::int32_t count, const std::int8_t* x, const std::int8_t* const* w,
                  std::int32_t* sums) {
  v128_t a = wasm_i32x4_splat(0), b = a, c = a, d = a;
  for (std::int32_t i = 0; i < count; i += dot_step) {
    const v128_t value = wasm_v128_load(x + i);
    const v128_t low = wasm_i16x8_extend_low_i8x16(value);
    const v128_t high = wasm_i16x8_extend_high_i8x16(value);
    a = dot_16(a, low, high, w[0] + i);
    b = dot_16(b, low, high, w[1] + i);
    c = dot_16(c, low, high, w[2] + i);
    d = dot_16(d, low, high, w[3] + i);
  }
  sums[0] = lane_sum(a), sums[1] = lane_sum(b), sums[2] = lane_sum(c), sums[3] = lane_sum(d);
}
)text";

inline constexpr std::string_view dot_scalar_text = R"text(
constexpr std::int32_t dot_step = 1;

inline void dot_4(std::int32_t count, const std::int8_t* x, const std::int8_t* const* w,
                  std::int32_t* sums) {
  std::int32_t a = 0, b = 0, c = 0, d = 0;
  for (std::int32_t i = 0; i < count; ++i) {
    a += x[i] * w[0][i];
    b += x[i] * w[1][i];
    c += x[i] * w[2][i];
    d += x[i] * w[3][i];
  }
  sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}
)text";

/// The strongest first, as the compiler is asked.
inline constexpr DotText dot_texts[] = {
    {"avx512_vnni", "defined(__AVX512VNNI__) && defined(__AVX512BW__)", "immintrin.h",
     dot_avx512_vnni_text},
    {"avx_vnni", "defined(__AVXVNNI__) && defined(__AVX2__)", "immintrin.h", dot_avx_vnni_text,
     dot_32_text},
    {"avx2", "defined(__AVX2__)", "immintrin.h", dot_avx2_text, dot_32_text},
    {"neon_dotprod", "defined(__ARM_NEON) && defined(__ARM_FEATURE_DOTPROD)", "arm_neon.h",
     dot_neon_dotprod_text, dot_16_text},
    {"neon", "defined(__ARM_NEON)", "arm_neon.h", dot_neon_text, dot_16_text},
    {"helium", "defined(__ARM_FEATURE_MVE)", "arm_mve.h", dot_helium_text},
    {"dsp", "defined(__ARM_FEATURE_SIMD32)", "arm_acle.h", dot_dsp_text},
    {"simd128", "defined(__wasm_simd128__)", "wasm_simd128.h", dot_simd128_text},
    {"scalar", "", "", dot_scalar_text},
};

}  // namespace octet::inline OCTET_ABI::emission
