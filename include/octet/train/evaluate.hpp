// Runs a model over a labelled set and notes what it says about each image.
#pragma once

#include <cmath>
#include <functional>
#include <numeric>
#include <type_traits>
#include <vector>

#include "octet/data/dataset.hpp"
#include "octet/data/loader.hpp"
#include "octet/data/transforms/pipeline.hpp"
#include "octet/graph/executor.hpp"
#include "octet/train/metrics.hpp"

namespace octet::inline OCTET_ABI {

struct EvaluateOptions {
  /// Images in one forward pass. It changes nothing in the result of a program, and rounding alone
  /// in that of a graph, whose convolutions may take another algorithm for few images.
  std::int64_t batch = 64;
  /// The default pool if none is given.
  ThreadPool* pool = nullptr;
  /// Asked before every batch; where it says true, the evaluation ends with what it has so far.
  std::function<bool()> stop = {};
};

/// -log softmax(logits)[label] of one image.
template <class T>
double negative_log_likelihood(std::span<const T> logits, std::int32_t label) {
  double top = -std::numeric_limits<double>::infinity(), sum = 0;
  for (const T logit : logits) top = (std::max)(top, static_cast<double>(logit));
  for (const T logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  return top + std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(label)]);
}

/// Feeds the set, prepared by `pipeline`, to predict(images), which takes {n, H, W, C} and returns
/// a view of logits {n, classes}.
template <class Predict>
Evaluation evaluate_with(const ImageDataset& dataset, const Pipeline& pipeline,
                         const EvaluateOptions& options, Predict&& predict) {
  Evaluation evaluation;
  evaluation.classes = static_cast<int>(dataset.classes());
  Loader loader(dataset, pipeline,
                {.batch = options.batch, .order = Order::sequential, .prefetch = 2});
  Batch batch;
  double sum = 0;
  while (!(options.stop && options.stop()) && loader.next(batch)) {
    const auto logits = predict(TensorView<const float>(batch.images));
    const std::int64_t K = logits.shape().back();
    if (K != dataset.classes() || logits.elements() != batch.size() * K)
      fail("evaluate: expected logits ", Shape{batch.size(), dataset.classes()}, ", got ",
           logits.shape());
    for (std::int64_t n = 0; n < batch.size(); ++n) {
      const auto row = std::span(logits.data() + n * K, static_cast<std::size_t>(K));
      const std::int32_t label = batch.labels[static_cast<std::size_t>(n)];
      if (label < 0 || label >= K)
        fail("evaluate: expected labels from 0 to ", K - 1, ", got ", label, " for number ",
             evaluation.size());
      evaluation.add(label, row);
      sum += negative_log_likelihood(row, label);
    }
  }
  if (evaluation.size()) evaluation.loss = sum / static_cast<double>(evaluation.size());
  return evaluation;
}

/// Evaluates with an executor that is there anyway, in inference mode.
template <class T>
Evaluation evaluate(Executor<T>& executor, const ImageDataset& dataset, const Pipeline& pipeline,
                    const EvaluateOptions& options = {}) {
  Tensor<T> converted;
  return evaluate_with(dataset, pipeline, options, [&](TensorView<const float> images) {
    if constexpr (std::is_same_v<T, float>) {
      executor.forward(images, Mode::inference);
    } else {
      converted = Tensor<T>(images.shape());
      std::copy(images.begin(), images.end(), converted.begin());
      executor.forward(converted, Mode::inference);
    }
    return executor.output();
  });
}

/// Evaluates the first output of a graph, which are logits.
template <class T>
Evaluation evaluate(const Graph<T>& graph, const ImageDataset& dataset, const Pipeline& pipeline,
                    const EvaluateOptions& options = {}) {
  Executor<T> executor(graph, {.mode = Mode::inference, .pool = options.pool});
  return evaluate(executor, dataset, pipeline, options);
}

}  // namespace octet::inline OCTET_ABI
