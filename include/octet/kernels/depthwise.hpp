// Depthwise convolution: every channel is filtered alone, by OC / C filters of its own.
#pragma once

#include <algorithm>
#include <string_view>
#include <type_traits>

#include "octet/core/aligned.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gemm_tile.hpp"
#include "octet/kernels/scalar/depthwise.hpp"
#include "octet/kernels/table.hpp"
#if OCTET_X86
#include "octet/kernels/avx2/depthwise_f32.hpp"
#include "octet/kernels/avx512/depthwise_f32.hpp"
#elif OCTET_NEON
#include "octet/kernels/neon/depthwise_f32.hpp"
#elif OCTET_WASM_SIMD128
#include "octet/kernels/wasm_simd128/depthwise_f32.hpp"
#endif

namespace octet::inline OCTET_ABI::kernels {

/// Rows of a job: enough for pairs, which share loads, and few enough for threads to share an
/// image.
inline constexpr std::int64_t depthwise_rows = 4;

/// The loops of scalar/depthwise.hpp over rows [begin, end), with the traffic of memory meanwhile,
/// unless that is null. One row of the table.
template <class T>
struct DepthwiseImplementation {
  std::string_view name;
  Isa isa;
  void (*forward)(const Conv2dShape& s, const T* x, const T* w, const Epilogue<T>& epilogue, T* y,
                  std::int64_t begin, std::int64_t end, MemoryTraffic* traffic);
  DepthwiseWay (*way)(const Conv2dShape& s) = nullptr;  ///< null: always one by one
};

/// The same for both gradients; apart, so that programs that never learn do not contain them.
template <class T>
struct DepthwiseGradients {
  Isa isa;
  void (*backward_input)(const Conv2dShape& s, const T* dy, const T* w, T* dx, std::int64_t begin,
                         std::int64_t end, MemoryTraffic* traffic);
  void (*backward_weight)(const Conv2dShape& s, const T* x, const T* dy, T* dw, std::int64_t begin,
                          std::int64_t end, MemoryTraffic* traffic);
};

/// The implementations, best first; double has the scalar ones alone.
template <class T>
Table<DepthwiseImplementation<T>> depthwise_table() {
  static constexpr DepthwiseImplementation<T> scalar_row = {
      std::is_same_v<T, float> ? "depthwise_f32_scalar" : "depthwise_f64_scalar",
      Isa::scalar,
      &scalar::depthwise_forward<T>,
  };
  if constexpr (std::is_same_v<T, float>) {
    static constexpr DepthwiseImplementation<T> table[] = {
#if OCTET_X86
      {"depthwise_f32_x16_avx512", Isa::avx512, &avx512::depthwise_forward, &avx512::depthwise_way},
      {"depthwise_f32_x8_avx2", Isa::avx2, &avx2::depthwise_forward, &avx2::depthwise_way},
#elif OCTET_NEON
      {"depthwise_f32_x4_neon", Isa::neon, &neon::depthwise_forward, &neon::depthwise_way},
#elif OCTET_WASM_SIMD128
      {"depthwise_f32_x4_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::depthwise_forward,
       &wasm_simd128::depthwise_way},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}
template <class T>
Table<DepthwiseGradients<T>> depthwise_gradients_table() {
  static constexpr DepthwiseGradients<T> scalar_row = {
      Isa::scalar, &scalar::depthwise_backward_input<T>, &scalar::depthwise_backward_weight<T>};
  if constexpr (std::is_same_v<T, float>) {
    static constexpr DepthwiseGradients<T> table[] = {
#if OCTET_X86
      {Isa::avx512, &avx512::depthwise_backward_input, &avx512::depthwise_backward_weight},
      {Isa::avx2, &avx2::depthwise_backward_input, &avx2::depthwise_backward_weight},
#elif OCTET_NEON
      {Isa::neon, &neon::depthwise_backward_input, &neon::depthwise_backward_weight},
#elif OCTET_WASM_SIMD128
      {Isa::wasm_simd128, &wasm_simd128::depthwise_backward_input,
       &wasm_simd128::depthwise_backward_weight},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}

/// y[n, oh, ow, oc] = epilogue(sum over kh, kw of x[n, ih, iw, oc / (OC / C)] * w[kh, kw, oc]),
/// ih and iw as in Conv2dShape, whose groups must be C. w is [KH, KW, OC].
template <class T>
void depthwise_forward(const Conv2dShape& shape, const T* x, const T* w,
                       const Epilogue<T>& epilogue, T* y, ThreadPool& pool) {
  const auto& row = best_row(depthwise_table<T>());
  pool.parallel_for(shape.N * shape.OH, depthwise_rows, [&](std::int64_t begin, std::int64_t end) {
    row.forward(shape, x, w, epilogue, y, begin, end, nullptr);
  });
}

/// The row whose loops depthwise_forward() runs: the scalar one, where the best one leaves the
/// shape to it.
template <class T>
const DepthwiseImplementation<T>& depthwise_row(const Conv2dShape& shape) {
  const auto table = depthwise_table<T>();
  const auto& best = best_row(table);
  return best.way && best.way(shape) != DepthwiseWay::one_by_one ? best : table.back();
}
/// What these loops are called before the types and the vector of the row's name.
template <class T>
std::string_view depthwise_name(const Conv2dShape& shape) {
  const auto& row = depthwise_row<T>(shape);
  const DepthwiseWay way = row.way ? row.way(shape) : DepthwiseWay::one_by_one;
  return way == DepthwiseWay::pairs_3x3  ? "depthwise_3x3_pairs"
         : way == DepthwiseWay::rows_3x3 ? "depthwise_3x3"
                                         : "depthwise";
}

/// The gradient by x: assigns dx, [N, H, W, C].
template <class T>
void depthwise_backward_input(const Conv2dShape& shape, const T* dy, const T* w, T* dx,
                              ThreadPool& pool) {
  const auto& row = best_row(depthwise_gradients_table<T>());
  pool.parallel_for(shape.N * shape.H, depthwise_rows, [&](std::int64_t begin, std::int64_t end) {
    row.backward_input(shape, dy, w, dx, begin, end, nullptr);
  });
}

/// The gradient by w: adds to dw, [KH, KW, OC]. Partial sums of four images each are added in the
/// order of the images.
template <class T>
void depthwise_backward_weight(const Conv2dShape& shape, const T* x, const T* dy, T* dw,
                               ThreadPool& pool) {
  constexpr std::int64_t images = 4;
  const std::int64_t size = shape.KH * shape.KW * shape.OC, parts = pieces(shape.N, images);
  const auto& row = best_row(depthwise_gradients_table<T>());
  AlignedVector<T> partial(static_cast<std::size_t>(parts * size));
  pool.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part)
      row.backward_weight(shape, x, dy, partial.data() + part * size, part * images * shape.OH,
                          (std::min)((part + 1) * images, shape.N) * shape.OH, nullptr);
  });
  for (std::int64_t part = 0; part < parts; ++part)
    for (std::int64_t i = 0; i < size; ++i)
      dw[i] += partial[static_cast<std::size_t>(part * size + i)];
}

}  // namespace octet::inline OCTET_ABI::kernels
