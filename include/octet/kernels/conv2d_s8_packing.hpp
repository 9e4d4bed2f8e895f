// How the fast int8 convolutions pack their weights, and what they tell of their taps.
#pragma once

#include <string_view>

#include "octet/core/aligned.hpp"
#include "octet/core/cpu.hpp"
#include "octet/kernels/lines_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

struct Conv2dS8Implementation;

/// The weights of one convolution in the order in which one implementation reads them. A value:
/// pack once, when a program is loaded; it serves every N. Which implementation it is for depends
/// on H, W, OH and OW: other extents want a packing of their own.
struct PackedConv2dS8 {
  const Conv2dS8Implementation* implementation = nullptr;
  int x_zero_point = 0;
  AlignedVector<std::byte> weights;
  /// What is added to the accumulators of each channel, modulo 2^32, before the bias.
  AlignedVector<std::int32_t> correction;
};

/// What can be done with the results of a convolution before they are written, so that nothing else
/// has to read them.
enum class AfterConv2dS8 {
  nothing,
  add,          ///< y = add_s8(result, addend), or the same with the two exchanged
  max_pool_2x2  ///< the largest of each two by two pixels; OH and OW are even
};

/// The same with what it needs.
struct Conv2dS8Fusion {
  AfterConv2dS8 after = AfterConv2dS8::nothing;
  AddS8 add = {};                       ///< of the result and the addend, in this order
  const std::int8_t* addend = nullptr;  ///< [N, OH, OW, OC]; may be y
};

/// One row of the table: how it packs, how much scratch it wants, how it runs.
struct Conv2dS8Implementation {
  std::string_view name;
  Isa isa;
  void (*pack)(const Conv2dShape& shape, const std::int8_t* w, PackedConv2dS8& packed);
  std::int64_t (*scratch_bytes)(const Conv2dShape& shape) noexcept;
  void (*run)(const Conv2dShape& shape, const std::int8_t* x, const PackedConv2dS8& packed,
              const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept;
  /// Whether the next row is not faster; null where it never is.
  bool (*suits)(const Conv2dShape& shape) noexcept = nullptr;
  /// Whether it can compute this at all; null where it can compute everything.
  bool (*fits)(const Conv2dShape& shape, const std::int8_t* w, int x_zero_point) noexcept = nullptr;
  /// run() with something after it, where can_fuse() says so; null where it never does.
  bool (*can_fuse)(const Conv2dShape& shape, AfterConv2dS8 after) noexcept = nullptr;
  void (*run_fused)(const Conv2dShape& shape, const std::int8_t* x, const PackedConv2dS8& packed,
                    const Requantize& q, const Conv2dS8Fusion& fusion, std::int8_t* y,
                    std::byte* scratch, ThreadPool* pool) noexcept = nullptr;
};

/// The taps of a convolution as runs of contiguous elements of scratch. Without groups and dilation
/// the KW taps of a row are one run of KW * C, so C = 1 wastes as little as C = 64.
struct TapsS8 {
  std::int64_t rows, columns, run, steps;
  TapsS8(const Conv2dShape& s, std::int64_t element_bytes)
      : rows(s.KH),
        columns(s.groups == 1 && s.dilation_w == 1 ? 1 : s.KW),
        run(s.KW / columns * (s.C / s.groups)),
        steps(pieces(run * element_bytes, 4)) {}
};

/// Writes `count` weights as elements of another type, or of the same.
template <class Element>
void copy_elements(const std::int8_t* from, std::int64_t count, std::byte* to) {
  if constexpr (sizeof(Element) == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(count));
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      const Element element = from[i];
      std::memcpy(to + i * static_cast<std::int64_t>(sizeof element), &element, sizeof element);
    }
  }
}

/// Spreads `count` weights of one channel over lines of 64 bytes, 4 bytes to each: one channel's
/// share of lines that hold 16. The first goes where number `first` of all would go from `to` on.
template <class Element>
void spread_over_lines(const std::int8_t* from, std::int64_t count, std::int64_t first,
                       std::byte* to) {
  constexpr std::int64_t per_line = 4 / sizeof(Element);
  const auto put = [&](std::int64_t i, std::int64_t elements) {
    const std::int64_t line = (first + i) / per_line, within = (first + i) % per_line;
    copy_elements<Element>(from + i, elements,
                           to + line * 64 + within * static_cast<std::int64_t>(sizeof(Element)));
  };
  std::int64_t i = 0;
  for (; i < count && (first + i) % per_line != 0; ++i) put(i, 1);
  for (; i + per_line <= count; i += per_line) put(i, per_line);
  for (; i < count; ++i) put(i, 1);
}

