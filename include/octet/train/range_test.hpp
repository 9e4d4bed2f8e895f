// The range test of a network on its own data: which learning rate?
#pragma once

#include <algorithm>
#include <vector>

#include "octet/data/loader.hpp"
#include "octet/graph/executor.hpp"
#include "octet/nn/losses/cross_entropy.hpp"
#include "octet/optim/optimizer.hpp"
#include "octet/optim/range_test.hpp"

namespace octet::inline OCTET_ABI {

/// range_test() with the batches of the loader and the cross-entropy of the first output, which
/// are logits:
///
///     const double rate = steepest_learning_rate(range_test(graph, loader, adam<float>()));
///
/// Copies of the network and of the optimizer learn; the given ones stay as they are.
template <class T>
std::vector<RangeTestPoint> range_test(const Graph<T>& graph, Loader& loader,
                                       Optimizer<T> optimizer, const RangeTestOptions& options = {},
                                       const CrossEntropyOptions& loss_options = {},
                                       ThreadPool& pool = default_thread_pool()) {
  const Graph<T> copy = graph.clone();
  const std::vector<Parameter<T>*> parameters = copy.parameters();
  copy.zero_gradients();
  Executor<T> executor(copy, {.pool = &pool});
  Batch batch;
  std::int64_t epoch = 0;
  std::uint64_t step = 0;
  loader.start(epoch);
  const auto as_t = [](const Tensor<float>& tensor) {
    Tensor<T> converted(tensor.shape());
    std::copy(tensor.begin(), tensor.end(), converted.begin());
    return converted;
  };
  return range_test(options, [&](double learning_rate) {
    if (!loader.next(batch)) {
      loader.start(++epoch);
      loader.next(batch);
    }
    const Tensor<T> images = as_t(batch.images);
    executor.forward(images, Mode::training, step++);
    const TensorView<const T> logits = executor.output();
    executor.zero_output_gradients();
    const double loss = batch.has_targets()
                            ? cross_entropy<T>(logits, TensorView<const T>(as_t(batch.targets)),
                                               loss_options, executor.output_gradient(), pool)
                            : cross_entropy<T>(logits, std::span<const std::int32_t>(batch.labels),
                                               loss_options, executor.output_gradient(), pool);
    executor.backward();
    optimizer.step(parameters, {learning_rate}, pool);
    copy.zero_gradients();
    return loss;
  });
}

}  // namespace octet::inline OCTET_ABI
