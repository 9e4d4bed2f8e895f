// Pooling over any windows: the loops that define it.
#pragma once

#include <algorithm>
#include <limits>

#include "octet/kernels/conv2d_shape.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// What an average is divided by: the whole window, padding included, or its part in the image.
enum class AverageOver { window, image };

namespace scalar {

/// The part of a window that lies in the image, [h0, h1) x [w0, w1), and the size of all of it.
struct Window {
  std::int64_t h0, h1, w0, w1, size;
};

/// The windows of a pooling with kernel, stride and padding.
struct FixedWindows {
  const Pool2dShape& s;
  Window at(std::int64_t oh, std::int64_t ow) const {
    const std::int64_t h = oh * s.stride_h - s.pad_top, w = ow * s.stride_w - s.pad_left;
    return {(std::max)(h, std::int64_t(0)), (std::min)(h + s.KH, s.H),
            (std::max)(w, std::int64_t(0)), (std::min)(w + s.KW, s.W), s.KH * s.KW};
  }
};

/// The windows that divide an image into OH x OW parts.
struct AdaptiveWindows {
  const Pool2dShape& s;
  Window at(std::int64_t oh, std::int64_t ow) const {
    const std::int64_t h0 = oh * s.H / s.OH, h1 = ((oh + 1) * s.H + s.OH - 1) / s.OH;
    const std::int64_t w0 = ow * s.W / s.OW, w1 = ((ow + 1) * s.W + s.OW - 1) / s.OW;
    return {h0, h1, w0, w1, (h1 - h0) * (w1 - w0)};
  }
};

/// Images [begin, end).
template <class T, class Windows>
void max_pool_forward(const Pool2dShape& s, const Windows& windows, const T* x, T* y,
                      std::int64_t begin, std::int64_t end) {
  for (std::int64_t n = begin; n < end; ++n)
    for (std::int64_t oh = 0; oh < s.OH; ++oh)
      for (std::int64_t ow = 0; ow < s.OW; ++ow) {
        const Window window = windows.at(oh, ow);
        T* const out = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
        std::fill(out, out + s.C, -std::numeric_limits<T>::infinity());
        for (std::int64_t h = window.h0; h < window.h1; ++h)
          for (std::int64_t w = window.w0; w < window.w1; ++w) {
            const T* const pixel = x + ((n * s.H + h) * s.W + w) * s.C;
            for (std::int64_t c = 0; c < s.C; ++c)
              if (!(pixel[c] <= out[c])) out[c] = pixel[c];
          }
      }
}

/// Images [begin, end).
template <class T, class Windows>
void max_pool_backward(const Pool2dShape& s, const Windows& windows, const T* x, const T* y,
                       const T* dy, T* dx, std::int64_t begin, std::int64_t end) {
  std::fill(dx + begin * s.H * s.W * s.C, dx + end * s.H * s.W * s.C, T(0));
  for (std::int64_t n = begin; n < end; ++n)
    for (std::int64_t oh = 0; oh < s.OH; ++oh)
      for (std::int64_t ow = 0; ow < s.OW; ++ow) {
        const Window window = windows.at(oh, ow);
        const std::int64_t out = ((n * s.OH + oh) * s.OW + ow) * s.C;
        for (std::int64_t c = 0; c < s.C; ++c) {
          bool found = false;
          for (std::int64_t h = window.h0; h < window.h1 && !found; ++h)
            for (std::int64_t w = window.w0; w < window.w1 && !found; ++w) {
              const std::int64_t in = ((n * s.H + h) * s.W + w) * s.C + c;
              found = x[in] == y[out + c];
              if (found) dx[in] += dy[out + c];
            }
        }
      }
}

/// Images [begin, end).
template <class T, class Windows>
void average_pool_forward(const Pool2dShape& s, const Windows& windows, AverageOver over,
                          const T* x, T* y, std::int64_t begin, std::int64_t end) {
  for (std::int64_t n = begin; n < end; ++n)
    for (std::int64_t oh = 0; oh < s.OH; ++oh)
      for (std::int64_t ow = 0; ow < s.OW; ++ow) {
        const Window window = windows.at(oh, ow);
        const std::int64_t inside = (window.h1 - window.h0) * (window.w1 - window.w0);
        const T scale = T(1) / static_cast<T>(over == AverageOver::window ? window.size : inside);
        T* const out = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
        std::fill(out, out + s.C, T(0));
        for (std::int64_t h = window.h0; h < window.h1; ++h)
          for (std::int64_t w = window.w0; w < window.w1; ++w) {
            const T* const pixel = x + ((n * s.H + h) * s.W + w) * s.C;
            for (std::int64_t c = 0; c < s.C; ++c) out[c] += pixel[c];
          }
        for (std::int64_t c = 0; c < s.C; ++c) out[c] *= scale;
      }
}

/// Images [begin, end).
template <class T, class Windows>
void average_pool_backward(const Pool2dShape& s, const Windows& windows, AverageOver over,
                           const T* dy, T* dx, std::int64_t begin, std::int64_t end) {
  std::fill(dx + begin * s.H * s.W * s.C, dx + end * s.H * s.W * s.C, T(0));
  for (std::int64_t n = begin; n < end; ++n)
    for (std::int64_t oh = 0; oh < s.OH; ++oh)
      for (std::int64_t ow = 0; ow < s.OW; ++ow) {
        const Window window = windows.at(oh, ow);
        const std::int64_t inside = (window.h1 - window.h0) * (window.w1 - window.w0);
        const T scale = T(1) / static_cast<T>(over == AverageOver::window ? window.size : inside);
        const T* const out = dy + ((n * s.OH + oh) * s.OW + ow) * s.C;
        for (std::int64_t h = window.h0; h < window.h1; ++h)
          for (std::int64_t w = window.w0; w < window.w1; ++w) {
            T* const pixel = dx + ((n * s.H + h) * s.W + w) * s.C;
            for (std::int64_t c = 0; c < s.C; ++c) pixel[c] += out[c] * scale;
          }
      }
}

}  // namespace scalar
}  // namespace octet::inline OCTET_ABI::kernels
