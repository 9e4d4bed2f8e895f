// The int8 convolution by vpdpbusd: 64 multiplications and additions in one instruction.
#pragma once

#include "octet/kernels/conv2d_s8_packing.hpp"

#if OCTET_X86
#include <array>
#include <immintrin.h>
#include <utility>

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

/// Tile: MR pixels x 16 * NR channels, as int32 in MR * NR registers. Each step broadcasts 4 bytes
/// of every pixel and multiplies them with 4 bytes of every channel. Measured: 9 tenths of the rate
/// of vpdpbusd alone, 4 times that of the float convolution.
template <int MR, int NR>
OCTET_TARGET_AVX512_VNNI void conv2d_s8_tile(const LineS8& line, std::int64_t pixel,
                                             std::int64_t channel) noexcept {
  __m512i acc[MR][NR];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NR; ++j) acc[i][j] = _mm512_setzero_si512();
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
  const __m512 lowest = _mm512_set1_ps(static_cast<float>(line.lo - line.zero_point));
  const __m512 highest = _mm512_set1_ps(static_cast<float>(line.hi - line.zero_point));
  const __m512i zero_point = _mm512_set1_epi32(line.zero_point);
#pragma GCC unroll 4
  for (int j = 0; j < NR; ++j) {
    const std::int64_t oc = channel + 16 * j, left = line.channels - oc;
    if (left <= 0) break;
    const auto mask = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
    __m512i start = _mm512_loadu_si512(line.correction + oc);
    if (line.bias) start = _mm512_add_epi32(start, _mm512_maskz_loadu_epi32(mask, line.bias + oc));
    const __m512 multiplier = _mm512_maskz_loadu_ps(mask, line.multiplier + oc);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      __m512 value = _mm512_cvtepi32_ps(_mm512_add_epi32(acc[i][j], start));
      value = _mm512_mul_ps(value, multiplier);
      value = _mm512_min_ps(_mm512_max_ps(value, lowest), highest);
      const __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(value), zero_point);
      _mm_mask_storeu_epi8(line.y + (pixel + i) * line.y_stride + oc, mask,
                           _mm512_cvtepi32_epi8(q));
    }
  }
}

using Conv2dS8Tile = void(const LineS8& line, std::int64_t pixel, std::int64_t channel) noexcept;

template <int NR, int... MR>
constexpr std::array<Conv2dS8Tile*, sizeof...(MR) + 1> conv2d_s8_tiles(
    std::integer_sequence<int, MR...>) {
  return {nullptr, &conv2d_s8_tile<MR + 1, NR>...};
}

/// The line in tiles of 6 x 64 channels, what is left in 14 x 32 and 14 x 16; each run of pixels
/// is cut evenly, 24 into 4 times 6 or twice 12.
inline void conv2d_s8_line(const LineS8& line) noexcept {
  static constexpr auto by_64 = conv2d_s8_tiles<4>(std::make_integer_sequence<int, 6>{});
  static constexpr auto by_32 = conv2d_s8_tiles<2>(std::make_integer_sequence<int, 14>{});
  static constexpr auto by_16 = conv2d_s8_tiles<1>(std::make_integer_sequence<int, 14>{});
  for (std::int64_t channel = 0; channel < line.channels;) {
    const std::int64_t left = line.channels - channel;
    const std::int64_t width = left > 48 ? 64 : left > 16 ? 32 : 16;
    Conv2dS8Tile* const* tiles = width == 64   ? by_64.data()
                                 : width == 32 ? by_32.data()
                                               : by_16.data();
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

inline void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                      const Requantize& q, std::int8_t* y, std::byte* scratch,
                      ThreadPool* pool) noexcept {
  LinesS8 work = conv2d_s8_work(s, packed, 1);
  work.convert = &to_unsigned;
  work.line = &conv2d_s8_line;
  work.border = static_cast<std::uint8_t>(packed.x_zero_point + 128);
  lines_s8(work, x, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512_vnni

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
