// The int8 convolution by NEON's products of matrices of bytes.
#pragma once

#include "octet/kernels/neon/conv2d_s8.hpp"
#include "octet/kernels/neon/target.hpp"

#if OCTET_NEON

namespace octet::inline OCTET_ABI::kernels::neon_i8mm {

/// sum[p][c] += the dot product of pixels[p] and weights[c], rows of 8 bytes, for p, c < 2. As
/// assembly: see neon_dotprod/conv2d_s8.hpp.
OCTET_NEON_I8MM __attribute__((always_inline)) inline void dot_2x2(int32x4_t& sum, int8x16_t pixels,
                                                                   int8x16_t weights) noexcept {
  asm("smmla %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(pixels), "w"(weights));
}

/// Tile: MR pixels x 16 channels, in squares of 2 pixels x 2 channels, 8 for each pair of pixels.
/// Each step takes 8 bytes of every pixel and channel. Where the last pixel has no other, it is its
/// own. GCC 12 makes a step of 6 pixels 42 instructions, 24 of them smmla, for 768 products.
template <int MR>
OCTET_NEON_I8MM void conv2d_s8_tile(const LineS8& line, std::int64_t pixel,
                                    std::int64_t channel) noexcept {
  constexpr int pairs = (MR + 1) / 2;
  int32x4_t acc[pairs][8];
  OCTET_UNROLL for (int i = 0; i < pairs; ++i) {
    OCTET_UNROLL for (int j = 0; j < 8; ++j) acc[i][j] = vdupq_n_s32(0);
  }
  const std::int64_t stride = line.pixel_stride, steps = line.steps;
  const auto* w =
      reinterpret_cast<const std::int8_t*>(line.weights + channel / 16 * line.block_bytes);
  for (std::int64_t row = 0; row < line.rows; ++row)
    for (std::int64_t column = 0; column < line.columns; ++column) {
      const auto* x = reinterpret_cast<const std::int8_t*>(
          line.x + pixel * stride + row * line.row_step + column * line.column_step);
      for (std::int64_t step = 0; step < steps; step += 2, x += 8, w += 128) {
        int8x16_t two[pairs];
        OCTET_UNROLL for (int i = 0; i < pairs; ++i) {
          const int other = 2 * i + 1 < MR ? 2 * i + 1 : 2 * i;
          two[i] = vcombine_s8(vld1_s8(x + 2 * i * stride), vld1_s8(x + other * stride));
        }
        OCTET_UNROLL for (int j = 0; j < 8; ++j) {
          const int8x16_t weights = vld1q_s8(w + 16 * j);
          OCTET_UNROLL for (int i = 0; i < pairs; ++i) dot_2x2(acc[i][j], two[i], weights);
          // GCC would load all weights at once and spill registers.
          if (j % 2 == 1) asm volatile("" ::: "memory");
        }
      }
    }
  const neon::Channels16 channels = neon::channels_16(line, channel);
  const neon::LimitsS8 limits = neon::limits_s8(line.zero_point, line.lo, line.hi);
  OCTET_UNROLL for (int i = 0; i < pairs; ++i) {
    int32x4_t first[4], second[4];
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      const int64x2_t low = vreinterpretq_s64_s32(acc[i][2 * j]);
      const int64x2_t high = vreinterpretq_s64_s32(acc[i][2 * j + 1]);
      first[j] = vreinterpretq_s32_s64(vzip1q_s64(low, high));
      second[j] = vreinterpretq_s32_s64(vzip2q_s64(low, high));
    }
    neon::store_pixel_s8(line, pixel + 2 * i, channel, first, channels, limits);
    if (2 * i + 1 < MR)
      neon::store_pixel_s8(line, pixel + 2 * i + 1, channel, second, channels, limits);
  }
}

template <class = WhenUsed>
void conv2d_s8_line(const LineS8& line) noexcept {
  static neon::Conv2dS8Tile* const tiles[] = {nullptr,
                                              &conv2d_s8_tile<1>,
                                              &conv2d_s8_tile<2>,
                                              &conv2d_s8_tile<3>,
                                              &conv2d_s8_tile<4>,
                                              &conv2d_s8_tile<5>,
                                              &conv2d_s8_tile<6>};
  neon::conv2d_s8_tiles(line, tiles);
}

/// Two steps of pack_blocks_s8(), each 16 channels of 4 bytes, become 16 channels of 8; where a run
/// of taps has an odd number of steps, zeros follow.
inline void pack_conv2d_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  pack_blocks_s8<std::int8_t>(s, w, packed.x_zero_point, packed);
  const std::size_t steps = static_cast<std::size_t>(TapsS8(s, 1).steps),
                    even = (steps + 1) / 2 * 2;
  const std::size_t runs = packed.weights.size() / (steps * 64);
  AlignedVector<std::byte> weights(runs * even * 64, std::byte{0});
  for (std::size_t run = 0; run < runs; ++run)
    for (std::size_t i = 0; i < steps * 16; ++i) {
      const std::size_t step = i / 16, lane = i % 16;
      std::memcpy(weights.data() + (run * even + step / 2 * 2) * 64 + lane * 8 + step % 2 * 4,
                  packed.weights.data() + (run * steps * 16 + i) * 4, 4);
    }
  packed.weights.swap(weights);
}

template <class = WhenUsed>
void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
               const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept {
  LinesS8 work = conv2d_s8_work(s, packed, 1);
  work.taps.steps = round_up(work.taps.steps, 2);
  work.block_bytes = work.taps.rows * work.taps.columns * work.taps.steps * 64;
  neon::conv2d_s8_lines(work, &conv2d_s8_line, x, packed, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels::neon_i8mm

#endif
