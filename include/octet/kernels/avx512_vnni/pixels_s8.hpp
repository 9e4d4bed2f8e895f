// How the int8 convolution by vpdpbusd reads pixels and writes results.
#pragma once

#include <algorithm>

#include "octet/kernels/avx512/requantize_s8.hpp"
#include "octet/kernels/lines_s8.hpp"

#if OCTET_X86
#include <cstring>
#include <immintrin.h>

#define OCTET_TARGET_AVX512_VNNI \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

// GCC 12 takes the deliberately undefined operands inside of its own intrinsics for mistakes.
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::avx512_vnni {

/// vpdpbusd wants its first operand unsigned: x + 128, which is x with its top bit turned. The
/// packed correction takes the 128 off again.
OCTET_TARGET_AVX512_VNNI inline void to_unsigned(std::int64_t pixels, const std::int8_t* x,
                                                 const LinesS8& work, std::byte* to) noexcept {
  const std::int64_t count = pixels * work.x_channels;
  const __m512i top = _mm512_set1_epi8(-128);
  std::int64_t i = 0;
  for (; i + 64 <= count; i += 64)
    _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(x + i), top));
  const __mmask64 tail = (__mmask64{1} << (count - i)) - 1;
  _mm512_mask_storeu_epi8(to + i, tail,
                          _mm512_xor_si512(_mm512_maskz_loadu_epi8(tail, x + i), top));
}

OCTET_TARGET_AVX512_VNNI inline __m512i broadcast_4_bytes(const std::byte* from) noexcept {
  std::int32_t four;
  std::memcpy(&four, from, 4);
  return _mm512_set1_epi32(four);
}

/// What the sums of 16 channels from `oc` on begin with, and the multipliers; 0 behind the last
/// one.
OCTET_TARGET_AVX512_VNNI __attribute__((always_inline)) inline __m512i start_of(
    const LineS8& line, std::int64_t oc) noexcept {
  const __mmask16 mask = avx512::mask_16((std::max)(line.channels - oc, std::int64_t{0}));
  const __m512i correction = _mm512_maskz_loadu_epi32(mask, line.correction + oc);
  if (!line.bias) return correction;
  return _mm512_add_epi32(correction, _mm512_maskz_loadu_epi32(mask, line.bias + oc));
}
OCTET_TARGET_AVX512_VNNI __attribute__((always_inline)) inline __m512 multiplier_of(
    const LineS8& line, std::int64_t oc) noexcept {
  const __mmask16 mask = avx512::mask_16((std::max)(line.channels - oc, std::int64_t{0}));
  return _mm512_maskz_loadu_ps(mask, line.multiplier + oc);
}

/// How many channels the next tile takes where so many are left.
inline std::int64_t tile_channels(std::int64_t left) noexcept {
  return left > 48 ? 64 : left > 16 ? 32 : 16;
}

OCTET_TARGET_AVX512_VNNI __attribute__((always_inline)) inline avx512::Limits64S8 limits_of(
    const LineS8& line) noexcept {
  avx512::Limits64S8 limits = avx512::limits_64_s8(line.zero_point, line.lo, line.hi);
  limits.fits_int32 = line.fits_int32;
  return limits;
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512_vnni

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
