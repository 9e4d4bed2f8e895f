// Batch normalization, limits and max pooling in one pass, forward and backward: what is normalized
// is neither written nor read again, and its gradient is only made where the next layer wants it.
// Of the accesses to memory of the three alone, that leaves a third.
#pragma once

#include <algorithm>

#include "octet/kernels/normalization.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Lines of windows that a job takes, and that are summed at once: about 32 KiB of floats.
inline std::int64_t window_lines(const Pool2dShape& s) {
  return (std::max)(std::int64_t(1), 8192 / (std::max)(s.KH * s.W * s.C, std::int64_t(1)));
}

/// y = the maximum over each window of what batch_norm_forward computes. The windows, KH x KW, must
/// tile the image: strides as large, no padding, H = OH * KH and W = OW * KW.
template <class T>
void batch_norm_max_pool_forward(const Pool2dShape& s, const BatchNormChannels<T>& b, const T* x,
                                 T* y, ThreadPool& pool) {
  const auto& row = best_row(normalization_table<T>());
  const AlignedVector<T> scale = b.scale();
  const NormalizedWindows<T> windows{
      {s.C, b.mean, scale.data(), b.beta, b.lo, b.hi}, s.KH, s.KW, s.OW};
  pool.parallel_for(s.N * s.OH, window_lines(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line)
      row.normalize_windows(windows, x + line * s.KH * windows.line(), y + line * s.OW * s.C);
  });
}

/// The sums of batch_norm_max_pool_backward: adds to the parameters' gradients, and gives what is
/// needed for dx.
template <class T>
DeferredGradient<T> batch_norm_max_pool_backward_sums(const Pool2dShape& s,
                                                      const BatchNormChannels<T>& b, const T* x,
                                                      const T* dy,
                                                      const BatchNormGradients<T>& gradients,
                                                      ThreadPool& pool) {
  const auto& row = best_row(normalization_table<T>());
  DeferredGradient<T> result{batch_norm_deferred(b), {}, {}, {s.KH, s.KW}};
  const NormalizedWindows<T> windows{result.normalization.forward(), s.KH, s.KW, s.OW};
  const std::int64_t step = window_lines(s), blocks = pieces(s.N * s.OH, step);
  BlockSums<T> sums;
  sums.start(blocks, s.C);
  pool.parallel_for(s.N * s.OH, step, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t block = begin / step * s.C;
    for (std::int64_t line = begin; line < end; ++line)
      row.window_sums(windows, x + line * s.KH * windows.line(), dy + line * s.OW * s.C,
                      sums.gradients.data() + block, sums.products.data() + block);
  });
  result.finish(b, s.N * s.H * s.W, sums, gradients, pool);
  return result;
}

/// The gradients from dy, that of the pooled y: adds to the parameters', assigns dx, [N, H, W, C],
/// unless it is null. dy goes to the first maximum of its window, if that is inside of the limits.
template <class T>
void batch_norm_max_pool_backward(const Pool2dShape& s, const BatchNormChannels<T>& b, const T* x,
                                  const T* dy, const BatchNormGradients<T>& gradients, T* dx,
                                  ThreadPool& pool) {
  const DeferredGradient<T> rest = batch_norm_max_pool_backward_sums(s, b, x, dy, gradients, pool);
  if (!dx) return;
  const StoreThrough through = stores_through(s.N * s.H * s.W * s.C);
  pool.parallel_for(s.N * s.OH, window_lines(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t at = line * s.KH * s.W * s.C;
      rest.compute_windows(s.OW, x + at, dy + line * s.OW * s.C, through, dx + at);
    }
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
