// Batch normalization over a block of rows, channel by channel: the loops that define it.
#pragma once

#include <cmath>

#include "octet/kernels/gemm_tile.hpp"
#include "octet/kernels/scalar/pooled_normalization.hpp"
#include "octet/kernels/store_through.hpp"

namespace octet::inline OCTET_ABI::kernels::scalar {

/// mean[c] and squares[c] = the sum of (x - mean)^2, of rows x channels.
template <class T>
void moments(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* squares) {
  for (std::int64_t c = 0; c < channels; ++c) {
    T sum = 0, square = 0;
    for (std::int64_t r = 0; r < rows; ++r) sum += x[r * channels + c];
    mean[c] = sum / static_cast<T>(rows);
    for (std::int64_t r = 0; r < rows; ++r) {
      const T difference = x[r * channels + c] - mean[c];
      square += difference * difference;
    }
    squares[c] = square;
  }
}

/// y = clamp((x - mean) * scale + shift, lo, hi)
template <class T>
void normalize(std::int64_t rows, std::int64_t channels, const T* x, const T* mean, const T* scale,
               const T* shift, T lo, T hi, StoreThrough, T* y) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < channels; ++c)
      y[r * channels + c] =
          clamp_value((x[r * channels + c] - mean[c]) * scale[c] + shift[c], lo, hi);
}

/// Whether y = (x - mean) * scale + shift is inside of lo < y < hi; it is if there is no shift.
template <class T>
bool passes(T x, const T* mean, const T* scale, const T* shift, T lo, T hi, std::int64_t c) {
  if (!shift) return true;
  const T y = (x - mean[c]) * scale[c] + shift[c];
  return y > lo && y < hi;
}

/// sum_dy[c] += the sum of dy, sum_dy_x[c] += that of dy * (x - mean). If shift is given, dy counts
/// as zero where y = (x - mean) * scale + shift is outside of lo < y < hi.
template <class T>
void normalize_sums(std::int64_t rows, std::int64_t channels, const T* x, const T* dy,
                    const T* mean, const T* scale, const T* shift, T lo, T hi, T* sum_dy,
                    T* sum_dy_x) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t i = r * channels + c;
      const T gradient = passes(x[i], mean, scale, shift, lo, hi, c) ? dy[i] : T(0);
      sum_dy[c] += gradient;
      sum_dy_x[c] += gradient * (x[i] - mean[c]);
    }
}

/// dx = dy * scale + (x - mean) * slope + offset, dy masked as in normalize_sums.
template <class T>
void normalize_gradient(std::int64_t rows, std::int64_t channels, const T* x, const T* dy,
                        const T* mean, const T* scale, const T* shift, const T* slope,
                        const T* offset, T lo, T hi, T* dx) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t i = r * channels + c;
      const T gradient = passes(x[i], mean, scale, shift, lo, hi, c) ? dy[i] : T(0);
      dx[i] = gradient * scale[c] + ((x[i] - mean[c]) * slope[c] + offset[c]);
    }
}

/// sum[c] = the sum over the rows of x.
template <class T>
void column_sum(std::int64_t rows, std::int64_t columns, const T* x, T* sum) {
  for (std::int64_t c = 0; c < columns; ++c) sum[c] = 0;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) sum[c] += x[r * columns + c];
}

}  // namespace octet::inline OCTET_ABI::kernels::scalar
