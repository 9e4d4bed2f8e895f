// What the functions that build a network take and return: one output of one node of a graph.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "octet/nn/layer.hpp"

namespace octet::inline OCTET_ABI {

template <class T>
class Graph;

/// A node of a graph, and its output. A small handle: copy it freely; it lives as long as its
/// graph.
template <class T>
struct Value {
  Graph<T>* graph = nullptr;
  int node = -1;

  /// The shape of one example, without the batch.
  const Shape& shape() const { return graph->node(node).shape; }
  /// Gives the node another name. Fails if it is empty or another node has it.
  Value named(std::string_view name) const {
    graph->rename(node, name);
    return *this;
  }
};

/// Adds a layer to the graph of its inputs, which must be one and the same. Layers of your own join
/// a network through it: `auto y = apply<float>(std::make_unique<MyLayer<float>>(), {x});`
template <class T>
Value<T> apply(std::unique_ptr<Layer<T>> layer, std::span<const Value<T>> inputs) {
  if (inputs.empty()) fail(layer->type(), ": expected at least one input, got none");
  return inputs[0].graph->add(std::move(layer), inputs);
}
template <class T>
Value<T> apply(std::unique_ptr<Layer<T>> layer, std::initializer_list<Value<T>> inputs) {
  return apply<T>(std::move(layer), std::span<const Value<T>>(inputs.begin(), inputs.size()));
}

}  // namespace octet::inline OCTET_ABI
