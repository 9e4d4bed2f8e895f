// Max and average pooling with fixed, adaptive or global windows, and their gradients.
#pragma once

#include <algorithm>
#include <string_view>
#include <type_traits>

#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/scalar/pooling.hpp"
#include "octet/kernels/table.hpp"
#if OCTET_X86
#include "octet/kernels/avx2/pooling_f32.hpp"
#include "octet/kernels/avx512/pooling_f32.hpp"
#elif OCTET_NEON
#include "octet/kernels/neon/pooling_f32.hpp"
#elif OCTET_WASM_SIMD128
#include "octet/kernels/wasm_simd128/pooling_f32.hpp"
#endif

namespace octet::inline OCTET_ABI::kernels {

/// The loops of scalar/pooling.hpp over one window. One row of the table.
template <class T>
struct PoolingImplementation {
  std::string_view name;
  Isa isa;
  void (*max_window)(const Patch& patch, const T* x, T* y);
  void (*sum_window)(const Patch& patch, const T* x, T factor, T* y);
};

/// The same for gradients; apart, so that programs that never learn do not contain them.
template <class T>
struct PoolingGradients {
  Isa isa;
  void (*max_window_backward)(const Patch& patch, const T* x, const T* y, const T* dy, T* dx);
  void (*sum_window_backward)(const Patch& patch, const T* dy, T factor, T* dx);
};

/// The implementations, best first; double has the scalar ones alone.
template <class T>
Table<PoolingImplementation<T>> pooling_table() {
  static constexpr PoolingImplementation<T> scalar_row = {
      std::is_same_v<T, float> ? "pooling_f32_scalar" : "pooling_f64_scalar", Isa::scalar,
      &scalar::max_window<T>, &scalar::sum_window<T>};
  if constexpr (std::is_same_v<T, float>) {
    static constexpr PoolingImplementation<T> table[] = {
#if OCTET_X86
      {"pooling_f32_x16_avx512", Isa::avx512, &avx512::max_window, &avx512::sum_window},
      {"pooling_f32_x8_avx2", Isa::avx2, &avx2::max_window, &avx2::sum_window},
#elif OCTET_NEON
      {"pooling_f32_x4_neon", Isa::neon, &neon::max_window, &neon::sum_window},
#elif OCTET_WASM_SIMD128
      {"pooling_f32_x4_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::max_window,
       &wasm_simd128::sum_window},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}
template <class T>
Table<PoolingGradients<T>> pooling_gradients_table() {
  static constexpr PoolingGradients<T> scalar_row = {Isa::scalar, &scalar::max_window_backward<T>,
                                                     &scalar::sum_window_backward<T>};
  if constexpr (std::is_same_v<T, float>) {
    static constexpr PoolingGradients<T> table[] = {
#if OCTET_X86
      {Isa::avx512, &avx512::max_window_backward, &avx512::sum_window_backward},
      {Isa::avx2, &avx2::max_window_backward, &avx2::sum_window_backward},
#elif OCTET_NEON
      {Isa::neon, &neon::max_window_backward, &neon::sum_window_backward},
#elif OCTET_WASM_SIMD128
      {Isa::wasm_simd128, &wasm_simd128::max_window_backward, &wasm_simd128::sum_window_backward},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}

/// The part of a window that lies in the image, [h0, h1) x [w0, w1), and the size of all of it.
struct Window {
  std::int64_t h0, h1, w0, w1, size;
  std::int64_t inside() const { return (h1 - h0) * (w1 - w0); }
  /// One over the number of elements that an average counts; 0 if there are none.
  template <class T>
  T share(AverageOver over) const {
    const std::int64_t count = over == AverageOver::window ? size : inside();
    return count ? T(1) / static_cast<T>(count) : T(0);
  }
};

/// The windows of a pooling with kernel, stride and padding.
struct FixedWindows {
  Window operator()(const Pool2dShape& s, std::int64_t oh, std::int64_t ow) const {
    const std::int64_t h = oh * s.stride_h - s.pad_top, w = ow * s.stride_w - s.pad_left;
    const std::int64_t h0 = (std::clamp)(h, std::int64_t(0), s.H);
    const std::int64_t w0 = (std::clamp)(w, std::int64_t(0), s.W);
    return {h0, (std::clamp)(h + s.KH, h0, s.H), w0, (std::clamp)(w + s.KW, w0, s.W), s.KH * s.KW};
  }
};

/// The windows that divide an image into OH x OW parts.
struct AdaptiveWindows {
  Window operator()(const Pool2dShape& s, std::int64_t oh, std::int64_t ow) const {
    const std::int64_t h0 = oh * s.H / s.OH, h1 = ((oh + 1) * s.H + s.OH - 1) / s.OH;
    const std::int64_t w0 = ow * s.W / s.OW, w1 = ((ow + 1) * s.W + s.OW - 1) / s.OW;
    return {h0, h1, w0, w1, (h1 - h0) * (w1 - w0)};
  }
};

/// Calls body(window, patch, the index of the window's first input, the index of its output) for
/// every window; one thread takes an image at a time.
template <class Windows, class Start, class Body>
void for_each_window(const Pool2dShape& s, const Windows& windows, ThreadPool& pool,
                     const Start& start, const Body& body) {
  pool.parallel_for(s.N, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      start(n);
      for (std::int64_t oh = 0; oh < s.OH; ++oh)
        for (std::int64_t ow = 0; ow < s.OW; ++ow) {
          const Window window = windows(s, oh, ow);
          const Patch patch{window.h1 - window.h0, window.w1 - window.w0, s.W * s.C, s.C};
          body(window, patch, ((n * s.H + window.h0) * s.W + window.w0) * s.C,
               ((n * s.OH + oh) * s.OW + ow) * s.C);
        }
    }
  });
}

/// The four poolings over windows of any kind.
template <class T, class Windows>
void max_pool_forward_over(const Windows& windows, const Pool2dShape& s, const T* x, T* y,
                           ThreadPool& pool) {
  const auto& row = best_row(pooling_table<T>());
  for_each_window(
      s, windows, pool, [](std::int64_t) {},
      [&](const Window&, const Patch& patch, std::int64_t in, std::int64_t out) {
        row.max_window(patch, x + in, y + out);
      });
}
template <class T, class Windows>
void max_pool_backward_over(const Windows& windows, const Pool2dShape& s, const T* x, const T* y,
                            const T* dy, T* dx, ThreadPool& pool) {
  const auto& row = best_row(pooling_gradients_table<T>());
  const std::int64_t image = s.H * s.W * s.C;
  for_each_window(
      s, windows, pool,
      [&](std::int64_t n) { std::fill(dx + n * image, dx + (n + 1) * image, T(0)); },
      [&](const Window&, const Patch& patch, std::int64_t in, std::int64_t out) {
        row.max_window_backward(patch, x + in, y + out, dy + out, dx + in);
      });
}
template <class T, class Windows>
void average_pool_forward_over(const Windows& windows, const Pool2dShape& s, AverageOver over,
                               const T* x, T* y, ThreadPool& pool) {
  const auto& row = best_row(pooling_table<T>());
  for_each_window(
      s, windows, pool, [](std::int64_t) {},
      [&](const Window& window, const Patch& patch, std::int64_t in, std::int64_t out) {
        row.sum_window(patch, x + in, window.template share<T>(over), y + out);
      });
}
template <class T, class Windows>
void average_pool_backward_over(const Windows& windows, const Pool2dShape& s, AverageOver over,
                                const T* dy, T* dx, ThreadPool& pool) {
  const auto& row = best_row(pooling_gradients_table<T>());
  const std::int64_t image = s.H * s.W * s.C;
  for_each_window(
      s, windows, pool,
      [&](std::int64_t n) { std::fill(dx + n * image, dx + (n + 1) * image, T(0)); },
      [&](const Window& window, const Patch& patch, std::int64_t in, std::int64_t out) {
        row.sum_window_backward(patch, dy + out, window.template share<T>(over), dx + in);
      });
}

/// y[n, oh, ow, c] = the largest x in the window; padding never wins. A NaN in the window wins.
template <class T>
void max_pool_forward(const Pool2dShape& shape, const T* x, T* y, ThreadPool& pool) {
  max_pool_forward_over(FixedWindows{}, shape, x, y, pool);
}

/// The gradient by x: assigns dx. An output's gradient goes to the first maximum of its window, row
/// by row.
template <class T>
void max_pool_backward(const Pool2dShape& shape, const T* x, const T* y, const T* dy, T* dx,
                       ThreadPool& pool) {
  max_pool_backward_over(FixedWindows{}, shape, x, y, dy, dx, pool);
}

/// y[n, oh, ow, c] = the sum of x in the window, divided by KH * KW (AverageOver::window, padding
/// counted as zeros) or by the number of pixels inside of the image (AverageOver::image).
template <class T>
void average_pool_forward(const Pool2dShape& shape, AverageOver over, const T* x, T* y,
                          ThreadPool& pool) {
  average_pool_forward_over(FixedWindows{}, shape, over, x, y, pool);
}

/// The gradient by x: assigns dx.
template <class T>
void average_pool_backward(const Pool2dShape& shape, AverageOver over, const T* dy, T* dx,
                           ThreadPool& pool) {
  average_pool_backward_over(FixedWindows{}, shape, over, dy, dx, pool);
}

/// Adaptive pooling divides the image into OH x OW windows: output i of OH sees the rows
/// [floor(i * H / OH), ceil((i + 1) * H / OH)). Only N, H, W, C, OH and OW of the shape count; OH =
/// OW = 1 is global pooling.
template <class T>
void adaptive_max_pool_forward(const Pool2dShape& shape, const T* x, T* y, ThreadPool& pool) {
  max_pool_forward_over(AdaptiveWindows{}, shape, x, y, pool);
}
template <class T>
void adaptive_max_pool_backward(const Pool2dShape& shape, const T* x, const T* y, const T* dy,
                                T* dx, ThreadPool& pool) {
  max_pool_backward_over(AdaptiveWindows{}, shape, x, y, dy, dx, pool);
}
template <class T>
void adaptive_average_pool_forward(const Pool2dShape& shape, const T* x, T* y, ThreadPool& pool) {
  average_pool_forward_over(AdaptiveWindows{}, shape, AverageOver::image, x, y, pool);
}
template <class T>
void adaptive_average_pool_backward(const Pool2dShape& shape, const T* dy, T* dx,
                                    ThreadPool& pool) {
  average_pool_backward_over(AdaptiveWindows{}, shape, AverageOver::image, dy, dx, pool);
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
