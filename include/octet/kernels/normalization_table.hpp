// The table of the loops of batch normalization, and how their results over blocks of rows are
// summed: blocks whose size depends on the number of channels alone are summed in T while they are
// in the cache, then the blocks are combined in double, in order. So the number of threads changes
// no bit, memory is read once, and the error grows with the block, not with the batch.
#pragma once

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <vector>

#include "octet/core/aligned.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/scalar/normalization.hpp"
#include "octet/kernels/table.hpp"
#if OCTET_X86
#include "octet/kernels/avx2/normalization_f32.hpp"
#include "octet/kernels/avx512/normalization_f32.hpp"
#elif OCTET_NEON
#include "octet/kernels/neon/normalization_f32.hpp"
#elif OCTET_WASM_SIMD128
#include "octet/kernels/wasm_simd128/normalization_f32.hpp"
#endif

namespace octet::inline OCTET_ABI::kernels {

/// The loops of scalar/normalization.hpp over one block of rows, and those of
/// scalar/pooled_normalization.hpp over one line of windows. One row of the table.
template <class T>
struct NormalizationImplementation {
  std::string_view name;
  Isa isa;
  void (*moments)(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* squares);
  void (*normalize)(const Normalization<T>& n, std::int64_t rows, const T* x, StoreThrough through,
                    T* y);
  void (*normalize_sums)(const Normalization<T>& n, std::int64_t rows, const T* x, const T* dy,
                         T* sum_dy, T* sum_dy_x);
  void (*normalize_gradient)(const Normalization<T>& n, std::int64_t rows, const T* x, const T* dy,
                             const T* slope, const T* offset, T* dx);
  void (*column_sum)(std::int64_t rows, std::int64_t columns, const T* x, T* sum);
  void (*normalize_windows)(const NormalizedWindows<T>& w, const T* x, T* y);
  void (*window_sums)(const NormalizedWindows<T>& w, const T* x, const T* dy, T* sum_dy,
                      T* sum_dy_x);
  void (*window_gradient)(const NormalizedWindows<T>& w, const T* x, const T* dy, const T* slope,
                          const T* offset, StoreThrough through, T* dx);
};

/// The implementations, best first; double has the scalar ones alone.
template <class T>
Table<NormalizationImplementation<T>> normalization_table() {
  static constexpr NormalizationImplementation<T> scalar_row = {
      std::is_same_v<T, float> ? "normalization_f32_scalar" : "normalization_f64_scalar",
      Isa::scalar,
      &scalar::moments<T>,
      &scalar::normalize<T>,
      &scalar::normalize_sums<T>,
      &scalar::normalize_gradient<T>,
      &scalar::column_sum<T>,
      &scalar::normalize_windows<T>,
      &scalar::window_sums<T>,
      &scalar::window_gradient<T>,
  };
  if constexpr (std::is_same_v<T, float>) {
    static constexpr NormalizationImplementation<T> table[] = {
#if OCTET_X86
      {"normalization_f32_x16_avx512", Isa::avx512, &avx512::moments, &avx512::normalize,
       &avx512::normalize_sums, &avx512::normalize_gradient, &avx512::column_sum,
       &avx512::normalize_windows, &avx512::window_sums, &avx512::window_gradient},
      {"normalization_f32_x8_avx2", Isa::avx2, &avx2::moments, &avx2::normalize,
       &avx2::normalize_sums, &avx2::normalize_gradient, &avx2::column_sum,
       &avx2::normalize_windows, &avx2::window_sums, &avx2::window_gradient},
#elif OCTET_NEON
      {"normalization_f32_x4_neon", Isa::neon, &neon::moments, &neon::normalize,
       &neon::normalize_sums, &neon::normalize_gradient, &neon::column_sum,
       &neon::normalize_windows, &neon::window_sums, &neon::window_gradient},
#elif OCTET_WASM_SIMD128
      {"normalization_f32_x4_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::moments,
       &wasm_simd128::normalize, &wasm_simd128::normalize_sums, &wasm_simd128::normalize_gradient,
       &wasm_simd128::column_sum, &wasm_simd128::normalize_windows, &wasm_simd128::window_sums,
       &wasm_simd128::window_gradient},
#endif
      scalar_row,
    };
    return table;
  }
  return scalar_row;
}

/// Rows that are reduced at once: 32 KiB of floats.
constexpr std::int64_t reduction_rows(std::int64_t channels) {
  return channels >= 8192 ? 1 : 8192 / (channels > 0 ? channels : 1);
}

/// The sum over the blocks of values[block][c], in their order, for each c.
template <class T>
std::vector<double> sum_of_blocks(std::int64_t blocks, std::int64_t columns, const T* values,
                                  ThreadPool& pool) {
  std::vector<double> total(static_cast<std::size_t>(columns));
  pool.parallel_for(columns, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = 0; block < blocks; ++block)
      for (std::int64_t c = begin; c < end; ++c)
        total[static_cast<std::size_t>(c)] += static_cast<double>(values[block * columns + c]);
  });
  return total;
}

/// sum[c] += the sum over the rows of x: the gradient of a bias.
template <class T>
void column_sum_add(std::int64_t rows, std::int64_t columns, const T* x, T* sum, ThreadPool& pool) {
  const auto& row = best_row(normalization_table<T>());
  const std::int64_t step = reduction_rows(columns), blocks = pieces(rows, step);
  AlignedVector<T> partial(static_cast<std::size_t>(blocks * columns));
  pool.parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block)
      row.column_sum((std::min)(step, rows - block * step), columns, x + block * step * columns,
                     partial.data() + block * columns);
  });
  const std::vector<double> total = sum_of_blocks(blocks, columns, partial.data(), pool);
  for (std::int64_t c = 0; c < columns; ++c)
    sum[c] += static_cast<T>(total[static_cast<std::size_t>(c)]);
}

}  // namespace octet::inline OCTET_ABI::kernels
