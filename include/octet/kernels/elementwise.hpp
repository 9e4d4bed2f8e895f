// Element by element: clamps and their gradients, sums, products, and the steps of the optimizers.
// Outputs may be one of their inputs.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "octet/core/thread_pool.hpp"
#include "octet/kernels/scalar/elementwise.hpp"
#include "octet/kernels/table.hpp"
#if OCTET_X86
#include "octet/kernels/avx2/elementwise_f32.hpp"
#include "octet/kernels/avx512/elementwise_f32.hpp"
#elif OCTET_NEON
#include "octet/kernels/neon/elementwise_f32.hpp"
#elif OCTET_WASM_SIMD128
#include "octet/kernels/wasm_simd128/elementwise_f32.hpp"
#endif

namespace octet::inline OCTET_ABI::kernels {

/// The loops of scalar/elementwise.hpp over one range. One row of the table.
template <class T>
struct ElementwiseImplementation {
  std::string_view name;
  Isa isa;
  void (*clamp_forward)(std::int64_t count, const T* x, T lo, T hi, T* y);
  void (*leaky_relu_forward)(std::int64_t count, const T* x, T slope, T* y);
  void (*add)(std::int64_t count, const T* a, const T* b, T* y);
  void (*multiply)(std::int64_t count, const T* a, const T* b, T* y);
};

/// The same for gradients and the steps of the optimizers; apart, so that programs that never learn
/// do not contain them.
template <class T>
struct ElementwiseLearning {
  Isa isa;
  void (*clamp_backward)(std::int64_t count, const T* y, const T* dy, T lo, T hi, T* dx);
  void (*leaky_relu_backward)(std::int64_t count, const T* x, const T* dy, T slope, T* dx);
  void (*scale)(std::int64_t count, T factor, const T* x, T* y);
  void (*adam)(std::int64_t count, const AdamStep& step, const T* gradient, T* p, T* m, T* v);
  void (*sgd)(std::int64_t count, const SgdStep& step, const T* gradient, T* p, T* m);
};

/// The implementations, best first; double has the scalar ones alone.
template <class T>
Table<ElementwiseImplementation<T>> elementwise_table() {
  static constexpr ElementwiseImplementation<T> scalar_row = {
      std::is_same_v<T, float> ? "elementwise_f32_scalar" : "elementwise_f64_scalar",
      Isa::scalar,
      &scalar::clamp_forward<T>,
      &scalar::leaky_relu_forward<T>,
      &scalar::add<T>,
      &scalar::multiply<T>};
  if constexpr (std::is_same_v<T, float>) {
    static constexpr ElementwiseImplementation<T> table[] = {
#if OCTET_X86
      {"elementwise_f32_x16_avx512", Isa::avx512, &avx512::clamp_forward,
       &avx512::leaky_relu_forward, &avx512::add, &avx512::multiply},
      {"elementwise_f32_x8_avx2", Isa::avx2, &avx2::clamp_forward, &avx2::leaky_relu_forward,
       &avx2::add, &avx2::multiply},
#elif OCTET_NEON
      {"elementwise_f32_x4_neon", Isa::neon, &neon::clamp_forward, &neon::leaky_relu_forward,
       &neon::add, &neon::multiply},
#elif OCTET_WASM_SIMD128
      {"elementwise_f32_x4_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::clamp_forward,
       &wasm_simd128::leaky_relu_forward, &wasm_simd128::add, &wasm_simd128::multiply},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}
template <class T>
Table<ElementwiseLearning<T>> elementwise_learning_table() {
  static constexpr ElementwiseLearning<T> scalar_row = {
      Isa::scalar,       &scalar::clamp_backward<T>, &scalar::leaky_relu_backward<T>,
      &scalar::scale<T>, &scalar::adam<T>,           &scalar::sgd<T>};
  if constexpr (std::is_same_v<T, float>) {
    static constexpr ElementwiseLearning<T> table[] = {
#if OCTET_X86
      {Isa::avx512, &avx512::clamp_backward, &avx512::leaky_relu_backward, &avx512::scale,
       &avx512::adam, &avx512::sgd},
      {Isa::avx2, &avx2::clamp_backward, &avx2::leaky_relu_backward, &avx2::scale, &avx2::adam,
       &avx2::sgd},
#elif OCTET_NEON
      {Isa::neon, &neon::clamp_backward, &neon::leaky_relu_backward, &neon::scale, &neon::adam,
       &neon::sgd},
#elif OCTET_WASM_SIMD128
      {Isa::wasm_simd128, &wasm_simd128::clamp_backward, &wasm_simd128::leaky_relu_backward,
       &wasm_simd128::scale, &wasm_simd128::adam, &wasm_simd128::sgd},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}

/// Elements that one thread takes at a time.
inline constexpr std::int64_t elementwise_grain = 16384;

/// y = clamp(x, lo, hi): ReLU with (0, infinity), ReLU6 with (0, 6).
template <class T>
void clamp_forward(std::int64_t count, const T* x, T lo, T hi, T* y, ThreadPool& pool) {
  const auto& row = best_row(elementwise_table<T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.clamp_forward(end - begin, x + begin, lo, hi, y + begin);
  });
}
/// dx = dy where lo < y < hi, else 0. x serves as well as y.
template <class T>
void clamp_backward(std::int64_t count, const T* y, const T* dy, T lo, T hi, T* dx,
                    ThreadPool& pool) {
  const auto& row = best_row(elementwise_learning_table<T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.clamp_backward(end - begin, y + begin, dy + begin, lo, hi, dx + begin);
  });
}
/// y = x > 0 ? x : slope * x
template <class T>
void leaky_relu_forward(std::int64_t count, const T* x, T slope, T* y, ThreadPool& pool) {
  const auto& row = best_row(elementwise_table<T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.leaky_relu_forward(end - begin, x + begin, slope, y + begin);
  });
}
/// dx = x > 0 ? dy : slope * dy. As slope >= 0, y serves as x.
template <class T>
void leaky_relu_backward(std::int64_t count, const T* x, const T* dy, T slope, T* dx,
                         ThreadPool& pool) {
  const auto& row = best_row(elementwise_learning_table<T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.leaky_relu_backward(end - begin, x + begin, dy + begin, slope, dx + begin);
  });
}
/// y = a + b
template <class T>
void add(std::int64_t count, const T* a, const T* b, T* y, ThreadPool& pool) {
  const auto& row = best_row(elementwise_table<T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.add(end - begin, a + begin, b + begin, y + begin);
  });
}
/// y = a * b
template <class T>
void multiply(std::int64_t count, const T* a, const T* b, T* y, ThreadPool& pool) {
  const auto& row = best_row(elementwise_table<T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.multiply(end - begin, a + begin, b + begin, y + begin);
  });
}
/// The same with one factor for each channel: a and y are [N, HW, C], b is [N, C].
template <class T>
void multiply_channels(std::int64_t N, std::int64_t HW, std::int64_t C, const T* a, const T* b,
                       T* y, ThreadPool& pool) {
  const auto& row = best_row(elementwise_table<T>());
  const std::int64_t grain = 1 + elementwise_grain / (1 + C);
  pool.parallel_for(N * HW, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pixel = begin; pixel < end; ++pixel)
      row.multiply(C, a + pixel * C, b + pixel / HW * C, y + pixel * C);
  });
}
/// y = factor * x
template <class T>
void scale(std::int64_t count, T factor, const T* x, T* y, ThreadPool& pool) {
  const auto& row = best_row(elementwise_learning_table<T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.scale(end - begin, factor, x + begin, y + begin);
  });
}

/// One Adam step over p, its moments m and v, and its gradient.
template <class T>
void adam_step(std::int64_t count, const AdamStep& step, const T* gradient, T* p, T* m, T* v,
               ThreadPool& pool) {
  const auto& row = best_row(elementwise_learning_table<T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.adam(end - begin, step, gradient + begin, p + begin, m + begin, v + begin);
  });
}
/// One step of SGD over p, its momentum m (null: none) and its gradient.
template <class T>
void sgd_step(std::int64_t count, const SgdStep& step, const T* gradient, T* p, T* m,
              ThreadPool& pool) {
  const auto& row = best_row(elementwise_learning_table<T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.sgd(end - begin, step, gradient + begin, p + begin, m ? m + begin : nullptr);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
