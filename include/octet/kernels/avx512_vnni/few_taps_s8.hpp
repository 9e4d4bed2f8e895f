// The int8 convolution of few taps by vpdpbusd: first layers, and 1x1 ones of few channels. A tile
// of six pixels could not pay for its beginning and end there; so not its sums but the weights stay
// in registers, and the pixels of a line pass by.
#pragma once

#include "octet/kernels/avx512_vnni/pixels_s8.hpp"
#include "octet/kernels/conv2d_s8_packing.hpp"

#if OCTET_X86
#include <utility>

#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::avx512_vnni {

/// 16 * NR channels of a line, 4 * TAPS bytes deep in all. Measured, against tiles: first
/// layers 1.2 to 1.4 times as fast, 1x1 ones of 8 to 24 channels 1.1 to 1.3 times.
template <int TAPS, int NR>
OCTET_TARGET_AVX512_VNNI void conv2d_s8_few_taps(const LineS8& line,
                                                 std::int64_t channel) noexcept {
  std::int64_t offset[TAPS];
  int taps = 0;
  for (std::int64_t row = 0; row < line.rows; ++row)
    for (std::int64_t column = 0; column < line.columns; ++column)
      for (std::int64_t step = 0; step < line.steps; ++step)
        offset[taps++] = row * line.row_step + column * line.column_step + 4 * step;
  __m512i weights[TAPS][NR], start[NR];
  __m512 multiplier[NR];
#pragma GCC unroll 4
  for (int j = 0; j < NR; ++j) {
    const std::int64_t oc = channel + 16 * j;
    start[j] = start_of(line, oc), multiplier[j] = multiplier_of(line, oc);
#pragma GCC unroll 8
    for (int tap = 0; tap < TAPS; ++tap)
      weights[tap][j] = _mm512_loadu_si512(line.weights + oc / 16 * line.block_bytes + 64 * tap);
  }
  const avx512::Limits64S8 limits = limits_of(line);
  const std::int64_t left = line.channels - channel;
  std::int8_t* y = line.y + channel;
  constexpr int together = 4 / NR;
  for (std::int64_t pixel = 0; pixel < line.pixels;
       pixel += together, y += together * line.y_stride) {
    __m512i sum[4];
    __m512 factor[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) sum[k] = start[k % NR], factor[k] = multiplier[k % NR];
#pragma GCC unroll 4
    for (int i = 0; i < together; ++i) {
      const std::byte* const x =
          line.x + (std::min)(pixel + i, line.pixels - 1) * line.pixel_stride;
#pragma GCC unroll 8
      for (int tap = 0; tap < TAPS; ++tap) {
        const __m512i four = broadcast_4_bytes(x + offset[tap]);
#pragma GCC unroll 4
        for (int j = 0; j < NR; ++j)
          sum[i * NR + j] = _mm512_dpbusd_epi32(sum[i * NR + j], four, weights[tap][j]);
      }
    }
    avx512::store_pixels<NR>(avx512::in_order_64(avx512::requantize_64(sum, factor, limits)), y,
                             line.y_stride, line.pixels - pixel, left);
  }
}

/// The most taps, of four bytes each, whose weights are kept in registers.
inline constexpr std::int64_t few_taps = 6;

inline bool few_taps_s8_fits(const Conv2dShape& s, const std::int8_t*, int) noexcept {
  const TapsS8 taps(s, 1);
  return taps.rows * taps.columns * taps.steps <= few_taps;
}

using Conv2dS8FewTaps = void(const LineS8& line, std::int64_t channel) noexcept;

template <int NR, int... TAPS>
Conv2dS8FewTaps* const* conv2d_s8_by_taps(std::integer_sequence<int, TAPS...>) {
  static constexpr Conv2dS8FewTaps* by_taps[] = {nullptr, &conv2d_s8_few_taps<TAPS + 1, NR>...};
  return by_taps;
}

template <class = WhenUsed>
void few_taps_s8_line(const LineS8& line) noexcept {
  constexpr auto numbers = std::make_integer_sequence<int, few_taps>{};
  Conv2dS8FewTaps* const* const by_64 = conv2d_s8_by_taps<4>(numbers);
  Conv2dS8FewTaps* const* const by_32 = conv2d_s8_by_taps<2>(numbers);
  Conv2dS8FewTaps* const* const by_16 = conv2d_s8_by_taps<1>(numbers);
  const std::int64_t taps = line.rows * line.columns * line.steps;
  for (std::int64_t channel = 0; channel < line.channels;) {
    const std::int64_t width = tile_channels(line.channels - channel);
    (width == 64 ? by_64 : width == 32 ? by_32 : by_16)[taps](line, channel);
    channel += width;
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512_vnni

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
