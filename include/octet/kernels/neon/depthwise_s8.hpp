// The int8 depthwise convolution with NEON, by smull and smlal on pairs of taps.
#pragma once

#include "octet/kernels/depthwise_s8_packing.hpp"
#include "octet/kernels/neon/conv2d_s8.hpp"

#if OCTET_NEON

namespace octet::inline OCTET_ABI::kernels::neon {

/// Tile: MR pixels x 16 channels. The products of two taps add up in 16 bits, as in
/// neon/conv2d_s8.hpp; pixels share each load of weights.
template <int MR>
void depthwise_s8_tile(const LineS8& line, const TapOffsetsS8& taps, std::int64_t pixel,
                       std::int64_t channel) noexcept {
  int32x4_t acc[MR][4];
  OCTET_UNROLL for (int i = 0; i < MR; ++i) {
    OCTET_UNROLL for (int j = 0; j < 4; ++j) acc[i][j] = vdupq_n_s32(0);
  }
  const auto* const x =
      reinterpret_cast<const std::int8_t*>(line.x + pixel * line.pixel_stride + channel);
  const auto* w =
      reinterpret_cast<const std::int8_t*>(line.weights + channel / 16 * line.block_bytes);
  for (std::int64_t pair = 0; pair < taps.pairs; ++pair, w += 32) {
    const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + 16);
    OCTET_UNROLL for (int i = 0; i < MR; ++i) {
      const std::int8_t* const from = x + i * line.pixel_stride;
      const int8x16_t first = vld1q_s8(from + taps.offset[2 * pair]);
      const int8x16_t second = vld1q_s8(from + taps.offset[2 * pair + 1]);
      const int16x8_t low = vmlal_s8(vmull_s8(vget_low_s8(first), vget_low_s8(w0)),
                                     vget_low_s8(second), vget_low_s8(w1));
      const int16x8_t high = vmlal_high_s8(vmull_high_s8(first, w0), second, w1);
      acc[i][0] = vaddw_s16(acc[i][0], vget_low_s16(low));
      acc[i][1] = vaddw_high_s16(acc[i][1], low);
      acc[i][2] = vaddw_s16(acc[i][2], vget_low_s16(high));
      acc[i][3] = vaddw_high_s16(acc[i][3], high);
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
    for (; pixel + 4 <= line.pixels; pixel += 4) depthwise_s8_tile<4>(line, taps, pixel, channel);
    for (; pixel < line.pixels; ++pixel) depthwise_s8_tile<1>(line, taps, pixel, channel);
  }
}

/// Packs w [KH, KW, OC] as [blocks of 16 channels, taps, 16], taps and channels filled up with
/// zeros.
inline void pack_depthwise_s8(const Conv2dShape& s, const std::int8_t* w,
                              PackedDepthwiseS8& packed) {
  const std::int64_t taps = s.KH * s.KW, padded_taps = round_up(taps, 2);
  if (taps > depthwise_s8_max_taps) return scalar::pack_depthwise_s8(s, w, packed);
  const std::int64_t padded_OC = round_up(s.OC, 16);
  packed.weights.assign(static_cast<std::size_t>(padded_OC * padded_taps), std::byte{0});
  std::vector<std::uint32_t> sum(static_cast<std::size_t>(padded_OC));
  for (std::int64_t tap = 0; tap < taps; ++tap)
    for (std::int64_t oc = 0; oc < s.OC; ++oc) {
      const std::int8_t value = w[tap * s.OC + oc];
      const std::int64_t at = (oc / 16 * padded_taps + tap) * 16 + oc % 16;
      packed.weights[static_cast<std::size_t>(at)] = static_cast<std::byte>(value);
      sum[static_cast<std::size_t>(oc)] += static_cast<std::uint32_t>(value);
    }
  packed.correction.clear();
  for (const std::uint32_t each : sum)
    packed.correction.push_back(
        static_cast<std::int32_t>(0u - static_cast<std::uint32_t>(packed.x_zero_point) * each));
}

inline std::int64_t depthwise_s8_scratch_bytes(const Conv2dShape& s) noexcept {
  if (s.KH * s.KW > depthwise_s8_max_taps) return 0;
  return lines_s8_scratch_bytes(depthwise_s8_lines_shape(s), 1);
}

/// Each channel as often as output channels see it.
inline void to_repeated_bytes(std::int64_t pixels, const std::int8_t* x, const LinesS8& work,
                              std::byte* to) noexcept {
  const std::int64_t repeats = work.shape.OC / work.x_channels;
  for (std::int64_t i = 0; i < pixels * work.x_channels; ++i, to += repeats)
    std::memset(to, x[i], static_cast<std::size_t>(repeats));
}

template <class = WhenUsed>
void depthwise_s8(const Conv2dShape& s, const std::int8_t* x, const PackedDepthwiseS8& packed,
                  const Requantize& q, std::int8_t* y, std::byte* scratch,
                  ThreadPool* pool) noexcept {
  if (s.KH * s.KW > depthwise_s8_max_taps)
    return scalar::depthwise_s8(s, x, packed, q, y, scratch, pool);
  LinesS8 work = depthwise_s8_work(s, packed, 1);
  work.block_bytes = round_up(s.KH * s.KW, 2) * 16;
  work.convert = s.OC == s.C ? &to_bytes : &to_repeated_bytes;
  work.line = &depthwise_s8_line;
  work.border = static_cast<std::uint8_t>(packed.x_zero_point);
  lines_s8(work, x, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels::neon

#endif
