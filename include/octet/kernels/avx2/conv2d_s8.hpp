// The int8 convolution with AVX2, by vpmaddwd on values widened to int16.
#pragma once

#include "octet/kernels/avx2/requantize_s8.hpp"
#include "octet/kernels/conv2d_s8_packing.hpp"

#if OCTET_X86
namespace octet::inline OCTET_ABI::kernels::avx2 {

/// x - x_zero_point as int16: at most 255 in magnitude, and the padding is 0.
OCTET_TARGET_AVX2_S8 inline void to_int16(std::int64_t pixels, const std::int8_t* x,
                                          const LinesS8& work, std::byte* to) noexcept {
  const std::int64_t count = pixels * work.x_channels;
  const __m256i zero_point = _mm256_set1_epi16(static_cast<short>(work.x_zero_point));
  for (std::int64_t i = 0; i < count; i += 16) {
    const __m256i wide =
        _mm256_sub_epi16(_mm256_cvtepi8_epi16(load_bytes(x + i, count - i)), zero_point);
    if (i + 16 <= count) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 2 * i), wide);
    } else {
      alignas(32) std::byte all[32];
      _mm256_store_si256(reinterpret_cast<__m256i*>(all), wide);
      std::memcpy(to + 2 * i, all, static_cast<std::size_t>(2 * (count - i)));
    }
  }
}

/// What all pixels of a line need for 16 channels.
struct BlockS8 {
  std::int64_t channel, left;
  const std::byte* weights;
  Channels16 channels;
  LimitsS8 limits;
  __m256i order;  ///< of the fours of bytes that vpacksswb leaves
};

OCTET_TARGET_AVX2_S8 inline BlockS8 block_s8(const LineS8& line, std::int64_t channel) noexcept {
  const std::int64_t left = line.channels - channel;
  return {channel,
          left,
          line.weights + channel / 16 * line.block_bytes,
          channels_16(line.correction + channel, line.bias ? line.bias + channel : nullptr,
                      line.multiplier + channel, left),
          limits_s8(line.zero_point, line.lo, line.hi),
          _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)};
}

/// Requantizes and writes MR pixels, whose sums began with the block's start; two of them share
/// the last steps.
template <int MR>
OCTET_TARGET_AVX2_S8 inline void finish_s8(const LineS8& line, const BlockS8& block,
                                           std::int64_t pixel,
                                           const __m256i (&sum)[MR][2]) noexcept {
  const __m256i lowest = _mm256_broadcastsi128_si256(block.limits.lowest);
  __m256i words[MR];
#pragma GCC unroll 6
  for (int i = 0; i < MR; ++i)
    words[i] = round_to_words(
        _mm256_mul_ps(_mm256_cvtepi32_ps(sum[i][0]), block.channels.multiplier[0]),
        _mm256_mul_ps(_mm256_cvtepi32_ps(sum[i][1]), block.channels.multiplier[1]), block.limits);
#pragma GCC unroll 3
  for (int i = 0; i < MR; i += 2) {
    std::int8_t* const y = line.y + (pixel + i) * line.y_stride + block.channel;
    const __m256i packed = _mm256_packs_epi16(words[i], words[i + 1 < MR ? i + 1 : i]);
    const __m256i bytes = _mm256_max_epi8(_mm256_permutevar8x32_epi32(packed, block.order), lowest);
    store_bytes(y, _mm256_castsi256_si128(bytes), block.left);
    if (i + 1 < MR) store_bytes(y + line.y_stride, _mm256_extracti128_si256(bytes, 1), block.left);
  }
}

/// Tile: MR pixels x 16 channels, as int32 in 2 * MR registers. Each step broadcasts 2 channels of
/// every pixel and multiplies them with 2 of every output channel: vpmaddwd adds the two products
/// exactly, as 2 * 255 * 127 < 2^31. The other exact way, |x| unsigned times sign(w, x) in
/// vpmaddubsw, takes half of the memory, but four instructions for 32 products, three of which
/// compete for two ports, where this one takes twice two: measured, this is 1.15 times as fast.
template <int MR>
OCTET_TARGET_AVX2_S8 void conv2d_s8_tile(const LineS8& line, const BlockS8& block,
                                         std::int64_t pixel) noexcept {
  __m256i acc[MR][2];
#pragma GCC unroll 6
  for (int i = 0; i < MR; ++i) {
    acc[i][0] = block.channels.start[0];
    acc[i][1] = block.channels.start[1];
  }
  const std::int64_t stride = line.pixel_stride;
  const std::byte* w = block.weights;
  for (std::int64_t row = 0; row < line.rows; ++row)
    for (std::int64_t column = 0; column < line.columns; ++column) {
      const std::byte* x =
          line.x + pixel * stride + row * line.row_step + column * line.column_step;
      for (std::int64_t step = 0; step < line.steps; ++step, x += 4, w += 64) {
        const __m256i w0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w));
        const __m256i w1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + 32));
