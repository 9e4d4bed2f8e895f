// Functions of one number for each element. Outputs may be one of their inputs.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "octet/kernels/elementwise.hpp"
#include "octet/kernels/scalar/activation.hpp"
#include "octet/kernels/table.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The loops of scalar/activation.hpp for one Function. One row of the table.
template <class T>
struct ActivationImplementation {
  std::string_view name;
  Isa isa;
  void (*forward)(std::int64_t count, const T* x, T* y);
};

/// The same for gradients; apart, so that programs that never learn do not contain them.
template <class T>
struct ActivationGradients {
  Isa isa;
  void (*backward)(std::int64_t count, const T* kept, const T* dy, T* dx);
};

/// The implementations, best first; double has the scalar ones alone. e^x is a series of seven
/// terms in registers instead of a call for every number: AVX-512 takes 0.24 ns for a sigmoid where
/// the scalar loop takes 5.8, 0.33 instead of 11 for GELU, 0.05 instead of 0.6 for hard_swish
/// (16,384 numbers on Zen 5).
template <class Function, class T>
Table<ActivationImplementation<T>> activation_table() {
  static constexpr ActivationImplementation<T> scalar_row = {
      std::is_same_v<T, float> ? "activation_f32_scalar" : "activation_f64_scalar", Isa::scalar,
      &scalar::map_forward<Function, T>};
  if constexpr (std::is_same_v<T, float>) {
    static constexpr ActivationImplementation<T> table[] = {
#if OCTET_X86
      {"activation_f32_x16_avx512", Isa::avx512, &avx512::map_forward<Function>},
      {"activation_f32_x8_avx2", Isa::avx2, &avx2::map_forward<Function>},
#elif OCTET_NEON
      {"activation_f32_x4_neon", Isa::neon, &neon::map_forward<Function>},
#elif OCTET_WASM_SIMD128
      {"activation_f32_x4_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::map_forward<Function>},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}
template <class Function, class T>
Table<ActivationGradients<T>> activation_gradients_table() {
  static constexpr ActivationGradients<T> scalar_row = {Isa::scalar,
                                                        &scalar::map_backward<Function, T>};
  if constexpr (std::is_same_v<T, float>) {
    static constexpr ActivationGradients<T> table[] = {
#if OCTET_X86
      {Isa::avx512, &avx512::map_backward<Function>},
      {Isa::avx2, &avx2::map_backward<Function>},
#elif OCTET_NEON
      {Isa::neon, &neon::map_backward<Function>},
#elif OCTET_WASM_SIMD128
      {Isa::wasm_simd128, &wasm_simd128::map_backward<Function>},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}

/// y = Function::value(x), for Function in Sigmoid, Tanh, HardSigmoid, HardSwish, Silu, Gelu.
template <class Function, class T>
void map_forward(std::int64_t count, const T* x, T* y, ThreadPool& pool) {
  const auto& row = best_row(activation_table<Function, T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.forward(end - begin, x + begin, y + begin);
  });
}
/// dx = dy * Function::derivative(kept), where kept is y for Sigmoid and Tanh, x for the others.
template <class Function, class T>
void map_backward(std::int64_t count, const T* kept, const T* dy, T* dx, ThreadPool& pool) {
  const auto& row = best_row(activation_gradients_table<Function, T>());
  pool.parallel_for(count, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    row.backward(end - begin, kept + begin, dy + begin, dx + begin);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
