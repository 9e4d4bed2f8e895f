// int8 operations that go element by element, or only move elements.
#pragma once

#include <cstring>
#include <span>

#include "octet/kernels/avx2/elementwise_s8.hpp"
#include "octet/kernels/avx512/elementwise_s8.hpp"
#include "octet/kernels/neon/elementwise_s8.hpp"
#include "octet/kernels/ranges.hpp"
#include "octet/kernels/scalar/elementwise_s8.hpp"
#include "octet/kernels/table.hpp"
#include "octet/kernels/wasm_simd128/elementwise_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

using AddS8Range = void(std::int64_t count, const std::int8_t* a, const std::int8_t* b,
                        const AddS8& p, std::int8_t* y) noexcept;
using MultiplyS8Range = void(std::int64_t count, const std::int8_t* a, const std::int8_t* b,
                             const MultiplyS8& p, std::int8_t* y) noexcept;
using LookupS8Range = void(std::int64_t count, const std::int8_t* x, const TableS8& table,
                           std::int8_t* y) noexcept;

inline Table<Implementation<AddS8Range>> add_s8_table() {
  static constexpr Implementation<AddS8Range> table[] = {
#if OCTET_X86
    {"add_s8s8s8_avx512", Isa::avx512, &avx512::add_s8},
    {"add_s8s8s8_avx2", Isa::avx2, &avx2::add_s8},
#elif OCTET_NEON
    {"add_s8s8s8_neon", Isa::neon, &neon::add_s8},
#elif OCTET_WASM_SIMD128
    {"add_s8s8s8_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::add_s8},
#endif
    {"add_s8s8s8_scalar", Isa::scalar, &scalar::add_s8},
  };
  return table;
}

inline Table<Implementation<MultiplyS8Range>> multiply_s8_table() {
  static constexpr Implementation<MultiplyS8Range> table[] = {
#if OCTET_X86
    {"multiply_s8s8s8_avx512", Isa::avx512, &avx512::multiply_s8},
    {"multiply_s8s8s8_avx2", Isa::avx2, &avx2::multiply_s8},
#elif OCTET_NEON
    {"multiply_s8s8s8_neon", Isa::neon, &neon::multiply_s8},
#elif OCTET_WASM_SIMD128
    {"multiply_s8s8s8_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::multiply_s8},
#endif
    {"multiply_s8s8s8_scalar", Isa::scalar, &scalar::multiply_s8},
  };
  return table;
}

inline Table<Implementation<LookupS8Range>> lookup_s8_table() {
  static constexpr Implementation<LookupS8Range> table[] = {
#if OCTET_X86
    {"lookup_s8s8_avx512", Isa::avx512, &avx512::lookup_s8},
    {"lookup_s8s8_avx2", Isa::avx2, &avx2::lookup_s8},
#elif OCTET_NEON
    {"lookup_s8s8_neon", Isa::neon, &neon::lookup_s8},
#endif
    {"lookup_s8s8_scalar", Isa::scalar, &scalar::lookup_s8},
  };
  return table;
}

/// Elements that make a piece of work worth sending to another thread.
inline constexpr std::int64_t elementwise_s8_grain = 1 << 16;

/// y[i] = clamp(round((a[i] * a_multiplier + b[i] * b_multiplier) + constant) + zero_point); see
/// AddS8. y may be a or b.
inline void add_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b, const AddS8& p,
                   std::int8_t* y, ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(add_s8_table());
  over_ranges(pool, count, elementwise_s8_grain, [&](std::int64_t begin, std::int64_t end) {
    chosen.run(end - begin, a + begin, b + begin, p, y + begin);
  });
}

/// y[i] = clamp(round(float((a[i] - z_a) * (b[i] - z_b)) * multiplier) + zero_point); see
/// MultiplyS8. y may be a or b.
inline void multiply_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b,
                        const MultiplyS8& p, std::int8_t* y, ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(multiply_s8_table());
  over_ranges(pool, count, elementwise_s8_grain, [&](std::int64_t begin, std::int64_t end) {
    chosen.run(end - begin, a + begin, b + begin, p, y + begin);
  });
}

/// The same with one factor for each channel: a and y are [N, HW, C], b is [N, C].
inline void multiply_channels_s8(std::int64_t N, std::int64_t HW, std::int64_t C,
                                 const std::int8_t* a, const std::int8_t* b, const MultiplyS8& p,
                                 std::int8_t* y, ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(multiply_s8_table());
  over_ranges(pool, N * HW, 1 + elementwise_s8_grain / (1 + C),
              [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t pixel = begin; pixel < end; ++pixel)
                  chosen.run(C, a + pixel * C, b + pixel / HW * C, p, y + pixel * C);
              });
}

/// y[i] = table[x[i] + 128]: any function of one value, and the change to another scale. y may be
/// x.
inline void lookup_s8(std::int64_t count, const std::int8_t* x, const TableS8& table,
                      std::int8_t* y, ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(lookup_s8_table());
  over_ranges(pool, count, elementwise_s8_grain, [&](std::int64_t begin, std::int64_t end) {
    chosen.run(end - begin, x + begin, table, y + begin);
  });
}

/// One input of concat_s8.
struct ConcatS8Input {
  const std::int8_t* x = nullptr;  ///< [rows, channels]
  std::int64_t channels = 0;
  const TableS8* table = nullptr;  ///< rescale_table_s8(); null where the scales are equal
};

/// y[row] = the channels of every input one after the other, for rows = N * H * W.
inline void concat_s8(std::int64_t rows, std::span<const ConcatS8Input> inputs, std::int8_t* y,
                      ThreadPool* pool = nullptr) noexcept {
  static const auto& lookup = best_row(lookup_s8_table());
  std::int64_t channels = 0;
  for (const ConcatS8Input& input : inputs) channels += input.channels;
  over_ranges(pool, rows, 1 + elementwise_s8_grain / (1 + channels),
              [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t row = begin; row < end; ++row) {
                  std::int8_t* to = y + row * channels;
                  for (const ConcatS8Input& input : inputs) {
                    const std::int8_t* from = input.x + row * input.channels;
                    if (input.table)
                      lookup.run(input.channels, from, *input.table, to);
                    else
                      std::memcpy(to, from, static_cast<std::size_t>(input.channels));
                    to += input.channels;
                  }
                }
              });
}

/// The size of an image and of the border put around it.
struct Pad2dShape {
  std::int64_t N = 1, H = 1, W = 1, C = 1;
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
};

/// y [N, top + H + bottom, left + W + right, C] = x [N, H, W, C] with a border of `value`.
inline void pad_s8(const Pad2dShape& s, const std::int8_t* x, std::int8_t value, std::int8_t* y,
                   ThreadPool* pool = nullptr) noexcept {
  const std::int64_t OH = s.top + s.H + s.bottom, row_bytes = (s.left + s.W + s.right) * s.C;
  over_ranges(pool, s.N * OH, 1 + elementwise_s8_grain / (1 + row_bytes),
              [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t row = begin; row < end; ++row) {
                  std::int8_t* const to = y + row * row_bytes;
                  std::memset(to, value, static_cast<std::size_t>(row_bytes));
                  const std::int64_t h = row % OH - s.top;
                  if (h < 0 || h >= s.H || s.W * s.C == 0) continue;
                  std::memcpy(to + s.left * s.C, x + (row / OH * s.H + h) * s.W * s.C,
                              static_cast<std::size_t>(s.W * s.C));
                }
              });
}

}  // namespace octet::inline OCTET_ABI::kernels
