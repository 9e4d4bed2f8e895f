// Mean and variance of the channels of a batch: of all of it at once, or of blocks of it, which the
// layer that writes them gathers while they are in the cache.
#pragma once

#include <vector>

#include "octet/kernels/normalization_table.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The moments of each block of rows, from which batch_statistics() computes those of the batch.
template <class T>
struct BlockMoments {
  std::int64_t channels = 0;
  std::vector<std::int64_t> rows;   ///< of each block
  AlignedVector<T> means, squares;  ///< [block][channel], as scalar::moments says

  /// Makes room for so many blocks.
  void start(std::int64_t blocks, std::int64_t channels_) {
    channels = channels_;
    rows.assign(static_cast<std::size_t>(blocks), 0);
    means.resize(static_cast<std::size_t>(blocks * channels));
    squares.resize(means.size());
  }
  /// Of rows that are in the cache.
  void set(std::int64_t block, std::int64_t count, const T* x) {
    rows[static_cast<std::size_t>(block)] = count;
    best_row(normalization_table<T>())
        .moments(count, channels, x, means.data() + block * channels,
                 squares.data() + block * channels);
  }
};

/// Sums over blocks of rows, [block][channel], that a batch norm's gradient needs before it can be
/// computed: of dy where the limits let it pass, and of that times (x - mean).
template <class T>
struct BlockSums {
  std::int64_t channels = 0;
  AlignedVector<T> gradients, products;

  /// So many blocks, whose sums are zero.
  void start(std::int64_t blocks, std::int64_t channels_) {
    channels = channels_;
    gradients.assign(static_cast<std::size_t>(blocks * channels), T(0));
    products.assign(gradients.size(), T(0));
  }
};

/// mean[c] and the biased variance[c] of all blocks.
template <class T>
void batch_statistics(const BlockMoments<T>& blocks, T* mean, T* variance, ThreadPool& pool) {
  const auto count = static_cast<std::int64_t>(blocks.rows.size());
  double rows = 0;
  for (const std::int64_t of_block : blocks.rows) rows += static_cast<double>(of_block);
  pool.parallel_for(blocks.channels, 64, [&](std::int64_t begin, std::int64_t end) {
    double total[64] = {}, square[64] = {};
    const auto each = [&](const auto& add) {
      for (std::int64_t block = 0; block < count; ++block) {
        const auto of_block = static_cast<double>(blocks.rows[static_cast<std::size_t>(block)]);
        const T* const means = blocks.means.data() + block * blocks.channels;
        const T* const squares = blocks.squares.data() + block * blocks.channels;
        for (std::int64_t c = begin; c < end; ++c)
          add(c - begin, of_block, static_cast<double>(means[c]), static_cast<double>(squares[c]));
      }
    };
    each([&](std::int64_t i, double n, double m, double) { total[i] += m * n; });
    for (double& sum : total) sum /= rows;
    each([&](std::int64_t i, double n, double m, double s) {
      square[i] += s + (m - total[i]) * (m - total[i]) * n;
    });
    for (std::int64_t c = begin; c < end; ++c) {
      mean[c] = static_cast<T>(total[c - begin]);
      variance[c] = static_cast<T>(square[c - begin] / rows);
    }
  });
}

/// mean[c] and the biased variance[c] of rows x channels.
template <class T>
void batch_statistics(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* variance,
                      ThreadPool& pool) {
  const std::int64_t step = reduction_rows(channels);
  BlockMoments<T> blocks;
  blocks.start(pieces(rows, step), channels);
  pool.parallel_for(rows, step, [&](std::int64_t begin, std::int64_t end) {
    blocks.set(begin / step, end - begin, x + begin * channels);
  });
  batch_statistics(blocks, mean, variance, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels
