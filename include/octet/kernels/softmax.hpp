// The softmax of rows: numbers to probabilities. Outputs may be one of their inputs.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "octet/kernels/elementwise.hpp"
#include "octet/kernels/scalar/softmax.hpp"
#include "octet/kernels/table.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The loops of scalar/softmax.hpp. One row of the table.
template <class T>
struct SoftmaxImplementation {
  std::string_view name;
  Isa isa;
  void (*forward)(std::int64_t rows, std::int64_t columns, const T* x, T* y);
};

/// The same for gradients; apart, so that programs that never learn do not contain them.
template <class T>
struct SoftmaxGradients {
  Isa isa;
  void (*backward)(std::int64_t rows, std::int64_t columns, const T* y, const T* dy, T* dx);
};

/// The implementations, best first; double has the scalar ones alone. AVX-512 is 1.7 times as fast
/// as the scalar loops at 7 columns, whose vectors are half empty, 8 times at 64 and 11 at 1,000
/// (Zen 5).
template <class T>
Table<SoftmaxImplementation<T>> softmax_table() {
  static constexpr SoftmaxImplementation<T> scalar_row = {
      std::is_same_v<T, float> ? "softmax_f32_scalar" : "softmax_f64_scalar", Isa::scalar,
      &scalar::softmax_forward<T>};
  if constexpr (std::is_same_v<T, float>) {
    static constexpr SoftmaxImplementation<T> table[] = {
#if OCTET_X86
      {"softmax_f32_x16_avx512", Isa::avx512, &avx512::softmax_forward},
      {"softmax_f32_x8_avx2", Isa::avx2, &avx2::softmax_forward},
#elif OCTET_NEON
      {"softmax_f32_x4_neon", Isa::neon, &neon::softmax_forward},
#elif OCTET_WASM_SIMD128
      {"softmax_f32_x4_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::softmax_forward},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}
template <class T>
Table<SoftmaxGradients<T>> softmax_gradients_table() {
  static constexpr SoftmaxGradients<T> scalar_row = {Isa::scalar, &scalar::softmax_backward<T>};
  if constexpr (std::is_same_v<T, float>) {
    static constexpr SoftmaxGradients<T> table[] = {
#if OCTET_X86
      {Isa::avx512, &avx512::softmax_backward},
      {Isa::avx2, &avx2::softmax_backward},
#elif OCTET_NEON
      {Isa::neon, &neon::softmax_backward},
#elif OCTET_WASM_SIMD128
      {Isa::wasm_simd128, &wasm_simd128::softmax_backward},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}

/// Rows that one thread takes at a time.
inline std::int64_t softmax_grain(std::int64_t columns) {
  return 1 + elementwise_grain / (1 + columns);
}

/// y[r, c] = exp(x[r, c] - max of row r) / the row's sum of those.
template <class T>
void softmax_forward(std::int64_t rows, std::int64_t columns, const T* x, T* y, ThreadPool& pool) {
  if (columns == 0) return;
  const auto& chosen = best_row(softmax_table<T>());
  pool.parallel_for(rows, softmax_grain(columns), [&](std::int64_t begin, std::int64_t end) {
    chosen.forward(end - begin, columns, x + begin * columns, y + begin * columns);
  });
}
/// dx[r, c] = y[r, c] * (dy[r, c] - the row's sum of y * dy)
template <class T>
void softmax_backward(std::int64_t rows, std::int64_t columns, const T* y, const T* dy, T* dx,
                      ThreadPool& pool) {
  const auto& chosen = best_row(softmax_gradients_table<T>());
  pool.parallel_for(rows, softmax_grain(columns), [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * columns;
    chosen.backward(end - begin, columns, y + at, dy + at, dx + at);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
