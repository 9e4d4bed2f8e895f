// The window of a pooling: the loops that define it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// A rectangle of an image: rows x columns pixels of `channels` elements, rows `stride` elements
/// apart.
struct Patch {
  std::int64_t rows, columns, stride, channels;
};

namespace scalar {

/// y[c] = the largest x; a NaN wins.
template <class T>
void max_window(const Patch& patch, const T* x, T* y) {
  std::fill(y, y + patch.channels, -std::numeric_limits<T>::infinity());
  for (std::int64_t h = 0; h < patch.rows; ++h)
    for (std::int64_t w = 0; w < patch.columns; ++w)
      for (std::int64_t c = 0; c < patch.channels; ++c) {
        const T value = x[h * patch.stride + w * patch.channels + c];
        if (value > y[c] || value != value) y[c] = value;
      }
}

/// Adds dy[c] to dx where x first equals y[c], row by row.
template <class T>
void max_window_backward(const Patch& patch, const T* x, const T* y, const T* dy, T* dx) {
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    bool found = false;
    for (std::int64_t h = 0; h < patch.rows && !found; ++h)
      for (std::int64_t w = 0; w < patch.columns && !found; ++w) {
        const std::int64_t i = h * patch.stride + w * patch.channels + c;
        found = x[i] == y[c];
        if (found) dx[i] += dy[c];
      }
  }
}

/// y[c] = factor * the sum of x.
template <class T>
void sum_window(const Patch& patch, const T* x, T factor, T* y) {
  std::fill(y, y + patch.channels, T(0));
  for (std::int64_t h = 0; h < patch.rows; ++h)
    for (std::int64_t w = 0; w < patch.columns; ++w)
      for (std::int64_t c = 0; c < patch.channels; ++c)
        y[c] += x[h * patch.stride + w * patch.channels + c];
  for (std::int64_t c = 0; c < patch.channels; ++c) y[c] *= factor;
}

/// Adds factor * dy[c] to each dx.
template <class T>
void sum_window_backward(const Patch& patch, const T* dy, T factor, T* dx) {
  for (std::int64_t h = 0; h < patch.rows; ++h)
    for (std::int64_t w = 0; w < patch.columns; ++w)
      for (std::int64_t c = 0; c < patch.channels; ++c)
        dx[h * patch.stride + w * patch.channels + c] += factor * dy[c];
}

}  // namespace scalar
}  // namespace octet::inline OCTET_ABI::kernels
