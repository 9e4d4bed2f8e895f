// Batch normalisation (Ioffe and Szegedy 2015) over rows x channels, where the rows of an image
// batch are its N * H * W pixels.
//
// Sums run in two levels: blocks of rows whose size depends on the number of channels alone are
// summed in T while they are in the cache, then the blocks are combined in double, in order. So the
// number of threads changes no bit, memory is read once, and the error grows with the block, not
// with the batch.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
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
#endif

namespace octet::inline OCTET_ABI::kernels {

/// The loops of scalar/normalization.hpp over one block of rows. One row of the table.
template <class T>
struct NormalizationImplementation {
  std::string_view name;
  Isa isa;
  void (*moments)(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* squares);
  void (*normalize)(std::int64_t rows, std::int64_t channels, const T* x, const T* mean,
                    const T* scale, const T* shift, T lo, T hi, StoreThrough through, T* y);
  void (*normalize_sums)(std::int64_t rows, std::int64_t channels, const T* x, const T* dy,
                         const T* mean, const T* scale, const T* shift, T lo, T hi, T* sum_dy,
                         T* sum_dy_x);
  void (*normalize_gradient)(std::int64_t rows, std::int64_t channels, const T* x, const T* dy,
                             const T* mean, const T* scale, const T* shift, const T* slope,
                             const T* offset, T lo, T hi, T* dx);
  void (*column_sum)(std::int64_t rows, std::int64_t columns, const T* x, T* sum);
};

/// The implementations, best first; double has the scalar ones alone.
template <class T>
std::span<const NormalizationImplementation<T>> normalization_table() {
  static constexpr NormalizationImplementation<T> scalar_row = {
      std::is_same_v<T, float> ? "normalization_f32_scalar" : "normalization_f64_scalar",
      Isa::scalar,
      &scalar::moments<T>,
      &scalar::normalize<T>,
      &scalar::normalize_sums<T>,
      &scalar::normalize_gradient<T>,
      &scalar::column_sum<T>,
  };
#if OCTET_X86
  if constexpr (std::is_same_v<T, float>) {
    static constexpr NormalizationImplementation<T> table[] = {
        {"normalization_f32_x16_avx512", Isa::avx512, &avx512::moments, &avx512::normalize,
         &avx512::normalize_sums, &avx512::normalize_gradient, &avx512::column_sum},
        {"normalization_f32_x8_avx2", Isa::avx2, &avx2::moments, &avx2::normalize,
         &avx2::normalize_sums, &avx2::normalize_gradient, &avx2::column_sum},
        scalar_row,
    };
    return table;
  }
#endif
  return {&scalar_row, 1};
}

/// Rows that are reduced at once: 32 KiB of floats.
constexpr std::int64_t reduction_rows(std::int64_t channels) {
  return channels >= 8192 ? 1 : 8192 / (channels > 0 ? channels : 1);
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
  std::vector<double> total(static_cast<std::size_t>(columns));
  for (std::int64_t i = 0; i < blocks * columns; ++i)
    total[static_cast<std::size_t>(i % columns)] += partial[static_cast<std::size_t>(i)];
  for (std::int64_t c = 0; c < columns; ++c)
    sum[c] += static_cast<T>(total[static_cast<std::size_t>(c)]);
}

/// mean[c] and the biased variance[c] of rows x channels.
template <class T>
void batch_statistics(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* variance,
                      ThreadPool& pool) {
  const auto& row = best_row(normalization_table<T>());
  const std::int64_t step = reduction_rows(channels), blocks = pieces(rows, step);
  AlignedVector<T> means(static_cast<std::size_t>(blocks * channels)), squares(means.size());
  pool.parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block)
      row.moments((std::min)(step, rows - block * step), channels, x + block * step * channels,
                  means.data() + block * channels, squares.data() + block * channels);
  });
  for (std::int64_t c = 0; c < channels; ++c) {
    double total = 0, square = 0;
    for (std::int64_t block = 0; block < blocks; ++block)
      total += static_cast<double>(means[static_cast<std::size_t>(block * channels + c)]) *
               static_cast<double>((std::min)(step, rows - block * step));
    const double center = total / static_cast<double>(rows);
    for (std::int64_t block = 0; block < blocks; ++block) {
      const auto i = static_cast<std::size_t>(block * channels + c);
      const double shift = static_cast<double>(means[i]) - center;
      square += static_cast<double>(squares[i]) +
                shift * shift * static_cast<double>((std::min)(step, rows - block * step));
    }
    mean[c] = static_cast<T>(center);
    variance[c] = static_cast<T>(square / static_cast<double>(rows));
  }
}

/// Whether mean and variance came from this batch, so that the gradient flows through them too, or
/// are constants.
enum class Statistics { batch, frozen };

/// What a batch normalisation is told besides its tensors; [lo, hi] is a fused ReLU or ReLU6.
template <class T>
struct BatchNormOptions {
  double epsilon = 1e-5;
  Statistics statistics = Statistics::batch;
  T lo = -std::numeric_limits<T>::infinity();
  T hi = std::numeric_limits<T>::infinity();
};

