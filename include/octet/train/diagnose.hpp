// Where numbers went wrong, and where time goes: a network looked at layer by layer.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "octet/graph/executor.hpp"
#include "octet/nn/losses/cross_entropy.hpp"

namespace octet::inline OCTET_ABI {

/// Whether every element is a finite number.
template <class T>
bool all_finite(TensorView<const T> tensor) {
  bool finite = true;
  // The difference of a finite number with itself is 0; of anything else it is not a number.
  for (const T value : tensor) finite &= value - value == T{0};
  return finite;
}

/// The name of the first parameter or buffer that holds a value that is not finite; empty if there
/// is none.
template <class T>
std::string first_non_finite_tensor(const Graph<T>& graph) {
  std::string found;
  graph.for_each_tensor([&](const std::string& name, const Tensor<T>& tensor) {
    if (found.empty() && !all_finite(tensor.view())) found = name;
  });
  return found;
}

/// The name of the parameter whose gradient is the first, in the order of the backward pass, that
/// is not finite; empty if all are.
template <class T>
std::string first_non_finite_gradient(const Graph<T>& graph) {
  for (int i = graph.size() - 1; i >= 0; --i) {
    const Node<T>& node = graph.node(i);
    if (!node.layer) continue;
    for (const Parameter<T>* const parameter : node.layer->parameters())
      if (!all_finite(parameter->gradient.view()))
        return text_of("the gradient of ", node.name, '.', parameter->name);
  }
  return {};
}

/// Runs a forward pass again and names the first value that is not finite: a parameter or the
/// output of a layer, in the order of the computation.
template <class T>
std::string first_non_finite_value(Executor<T>& executor, TensorView<const T> images,
                                   std::uint64_t step) {
  if (!all_finite(images)) return "the images";
  const Graph<T>& graph = executor.graph();
  std::string found;
  const auto parameters_of = [&](const Node<T>& node) {
    for (const Parameter<T>* const parameter : node.layer->parameters())
      if (found.empty() && !all_finite(parameter->value.view()))
        found = text_of("the parameter ", node.name, '.', parameter->name);
  };
  executor.forward(images, Mode::training, step, [&](int node, TensorView<const T> output) {
    if (!found.empty()) return;
    parameters_of(graph.node(node));
    if (found.empty() && !all_finite(output))
      found = text_of("the output of ", graph.node(node).name);
  });
  return found.empty() ? "the loss" : found;
}

}  // namespace octet::inline OCTET_ABI
