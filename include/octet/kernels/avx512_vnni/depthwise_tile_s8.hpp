// The tiles of the int8 depthwise convolution by vpdpbusd.
#pragma once

#include "octet/kernels/avx512_vnni/pixels_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
namespace octet::inline OCTET_ABI::kernels::avx512_vnni {

/// One row of the output, 64 channels of it.
struct DepthwiseLineS8 {
  const std::byte* x[3];  ///< the rows of the taps
  std::int64_t pixel_stride, column_step;
  const std::byte* weights;  ///< 3 columns x 4 vectors
  const std::byte* head;     ///< 4 vectors of start values, 4 of multipliers
  std::int8_t* y;
  std::int64_t y_stride;
  __mmask64 mask;
};

/// Three rows of 64 channels as 4 bytes for each channel, the last of which is 0.
OCTET_TARGET_AVX512_VNNI __attribute__((always_inline)) inline void bring_together(
    __m512i r0, __m512i r1, __m512i r2, __m512i (&taps)[4]) noexcept {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i low = _mm512_unpacklo_epi8(r0, r1), high = _mm512_unpackhi_epi8(r0, r1);
  const __m512i low_2 = _mm512_unpacklo_epi8(r2, zero), high_2 = _mm512_unpackhi_epi8(r2, zero);
  taps[0] = _mm512_unpacklo_epi16(low, low_2), taps[1] = _mm512_unpackhi_epi16(low, low_2);
  taps[2] = _mm512_unpacklo_epi16(high, high_2), taps[3] = _mm512_unpackhi_epi16(high, high_2);
}

/// Tile: MR pixels x 64 channels. The three taps of a column are brought together, 4 bytes for each
/// channel, by 8 unpacks; at STRIDE 1 a column so serves three pixels, and 12 vpdpbusd make a
/// pixel. Measured: 3 to 4 times as fast as pairs of taps in int16.
template <int STRIDE, int MR>
OCTET_TARGET_AVX512_VNNI void depthwise_s8_tile(const DepthwiseLineS8& line, std::int64_t pixel,
                                                const avx512::Limits64S8& limits) noexcept {
  __m512i acc[MR][4];
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) acc[i][j] = _mm512_load_si512(line.head + 64 * j);
  const std::byte *const x0 = line.x[0], *const x1 = line.x[1], *const x2 = line.x[2];
  std::int64_t at = pixel * line.pixel_stride;
#pragma GCC unroll 16
  for (int column = 0; column < (MR - 1) * STRIDE + 3; ++column, at += line.column_step) {
    const __m512i r0 = _mm512_loadu_si512(x0 + at), r1 = _mm512_loadu_si512(x1 + at);
    const __m512i r2 = _mm512_loadu_si512(x2 + at);
    __m512i taps[4];
    bring_together(r0, r1, r2, taps);
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) {
      const int kw = column - i * STRIDE;
      if (kw < 0 || kw > 2) continue;
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j)
        acc[i][j] = _mm512_dpbusd_epi32(acc[i][j], taps[j],
                                        _mm512_load_si512(line.weights + 256 * kw + 64 * j));
    }
  }
  // Unpacking dealt 4 channels after the other to 4 vectors; requantizing collects them.
  __m512 multiplier[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) multiplier[j] = _mm512_load_ps(line.head + 256 + 64 * j);
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i)
    _mm512_mask_storeu_epi8(line.y + (pixel + i) * line.y_stride, line.mask,
                            avx512::requantize_64(acc[i], multiplier, limits));
}

/// The pixels of a line four by four; the last four begin earlier and are partly done again.
template <int STRIDE>
OCTET_TARGET_AVX512_VNNI void depthwise_s8_tiles(const DepthwiseLineS8& line, std::int64_t pixels,
                                                 const avx512::Limits64S8& limits) noexcept {
  if (pixels == 3) return depthwise_s8_tile<STRIDE, 3>(line, 0, limits);
  if (pixels < 3)
    for (std::int64_t p = 0; p < pixels; ++p) depthwise_s8_tile<STRIDE, 1>(line, p, limits);
  else
    for (std::int64_t p = 0; p < pixels; p += 4)
      depthwise_s8_tile<STRIDE, 4>(line, (std::min)(p, pixels - 4), limits);
}

/// The results of a row at stride 2, the pixels of which share vectors: a column of taps is every
/// second pixel of 128 bytes, by one permutation a row. The last vector begins earlier and is
/// partly done again. Measured: 16 channels at 48x48 in half of the time that pixel by pixel takes.
OCTET_TARGET_AVX512_VNNI inline void depthwise_s8_every_second(
    const DepthwiseLineS8& line, std::int64_t channels, const avx512::Limits64S8& limits) noexcept {
  alignas(64) std::int64_t eights[8];
  const std::int64_t pixel = line.column_step / 8;
  for (std::int64_t i = 0; i < 8; ++i) eights[i] = i / pixel * 2 * pixel + i % pixel;
  const __m512i every_second = _mm512_load_si512(eights);
  __m512 multiplier[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) multiplier[j] = _mm512_load_ps(line.head + 256 + 64 * j);
  for (std::int64_t c = 0; c < channels; c += 64) {
    const std::int64_t first = (std::min)(c, channels - 64);
    __m512i acc[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) acc[j] = _mm512_load_si512(line.head + 64 * j);
#pragma GCC unroll 3
    for (int column = 0; column < 3; ++column) {
      __m512i row[3], taps[4];
#pragma GCC unroll 3
      for (int k = 0; k < 3; ++k) {
        const std::byte* const from = line.x[k] + 2 * first + column * line.column_step;
        row[k] = _mm512_permutex2var_epi64(_mm512_loadu_si512(from), every_second,
                                           _mm512_loadu_si512(from + 64));
      }
      bring_together(row[0], row[1], row[2], taps);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j)
        acc[j] = _mm512_dpbusd_epi32(acc[j], taps[j],
                                     _mm512_load_si512(line.weights + 256 * column + 64 * j));
    }
    _mm512_storeu_si512(line.y + first, avx512::requantize_64(acc, multiplier, limits));
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512_vnni

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
