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
  const std::byte* x[4];  ///< the rows of the taps, and the one behind them
  std::int64_t pixel_stride, column_step;
  const std::byte* weights;  ///< 3 columns x 4 vectors
  const std::byte* head;     ///< 4 vectors of start values, 4 of multipliers
  std::int8_t* y;
  std::int64_t y_stride;
  __mmask64 mask;
};

/// Four rows of 64 channels as 4 bytes for each channel.
OCTET_TARGET_AVX512_VNNI __attribute__((always_inline)) inline void bring_together(
    __m512i r0, __m512i r1, __m512i r2, __m512i r3, __m512i (&taps)[4]) noexcept {
  const __m512i low = _mm512_unpacklo_epi8(r0, r1), high = _mm512_unpackhi_epi8(r0, r1);
  const __m512i low_2 = _mm512_unpacklo_epi8(r2, r3), high_2 = _mm512_unpackhi_epi8(r2, r3);
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
    bring_together(r0, r1, r2, _mm512_setzero_si512(), taps);
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

/// The pixels of a line four by four, and the last five or six as three and the rest.
template <int STRIDE>
OCTET_TARGET_AVX512_VNNI __attribute__((always_inline)) inline void depthwise_s8_tiles(
    const DepthwiseLineS8& line, std::int64_t pixels, const avx512::Limits64S8& limits) noexcept {
  for (std::int64_t p = 0, count; p < pixels; p += count) {
    const std::int64_t left = pixels - p;
    count = left > 6 || left == 4 ? 4 : (std::min)(left, std::int64_t{3});
    if (count == 4)
      depthwise_s8_tile<STRIDE, 4>(line, p, limits);
    else if (count == 3)
      depthwise_s8_tile<STRIDE, 3>(line, p, limits);
    else if (count == 2)
      depthwise_s8_tile<STRIDE, 2>(line, p, limits);
    else
      depthwise_s8_tile<STRIDE, 1>(line, p, limits);
  }
}

/// Two rows of results whose pixels share vectors. Four rows are brought together once for both:
/// the weights of the upper one multiply the first three bytes, those of the lower one, which lie
/// behind them, the last three. Measured: 8 channels at 48x48 in 0.55 of the time that row by row
/// takes, 32 channels in 0.76.
OCTET_TARGET_AVX512_VNNI inline void depthwise_s8_two_rows(
    const DepthwiseLineS8& line, std::int64_t channels, const avx512::Limits64S8& limits) noexcept {
  __m512 multiplier[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) multiplier[j] = _mm512_load_ps(line.head + 256 + 64 * j);
  for (std::int64_t c = 0; c < channels; c += 64) {
    const std::int64_t left = channels - c;
    const __mmask64 mask = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    __m512i acc[2][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) acc[0][j] = acc[1][j] = _mm512_load_si512(line.head + 64 * j);
#pragma GCC unroll 3
    for (int column = 0; column < 3; ++column) {
      __m512i row[4], taps[4];
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k)
        row[k] = _mm512_loadu_si512(line.x[k] + c + column * line.column_step);
      bring_together(row[0], row[1], row[2], row[3], taps);
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j)
          acc[i][j] = _mm512_dpbusd_epi32(
              acc[i][j], taps[j],
              _mm512_load_si512(line.weights + 768 * i + 256 * column + 64 * j));
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)
      _mm512_mask_storeu_epi8(line.y + c + i * line.y_stride, mask,
                              avx512::requantize_64(acc[i], multiplier, limits));
  }
}

/// The results of a row at stride 2, the pixels of which share vectors: a column of taps is every
/// second pixel of 128 bytes, by one permutation a row. The last vector begins earlier and is
/// partly done again. Measured: 16 channels at 48x48 in half of the time that pixel by pixel takes.
OCTET_TARGET_AVX512_VNNI inline void depthwise_s8_every_second(
    const DepthwiseLineS8& line, std::int64_t channels, const avx512::Limits64S8& limits) noexcept {
  // A pixel has 1, 2 or 4 times eight bytes: the i-th of those that are kept is number
  // i / pixel * 2 * pixel + i % pixel.
  const __m512i eights = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i in_pixel = _mm512_set1_epi64(line.column_step / 8 - 1);
  const __m512i every_second = _mm512_add_epi64(eights, _mm512_andnot_si512(in_pixel, eights));
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
      bring_together(row[0], row[1], row[2], _mm512_setzero_si512(), taps);
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
