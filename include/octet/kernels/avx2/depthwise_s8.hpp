// The int8 depthwise convolution with AVX2, by vpmaddwd on pairs of taps widened to int16.
#pragma once

#include "octet/kernels/avx2/conv2d_s8.hpp"
#include "octet/kernels/depthwise_s8_packing.hpp"

#if OCTET_X86
#include <vector>

namespace octet::inline OCTET_ABI::kernels::avx2 {

OCTET_TARGET_AVX2_S8 inline __m256i load_256(const std::byte* from) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

/// The block for sums whose low halves hold channels 0 to 3 and 8 to 11, and whose high ones 4 to 7
/// and 12 to 15.
OCTET_TARGET_AVX2_S8 inline BlockS8 interleaved(BlockS8 block) noexcept {
  Channels16& c = block.channels;
  const __m256i start = c.start[0];
  const __m256 multiplier = c.multiplier[0];
  c.start[0] = _mm256_permute2x128_si256(start, c.start[1], 0x20);
  c.start[1] = _mm256_permute2x128_si256(start, c.start[1], 0x31);
  c.multiplier[0] = _mm256_permute2f128_ps(multiplier, c.multiplier[1], 0x20);
  c.multiplier[1] = _mm256_permute2f128_ps(multiplier, c.multiplier[1], 0x31);
  block.order = _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7);
  return block;
}

/// Tile: MR pixels x 16 channels. The values of two taps are interleaved channel by channel, then
/// vpmaddwd multiplies both and adds them exactly; two pixels share each load of weights.
template <int MR>
OCTET_TARGET_AVX2_S8 inline void depthwise_s8_tile(const LineS8& line, const TapOffsetsS8& taps,
                                                   const BlockS8& c, std::int64_t pixel) noexcept {
  __m256i acc[MR][2];
#pragma GCC unroll 2
  for (int i = 0; i < MR; ++i) {
    acc[i][0] = c.channels.start[0];
    acc[i][1] = c.channels.start[1];
  }
  const std::byte* x = line.x + pixel * line.pixel_stride + 2 * c.channel;
  const std::byte* w = c.weights;
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
  finish_s8<MR>(line, c, pixel, acc);
}

/// The same for 3x3 taps whose pixels lie STRIDE columns apart. The two upper taps of a column make
/// a pair that serves up to three pixels, and so do two neighbours below: 6 unpackings to a pixel
/// in place of 10. Measured: 1.4 times as fast as the other at 12x12 pixels and above, 1.2 at 3x3.
template <int STRIDE, int MR>
OCTET_TARGET_AVX2_S8 inline void depthwise_3x3_s8_tile(const LineS8& line, const BlockS8& c,
                                                       std::int64_t pixel) noexcept {
  __m256i acc[MR][2];
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i) {
    acc[i][0] = c.channels.start[0];
    acc[i][1] = c.channels.start[1];
  }
  const std::byte* x = line.x + pixel * line.pixel_stride + 2 * c.channel;
  const std::byte* const w = c.weights;
  const std::int64_t next = line.column_step;
#pragma GCC unroll 16
  for (int column = 0; column < (MR - 1) * STRIDE + 3; ++column, x += next) {
    const __m256i first = load_256(x), second = load_256(x + line.row_step);
    const __m256i low = _mm256_unpacklo_epi16(first, second);
    const __m256i high = _mm256_unpackhi_epi16(first, second);
    // The lower taps: the left two of the pixel that begins here, the right one of that which ends.
    const bool begins = column % STRIDE == 0 && column / STRIDE < MR;
    const bool ends = column >= 2 && (column - 2) % STRIDE == 0;
    __m256i below_low = low, below_high = high;
    if (begins || ends) {
      const __m256i left = load_256(x + 2 * line.row_step);
      const __m256i right = begins ? load_256(x + 2 * line.row_step + next) : left;
      below_low = _mm256_unpacklo_epi16(left, right);
      below_high = _mm256_unpackhi_epi16(left, right);
    }
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) {
      const int kw = column - i * STRIDE;
      if (kw < 0 || kw > 2) continue;
      acc[i][0] = _mm256_add_epi32(acc[i][0], _mm256_madd_epi16(low, load_256(w + 64 * kw)));
      acc[i][1] = _mm256_add_epi32(acc[i][1], _mm256_madd_epi16(high, load_256(w + 64 * kw + 32)));
      if (kw == 1) continue;
      const std::byte* const lower = w + (kw == 0 ? 192 : 256);
      acc[i][0] = _mm256_add_epi32(acc[i][0], _mm256_madd_epi16(below_low, load_256(lower)));
      acc[i][1] = _mm256_add_epi32(acc[i][1], _mm256_madd_epi16(below_high, load_256(lower + 32)));
    }
  }
  finish_s8<MR>(line, c, pixel, acc);
}

