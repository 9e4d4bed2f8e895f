// The int8 convolution by vpdpbusd on vectors of 256 bits, for processors without AVX-512.
#pragma once

#include "octet/kernels/avx2/conv2d_s8.hpp"

#if OCTET_X86
#define OCTET_TARGET_AVX_VNNI __attribute__((target("avx2,avxvnni")))

namespace octet::inline OCTET_ABI::kernels::avx_vnni {

/// x + 128, unsigned, as in avx512_vnni/conv2d_s8.hpp, whose packing this is.
OCTET_TARGET_AVX_VNNI inline void to_unsigned(std::int64_t pixels, const std::int8_t* x,
                                              const LinesS8& work, std::byte* to) noexcept {
  const std::int64_t count = pixels * work.x_channels;
  const __m256i top = _mm256_set1_epi8(-128);
  std::int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_xor_si256(bytes, top));
  }
  for (; i < count; ++i) to[i] = static_cast<std::byte>(x[i]) ^ std::byte{128};
}

/// Tile: MR pixels x 16 channels, as int32 in 2 * MR registers: the tile of avx2/conv2d_s8.hpp with
/// 4 channels of a pixel in one instruction where that takes 2 in two. Measured: 2.7 times as fast.
template <int MR>
OCTET_TARGET_AVX_VNNI void conv2d_s8_tile(const LineS8& line, const avx2::BlockS8& block,
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
          std::int32_t bytes;
          std::memcpy(&bytes, x + i * stride, 4);
          const __m256i four = _mm256_set1_epi32(bytes);
          acc[i][0] = _mm256_dpbusd_avx_epi32(acc[i][0], four, w0);
          acc[i][1] = _mm256_dpbusd_avx_epi32(acc[i][1], four, w1);
          // One pixel after the other, see avx2/conv2d_s8.hpp.
          asm volatile("" : "+x"(acc[i][0]), "+x"(acc[i][1])::"memory");
        }
      }
    }
  avx2::finish_s8<MR>(line, block, pixel, acc);
}

template <class = WhenUsed>
void conv2d_s8_line(const LineS8& line) noexcept {
  static avx2::Conv2dS8Tile* const tiles[] = {nullptr,
                                              &conv2d_s8_tile<1>,
                                              &conv2d_s8_tile<2>,
                                              &conv2d_s8_tile<3>,
                                              &conv2d_s8_tile<4>,
                                              &conv2d_s8_tile<5>,
                                              &conv2d_s8_tile<6>};
  avx2::conv2d_s8_tiles(line, tiles);
}

inline void pack_conv2d_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  pack_blocks_s8<std::int8_t>(s, w, packed.x_zero_point + 128, packed);
}

inline std::int64_t conv2d_s8_scratch_bytes(const Conv2dShape& s) noexcept {
  return lines_s8_scratch_bytes(s, 1);
}

template <class = WhenUsed>
void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
               const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept {
  LinesS8 work = conv2d_s8_work(s, packed, 1);
  work.convert = &to_unsigned;
  work.line = &conv2d_s8_line;
  work.border = static_cast<std::uint8_t>(packed.x_zero_point + 128);
  lines_s8(work, x, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx_vnni

#endif
