// int8 pooling: the maximum needs no arithmetic, the average one multiplication.
#pragma once

#include "octet/kernels/avx2/pooling_s8.hpp"
#include "octet/kernels/avx512/pooling_s8.hpp"
#include "octet/kernels/neon/pooling_s8.hpp"
#include "octet/kernels/pooling.hpp"
#include "octet/kernels/ranges.hpp"
#include "octet/kernels/scalar/pooling_s8.hpp"
#include "octet/kernels/table.hpp"
#include "octet/kernels/wasm_simd128/pooling_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

using MaxPoolS8Row = void(const Pool2dShape& shape, const std::int8_t* x, std::int8_t* y,
                          std::int64_t n, std::int64_t oh) noexcept;
using AveragePoolS8Row = void(const Pool2dShape& shape, const std::int8_t* x, const AverageS8& p,
                              std::int8_t* y, std::int64_t n, std::int64_t oh) noexcept;

inline Table<Implementation<MaxPoolS8Row>> max_pool_s8_table() {
  static constexpr Implementation<MaxPoolS8Row> table[] = {
#if OCTET_X86
    {"max_pool_s8_avx512", Isa::avx512, &avx512::max_pool_s8_row},
    {"max_pool_s8_avx2", Isa::avx2, &avx2::max_pool_s8_row},
#elif OCTET_NEON
    {"max_pool_s8_neon", Isa::neon, &neon::max_pool_s8_row},
#elif OCTET_WASM_SIMD128
    {"max_pool_s8_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::max_pool_s8_row},
#endif
    {"max_pool_s8_scalar", Isa::scalar, &scalar::max_pool_s8_row},
  };
  return table;
}

inline Table<Implementation<AveragePoolS8Row>> average_pool_s8_table() {
  static constexpr Implementation<AveragePoolS8Row> table[] = {
#if OCTET_X86
    {"average_pool_s8_avx512", Isa::avx512, &avx512::average_pool_s8_row},
    {"average_pool_s8_avx2", Isa::avx2, &avx2::average_pool_s8_row},
#elif OCTET_NEON
    {"average_pool_s8_neon", Isa::neon, &neon::average_pool_s8_row},
#elif OCTET_WASM_SIMD128
    {"average_pool_s8_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::average_pool_s8_row},
#endif
    {"average_pool_s8_scalar", Isa::scalar, &scalar::average_pool_s8_row},
  };
  return table;
}

/// How many rows of output make a piece of work worth sending to another thread.
inline std::int64_t pool2d_grain(const Pool2dShape& s) {
  return 1 + (1 << 15) / (1 + s.OW * s.C * s.KH * s.KW);
}

/// y[n, oh, ow, c] = the largest x of the window that lies inside of the image; x and y have the
/// same scale and zero point.
inline void max_pool_s8(const Pool2dShape& shape, const std::int8_t* x, std::int8_t* y,
                        ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(max_pool_s8_table());
  over_ranges(pool, shape.N * shape.OH, pool2d_grain(shape),
              [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t row = begin; row < end; ++row)
                  chosen.run(shape, x, y, row / shape.OH, row % shape.OH);
              });
}

/// y[n, oh, ow, c] = the mean of the window, see AverageS8; the padding reads as x_zero_point. The
/// window has at most 2^31 / 255 taps.
inline void average_pool_s8(const Pool2dShape& shape, const std::int8_t* x, const AverageS8& p,
                            std::int8_t* y, ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(average_pool_s8_table());
  over_ranges(pool, shape.N * shape.OH, pool2d_grain(shape),
              [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t row = begin; row < end; ++row)
                  chosen.run(shape, x, p, y, row / shape.OH, row % shape.OH);
              });
}

/// Calls body(shape of the window alone, index of its first input, index of its output) for every
/// window of an adaptive pooling, see pooling.hpp: a window is a pooling of its own that covers all
/// of a part of the image.
template <class Body>
void over_adaptive_windows(const Pool2dShape& s, ThreadPool* pool, const Body& body) noexcept {
  Pool2dShape largest = s;
  largest.KH = s.H / s.OH + 1, largest.KW = s.W / s.OW + 1;
  over_ranges(pool, s.N * s.OH, pool2d_grain(largest), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      for (std::int64_t ow = 0; ow < s.OW; ++ow) {
        const Window window = AdaptiveWindows{}(s, row % s.OH, ow);
        const std::int64_t KH = window.h1 - window.h0, KW = window.w1 - window.w0;
        body(Pool2dShape{.H = KH, .W = s.W, .C = s.C, .OH = 1, .OW = 1, .KH = KH, .KW = KW},
             ((row / s.OH * s.H + window.h0) * s.W + window.w0) * s.C, (row * s.OW + ow) * s.C);
      }
  });
}

/// y[n, oh, ow, c] = the largest x of part (oh, ow) of the image; only N, H, W, C, OH and OW of the
/// shape count.
inline void adaptive_max_pool_s8(const Pool2dShape& shape, const std::int8_t* x, std::int8_t* y,
                                 ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(max_pool_s8_table());
  over_adaptive_windows(shape, pool,
                        [&](const Pool2dShape& window, std::int64_t in, std::int64_t out) {
                          chosen.run(window, x + in, y + out, 0, 0);
                        });
}
/// y[n, oh, ow, c] = the mean of part (oh, ow) of the image, see AverageS8. A part has at most
/// 2^31 / 255 pixels.
inline void adaptive_average_pool_s8(const Pool2dShape& shape, const std::int8_t* x,
                                     const AverageS8& p, std::int8_t* y,
                                     ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(average_pool_s8_table());
  over_adaptive_windows(shape, pool,
                        [&](const Pool2dShape& window, std::int64_t in, std::int64_t out) {
                          chosen.run(window, x + in, p, y + out, 0, 0);
                        });
}

}  // namespace octet::inline OCTET_ABI::kernels
