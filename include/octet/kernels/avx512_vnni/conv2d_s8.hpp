// The int8 convolution by vpdpbusd: 64 multiplications and additions in one instruction.
#pragma once

#include "octet/kernels/avx512_vnni/few_taps_s8.hpp"
#include "octet/kernels/conv2d_s8_packing.hpp"

#if OCTET_X86
#include <utility>

#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::avx512_vnni {

/// Tile: MR pixels x 16 * NR channels, as int32 in MR * NR registers. Each step broadcasts 4 bytes
/// of every pixel and multiplies them with 4 bytes of every channel. Measured: 9 tenths of the rate
/// of vpdpbusd alone, 4 times that of the float convolution.
template <int MR, int NR>
OCTET_TARGET_AVX512_VNNI void conv2d_s8_tile(const LineS8& line, std::int64_t pixel,
                                             std::int64_t channel) noexcept {
  __m512i acc[MR][NR], start[NR];
#pragma GCC unroll 4
  for (int j = 0; j < NR; ++j) start[j] = start_of(line, channel + 16 * j);
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NR; ++j) acc[i][j] = start[j];
  const std::int64_t stride = line.pixel_stride, block_bytes = line.block_bytes;
  const std::byte* w = line.weights + channel / 16 * block_bytes;
  for (std::int64_t row = 0; row < line.rows; ++row)
    for (std::int64_t column = 0; column < line.columns; ++column) {
      const std::byte* x =
          line.x + pixel * stride + row * line.row_step + column * line.column_step;
      for (std::int64_t step = 0; step < line.steps; ++step, x += 4, w += 64) {
        __m512i weights[NR];
#pragma GCC unroll 4
        for (int j = 0; j < NR; ++j) {
          weights[j] = _mm512_loadu_si512(w + j * block_bytes);
          // Keeps GCC from loading the weights again for every pixel: 1.7 times as fast at MR = 3.
          asm("" : "+v"(weights[j]));
        }
#pragma GCC unroll 16
        for (int i = 0; i < MR; ++i) {
          const __m512i four = broadcast_4_bytes(x + i * stride);
#pragma GCC unroll 4
          for (int j = 0; j < NR; ++j) acc[i][j] = _mm512_dpbusd_epi32(acc[i][j], four, weights[j]);
        }
      }
    }
  // Sums that live on as other variables stay in registers inside of the loop: GCC would write them
  // to memory at every step for the sake of what follows, which takes twice the time.
  __m512i sums[MR][NR];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NR; ++j) {
      asm("" : "+v"(acc[i][j]));
      sums[i][j] = acc[i][j];
    }
  __m512 multiplier[NR];
#pragma GCC unroll 4
  for (int j = 0; j < NR; ++j) multiplier[j] = multiplier_of(line, channel + 16 * j);
  const avx512::Limits64S8 limits = limits_of(line);
  const std::int64_t left = line.channels - channel;
  std::int8_t* y = line.y + pixel * line.y_stride + channel;
  // 64 results at a time are 1, 2 or 4 pixels; the last pixel fills up.
  constexpr int together = 4 / NR;
#pragma GCC unroll 16
  for (int i = 0; i < MR; i += together, y += together * line.y_stride) {
    __m512i sum[4];
    __m512 factor[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      sum[k] = sums[(std::min)(i + k / NR, MR - 1)][k % NR];
      factor[k] = multiplier[k % NR];
    }
    avx512::store_pixels<NR>(avx512::in_order_64(avx512::requantize_64(sum, factor, limits)), y,
                             line.y_stride, MR - i, left);
  }
}

using Conv2dS8Tile = void(const LineS8& line, std::int64_t pixel, std::int64_t channel) noexcept;

template <int NR, int... MR>
Conv2dS8Tile* const* conv2d_s8_tiles(std::integer_sequence<int, MR...>) {
  static constexpr Conv2dS8Tile* tiles[] = {nullptr, &conv2d_s8_tile<MR + 1, NR>...};
  return tiles;
}

/// The line in tiles of 6 x 64 channels, what is left in 14 x 32 and 14 x 16; each run of pixels
/// is cut evenly, 24 into 4 times 6 or twice 12.
template <class = WhenUsed>
void conv2d_s8_line(const LineS8& line) noexcept {
  Conv2dS8Tile* const* const by_64 = conv2d_s8_tiles<4>(std::make_integer_sequence<int, 6>{});
  Conv2dS8Tile* const* const by_32 = conv2d_s8_tiles<2>(std::make_integer_sequence<int, 14>{});
  Conv2dS8Tile* const* const by_16 = conv2d_s8_tiles<1>(std::make_integer_sequence<int, 14>{});
  for (std::int64_t channel = 0; channel < line.channels;) {
    const std::int64_t width = tile_channels(line.channels - channel);
    Conv2dS8Tile* const* const tiles = width == 64 ? by_64 : width == 32 ? by_32 : by_16;
    std::int64_t tiles_left = pieces(line.pixels, width == 64 ? 6 : 14);
    for (std::int64_t pixel = 0; pixel < line.pixels; --tiles_left) {
      const std::int64_t height = pieces(line.pixels - pixel, tiles_left);
      tiles[height](line, pixel, channel);
      pixel += height;
    }
    channel += width;
  }
}

inline void pack_conv2d_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  pack_blocks_s8<std::int8_t>(s, w, packed.x_zero_point + 128, packed);
}

inline std::int64_t conv2d_s8_scratch_bytes(const Conv2dShape& s) noexcept {
  return lines_s8_scratch_bytes(s, 1);
}

template <class = WhenUsed>
void conv2d_s8_by_lines(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                        const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool,
                        void (*line)(const LineS8&) noexcept) noexcept {
  LinesS8 work = conv2d_s8_work(s, packed, 1);
  work.convert = &to_unsigned;
  work.line = line;
  work.taps.fits_int32 = avx512::below_one(s.OC, q.multiplier);
  work.border = static_cast<std::uint8_t>(packed.x_zero_point + 128);
  lines_s8(work, x, q, y, scratch, pool);
}
inline void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                      const Requantize& q, std::int8_t* y, std::byte* scratch,
                      ThreadPool* pool) noexcept {
  conv2d_s8_by_lines(s, x, packed, q, y, scratch, pool, &conv2d_s8_line);
}
inline void few_taps_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                        const Requantize& q, std::int8_t* y, std::byte* scratch,
                        ThreadPool* pool) noexcept {
  conv2d_s8_by_lines(s, x, packed, q, y, scratch, pool, &few_taps_s8_line);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512_vnni

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