#pragma GCC unroll 6
        for (int i = 0; i < MR; ++i) {
          std::int32_t two;
          std::memcpy(&two, x + i * stride, 4);
          const __m256i both = _mm256_set1_epi32(two);
          acc[i][0] = _mm256_add_epi32(acc[i][0], _mm256_madd_epi16(both, w0));
          acc[i][1] = _mm256_add_epi32(acc[i][1], _mm256_madd_epi16(both, w1));
          // One pixel after the other: GCC would start all of them at once and spill registers.
          asm volatile("" : "+x"(acc[i][0]), "+x"(acc[i][1])::"memory");
        }
      }
    }
  finish_s8<MR>(line, block, pixel, acc);
}

/// Tile: MR pairs of pixels of 8 channels, which are all that there are: each pair is 16
/// neighbours. Measured at a first layer of 48x48: 1.7 times as fast as tiles of 16 channels, half
/// of them none.
template <int MR>
OCTET_TARGET_AVX2_S8 void conv2d_s8_pairs(const LineS8& line, const BlockS8& block,
                                          std::int64_t pair) noexcept {
  __m256i acc[MR][2];
#pragma GCC unroll 6
  for (int i = 0; i < MR; ++i) acc[i][0] = acc[i][1] = block.channels.start[0];
  const std::int64_t stride = line.pixel_stride / 2;
  const std::byte* w = block.weights;
  for (std::int64_t row = 0; row < line.rows; ++row)
    for (std::int64_t column = 0; column < line.columns; ++column) {
      const std::byte* x =
          line.x + pair * line.pixel_stride + row * line.row_step + column * line.column_step;
      for (std::int64_t step = 0; step < line.steps; ++step, x += 4, w += 64) {
        const __m256i weights = _mm256_load_si256(reinterpret_cast<const __m256i*>(w));
#pragma GCC unroll 12
        for (int i = 0; i < 2 * MR; ++i) {
          std::int32_t two;
          std::memcpy(&two, x + i * stride, 4);
          __m256i& sum = acc[i / 2][i % 2];
          sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_set1_epi32(two), weights));
          asm volatile("" : "+x"(sum)::"memory");
        }
      }
    }
  finish_s8<MR>(line, block, pair, acc);
}

using Conv2dS8Tile = void(const LineS8& line, const BlockS8& block, std::int64_t pixel) noexcept;

/// A block of the line in tiles of at most 6 pixels, cut evenly: tiles[i] does i pixels.
inline void conv2d_s8_block(const LineS8& line, const BlockS8& block,
                            Conv2dS8Tile* const (&tiles)[7]) noexcept {
  std::int64_t tiles_left = pieces(line.pixels, 6);
  for (std::int64_t pixel = 0; pixel < line.pixels; --tiles_left) {
    const std::int64_t height = pieces(line.pixels - pixel, tiles_left);
    tiles[height](line, block, pixel);
    pixel += height;
  }
}

/// All blocks of the line.
OCTET_TARGET_AVX2_S8 inline void conv2d_s8_tiles(const LineS8& line,
                                                 Conv2dS8Tile* const (&tiles)[7]) noexcept {
  for (std::int64_t channel = 0; channel < line.channels; channel += 16)
    conv2d_s8_block(line, block_s8(line, channel), tiles);
}

template <class = WhenUsed>
OCTET_TARGET_AVX2_S8 void conv2d_s8_line(const LineS8& line) noexcept {
  static Conv2dS8Tile* const tiles[] = {nullptr,
                                        &conv2d_s8_tile<1>,
                                        &conv2d_s8_tile<2>,
                                        &conv2d_s8_tile<3>,
                                        &conv2d_s8_tile<4>,
                                        &conv2d_s8_tile<5>,
                                        &conv2d_s8_tile<6>};
  if (line.channels != 8 || line.y_stride != 8) return conv2d_s8_tiles(line, tiles);
  static Conv2dS8Tile* const pairs[] = {nullptr,
                                        &conv2d_s8_pairs<1>,
                                        &conv2d_s8_pairs<2>,
                                        &conv2d_s8_pairs<3>,
                                        &conv2d_s8_pairs<4>,
                                        &conv2d_s8_pairs<5>,
                                        &conv2d_s8_pairs<6>};
  const BlockS8 one = block_s8(line, 0);
  BlockS8 two = one;
  two.left = 16;
  two.channels = eight_twice(one.channels);
  LineS8 even = line;
  even.pixels = line.pixels / 2;
  even.pixel_stride = 2 * line.pixel_stride;
  even.y_stride = 16;
  conv2d_s8_block(even, two, pairs);
  if (line.pixels % 2) conv2d_s8_tile<1>(line, one, line.pixels - 1);
}

inline void pack_conv2d_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  pack_blocks_s8<std::int16_t>(s, w, 0, packed);
}

inline std::int64_t conv2d_s8_scratch_bytes(const Conv2dShape& s) noexcept {
  return lines_s8_scratch_bytes(s, 2);
}

template <class = WhenUsed>
void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
               const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept {
  LinesS8 work = conv2d_s8_work(s, packed, 2);
  work.convert = &to_int16;
  work.line = &conv2d_s8_line;
  work.border = 0;
  lines_s8(work, x, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx2

#endif
