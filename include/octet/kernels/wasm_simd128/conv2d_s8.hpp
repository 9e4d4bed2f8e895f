// The int8 convolution with WebAssembly's SIMD, by dot products of values widened to int16.
#pragma once

#include "octet/kernels/conv2d_s8_packing.hpp"
#include "octet/kernels/wasm_simd128/requantize_s8.hpp"

#if OCTET_WASM_SIMD128

namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {

/// x - x_zero_point as int16: at most 255 in magnitude, and the padding is 0.
inline void to_int16(std::int64_t pixels, const std::int8_t* x, const LinesS8& work,
                     std::byte* to) noexcept {
  const std::int64_t count = pixels * work.x_channels;
  const v128_t zero_point = wasm_i16x8_splat(static_cast<std::int16_t>(work.x_zero_point));
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    wasm_v128_store(to + 2 * i, wasm_i16x8_sub(wasm_i16x8_load8x8(x + i), zero_point));
  for (; i < count; ++i) {
    const auto value = static_cast<std::int16_t>(x[i] - work.x_zero_point);
    std::memcpy(to + 2 * i, &value, 2);
  }
}

/// Requantizes and stores one pixel of a tile of 16 channels.
inline void store_pixel_s8(const LineS8& line, std::int64_t pixel, std::int64_t channel,
                           const v128_t (&sum)[4], const Channels16& channels,
                           const LimitsS8& limits) noexcept {
  store_bytes(line.y + pixel * line.y_stride + channel, requantize_16(sum, channels, limits),
              line.channels - channel);
}
inline Channels16 channels_16(const LineS8& line, std::int64_t channel) noexcept {
  return channels_16(line.correction + channel, line.bias ? line.bias + channel : nullptr,
                     line.multiplier + channel, line.channels - channel);
}

/// Tile: MR pixels x 16 channels, as int32 in 4 * MR registers. Each step broadcasts 2 channels of
/// every pixel and multiplies them with 2 of every output channel; i32x4.dot_i16x8_s adds the two
/// products exactly, as 2 * 255 * 127 < 2^31.
template <int MR>
void conv2d_s8_tile(const LineS8& line, std::int64_t pixel, std::int64_t channel) noexcept {
  v128_t acc[MR][4];
  OCTET_UNROLL for (int i = 0; i < MR; ++i) {
    OCTET_UNROLL for (int j = 0; j < 4; ++j) acc[i][j] = wasm_i32x4_const_splat(0);
  }
  const std::int64_t stride = line.pixel_stride, steps = line.steps;
  const std::byte* w = line.weights + channel / 16 * line.block_bytes;
  for (std::int64_t row = 0; row < line.rows; ++row)
    for (std::int64_t column = 0; column < line.columns; ++column) {
      const std::byte* x =
          line.x + pixel * stride + row * line.row_step + column * line.column_step;
      for (std::int64_t step = 0; step < steps; ++step, x += 4, w += 64) {
        v128_t two[MR];
        OCTET_UNROLL for (int i = 0; i < MR; ++i) two[i] = wasm_v128_load32_splat(x + i * stride);
        OCTET_UNROLL for (int j = 0; j < 4; ++j) {
          const v128_t weights = wasm_v128_load(w + 16 * j);
          OCTET_UNROLL for (int i = 0; i < MR; ++i) {
            acc[i][j] = wasm_i32x4_add(acc[i][j], wasm_i32x4_dot_i16x8(two[i], weights));
          }
        }
      }
    }
  const Channels16 channels = channels_16(line, channel);
  const LimitsS8 limits = limits_s8(line.zero_point, line.lo, line.hi);
  OCTET_UNROLL for (int i = 0; i < MR; ++i) {
    store_pixel_s8(line, pixel + i, channel, acc[i], channels, limits);
  }
}

/// The line in tiles of 16 channels and at most 3 pixels: x86 has 16 registers for WebAssembly.
template <class = WhenUsed>
void conv2d_s8_line(const LineS8& line) noexcept {
  for (std::int64_t channel = 0; channel < line.channels; channel += 16) {
    std::int64_t pixel = 0;
    for (; pixel + 3 <= line.pixels; pixel += 3) conv2d_s8_tile<3>(line, pixel, channel);
    if (line.pixels - pixel == 2)
      conv2d_s8_tile<2>(line, pixel, channel);
    else if (line.pixels - pixel == 1)
      conv2d_s8_tile<1>(line, pixel, channel);
  }
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

}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128

#endif