template <int STRIDE>
OCTET_TARGET_AVX2_S8 inline void depthwise_3x3_s8_tiles(const LineS8& line,
                                                        const BlockS8& c) noexcept {
  std::int64_t pixel = 0;
  for (; pixel + 4 <= line.pixels; pixel += 4) depthwise_3x3_s8_tile<STRIDE, 4>(line, c, pixel);
  for (; pixel < line.pixels; ++pixel) depthwise_3x3_s8_tile<STRIDE, 1>(line, c, pixel);
}

template <class = WhenUsed>
OCTET_TARGET_AVX2_S8 void depthwise_s8_line(const LineS8& line) noexcept {
  const TapOffsetsS8 taps(line);
  for (std::int64_t channel = 0; channel < line.channels; channel += 16) {
    const BlockS8 c = interleaved(block_s8(line, channel));
    std::int64_t pixel = 0;
    for (; pixel + 2 <= line.pixels; pixel += 2) depthwise_s8_tile<2>(line, taps, c, pixel);
    if (pixel < line.pixels) depthwise_s8_tile<1>(line, taps, c, pixel);
  }
}

/// Eight channels are half a vector: two neighbours make a pixel of 16 channels, and such pixels
/// lie two columns apart. Measured: 1.6 times as fast at 48x48.
OCTET_TARGET_AVX2_S8 inline void depthwise_3x3_s8_pairs(const LineS8& line) noexcept {
  const BlockS8 one = block_s8(line, 0);
  BlockS8 two = one;
  two.left = 16;
  two.channels = eight_twice(one.channels);
  LineS8 pairs = line;
  pairs.pixels = line.pixels / 2;
  pairs.pixel_stride = 2 * line.pixel_stride;
  pairs.y_stride = 2 * line.y_stride;
  depthwise_3x3_s8_tiles<2>(pairs, interleaved(two));
  if (line.pixels % 2) depthwise_3x3_s8_tile<1, 1>(line, interleaved(one), line.pixels - 1);
}

template <class = WhenUsed>
OCTET_TARGET_AVX2_S8 void depthwise_3x3_s8_line(const LineS8& line) noexcept {
  constexpr std::int64_t eight_channels = 16;
  if (line.y_stride == 8 && line.pixel_stride == eight_channels &&
      line.column_step == eight_channels)
    return depthwise_3x3_s8_pairs(line);
  for (std::int64_t channel = 0; channel < line.channels; channel += 16) {
    const BlockS8 c = interleaved(block_s8(line, channel));
    if (line.pixel_stride == line.column_step)
      depthwise_3x3_s8_tiles<1>(line, c);
    else if (line.pixel_stride == 2 * line.column_step)
      depthwise_3x3_s8_tiles<2>(line, c);
    else
      for (std::int64_t pixel = 0; pixel < line.pixels; ++pixel)
        depthwise_3x3_s8_tile<1, 1>(line, c, pixel);
  }
}

/// Packs pairs of taps; of 3x3 the two upper ones of each column, then the lower row, and eight
/// channels twice.
template <class = WhenUsed>
void pack_depthwise_s8(const Conv2dShape& s, const std::int8_t* w, PackedDepthwiseS8& packed) {
  if (s.KH != 3 || s.KW != 3) return pack_depthwise_pairs_s8(s, w, 16, packed);
  Conv2dShape repeated = s;
  if (s.OC == 8) repeated.OC = 16;
  std::vector<std::int8_t> paired(static_cast<std::size_t>(9 * repeated.OC));
  for (int tap = 0; tap < 9; ++tap) {
    const int kh = tap / 3, kw = tap % 3, to = kh < 2 ? 2 * kw + kh : tap;
    for (std::int64_t oc = 0; oc < repeated.OC; ++oc)
      paired[static_cast<std::size_t>(to * repeated.OC + oc)] = w[tap * s.OC + oc % s.OC];
  }
  pack_depthwise_pairs_s8(repeated, paired.data(), 16, packed);
}

template <class = WhenUsed>
void depthwise_s8(const Conv2dShape& s, const std::int8_t* x, const PackedDepthwiseS8& packed,
                  const Requantize& q, std::int8_t* y, std::byte* scratch,
                  ThreadPool* pool) noexcept {
  depthwise_s8_by_lines(s, x, packed, q, y, scratch, pool, &to_int16,
                        s.KH == 3 && s.KW == 3 ? &depthwise_3x3_s8_line<> : &depthwise_s8_line<>);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx2

#endif
