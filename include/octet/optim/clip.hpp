// Keeping gradients from exploding. Frozen parameters are left out.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "octet/kernels/elementwise.hpp"
#include "octet/nn/layer.hpp"

namespace octet::inline OCTET_ABI {

/// The Euclidean norm of all gradients together. Summed in double over pieces of a fixed size, so
/// that the number of threads does not change it.
template <class T>
double gradient_norm(std::span<Parameter<T>* const> parameters,
                     ThreadPool& pool = default_thread_pool()) {
  constexpr std::int64_t grain = 16384;
  double sum = 0;
  std::vector<double> sums;
  for (const Parameter<T>* const parameter : parameters) {
    if (parameter->learning_rate_factor == 0) continue;
    const Tensor<T>& gradient = parameter->gradient;
    sums.assign(static_cast<std::size_t>(pieces(gradient.elements(), grain)), 0);
    pool.parallel_for(gradient.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
      double piece = 0;
      for (std::int64_t i = begin; i < end; ++i)
        piece += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
      sums[static_cast<std::size_t>(begin / grain)] = piece;
    });
    for (const double piece : sums) sum += piece;
  }
  return std::sqrt(sum);
}

/// Multiplies all gradients by maximum / (norm + 1e-6) if that is below 1, as PyTorch does. Returns
/// the norm as it was; where it is not finite, nothing is changed. Pascanu et al., "On the
/// difficulty of training recurrent neural networks" (ICML 2013).
template <class T>
double clip_gradient_norm(std::span<Parameter<T>* const> parameters, double maximum,
                          ThreadPool& pool = default_thread_pool()) {
  if (!(maximum > 0)) fail("clip_gradient_norm: expected a maximum above 0, got ", maximum);
  const double norm = gradient_norm<T>(parameters, pool);
  const double factor = maximum / (norm + 1e-6);
  if (!std::isfinite(norm) || factor >= 1) return norm;
  for (Parameter<T>* const parameter : parameters)
    if (parameter->learning_rate_factor != 0)
      kernels::scale(parameter->gradient.elements(), static_cast<T>(factor),
                     parameter->gradient.data(), parameter->gradient.data(), pool);
  return norm;
}

/// Limits every element of every gradient to [-maximum, maximum]; a NaN stays one.
template <class T>
void clip_gradient_value(std::span<Parameter<T>* const> parameters, double maximum,
                         ThreadPool& pool = default_thread_pool()) {
  if (!(maximum > 0)) fail("clip_gradient_value: expected a maximum above 0, got ", maximum);
  const T limit = static_cast<T>(maximum);
  for (Parameter<T>* const parameter : parameters) {
    if (parameter->learning_rate_factor == 0) continue;
    T* const gradient = parameter->gradient.data();
    pool.parallel_for(
        parameter->gradient.elements(), 16384, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i)
            gradient[i] = gradient[i] > limit ? limit : gradient[i] < -limit ? -limit : gradient[i];
        });
  }
}

}  // namespace octet::inline OCTET_ABI
