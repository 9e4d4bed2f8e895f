// The two products that every float matrix product and convolution is made of, tile by tile, and
// what follows them.
//
// Both read the image through pointers, one to each pixel, so that stride, dilation, padding and
// image borders cost nothing inside of a tile, and no im2col of the image is ever stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "octet/core/config.hpp"
#include "octet/kernels/memory_traffic.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// y = clamp((sum + bias[oc]) + residual, lo, hi), in this order, so that the bits are those of one
/// operation after the other; what is null is left out. `residual` has the layout of y, of which it
/// must not be a part. A NaN stays a NaN.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  T lo = -std::numeric_limits<T>::infinity();
  T hi = std::numeric_limits<T>::infinity();
  const T* residual = nullptr;
  /// Whether lo or hi limits anything.
  bool limits() const {
    return lo > -std::numeric_limits<T>::infinity() || hi < std::numeric_limits<T>::infinity();
  }
};

/// value limited to [lo, hi]; NaN passes.
template <class T>
constexpr T clamp_value(T value, T lo, T hi) {
  return value < lo ? lo : value > hi ? hi : value;
}

/// The most pixels of a tile, and the most channels of one pass over a tile's depth: 192 KiB of
/// weights, which come from the second cache as fast as they are needed. Shallower passes load and
/// store the sums more often, deeper ones leave the image less of that cache.
inline constexpr int tile_rows = 6;
inline constexpr std::int64_t tile_depth = 768;

/// A pixel of padding.
alignas(64) inline constexpr float zero_pixel[tile_depth] = {};

/// c[r][column + j] (+)= sum over t < taps, k < depth of a[t][r][offset + k] * b[t][k][j], for
/// r < rows and j < columns: many tiles with one slice of the weights. a holds a_stride pointers
/// for each tap; zero_pixel stands for padding and is read without offset. b holds b_stride floats
/// for each tap, rows of `columns` rounded up to whole vectors. What is streamed is whole vectors,
/// on their multiples.
struct ProductTile {
  const float* const* a;
  std::int64_t a_stride, offset, taps, depth;
  const float* b;
  std::int64_t b_stride;
  MemoryTraffic* traffic;  ///< or nullptr
  float* const* c;
  std::int64_t column, rows;
  int columns;
  bool starts;  ///< from bias, not from c
  bool limits;  ///< the sums to [lo, hi]
  const float* bias;
  std::ptrdiff_t residual;  ///< from c to the residual, in floats
  bool has_residual;        ///< to be added to the sums, which are then limited; not streamed
  float lo, hi;
  /// Floats of a from each even row to the odd one after it, and then rows of c lie one behind the
  /// other and whole vectors of a may be read; 0 where that does not hold.
  std::int64_t pair_step;
};

/// dw[r][j] += sum over p < pixels of dy[p][dy_offset + r] * x[p][j], for r < rows and j < columns;
/// row r of dw starts at dw + r * dw_stride.
struct OuterTile {
  const float* const* x;
  const float* const* dy;
  std::int64_t pixels, dy_offset;
  float* dw;
  std::int64_t dw_stride;
  int rows, columns;
  MemoryTraffic* traffic;  ///< or nullptr; nothing is streamed
};

}  // namespace octet::inline OCTET_ABI::kernels
