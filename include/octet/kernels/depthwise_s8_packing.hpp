// How the int8 depthwise convolutions pack their weights, and what they tell of their taps.
#pragma once

#include <string_view>

#include "octet/core/aligned.hpp"
#include "octet/core/cpu.hpp"
#include "octet/kernels/lines_s8.hpp"
#include "octet/kernels/scalar/depthwise_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

struct DepthwiseS8Implementation;

/// The weights of one depthwise convolution in the order in which one implementation reads them.
struct PackedDepthwiseS8 {
  const DepthwiseS8Implementation* implementation = nullptr;
  int x_zero_point = 0;
  AlignedVector<std::byte> weights;
  /// What is added to the accumulators of each channel, modulo 2^32, before the bias.
  AlignedVector<std::int32_t> correction;
};

/// One row of the table: how it packs, how much scratch it wants, how it runs.
struct DepthwiseS8Implementation {
  std::string_view name;
  Isa isa;
  void (*pack)(const Conv2dShape& shape, const std::int8_t* w, PackedDepthwiseS8& packed);
  std::int64_t (*scratch_bytes)(const Conv2dShape& shape) noexcept;
  void (*run)(const Conv2dShape& shape, const std::int8_t* x, const PackedDepthwiseS8& packed,
              const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept;
};

namespace scalar {

inline void pack_depthwise_s8(const Conv2dShape& s, const std::int8_t* w,
                              PackedDepthwiseS8& packed) {
  const auto* bytes = reinterpret_cast<const std::byte*>(w);
  packed.weights.assign(bytes, bytes + s.KH * s.KW * s.OC);
}
inline std::int64_t depthwise_s8_scratch_bytes(const Conv2dShape&) noexcept { return 0; }
inline void depthwise_s8(const Conv2dShape& s, const std::int8_t* x,
                         const PackedDepthwiseS8& packed, const Requantize& q, std::int8_t* y,
                         std::byte*, ThreadPool* pool) noexcept {
  const auto* w = reinterpret_cast<const std::int8_t*>(packed.weights.data());
  over_ranges(pool, s.N * s.OH, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      depthwise_s8_row(s, x, packed.x_zero_point, w, q, y, row / s.OH, row % s.OH);
  });
}

}  // namespace scalar

/// More taps than this go to the reference: the fast kernels keep the offsets of all.
inline constexpr std::int64_t depthwise_s8_max_taps = 128;

/// Where the taps of a pixel lie, in bytes from its first: an odd last one is taken twice.
struct TapOffsetsS8 {
  std::int64_t pairs;
  std::int64_t offset[depthwise_s8_max_taps];
  explicit TapOffsetsS8(const LineS8& line) : pairs(pieces(line.rows * line.columns, 2)) {
    std::int64_t tap = 0;
    for (std::int64_t row = 0; row < line.rows; ++row)
      for (std::int64_t column = 0; column < line.columns; ++column)
        offset[tap++] = row * line.row_step + column * line.column_step;
    if (tap % 2) offset[tap] = offset[tap - 1];
  }
};

/// Packs w [KH, KW, OC] as int16 [blocks of `width` channels, pairs of taps, 2, width / 2, 2], in
/// the order in which unpacklo and unpackhi interleave the channels of two taps: of each 8
/// channels, 4 are in the low half and 4 in the high one. Zeros fill up.
inline void pack_depthwise_pairs_s8(const Conv2dShape& s, const std::int8_t* w, std::int64_t width,
                                    PackedDepthwiseS8& packed) {
  if (s.KH * s.KW > depthwise_s8_max_taps) return scalar::pack_depthwise_s8(s, w, packed);
  const std::int64_t taps = s.KH * s.KW, pairs = pieces(taps, 2), padded_OC = round_up(s.OC, 64);
  packed.weights.assign(static_cast<std::size_t>(padded_OC * pairs * 4), std::byte{0});
  packed.correction.assign(static_cast<std::size_t>(padded_OC), 0);
  for (std::int64_t tap = 0; tap < taps; ++tap)
    for (std::int64_t oc = 0; oc < s.OC; ++oc) {
      const auto value = static_cast<std::int16_t>(w[tap * s.OC + oc]);
      const std::int64_t c = oc % width, half = c % 8 / 4, lane = c / 8 * 4 + c % 4;
      const std::int64_t at =
          (((oc / width * pairs + tap / 2) * 2 + half) * (width / 2) + lane) * 2 + tap % 2;
      std::memcpy(packed.weights.data() + at * 2, &value, 2);
    }
}

/// As if each input channel were there once for each output channel that sees it.
inline Conv2dShape depthwise_s8_lines_shape(Conv2dShape s) {
  s.C = s.OC;
  s.groups = 1;
  return s;
}
inline std::int64_t depthwise_s8_lines_scratch_bytes(const Conv2dShape& s) noexcept {
  if (s.KH * s.KW > depthwise_s8_max_taps) return 0;
  return lines_s8_scratch_bytes(depthwise_s8_lines_shape(s), 2);
}

/// x - x_zero_point as int16, each channel as often as output channels see it.
inline void to_repeated_int16(std::int64_t pixels, const std::int8_t* x, const LinesS8& work,
                              std::byte* to) noexcept {
  const std::int64_t repeats = work.shape.OC / work.x_channels;
  for (std::int64_t i = 0; i < pixels * work.x_channels; ++i) {
    const auto value = static_cast<std::int16_t>(x[i] - work.x_zero_point);
    for (std::int64_t repeat = 0; repeat < repeats; ++repeat, to += 2) std::memcpy(to, &value, 2);
  }
}

/// The work of a depthwise convolution whose elements in scratch have `element_bytes` bytes.
inline LinesS8 depthwise_s8_work(const Conv2dShape& s, const PackedDepthwiseS8& packed,
                                 std::int64_t element_bytes = 2) {
  LinesS8 work;
  work.shape = depthwise_s8_lines_shape(s);
  work.element_bytes = element_bytes;
  work.x_zero_point = packed.x_zero_point;
  work.x_channels = s.C;
  work.chunk_C = 64;
  const PaddedS8 padded(slab_of(work.shape, element_bytes), element_bytes);
  work.taps.pixel_stride = s.stride_w * s.OC * element_bytes;
  work.taps.rows = s.KH;
  work.taps.row_step = s.dilation_h * padded.row_bytes;
  work.taps.columns = s.KW;
  work.taps.column_step = s.dilation_w * s.OC * element_bytes;
  work.taps.steps = 0;
  work.weights = packed.weights.data();
  work.block_bytes = pieces(s.KH * s.KW, 2) * 64;
  work.correction = packed.correction.data();
  return work;
}

/// The convolution by lines of int16, as several instruction sets do it: with their functions for
/// x - x_zero_point and for a line.
inline void depthwise_s8_by_lines(const Conv2dShape& s, const std::int8_t* x,
                                  const PackedDepthwiseS8& packed, const Requantize& q,
                                  std::int8_t* y, std::byte* scratch, ThreadPool* pool,
                                  decltype(LinesS8::convert) to_int16,
                                  decltype(LinesS8::line) line) noexcept {
  if (s.KH * s.KW > depthwise_s8_max_taps)
    return scalar::depthwise_s8(s, x, packed, q, y, scratch, pool);
  LinesS8 work = depthwise_s8_work(s, packed);
  work.convert = s.OC == s.C ? to_int16 : &to_repeated_int16;
  work.line = line;
  lines_s8(work, x, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels
