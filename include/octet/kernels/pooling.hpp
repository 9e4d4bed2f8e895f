// Max and average pooling with fixed, adaptive or global windows, and their gradients.
#pragma once

#include <algorithm>
#include <limits>

#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/scalar/pooling.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// y[n, oh, ow, c] = the largest x in the window; padding never wins. A NaN in the window wins.
template <class T>
void max_pool_forward(const Pool2dShape& shape, const T* x, T* y, ThreadPool& pool) {
  pool.parallel_for(shape.N, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::max_pool_forward(shape, scalar::FixedWindows{shape}, x, y, begin, end);
  });
}

/// The gradient by x: assigns dx. An output's gradient goes to the first maximum of its window, row
/// by row.
template <class T>
void max_pool_backward(const Pool2dShape& shape, const T* x, const T* y, const T* dy, T* dx,
                       ThreadPool& pool) {
  pool.parallel_for(shape.N, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::max_pool_backward(shape, scalar::FixedWindows{shape}, x, y, dy, dx, begin, end);
  });
}

/// y[n, oh, ow, c] = the sum of x in the window, divided by KH * KW (AverageOver::window, padding
/// counted as zeros) or by the number of pixels inside of the image (AverageOver::image).
template <class T>
void average_pool_forward(const Pool2dShape& shape, AverageOver over, const T* x, T* y,
                          ThreadPool& pool) {
  pool.parallel_for(shape.N, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::average_pool_forward(shape, scalar::FixedWindows{shape}, over, x, y, begin, end);
  });
}

/// The gradient by x: assigns dx.
template <class T>
void average_pool_backward(const Pool2dShape& shape, AverageOver over, const T* dy, T* dx,
                           ThreadPool& pool) {
  pool.parallel_for(shape.N, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::average_pool_backward(shape, scalar::FixedWindows{shape}, over, dy, dx, begin, end);
  });
}

/// Adaptive pooling divides the image into OH x OW windows: output i of OH sees the rows
/// [floor(i * H / OH), ceil((i + 1) * H / OH)). Only N, H, W, C, OH and OW of the shape count; OH =
/// OW = 1 is global pooling.
template <class T>
void adaptive_max_pool_forward(const Pool2dShape& shape, const T* x, T* y, ThreadPool& pool) {
  pool.parallel_for(shape.N, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::max_pool_forward(shape, scalar::AdaptiveWindows{shape}, x, y, begin, end);
  });
}
template <class T>
void adaptive_max_pool_backward(const Pool2dShape& shape, const T* x, const T* y, const T* dy,
                                T* dx, ThreadPool& pool) {
  pool.parallel_for(shape.N, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::max_pool_backward(shape, scalar::AdaptiveWindows{shape}, x, y, dy, dx, begin, end);
  });
}
template <class T>
void adaptive_average_pool_forward(const Pool2dShape& shape, const T* x, T* y, ThreadPool& pool) {
  pool.parallel_for(shape.N, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::average_pool_forward(shape, scalar::AdaptiveWindows{shape}, AverageOver::image, x, y,
                                 begin, end);
  });
}
template <class T>
void adaptive_average_pool_backward(const Pool2dShape& shape, const T* dy, T* dx,
                                    ThreadPool& pool) {
  pool.parallel_for(shape.N, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::average_pool_backward(shape, scalar::AdaptiveWindows{shape}, AverageOver::image, dy, dx,
                                  begin, end);
  });
}

/// y[n, c] = the mean of x over the image; shape.OH and OW are taken as 1.
template <class T>
void global_average_pool_forward(Pool2dShape shape, const T* x, T* y, ThreadPool& pool) {
  shape.OH = shape.OW = 1;
  adaptive_average_pool_forward(shape, x, y, pool);
}
template <class T>
void global_average_pool_backward(Pool2dShape shape, const T* dy, T* dx, ThreadPool& pool) {
  shape.OH = shape.OW = 1;
  adaptive_average_pool_backward(shape, dy, dx, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels
