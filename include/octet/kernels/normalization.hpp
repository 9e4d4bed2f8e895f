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

/// A batch normalization: what it knows of its channels, and [lo, hi], a fused ReLU or ReLU6.
template <class T>
struct BatchNormChannels {
  std::int64_t channels;
  const T *mean, *variance, *gamma, *beta;
  double epsilon = 1e-5;
  Statistics statistics = Statistics::batch;
  T lo = -std::numeric_limits<T>::infinity();
  T hi = std::numeric_limits<T>::infinity();

  /// gamma[c] / sqrt(variance[c] + epsilon): the same bits forward and backward.
  AlignedVector<T> scale() const {
    AlignedVector<T> result(static_cast<std::size_t>(channels));
    for (std::int64_t c = 0; c < channels; ++c)
      result[static_cast<std::size_t>(c)] = static_cast<T>(
          static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon));
    return result;
  }
};

/// Where the gradients by its parameters are added.
template <class T>
struct BatchNormGradients {
  T *gamma, *beta;
};

/// y = clamp((x - mean[c]) / sqrt(variance[c] + epsilon) * gamma[c] + beta[c], lo, hi). y may be x.
template <class T>
void batch_norm_forward(const BatchNormChannels<T>& b, std::int64_t rows, const T* x, T* y,
                        ThreadPool& pool) {
  const auto& row = best_row(normalization_table<T>());
  const AlignedVector<T> scale = b.scale();
  const Normalization<T> normalization{b.channels, b.mean, scale.data(), b.beta, b.lo, b.hi};
  const std::int64_t step = reduction_rows(b.channels);
  const StoreThrough through = y == x ? StoreThrough::caches : stores_through(rows * b.channels);
  pool.parallel_for(rows, step, [&](std::int64_t begin, std::int64_t end) {
    row.normalize(normalization, end - begin, x + begin * b.channels, through,
                  y + begin * b.channels);
  });
}

/// A batch normalization whose statistics are known: y = clamp((x - mean) * scale + shift, lo, hi).
/// Whoever reads y can compute it part by part, in the cache, instead.
template <class T>
struct DeferredNormalization {
  AlignedVector<T> mean, scale, shift;
  T lo = -std::numeric_limits<T>::infinity(), hi = std::numeric_limits<T>::infinity();

  std::int64_t channels() const { return static_cast<std::int64_t>(mean.size()); }
  Normalization<T> forward() const {
    return {channels(), mean.data(), scale.data(), shift.data(), lo, hi};
  }
  /// Without a shift if nothing is limited, so that no y is computed again.
  Normalization<T> backward() const {
    const bool limits = std::isfinite(lo) || std::isfinite(hi);
    return {channels(), mean.data(), scale.data(), limits ? shift.data() : nullptr, lo, hi};
  }
  void compute(std::int64_t rows, const T* x, T* y) const {
    best_row(normalization_table<T>()).normalize(forward(), rows, x, StoreThrough::caches, y);
  }
  /// Adds x and the gradient by y of rows [begin, end) to the sums of blocks of sum_rows rows each;
  /// row 0 begins the one with number `block`.
  void sum(std::int64_t begin, std::int64_t end, const T* x, const T* dy, std::int64_t block,
           BlockSums<T>& sums) const {
    const Normalization<T> normalization = backward();
    while (begin < end) {
      const std::int64_t at = (block + begin / sum_rows) * channels();
      const std::int64_t rows = (std::min)(sum_rows - begin % sum_rows, end - begin);
      best_row(normalization_table<T>())
          .normalize_sums(normalization, rows, x, dy, sums.gradients.data() + at,
                          sums.products.data() + at);
      begin += rows;
      x += rows * channels();
      dy += rows * channels();
    }
  }
  static constexpr std::int64_t sum_rows = 384;
};

/// Lets whoever reads the result of batch_norm_forward compute it.
template <class T>
DeferredNormalization<T> batch_norm_deferred(const BatchNormChannels<T>& b) {
  return {AlignedVector<T>(b.mean, b.mean + b.channels), b.scale(),
          AlignedVector<T>(b.beta, b.beta + b.channels), b.lo, b.hi};
}

/// What is left of a batch normalization's backward pass once its sums are known:
/// dx = dy * scale[c] + (x - mean[c]) * slope[c] + offset[c], with dy as batch_norm_backward says.
/// Whoever needs dx next can compute it line by line, in the cache, instead of reading it.
template <class T>
struct DeferredGradient {
  DeferredNormalization<T> normalization;
  AlignedVector<T> slope, offset;
  /// Not 1 x 1 if a max pooling followed: then dy is that of its windows.
  MaxWindows windows{};

  /// For rows of x and dy, if no pooling followed.
  void compute(std::int64_t rows, const T* x, const T* dy, T* dx) const {
    best_row(normalization_table<T>())
        .normalize_gradient(normalization.backward(), rows, x, dy, slope.data(), offset.data(), dx);
  }
  /// For `count` windows side by side, if one followed.
  void compute_windows(std::int64_t count, const T* x, const T* dy, StoreThrough through,
                       T* dx) const {
    best_row(normalization_table<T>())
        .window_gradient({normalization.forward(), windows.rows, windows.columns, count}, x, dy,
                         slope.data(), offset.data(), through, dx);
  }

  /// Completes the statistics' part, and adds to the parameters' gradients, from sums over blocks
  /// of rows of dy and of dy * (x - mean).
  void finish(const BatchNormChannels<T>& b, std::int64_t rows, const BlockSums<T>& sums,
              const BatchNormGradients<T>& gradients, ThreadPool& pool) {
    const std::int64_t blocks = static_cast<std::int64_t>(sums.gradients.size()) / b.channels;
    const std::vector<double> sum = sum_of_blocks(blocks, b.channels, sums.gradients.data(), pool);
    const std::vector<double> product =
        sum_of_blocks(blocks, b.channels, sums.products.data(), pool);
    slope.assign(sum.size(), T(0));
    offset.assign(sum.size(), T(0));
    for (std::size_t c = 0; c < sum.size(); ++c) {
      const double inverse = 1 / std::sqrt(static_cast<double>(b.variance[c]) + b.epsilon);
      const double factor = static_cast<double>(b.gamma[c]) * inverse;
      gradients.beta[c] += static_cast<T>(sum[c]);
      gradients.gamma[c] += static_cast<T>(product[c] * inverse);
      if (b.statistics == Statistics::frozen) continue;
      slope[c] =
          static_cast<T>(-factor * product[c] * inverse * inverse / static_cast<double>(rows));
      offset[c] = static_cast<T>(-factor * sum[c] / static_cast<double>(rows));
    }
  }
};

/// The sums of batch_norm_backward, unless they are `known`: adds to the parameters' gradients, and
/// gives what is needed for dx.
template <class T>
DeferredGradient<T> batch_norm_backward_sums(const BatchNormChannels<T>& b, std::int64_t rows,
                                             const T* x, const T* dy,
                                             const BatchNormGradients<T>& gradients,
                                             ThreadPool& pool,
                                             const BlockSums<T>* known = nullptr) {
  const auto& row = best_row(normalization_table<T>());
  DeferredGradient<T> result{batch_norm_deferred(b), {}, {}};
  BlockSums<T> sums;
  if (!known) {
    const Normalization<T> normalization = result.normalization.backward();
    const std::int64_t step = reduction_rows(b.channels);
    sums.start(pieces(rows, step), b.channels);
    pool.parallel_for(rows, step, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t at = begin * b.channels, block = begin / step * b.channels;
      row.normalize_sums(normalization, end - begin, x + at, dy + at, sums.gradients.data() + block,
                         sums.products.data() + block);
    });
  }
  result.finish(b, rows, known ? *known : sums, gradients, pool);
  return result;
}

/// The gradients: adds to the parameters', assigns dx unless it is null. Where [lo, hi] is finite,
/// dy passes where lo < y < hi; y is computed again from x, which costs no memory access. dx may be
/// dy.
template <class T>
void batch_norm_backward(const BatchNormChannels<T>& b, std::int64_t rows, const T* x, const T* dy,
                         const BatchNormGradients<T>& gradients, T* dx, ThreadPool& pool,
                         const BlockSums<T>* known = nullptr) {
  const DeferredGradient<T> rest = batch_norm_backward_sums(b, rows, x, dy, gradients, pool, known);
  if (!dx) return;
  pool.parallel_for(rows, reduction_rows(b.channels), [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * b.channels;
    rest.compute(end - begin, x + at, dy + at, dx + at);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
