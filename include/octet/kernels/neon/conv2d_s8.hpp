// The int8 convolution with NEON alone, by smull, smlal and sadalp.
#pragma once

#include "octet/kernels/conv2d_s8_packing.hpp"
#include "octet/kernels/neon/requantize_s8.hpp"

#if OCTET_NEON

namespace octet::inline OCTET_ABI::kernels::neon {

/// NEON multiplies signed bytes: x is taken as it is, and the packed correction takes its zero
/// point off again.
inline void to_bytes(std::int64_t pixels, const std::int8_t* x, const LinesS8& work,
                     std::byte* to) noexcept {
  std::memcpy(to, x, static_cast<std::size_t>(pixels * work.x_channels));
}

/// Requantizes and stores one pixel of a tile of 16 channels.
inline void store_pixel_s8(const LineS8& line, std::int64_t pixel, std::int64_t channel,
                           const int32x4_t (&sum)[4], const Channels16& channels,
                           const LimitsS8& limits) noexcept {
  store_bytes(line.y + pixel * line.y_stride + channel, requantize_16(sum, channels, limits),
              line.channels - channel);
}
inline Channels16 channels_16(const LineS8& line, std::int64_t channel) noexcept {
  return channels_16(line.correction + channel, line.bias ? line.bias + channel : nullptr,
                     line.multiplier + channel, line.channels - channel);
}

/// Tile: MR pixels x 16 channels, as int32 in 4 * MR registers. Each step takes 4 channels of every
/// pixel and of every output channel. Two products of bytes add up in 16 bits, as weights are at
/// least -127: 2 * 128 * 127 < 2^15. So smull and smlal are followed by one sadalp, which adds
/// neighbours: for that, the 4 channels are multiplied in pairs, and pack_conv2d_s8() has put the
/// pairs of one output channel into the two halves of a register. GCC 12 makes a step of 4 pixels
/// 68 instructions, 48 of which multiply or add, for 256 products.
template <int MR>
void conv2d_s8_tile(const LineS8& line, std::int64_t pixel, std::int64_t channel) noexcept {
  int32x4_t acc[MR][4];
  OCTET_UNROLL for (int i = 0; i < MR; ++i) {
    OCTET_UNROLL for (int j = 0; j < 4; ++j) acc[i][j] = vdupq_n_s32(0);
  }
  const std::int64_t stride = line.pixel_stride, steps = line.steps;
  const auto* w =
      reinterpret_cast<const std::int8_t*>(line.weights + channel / 16 * line.block_bytes);
  for (std::int64_t row = 0; row < line.rows; ++row)
    for (std::int64_t column = 0; column < line.columns; ++column) {
      const std::byte* x =
          line.x + pixel * stride + row * line.row_step + column * line.column_step;
      for (std::int64_t step = 0; step < steps; ++step, x += 4, w += 64) {
        int8x16_t weights[4];
        OCTET_UNROLL for (int j = 0; j < 4; ++j) weights[j] = vld1q_s8(w + 16 * j);
        OCTET_UNROLL for (int i = 0; i < MR; ++i) {
          std::int32_t four;
          std::memcpy(&four, x + i * stride, 4);
          const int32x4_t all = vdupq_n_s32(four);
          const int8x16_t ordered = vreinterpretq_s8_s32(all);
          const int8x16_t swapped = vreinterpretq_s8_s16(vrev32q_s16(vreinterpretq_s16_s32(all)));
          OCTET_UNROLL for (int j = 0; j < 4; ++j) {
            const int16x8_t first = vmull_s8(vget_low_s8(ordered), vget_low_s8(weights[j]));
            acc[i][j] = vpadalq_s16(acc[i][j], vmlal_high_s8(first, swapped, weights[j]));
          }
          // One pixel after the other: GCC would start all of them at once and spill registers.
          asm volatile("" ::: "memory");
        }
      }
    }
  const Channels16 channels = channels_16(line, channel);
  const LimitsS8 limits = limits_s8(line.zero_point, line.lo, line.hi);
  OCTET_UNROLL for (int i = 0; i < MR; ++i) {
    store_pixel_s8(line, pixel + i, channel, acc[i], channels, limits);
  }
}

using Conv2dS8Tile = void(const LineS8& line, std::int64_t pixel, std::int64_t channel) noexcept;

/// The line in tiles of 16 channels and at most heights - 1 pixels, cut evenly: tiles[i] does i
/// pixels.
template <std::size_t heights>
void conv2d_s8_tiles(const LineS8& line, Conv2dS8Tile* const (&tiles)[heights]) noexcept {
  for (std::int64_t channel = 0; channel < line.channels; channel += 16) {
    std::int64_t tiles_left = pieces(line.pixels, static_cast<std::int64_t>(heights) - 1);
    for (std::int64_t pixel = 0; pixel < line.pixels; --tiles_left) {
      const std::int64_t height = pieces(line.pixels - pixel, tiles_left);
      tiles[height](line, pixel, channel);
      pixel += height;
    }
  }
}

template <class = WhenUsed>
void conv2d_s8_line(const LineS8& line) noexcept {
  static Conv2dS8Tile* const tiles[] = {nullptr, &conv2d_s8_tile<1>, &conv2d_s8_tile<2>,
                                        &conv2d_s8_tile<3>, &conv2d_s8_tile<4>};
  conv2d_s8_tiles(line, tiles);
}

/// In every 16 bytes, 4 channels of 4 bytes as pack_blocks_s8() leaves them, the pairs of bytes
/// 0 1 2 3 4 5 6 7 become 0 3 4 7 and 1 2 5 6: of each channel one in either half, and the first
/// halves alternate as the bytes of a pixel do.
inline void pack_conv2d_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  pack_blocks_s8<std::int8_t>(s, w, packed.x_zero_point, packed);
  constexpr std::size_t order[] = {0, 3, 4, 7, 1, 2, 5, 6};
  for (std::size_t at = 0; at < packed.weights.size(); at += 16) {
    std::byte before[16];
    std::memcpy(before, packed.weights.data() + at, 16);
    for (std::size_t pair = 0; pair < 8; ++pair)
      std::memcpy(packed.weights.data() + at + 2 * pair, before + 2 * order[pair], 2);
  }
}

inline std::int64_t conv2d_s8_scratch_bytes(const Conv2dShape& s) noexcept {
  return lines_s8_scratch_bytes(s, 1);
}

/// What all NEON convolutions have in common; `work` has the packed steps.
inline void conv2d_s8_lines(LinesS8 work, void (*line)(const LineS8& line) noexcept,
                            const std::int8_t* x, const PackedConv2dS8& packed, const Requantize& q,
                            std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept {
  work.convert = &to_bytes;
  work.line = line;
  work.border = static_cast<std::uint8_t>(packed.x_zero_point);
  lines_s8(work, x, q, y, scratch, pool);
}

template <class = WhenUsed>
void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
               const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept {
  conv2d_s8_lines(conv2d_s8_work(s, packed, 1), &conv2d_s8_line, x, packed, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels::neon

#endif