/// scale[c] = gamma[c] / sqrt(variance[c] + epsilon): the same bits forward and backward.
template <class T>
AlignedVector<T> batch_norm_scale(std::int64_t channels, double epsilon, const T* variance,
                                  const T* gamma) {
  AlignedVector<T> scale(static_cast<std::size_t>(channels));
  for (std::int64_t c = 0; c < channels; ++c)
    scale[static_cast<std::size_t>(c)] = static_cast<T>(
        static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon));
  return scale;
}

/// y = clamp((x - mean[c]) / sqrt(variance[c] + epsilon) * gamma[c] + beta[c], lo, hi). y may be x.
template <class T>
void batch_norm_forward(std::int64_t rows, std::int64_t channels,
                        const BatchNormOptions<T>& options, const T* x, const T* mean,
                        const T* variance, const T* gamma, const T* beta, T* y, ThreadPool& pool) {
  const auto& row = best_row(normalization_table<T>());
  const AlignedVector<T> scale = batch_norm_scale(channels, options.epsilon, variance, gamma);
  const std::int64_t step = reduction_rows(channels);
  const StoreThrough through = y == x ? StoreThrough::caches : stores_through(rows * channels);
  pool.parallel_for(rows, step, [&](std::int64_t begin, std::int64_t end) {
    row.normalize(end - begin, channels, x + begin * channels, mean, scale.data(), beta, options.lo,
                  options.hi, through, y + begin * channels);
  });
}

/// What is left of a batch normalisation's backward pass once its sums are known:
/// dx = dy * scale[c] + (x - mean[c]) * slope[c] + offset[c], with dy as batch_norm_backward says.
/// Whoever needs dx next can compute it line by line, in the cache, instead of reading it.
template <class T>
struct DeferredGradient {
  AlignedVector<T> mean, scale, shift, slope, offset;  ///< shift is empty if nothing is limited
  T lo = -std::numeric_limits<T>::infinity(), hi = std::numeric_limits<T>::infinity();

  void compute(std::int64_t rows, std::int64_t channels, const T* x, const T* dy, T* dx) const {
    best_row(normalization_table<T>())
        .normalize_gradient(rows, channels, x, dy, mean.data(), scale.data(),
                            shift.empty() ? nullptr : shift.data(), slope.data(), offset.data(), lo,
                            hi, dx);
  }
};

/// The sums of batch_norm_backward: adds to d_gamma and d_beta, and gives what is needed for dx.
template <class T>
DeferredGradient<T> batch_norm_backward_sums(std::int64_t rows, std::int64_t channels,
                                             const BatchNormOptions<T>& options, const T* x,
                                             const T* dy, const T* mean, const T* variance,
                                             const T* gamma, const T* beta, T* d_gamma, T* d_beta,
                                             ThreadPool& pool) {
  const auto& row = best_row(normalization_table<T>());
  const auto count = static_cast<std::size_t>(channels);
  const std::int64_t step = reduction_rows(channels), blocks = pieces(rows, step);
  DeferredGradient<T> result{AlignedVector<T>(mean, mean + channels),
                             batch_norm_scale(channels, options.epsilon, variance, gamma),
                             {},
                             AlignedVector<T>(count),
                             AlignedVector<T>(count),
                             options.lo,
                             options.hi};
  if (std::isfinite(options.lo) || std::isfinite(options.hi))
    result.shift.assign(beta, beta + channels);
  const T* const shift = result.shift.empty() ? nullptr : beta;
  AlignedVector<T> sums(static_cast<std::size_t>(blocks) * count), products(sums.size());
  pool.parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t at = block * step * channels;
      row.normalize_sums((std::min)(step, rows - block * step), channels, x + at, dy + at, mean,
                         result.scale.data(), shift, options.lo, options.hi,
                         sums.data() + block * channels, products.data() + block * channels);
    }
  });
  for (std::size_t c = 0; c < count; ++c) {
    double sum = 0, product = 0;
    for (std::size_t i = c; i < sums.size(); i += count) {
      sum += static_cast<double>(sums[i]);
      product += static_cast<double>(products[i]);
    }
    const double inverse = 1 / std::sqrt(static_cast<double>(variance[c]) + options.epsilon);
    const double factor = static_cast<double>(gamma[c]) * inverse;
    d_beta[c] += static_cast<T>(sum);
    d_gamma[c] += static_cast<T>(product * inverse);
    if (options.statistics == Statistics::frozen) continue;
    result.slope[c] =
        static_cast<T>(-factor * product * inverse * inverse / static_cast<double>(rows));
    result.offset[c] = static_cast<T>(-factor * sum / static_cast<double>(rows));
  }
  return result;
}

/// The gradients: adds to d_gamma and d_beta, assigns dx unless it is null. Where [lo, hi] is
/// finite, dy passes where lo < y < hi; y is computed again from x, which costs no memory access.
/// dx may be dy.
template <class T>
void batch_norm_backward(std::int64_t rows, std::int64_t channels,
                         const BatchNormOptions<T>& options, const T* x, const T* dy, const T* mean,
                         const T* variance, const T* gamma, const T* beta, T* d_gamma, T* d_beta,
                         T* dx, ThreadPool& pool) {
  const DeferredGradient<T> rest = batch_norm_backward_sums(
      rows, channels, options, x, dy, mean, variance, gamma, beta, d_gamma, d_beta, pool);
  if (!dx) return;
  pool.parallel_for(rows, reduction_rows(channels), [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * channels;
    rest.compute(end - begin, channels, x + at, dy + at, dx + at);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
