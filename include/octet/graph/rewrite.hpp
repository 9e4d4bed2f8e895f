// What rewriting passes share: a new graph made from an old one, node by node.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "octet/graph/graph.hpp"

namespace octet::inline OCTET_ABI {

/// Builds a new graph from an old one. Nodes are visited in their order; each is copied, replaced
/// by another layer, or left out in favour of one of its inputs.
template <class T>
class GraphRewriter {
 public:
  explicit GraphRewriter(const Graph<T>& from)
      : from_(from), to_(from.seed()), new_node_(static_cast<std::size_t>(from.size()), -1) {}

  /// Adds node `node` to the new graph, with its name and its own or another layer.
  void keep(int node) {
    replace(node, from_.node(node).layer ? from_.node(node).layer->clone() : nullptr);
  }
  void replace(int node, std::unique_ptr<Layer<T>> layer) {
    const Node<T>& old = from_.node(node);
    if (!old.layer) {
      set(node, to_.input(old.shape, old.name).node);
      return;
    }
    std::vector<Value<T>> inputs;
    for (const int source : old.inputs) inputs.push_back(to_.value(new_node(source)));
    const Value<T> value = to_.add(std::move(layer), inputs, Parameters::keep);
    if (to_.node(value.node).name != old.name) value.named(old.name);
    set(node, value.node);
  }
  /// Whoever reads `node` reads `source` instead.
  void bypass(int node, int source) { set(node, new_node(source)); }

  /// The new graph. Every node must have been visited.
  Graph<T> finish() {
    for (const int output : from_.outputs()) to_.output(to_.value(new_node(output)));
    return std::move(to_);
  }

 private:
  int new_node(int old) const { return new_node_[static_cast<std::size_t>(old)]; }
  void set(int old, int node) { new_node_[static_cast<std::size_t>(old)] = node; }

  const Graph<T>& from_;
  Graph<T> to_;
  std::vector<int> new_node_;
};

/// The parameter or buffer `name` of a layer; nullptr if it has none of that name.
template <class T>
const Tensor<T>* find_tensor(Layer<T>& layer, std::string_view name) {
  for (const Parameter<T>* const parameter : layer.parameters())
    if (parameter->name == name) return &parameter->value;
  for (const Buffer<T>* const buffer : layer.buffers())
    if (buffer->name == name) return &buffer->value;
  return nullptr;
}

}  // namespace octet::inline OCTET_ABI
