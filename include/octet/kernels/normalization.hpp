// Batch normalization (Ioffe and Szegedy 2015) over rows x channels, where the rows of an image
// batch are its N * H * W pixels.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "octet/core/aligned.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/batch_statistics.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/normalization_table.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Whether mean and variance came from this batch, so that the gradient flows through them too, or
/// are constants.
enum class Statistics { batch, frozen };

/// What a batch normalization is told besides its tensors; [lo, hi] is a fused ReLU or ReLU6.
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

/// A batch normalization whose statistics are known: y = clamp((x - mean) * scale + shift, lo, hi).
/// Whoever reads y can compute it part by part, in the cache, instead.
template <class T>
struct DeferredNormalization {
  AlignedVector<T> mean, scale, shift;
  T lo = -std::numeric_limits<T>::infinity(), hi = std::numeric_limits<T>::infinity();

  std::int64_t channels() const { return static_cast<std::int64_t>(mean.size()); }
  void compute(std::int64_t rows, const T* x, T* y) const {
    best_row(normalization_table<T>())
        .normalize(rows, channels(), x, mean.data(), scale.data(), shift.data(), lo, hi,
                   StoreThrough::caches, y);
  }
  /// Adds x and the gradient by y of rows [begin, end) to the sums of blocks of sum_rows rows each;
  /// row 0 begins the one with number `block`.
  void sum(std::int64_t begin, std::int64_t end, const T* x, const T* dy, std::int64_t block,
           BlockSums<T>& sums) const {
    const bool limits = std::isfinite(lo) || std::isfinite(hi);
    while (begin < end) {
      const std::int64_t at = (block + begin / sum_rows) * channels();
      const std::int64_t rows = (std::min)(sum_rows - begin % sum_rows, end - begin);
      best_row(normalization_table<T>())
          .normalize_sums(rows, channels(), x, dy, mean.data(), scale.data(),
                          limits ? shift.data() : nullptr, lo, hi, sums.gradients.data() + at,
                          sums.products.data() + at);
      begin += rows;
      x += rows * channels();
      dy += rows * channels();
    }
  }
  static constexpr std::int64_t sum_rows = 384;
};

/// What is left of a batch normalization's backward pass once its sums are known:
/// dx = dy * scale[c] + (x - mean[c]) * slope[c] + offset[c], with dy as batch_norm_backward says.
/// Whoever needs dx next can compute it line by line, in the cache, instead of reading it.
template <class T>
struct DeferredGradient {
  AlignedVector<T> mean, scale, shift, slope, offset;  ///< shift is empty if nothing is limited
  T lo = -std::numeric_limits<T>::infinity(), hi = std::numeric_limits<T>::infinity();
  /// Not 1 x 1 if a max pooling followed: then dy is that of its windows.
  MaxWindows windows{};

  /// For rows of x and dy, if no pooling followed.
  void compute(std::int64_t rows, std::int64_t channels, const T* x, const T* dy, T* dx) const {
    best_row(normalization_table<T>())
        .normalize_gradient(rows, channels, x, dy, mean.data(), scale.data(),
                            shift.empty() ? nullptr : shift.data(), slope.data(), offset.data(), lo,
                            hi, dx);
  }
  /// For `count` windows side by side, if one followed.
  void compute_windows(std::int64_t count, std::int64_t channels, const T* x, const T* dy,
                       StoreThrough through, T* dx) const {
    best_row(normalization_table<T>())
        .window_gradient({windows.rows, windows.columns, count, channels, mean.data(), scale.data(),
                          shift.data(), lo, hi},
                         x, dy, slope.data(), offset.data(), through, dx);
  }

  /// Completes the statistics' part, and adds to d_gamma and d_beta, from sums over blocks of rows
  /// of dy and of dy * (x - mean).
  void finish(std::int64_t rows, const BatchNormOptions<T>& options, const BlockSums<T>& sums,
              const T* variance, const T* gamma, T* d_gamma, T* d_beta, ThreadPool& pool) {
    const auto channels = static_cast<std::int64_t>(mean.size());
    const std::int64_t blocks = static_cast<std::int64_t>(sums.gradients.size()) / channels;
    const std::vector<double> sum = sum_of_blocks(blocks, channels, sums.gradients.data(), pool);
    const std::vector<double> product = sum_of_blocks(blocks, channels, sums.products.data(), pool);
    slope.assign(mean.size(), T(0));
    offset.assign(mean.size(), T(0));
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const double inverse = 1 / std::sqrt(static_cast<double>(variance[c]) + options.epsilon);
      const double factor = static_cast<double>(gamma[c]) * inverse;
      d_beta[c] += static_cast<T>(sum[c]);
      d_gamma[c] += static_cast<T>(product[c] * inverse);
      if (options.statistics == Statistics::frozen) continue;
      slope[c] =
          static_cast<T>(-factor * product[c] * inverse * inverse / static_cast<double>(rows));
      offset[c] = static_cast<T>(-factor * sum[c] / static_cast<double>(rows));
    }
  }
};

/// The sums of batch_norm_backward, unless they are `known`: adds to d_gamma and d_beta, and gives
/// what is needed for dx.
template <class T>
DeferredGradient<T> batch_norm_backward_sums(std::int64_t rows, std::int64_t channels,
                                             const BatchNormOptions<T>& options, const T* x,
                                             const T* dy, const T* mean, const T* variance,
                                             const T* gamma, const T* beta, T* d_gamma, T* d_beta,
                                             ThreadPool& pool,
                                             const BlockSums<T>* known = nullptr) {
  const auto& row = best_row(normalization_table<T>());
  DeferredGradient<T> result{AlignedVector<T>(mean, mean + channels),
                             batch_norm_scale(channels, options.epsilon, variance, gamma),
                             {},
                             {},
                             {},
                             options.lo,
                             options.hi};
  if (std::isfinite(options.lo) || std::isfinite(options.hi))
    result.shift.assign(beta, beta + channels);
  BlockSums<T> sums;
  if (!known) {
    const T* const shift = result.shift.empty() ? nullptr : beta;
    const std::int64_t step = reduction_rows(channels);
    sums.start(pieces(rows, step), channels);
    pool.parallel_for(rows, step, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t at = begin * channels, block = begin / step * channels;
      row.normalize_sums(end - begin, channels, x + at, dy + at, mean, result.scale.data(), shift,
                         options.lo, options.hi, sums.gradients.data() + block,
                         sums.products.data() + block);
    });
  }
  result.finish(rows, options, known ? *known : sums, variance, gamma, d_gamma, d_beta, pool);
  return result;
}

/// The gradients: adds to d_gamma and d_beta, assigns dx unless it is null. Where [lo, hi] is
/// finite, dy passes where lo < y < hi; y is computed again from x, which costs no memory access.
/// dx may be dy.
template <class T>
void batch_norm_backward(std::int64_t rows, std::int64_t channels,
                         const BatchNormOptions<T>& options, const T* x, const T* dy, const T* mean,
                         const T* variance, const T* gamma, const T* beta, T* d_gamma, T* d_beta,
                         T* dx, ThreadPool& pool, const BlockSums<T>* known = nullptr) {
  const DeferredGradient<T> rest = batch_norm_backward_sums(
      rows, channels, options, x, dy, mean, variance, gamma, beta, d_gamma, d_beta, pool, known);
  if (!dx) return;
  pool.parallel_for(rows, reduction_rows(channels), [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * channels;
    rest.compute(end - begin, channels, x + at, dy + at, dx + at);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
