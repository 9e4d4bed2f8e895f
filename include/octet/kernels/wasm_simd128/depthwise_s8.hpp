// The int8 depthwise convolution with WebAssembly's SIMD, by dot products of pairs of taps widened
// to int16.
#pragma once

#include "octet/kernels/depthwise_s8_packing.hpp"
#include "octet/kernels/wasm_simd128/conv2d_s8.hpp"

#if OCTET_WASM_SIMD128

namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {

/// sum[0] and sum[1] += two taps of 8 channels: their values are interleaved channel by channel,
/// then one instruction multiplies both and adds them exactly.
inline void depthwise_s8_pair(const std::byte* first, const std::byte* second, const std::byte* w,
                              v128_t* sum) noexcept {
  const v128_t a = wasm_v128_load(first), b = wasm_v128_load(second);
  const v128_t low = wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  const v128_t high = wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  sum[0] = wasm_i32x4_add(sum[0], wasm_i32x4_dot_i16x8(low, wasm_v128_load(w)));
  sum[1] = wasm_i32x4_add(sum[1], wasm_i32x4_dot_i16x8(high, wasm_v128_load(w + 16)));
}

/// Tile: MR pixels x 16 channels, in two blocks of 8.
template <int MR>
void depthwise_s8_tile(const LineS8& line, const TapOffsetsS8& taps, std::int64_t pixel,
                       std::int64_t channel) noexcept {
  v128_t acc[MR][4];
  OCTET_UNROLL for (int i = 0; i < MR; ++i) {
    OCTET_UNROLL for (int j = 0; j < 4; ++j) acc[i][j] = wasm_i32x4_const_splat(0);
  }
  const std::byte* x = line.x + pixel * line.pixel_stride + 2 * channel;
  const std::byte* w = line.weights + channel / 16 * line.block_bytes;
  for (std::int64_t pair = 0; pair < taps.pairs; ++pair, w += 32) {
    OCTET_UNROLL for (int i = 0; i < MR; ++i) {
      const std::byte* const from = x + i * line.pixel_stride;
      const std::byte* const first = from + taps.offset[2 * pair];
      const std::byte* const second = from + taps.offset[2 * pair + 1];
      depthwise_s8_pair(first, second, w, acc[i]);
      depthwise_s8_pair(first + 16, second + 16, w + line.block_bytes / 2, acc[i] + 2);
    }
  }
  const Channels16 channels = channels_16(line, channel);
  const LimitsS8 limits = limits_s8(line.zero_point, line.lo, line.hi);
  OCTET_UNROLL for (int i = 0; i < MR; ++i) {
    store_pixel_s8(line, pixel + i, channel, acc[i], channels, limits);
  }
}

template <class = WhenUsed>
void depthwise_s8_line(const LineS8& line) noexcept {
  const TapOffsetsS8 taps(line);
  for (std::int64_t channel = 0; channel < line.channels; channel += 16) {
    std::int64_t pixel = 0;
    for (; pixel + 2 <= line.pixels; pixel += 2) depthwise_s8_tile<2>(line, taps, pixel, channel);
    if (pixel < line.pixels) depthwise_s8_tile<1>(line, taps, pixel, channel);
  }
}

inline void pack_depthwise_s8(const Conv2dShape& s, const std::int8_t* w,
                              PackedDepthwiseS8& packed) {
  pack_depthwise_pairs_s8(s, w, 8, packed);
}

template <class = WhenUsed>
void depthwise_s8(const Conv2dShape& s, const std::int8_t* x, const PackedDepthwiseS8& packed,
                  const Requantize& q, std::int8_t* y, std::byte* scratch,
                  ThreadPool* pool) noexcept {
  depthwise_s8_by_lines(s, x, packed, q, y, scratch, pool, &to_int16, &depthwise_s8_line);
}

}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128

#endif
