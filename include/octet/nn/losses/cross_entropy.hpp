// How far predicted class probabilities are from the truth.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "octet/core/tensor.hpp"
#include "octet/core/thread_pool.hpp"

namespace octet::inline OCTET_ABI {

struct CrossEntropyOptions {
  /// Mixes every target with the uniform distribution: (1 - s) * target + s / K. From 0 to 1.
  /// Szegedy et al., "Rethinking the Inception architecture" (CVPR 2016).
  double label_smoothing = 0;
  /// One weight for each class; none: all are 1.
  std::vector<double> class_weights = {};
};

namespace losses {

/// What every form of cross-entropy checks before it starts. A gradient that nobody wants is empty.
template <class T>
void check_cross_entropy(const Shape& logits, TensorView<T> d_logits,
                         const CrossEntropyOptions& options) {
  if (logits.rank() != 2) fail("cross_entropy: expected logits [N, K], got ", logits);
  if (!d_logits.empty() && !(d_logits.shape() == logits))
    fail("cross_entropy: expected a gradient of shape ", logits, ", got ", d_logits.shape());
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    fail("cross_entropy: expected label_smoothing from 0 to 1, got ", options.label_smoothing);
  const std::vector<double>& weights = options.class_weights;
  if (!weights.empty() && static_cast<std::int64_t>(weights.size()) != logits[1])
    fail("cross_entropy: expected ", logits[1], " class weights, got ", weights.size());
  for (const double weight : weights)
    if (!(weight >= 0) || !std::isfinite(weight))
      fail("cross_entropy: expected finite class weights of at least 0, got ", weight);
}

/// The sum over n and k of -q[n, k] * log_softmax(logits)[n, k] / divisor, and its gradient
///   d_logits[n, k] = (softmax(logits)[n, k] * (sum over j of q[n, j]) - q[n, k]) / divisor
/// for coefficients q(n, k). The largest logit is subtracted first, so that exp never overflows.
template <class T, class Coefficient>
double weighted_log_softmax(TensorView<const T> logits, double divisor, const Coefficient& q,
                            TensorView<T> d_logits, ThreadPool& pool) {
  const std::int64_t N = logits.shape()[0], K = logits.shape()[1];
  std::vector<double> losses(static_cast<std::size_t>(N));
  pool.parallel_for(N, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const T* const x = logits.data() + n * K;
      const double top = K > 0 ? static_cast<double>(*std::max_element(x, x + K)) : 0;
      double sum = 0, total = 0, loss = 0;
      for (std::int64_t k = 0; k < K; ++k) sum += std::exp(static_cast<double>(x[k]) - top);
      const double log_sum = top + std::log(sum);
      for (std::int64_t k = 0; k < K; ++k) {
        const double coefficient = q(n, k);
        total += coefficient;
        // A class of no weight costs nothing, even where its probability is zero.
        if (coefficient != 0) loss += coefficient * (log_sum - static_cast<double>(x[k]));
      }
      losses[static_cast<std::size_t>(n)] = loss;
      if (d_logits.empty()) continue;
      T* const d = d_logits.data() + n * K;
      for (std::int64_t k = 0; k < K; ++k)
        d[k] = static_cast<T>((std::exp(static_cast<double>(x[k]) - log_sum) * total - q(n, k)) /
                              divisor);
    }
  });
  double sum = 0;
  for (const double loss : losses) sum += loss;
  return sum / divisor;
}

}  // namespace losses

/// The mean over n of -log softmax(logits)[n, labels[n]], for logits [N, K] and N labels from 0 to
/// K - 1. With class weights w, a mean weighted by w[labels[n]], as in PyTorch; smoothing spreads
/// over the classes by their weights. Writes the gradient of this mean to d_logits, unless that is
/// empty; d_logits may be logits. Throws if a label is not a class. A batch of weight 0 costs 0.
template <class T>
double cross_entropy(TensorView<const T> logits, std::span<const std::int32_t> labels,
                     const CrossEntropyOptions& options = {}, TensorView<T> d_logits = {},
                     ThreadPool& pool = default_thread_pool()) {
  losses::check_cross_entropy(logits.shape(), d_logits, options);
  const std::int64_t N = logits.shape()[0], K = logits.shape()[1];
  if (static_cast<std::int64_t>(labels.size()) != N)
    fail("cross_entropy: expected ", N, " labels, got ", labels.size());
  const std::vector<double>& weights = options.class_weights;
  const auto weight = [&](std::int64_t k) {
    return weights.empty() ? 1.0 : weights[static_cast<std::size_t>(k)];
  };
  double divisor = 0;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    if (labels[n] < 0 || labels[n] >= K)
      fail("cross_entropy: expected labels from 0 to ", K - 1, ", got ", labels[n], " for number ",
           n);
    divisor += weight(labels[n]);
  }
  if (divisor == 0) {
    std::fill(d_logits.begin(), d_logits.end(), T{0});
    return 0;
  }
  const double hit = 1 - options.label_smoothing;
  const double spread =
      options.label_smoothing / static_cast<double>((std::max)(K, std::int64_t{1}));
  return losses::weighted_log_softmax<T>(
      logits, divisor,
      [&](std::int64_t n, std::int64_t k) {
        const bool is_label = labels[static_cast<std::size_t>(n)] == k;
        return weight(k) * ((is_label ? hit : 0) + spread);
      },
      d_logits, pool);
}

/// The mean over n of -(sum over k of w[k] * targets[n, k] * log softmax(logits)[n, k]), for
/// logits and targets [N, K]: each row of targets is a distribution, from votes or from mixing.
/// Divides by N whatever the class weights w, as PyTorch does. Throws if a row of targets is no
/// distribution.
template <class T>
double cross_entropy(TensorView<const T> logits, TensorView<const T> targets,
                     const CrossEntropyOptions& options = {}, TensorView<T> d_logits = {},
                     ThreadPool& pool = default_thread_pool()) {
  losses::check_cross_entropy(logits.shape(), d_logits, options);
  if (!(targets.shape() == logits.shape()))
    fail("cross_entropy: expected targets of shape ", logits.shape(), ", got ", targets.shape());
  const std::int64_t N = logits.shape()[0], K = logits.shape()[1];
  for (std::int64_t n = 0; n < N; ++n) {
    double sum = 0, least = 0;
    for (std::int64_t k = 0; k < K; ++k) {
      const double target = static_cast<double>(targets[n * K + k]);
      sum += target;
      least = (std::min)(least, target);
    }
    if (!(std::abs(sum - 1) < 1e-3) || least < 0)
      fail("cross_entropy: expected each row of targets to be at least 0 and to sum to 1, but row ",
           n, " sums to ", sum, " and its least is ", least);
  }
  const double keep = 1 - options.label_smoothing;
  const double spread =
      options.label_smoothing / static_cast<double>((std::max)(K, std::int64_t{1}));
  const std::vector<double>& weights = options.class_weights;
  return losses::weighted_log_softmax<T>(
      logits, static_cast<double>((std::max)(N, std::int64_t{1})),
      [&](std::int64_t n, std::int64_t k) {
        const double weight = weights.empty() ? 1.0 : weights[static_cast<std::size_t>(k)];
        return weight * (keep * static_cast<double>(targets[n * K + k]) + spread);
      },
      d_logits, pool);
}

}  // namespace octet::inline OCTET_ABI
