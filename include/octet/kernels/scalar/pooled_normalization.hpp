// Batch normalization whose result is pooled at once: the loops that define it, over one line of
// windows.
#pragma once

#include <cstdint>
#include <limits>

#include "octet/kernels/gemm_tile.hpp"
#include "octet/kernels/store_through.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// A normalization whose statistics are known: y = clamp((x - mean) * scale + shift, lo, hi) for
/// each channel of a pixel. In a backward pass shift may be null: then the limits hold nothing
/// back.
template <class T>
struct Normalization {
  std::int64_t channels;
  const T *mean, *scale, *shift;
  T lo, hi;
};

/// A line of `count` windows, each rows x columns pixels, side by side, whose pixels are
/// normalized.
template <class T>
struct NormalizedWindows : Normalization<T> {
  std::int64_t rows, columns, count;

  std::int64_t line() const { return count * columns * this->channels; }
};

namespace scalar {

/// The pixel of window `window` that is the largest in channel c after normalization, the first of
/// several; `best` is its value. -1 where no pixel is larger than minus infinity.
template <class T>
std::int64_t largest_pixel(const NormalizedWindows<T>& w, const T* x, std::int64_t window,
                           std::int64_t c, T& best) {
  std::int64_t found = -1;
  best = -std::numeric_limits<T>::infinity();
  for (std::int64_t h = 0; h < w.rows; ++h)
    for (std::int64_t v = 0; v < w.columns; ++v) {
      const std::int64_t i = h * w.line() + (window * w.columns + v) * w.channels + c;
      const T value = clamp_value((x[i] - w.mean[c]) * w.scale[c] + w.shift[c], w.lo, w.hi);
      if (value > best || value != value) {
        best = value;
        found = i;
      }
    }
  return found;
}

/// y[window][c] = the largest of the window after normalization; a NaN wins.
template <class T>
void normalize_windows(const NormalizedWindows<T>& w, const T* x, T* y) {
  for (std::int64_t window = 0; window < w.count; ++window)
    for (std::int64_t c = 0; c < w.channels; ++c)
      largest_pixel(w, x, window, c, y[window * w.channels + c]);
}

/// Adds dy to sum_dy[c], and dy * (x - mean) to sum_dy_x[c], x being the pixel that y came from. dy
/// counts as zero unless lo < y < hi.
template <class T>
void window_sums(const NormalizedWindows<T>& w, const T* x, const T* dy, T* sum_dy, T* sum_dy_x) {
  for (std::int64_t window = 0; window < w.count; ++window)
    for (std::int64_t c = 0; c < w.channels; ++c) {
      T best;
      const std::int64_t i = largest_pixel(w, x, window, c, best);
      if (!(best > w.lo && best < w.hi)) continue;
      sum_dy[c] += dy[window * w.channels + c];
      sum_dy_x[c] += dy[window * w.channels + c] * (x[i] - w.mean[c]);
    }
}

/// dx = g * scale + (x - mean) * slope + offset for all pixels, where g is dy at the pixel that y
/// came from, if lo < y < hi, and zero elsewhere.
template <class T>
void window_gradient(const NormalizedWindows<T>& w, const T* x, const T* dy, const T* slope,
                     const T* offset, StoreThrough, T* dx) {
  for (std::int64_t i = 0; i < w.rows * w.line(); ++i) {
    const std::int64_t c = i % w.channels;
    dx[i] = (x[i] - w.mean[c]) * slope[c] + offset[c];
  }
  for (std::int64_t window = 0; window < w.count; ++window)
    for (std::int64_t c = 0; c < w.channels; ++c) {
      T best;
      const std::int64_t i = largest_pixel(w, x, window, c, best);
      if (best > w.lo && best < w.hi)
        dx[i] =
            dy[window * w.channels + c] * w.scale[c] + ((x[i] - w.mean[c]) * slope[c] + offset[c]);
    }
}

}  // namespace scalar
}  // namespace octet::inline OCTET_ABI::kernels
