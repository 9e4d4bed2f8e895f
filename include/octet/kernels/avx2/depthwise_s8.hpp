// The int8 depthwise convolution with AVX2, by vpmaddwd on pairs of taps widened to int16.
#pragma once

#include "octet/kernels/avx2/conv2d_s8.hpp"
#include "octet/kernels/depthwise_s8_packing.hpp"

#if OCTET_X86

namespace octet::inline OCTET_ABI::kernels::avx2 {

/// Tile: MR pixels x 16 channels. The values of two taps are interleaved channel by channel, then
/// vpmaddwd multiplies both and adds them exactly; two pixels share each load of weights.
template <int MR>
OCTET_TARGET_AVX2_S8 inline void depthwise_s8_tile(const LineS8& line, const TapOffsetsS8& taps,
                                                   std::int64_t pixel,
                                                   std::int64_t channel) noexcept {
  __m256i acc[MR][2];
#pragma GCC unroll 2
  for (int i = 0; i < MR; ++i) acc[i][0] = acc[i][1] = _mm256_setzero_si256();
  const std::byte* x = line.x + pixel * line.pixel_stride + 2 * channel;
  const std::byte* w = line.weights + channel / 16 * line.block_bytes;
  for (std::int64_t pair = 0; pair < taps.pairs; ++pair, w += 64) {
    const __m256i w_low = _mm256_load_si256(reinterpret_cast<const __m256i*>(w));
    const __m256i w_high = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + 32));
#pragma GCC unroll 2
    for (int i = 0; i < MR; ++i) {
      const std::byte* const from = x + i * line.pixel_stride;
      const __m256i first =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + taps.offset[2 * pair]));
      const __m256i second =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + taps.offset[2 * pair + 1]));
      acc[i][0] = _mm256_add_epi32(acc[i][0],
                                   _mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), w_low));
      acc[i][1] = _mm256_add_epi32(acc[i][1],
                                   _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), w_high));
    }
  }
  const std::int64_t left = line.channels - channel;
  const Channels16 channels =
      channels_16(line.correction + channel, line.bias ? line.bias + channel : nullptr,
                  line.multiplier + channel, left);
  const LimitsS8 limits = limits_s8(line.zero_point, line.lo, line.hi);
#pragma GCC unroll 2
  for (int i = 0; i < MR; ++i) {
    // The low halves hold channels 0 to 3 and 8 to 11, the high ones 4 to 7 and 12 to 15.
    const __m256i sums[2] = {_mm256_permute2x128_si256(acc[i][0], acc[i][1], 0x20),
                             _mm256_permute2x128_si256(acc[i][0], acc[i][1], 0x31)};
    __m256i q[2];
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half)
      q[half] = round_8(
          _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sums[half], channels.start[half])),
                        channels.multiplier[half]),
          limits);
    store_bytes(line.y + (pixel + i) * line.y_stride + channel, narrow_16(q[0], q[1]), left);
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
  pack_depthwise_pairs_s8(s, w, 16, packed);
}

template <class = WhenUsed>
void depthwise_s8(const Conv2dShape& s, const std::int8_t* x, const PackedDepthwiseS8& packed,
                  const Requantize& q, std::int8_t* y, std::byte* scratch,
                  ThreadPool* pool) noexcept {
  depthwise_s8_by_lines(s, x, packed, q, y, scratch, pool, &to_int16, &depthwise_s8_line);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx2

#endif
