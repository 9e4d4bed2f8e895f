// The int8 convolution by NEON's dot product.
#pragma once

#include "octet/kernels/neon/conv2d_s8.hpp"
#include "octet/kernels/neon/target.hpp"

#if OCTET_NEON

namespace octet::inline OCTET_ABI::kernels::neon_dotprod {

/// sum[c] += the dot product of four[0 .. 3] and weights[4 * c .. 4 * c + 3]. As assembly, because
/// the intrinsics' own target attribute names an architecture, and Clang has none before 16.
OCTET_NEON_DOTPROD __attribute__((always_inline)) inline void dot_4(int32x4_t& sum,
                                                                    int8x16_t weights,
                                                                    float four) noexcept {
  asm("sdot %0.4s, %1.16b, %2.4b[0]" : "+w"(sum) : "w"(weights), "w"(four));
}

/// Tile: MR pixels x 16 channels, as int32 in 4 * MR registers. Each step multiplies 4 bytes of
/// every pixel, which one register's first lane holds, with 4 bytes of every channel. GCC 12 makes
/// a step of 6 pixels 37 instructions, 24 of them sdot, for 384 products.
template <int MR>
OCTET_NEON_DOTPROD void conv2d_s8_tile(const LineS8& line, std::int64_t pixel,
                                       std::int64_t channel) noexcept {
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
          float four;
          std::memcpy(&four, x + i * stride, 4);
          OCTET_UNROLL for (int j = 0; j < 4; ++j) dot_4(acc[i][j], weights[j], four);
        }
      }
    }
  const neon::Channels16 channels = neon::channels_16(line, channel);
  const neon::LimitsS8 limits = neon::limits_s8(line.zero_point, line.lo, line.hi);
  OCTET_UNROLL for (int i = 0; i < MR; ++i) {
    neon::store_pixel_s8(line, pixel + i, channel, acc[i], channels, limits);
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

inline void pack_conv2d_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  pack_blocks_s8<std::int8_t>(s, w, packed.x_zero_point, packed);
}

template <class = WhenUsed>
void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
               const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept {
  neon::conv2d_s8_lines(conv2d_s8_work(s, packed, 1), &conv2d_s8_line, x, packed, q, y, scratch,
                        pool);
}

}  // namespace octet::inline OCTET_ABI::kernels::neon_dotprod

#endif