/// The sum of f(w) for `count` weights. Compilers make vectors of a loop whose length they know,
/// even at -O2.
template <class F>
std::int64_t sum_over_weights(const std::int8_t* w, std::int64_t count, F f) {
  constexpr std::int64_t block = 64;
  std::int64_t sum = 0, i = 0;
  for (; i + block <= count; i += block) {
    std::int32_t some = 0;
    for (std::int64_t j = 0; j < block; ++j) some += f(w[i + j]);
    sum += some;
  }
  for (; i < count; ++i) sum += f(w[i]);
  return sum;
}

/// The sum of `count` weights, modulo 2^32 as accumulators are.
inline std::uint32_t sum_of_weights(const std::int8_t* w, std::int64_t count) {
  return static_cast<std::uint32_t>(sum_over_weights(w, count, [](int each) { return each; }));
}

/// Packs w [OC, KH, KW, C / groups] as [groups, blocks of 16 channels, taps, steps, 16, 4 bytes]:
/// 4 bytes hold 4 elements of int8 or 2 of int16; zeros fill up. The correction takes
/// `offset` * sum(w) off each accumulator, for activations stored as x + offset - x_zero_point.
template <class Element>
void pack_blocks_s8(const Conv2dShape& s, const std::int8_t* w, int offset,
                    PackedConv2dS8& packed) {
  constexpr std::int64_t per_line = 4 / sizeof(Element);
  const TapsS8 taps(s, sizeof(Element));
  const std::int64_t depth = s.KH * s.KW * (s.C / s.groups), group_OC = s.OC / s.groups;
  const std::int64_t blocks = pieces(group_OC, 16), steps = taps.rows * taps.columns * taps.steps;
  // Zeros by size alone are written at once, those of assign() one by one.
  packed.weights =
      AlignedVector<std::byte>(static_cast<std::size_t>(s.groups * blocks * steps * 64));
  packed.correction.assign(static_cast<std::size_t>(s.groups * blocks * 16), 0);
  std::byte* line = packed.weights.data();
  for (std::int64_t block = 0; block < s.groups * blocks; ++block) {
    const std::int64_t oc = block / blocks * group_OC + block % blocks * 16;
    const std::int64_t channels = (std::min)(group_OC - block % blocks * 16, std::int64_t{16});
    const std::int8_t* const weights = w + oc * depth;
    for (std::int64_t tap = 0; tap < depth; tap += taps.run)
      for (std::int64_t i = 0; i < taps.run; i += per_line, line += 64) {
        const std::int64_t left = taps.run - i;
        for (std::int64_t channel = 0; channel < channels; ++channel) {
          const std::int8_t* const from = weights + channel * depth + tap + i;
          // A number that the compiler knows is one move.
          if (left >= per_line)
            copy_elements<Element>(from, per_line, line + channel * 4);
          else
            copy_elements<Element>(from, left, line + channel * 4);
        }
      }
    for (std::int64_t channel = 0; channel < channels; ++channel)
      packed.correction[static_cast<std::size_t>(block * 16 + channel)] =
          static_cast<std::int32_t>(0u - static_cast<std::uint32_t>(offset) *
                                             sum_of_weights(weights + channel * depth, depth));
  }
}

/// The work of a convolution whose elements in scratch have `element_bytes` bytes.
inline LinesS8 conv2d_s8_work(const Conv2dShape& s, const PackedConv2dS8& packed,
                              std::int64_t element_bytes) {
  const TapsS8 taps(s, element_bytes);
  LinesS8 work;
  work.shape = s;
  work.element_bytes = element_bytes;
  work.x_zero_point = packed.x_zero_point;
  work.x_channels = s.C;
  const PaddedS8 padded(slab_of(s, element_bytes), element_bytes);
  work.taps.pixel_stride = s.stride_w * s.C * element_bytes;
  work.taps.rows = taps.rows;
  work.taps.row_step = s.dilation_h * padded.row_bytes;
  work.taps.columns = taps.columns;
  work.taps.column_step = s.dilation_w * s.C * element_bytes;
  work.taps.steps = taps.steps;
  work.weights = packed.weights.data();
  work.block_bytes = taps.rows * taps.columns * taps.steps * 64;
  work.correction = packed.correction.data();
  return work;
}

}  // namespace octet::inline OCTET_ABI::kernels
