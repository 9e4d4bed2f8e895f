// The int8 depthwise convolution with AVX-512, by vpmaddwd on pairs of taps widened to int16.
#pragma once

#include "octet/kernels/avx512/requantize_s8.hpp"
#include "octet/kernels/depthwise_s8_packing.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::avx512 {

/// Tile: MR pixels x 32 channels, as avx2/depthwise_s8.hpp in twice the width.
template <int MR>
OCTET_TARGET_AVX512_S8 inline void depthwise_s8_tile(const LineS8& line, const TapOffsetsS8& taps,
                                                     std::int64_t pixel,
                                                     std::int64_t channel) noexcept {
  __m512i acc[MR][2];
#pragma GCC unroll 2
  for (int i = 0; i < MR; ++i) acc[i][0] = acc[i][1] = _mm512_setzero_si512();
  const std::byte* x = line.x + pixel * line.pixel_stride + 2 * channel;
  const std::byte* w = line.weights + channel / 16 * line.block_bytes;
  for (std::int64_t pair = 0; pair < taps.pairs; ++pair, w += 128) {
    const __m512i w_low = _mm512_load_si512(w);
    const __m512i w_high = _mm512_load_si512(w + 64);
#pragma GCC unroll 2
    for (int i = 0; i < MR; ++i) {
      const std::byte* const from = x + i * line.pixel_stride;
      const __m512i first = _mm512_loadu_si512(from + taps.offset[2 * pair]);
      const __m512i second = _mm512_loadu_si512(from + taps.offset[2 * pair + 1]);
      acc[i][0] = _mm512_add_epi32(acc[i][0],
                                   _mm512_madd_epi16(_mm512_unpacklo_epi16(first, second), w_low));
      acc[i][1] = _mm512_add_epi32(acc[i][1],
                                   _mm512_madd_epi16(_mm512_unpackhi_epi16(first, second), w_high));
    }
  }
  const std::int64_t left = line.channels - channel;
  const auto mask =
      static_cast<__mmask32>(left >= 32 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1);
  // The low halves hold channels 0 to 3, 8 to 11, ..., the high ones 4 to 7, 12 to 15, ...: bias
  // and multiplier are brought into that order, vpackssdw brings the results back.
  const __m512i low = _mm512_setr_epi32(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(4));
  const auto low_mask = static_cast<__mmask16>(mask),
             high_mask = static_cast<__mmask16>(mask >> 16);
  const bool both = left > 16;
  const __m512 m0 = _mm512_maskz_loadu_ps(low_mask, line.multiplier + channel);
  const __m512 m1 =
      both ? _mm512_maskz_loadu_ps(high_mask, line.multiplier + channel + 16) : _mm512_setzero_ps();
  __m512i b0 = _mm512_setzero_si512(), b1 = b0;
  if (line.bias) {
    b0 = _mm512_maskz_loadu_epi32(low_mask, line.bias + channel);
    if (both) b1 = _mm512_maskz_loadu_epi32(high_mask, line.bias + channel + 16);
  }
  const __m512 multiplier[2] = {_mm512_permutex2var_ps(m0, low, m1),
                                _mm512_permutex2var_ps(m0, high, m1)};
  const __m512i start[2] = {_mm512_permutex2var_epi32(b0, low, b1),
                            _mm512_permutex2var_epi32(b0, high, b1)};
  const LimitsS8 limits = limits_s8(line.zero_point, line.lo, line.hi);
#pragma GCC unroll 2
  for (int i = 0; i < MR; ++i) {
    __m512i q[2];
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half)
      q[half] =
          round_16(_mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_add_epi32(acc[i][half], start[half])),
                                 multiplier[half]),
                   limits);
    _mm256_mask_storeu_epi8(line.y + (pixel + i) * line.y_stride + channel, mask,
                            _mm512_cvtepi16_epi8(_mm512_packs_epi32(q[0], q[1])));
  }
}

template <class = WhenUsed>
void depthwise_s8_line(const LineS8& line) noexcept {
  const TapOffsetsS8 taps(line);
  for (std::int64_t channel = 0; channel < line.channels; channel += 32) {
    std::int64_t pixel = 0;
    for (; pixel + 2 <= line.pixels; pixel += 2) depthwise_s8_tile<2>(line, taps, pixel, channel);
    if (pixel < line.pixels) depthwise_s8_tile<1>(line, taps, pixel, channel);
  }
}

/// x - x_zero_point as int16.
OCTET_TARGET_AVX512_S8 inline void to_int16(std::int64_t pixels, const std::int8_t* x,
                                            const LinesS8& work, std::byte* to) noexcept {
  const std::int64_t count = pixels * work.x_channels;
  const __m512i zero_point = _mm512_set1_epi16(static_cast<short>(work.x_zero_point));
  for (std::int64_t i = 0; i < count; i += 32) {
    const auto mask = mask_32(count - i);
    const __m512i wide = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, x + i));
    _mm512_mask_storeu_epi16(to + 2 * i, mask, _mm512_sub_epi16(wide, zero_point));
  }
}

inline void pack_depthwise_s8(const Conv2dShape& s, const std::int8_t* w,
                              PackedDepthwiseS8& packed) {
  pack_depthwise_pairs_s8(s, w, 32, packed);
}

template <class = WhenUsed>
void depthwise_s8(const Conv2dShape& s, const std::int8_t* x, const PackedDepthwiseS8& packed,
                  const Requantize& q, std::int8_t* y, std::byte* scratch,
                  ThreadPool* pool) noexcept {
  depthwise_s8_by_lines(s, x, packed, q, y, scratch, pool, &to_int16, &depthwise_s8_line);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
