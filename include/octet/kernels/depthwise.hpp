// Depthwise convolution: every channel is filtered alone, by OC / C filters of its own.
#pragma once

#include <algorithm>
#include <vector>

#include "octet/core/aligned.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gemm.hpp"
#include "octet/kernels/scalar/depthwise.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// y[n, oh, ow, oc] = epilogue(sum over kh, kw of x[n, ih, iw, oc / (OC / C)] * w[kh, kw, oc]),
/// ih and iw as in Conv2dShape, whose groups must be C. w is [KH, KW, OC].
template <class T>
void depthwise_forward(const Conv2dShape& shape, const T* x, const T* w,
                       const Epilogue<T>& epilogue, T* y, ThreadPool& pool) {
  pool.parallel_for(shape.N * shape.OH, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::depthwise_forward(shape, x, w, epilogue, y, begin, end);
  });
}

/// The gradient by x: assigns dx, [N, H, W, C].
template <class T>
void depthwise_backward_input(const Conv2dShape& shape, const T* dy, const T* w, T* dx,
                              ThreadPool& pool) {
  pool.parallel_for(shape.N * shape.H, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::depthwise_backward_input(shape, dy, w, dx, begin, end);
  });
}

/// The gradient by w: adds to dw, [KH, KW, OC]. Partial sums of four images each are added in the
/// order of the images.
template <class T>
void depthwise_backward_weight(const Conv2dShape& shape, const T* x, const T* dy, T* dw,
                               ThreadPool& pool) {
  constexpr std::int64_t images = 4;
  const std::int64_t size = shape.KH * shape.KW * shape.OC, parts = pieces(shape.N, images);
  AlignedVector<T> partial(static_cast<std::size_t>(parts * size));
  pool.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part)
      scalar::depthwise_backward_weight(shape, x, dy, partial.data() + part * size,
                                        part * images * shape.OH,
                                        (std::min)((part + 1) * images, shape.N) * shape.OH);
  });
  for (std::int64_t part = 0; part < parts; ++part)
    for (std::int64_t i = 0; i < size; ++i)
      dw[i] += partial[static_cast<std::size_t>(part * size + i)];
}

}  // namespace octet::inline OCTET_ABI::kernels
