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
void normalize(const Normalization<T>& n, std::int64_t rows, const T* x, StoreThrough, T* y) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < n.channels; ++c) {
      const std::int64_t i = r * n.channels + c;
      y[i] = clamp_value((x[i] - n.mean[c]) * n.scale[c] + n.shift[c], n.lo, n.hi);
    }
}

/// dy, or zero where y = (x - mean) * scale + shift is outside of lo < y < hi; x is of channel c.
template <class T>
T passing(const Normalization<T>& n, std::int64_t c, T x, T dy) {
  if (!n.shift) return dy;
  const T y = (x - n.mean[c]) * n.scale[c] + n.shift[c];
  return y > n.lo && y < n.hi ? dy : T(0);
}

/// sum_dy[c] += the sum of passing dy, sum_dy_x[c] += that of passing dy * (x - mean).
template <class T>
void normalize_sums(const Normalization<T>& n, std::int64_t rows, const T* x, const T* dy,
                    T* sum_dy, T* sum_dy_x) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < n.channels; ++c) {
      const std::int64_t i = r * n.channels + c;
      const T gradient = passing(n, c, x[i], dy[i]);
      sum_dy[c] += gradient;
      sum_dy_x[c] += gradient * (x[i] - n.mean[c]);
    }
}

/// dx = passing dy * scale + (x - mean) * slope + offset
template <class T>
void normalize_gradient(const Normalization<T>& n, std::int64_t rows, const T* x, const T* dy,
                        const T* slope, const T* offset, T* dx) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < n.channels; ++c) {
      const std::int64_t i = r * n.channels + c;
      dx[i] = passing(n, c, x[i], dy[i]) * n.scale[c] + ((x[i] - n.mean[c]) * slope[c] + offset[c]);
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
