// Depthwise convolution and its gradients as their definitions say.
#pragma once

#include <algorithm>

#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gemm_tile.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// How a row of the table computes a depthwise convolution: every number alone, or vectors of
/// channels, of which 3x3 windows share what they load.
enum class DepthwiseWay { one_by_one, any_window, rows_3x3, pairs_3x3 };

namespace scalar {

/// Rows [begin, end) of the N * OH rows of y.
template <class T>
void depthwise_forward(const Conv2dShape& s, const T* x, const T* w, const Epilogue<T>& epilogue,
                       T* y, std::int64_t begin, std::int64_t end, MemoryTraffic* traffic) {
  const std::int64_t multiplier = s.OC / s.C;
  for (std::int64_t row = begin; row < end; ++row)
    for (std::int64_t ow = 0; ow < s.OW; ++ow)
      for (std::int64_t oc = 0; oc < s.OC; ++oc) {
        const std::int64_t n = row / s.OH, oh = row % s.OH, at = (row * s.OW + ow) * s.OC + oc;
        T sum = 0;
        for (std::int64_t kh = 0; kh < s.KH; ++kh)
          for (std::int64_t kw = 0; kw < s.KW; ++kw) {
            const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
            const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
            if (ih < 0 || ih >= s.H || iw < 0 || iw >= s.W) continue;
            sum += x[((n * s.H + ih) * s.W + iw) * s.C + oc / multiplier] *
                   w[(kh * s.KW + kw) * s.OC + oc];
          }
        if (epilogue.bias) sum += epilogue.bias[oc];
        if (epilogue.residual) sum += epilogue.residual[at];
        y[at] = clamp_value(sum, epilogue.lo, epilogue.hi);
        if (streamed(traffic)) y[at + streamed(traffic)] = y[at];
      }
}

/// Rows [begin, end) of the N * H rows of dx.
template <class T>
void depthwise_backward_input(const Conv2dShape& s, const T* dy, const T* w, T* dx,
                              std::int64_t begin, std::int64_t end, MemoryTraffic* traffic) {
  const std::int64_t multiplier = s.OC / s.C;
  for (std::int64_t row = begin; row < end; ++row)
    for (std::int64_t iw = 0; iw < s.W; ++iw) {
      const std::int64_t n = row / s.H, ih = row % s.H;
      T* const pixel = dx + (row * s.W + iw) * s.C;
      std::fill(pixel, pixel + s.C, T(0));
      for (std::int64_t kh = 0; kh < s.KH; ++kh)
        for (std::int64_t kw = 0; kw < s.KW; ++kw) {
          const std::int64_t h = ih + s.pad_top - kh * s.dilation_h, oh = h / s.stride_h;
          const std::int64_t v = iw + s.pad_left - kw * s.dilation_w, ow = v / s.stride_w;
          if (h < 0 || h % s.stride_h || oh >= s.OH || v < 0 || v % s.stride_w || ow >= s.OW)
            continue;
          const T* const gradient = dy + ((n * s.OH + oh) * s.OW + ow) * s.OC;
          const T* const tap = w + (kh * s.KW + kw) * s.OC;
          for (std::int64_t oc = 0; oc < s.OC; ++oc)
            pixel[oc / multiplier] += gradient[oc] * tap[oc];
        }
      if (streamed(traffic)) std::copy(pixel, pixel + s.C, pixel + streamed(traffic));
    }
}

/// Adds the sum over rows [begin, end) of the N * OH rows of dy to dw.
template <class T>
void depthwise_backward_weight(const Conv2dShape& s, const T* x, const T* dy, T* dw,
                               std::int64_t begin, std::int64_t end, MemoryTraffic*) {
  const std::int64_t multiplier = s.OC / s.C;
  for (std::int64_t row = begin; row < end; ++row)
    for (std::int64_t ow = 0; ow < s.OW; ++ow) {
      const std::int64_t n = row / s.OH, oh = row % s.OH;
      const T* const gradient = dy + (row * s.OW + ow) * s.OC;
      for (std::int64_t kh = 0; kh < s.KH; ++kh)
        for (std::int64_t kw = 0; kw < s.KW; ++kw) {
          const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
          const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
          if (ih < 0 || ih >= s.H || iw < 0 || iw >= s.W) continue;
          const T* const pixel = x + ((n * s.H + ih) * s.W + iw) * s.C;
          T* const tap = dw + (kh * s.KW + kw) * s.OC;
          for (std::int64_t oc = 0; oc < s.OC; ++oc)
            tap[oc] += gradient[oc] * pixel[oc / multiplier];
        }
    }
}

}  // namespace scalar
}  // namespace octet::inline OCTET_ABI::kernels
