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

/// The graph in which each node with layer `first` whose only reader has layer `second`, with
/// can_merge(first, second), became one node with merge(first, second). No layer may be the first
/// of one pair and the second of another.
template <class T, class CanMerge, class Merge>
Graph<T> merge_pairs(const Graph<T>& graph, const CanMerge& can_merge, const Merge& merge) {
  const std::vector<int> readers = graph.reader_counts();
  std::vector<Layer<T>*> second_of(static_cast<std::size_t>(graph.size()));
  std::vector<bool> merged(second_of.size());
  for (int i = 0; i < graph.size(); ++i) {
    if (!graph.node(i).layer) continue;
    const int source = graph.node(i).inputs[0];
    if (readers[static_cast<std::size_t>(source)] != 1 || !graph.node(source).layer ||
        !can_merge(*graph.node(source).layer, *graph.node(i).layer))
      continue;
    second_of[static_cast<std::size_t>(source)] = graph.node(i).layer.get();
    merged[static_cast<std::size_t>(i)] = true;
  }
  GraphRewriter<T> rewriter(graph);
  for (int i = 0; i < graph.size(); ++i) {
    if (Layer<T>* const second = second_of[static_cast<std::size_t>(i)])
      rewriter.replace(i, merge(*graph.node(i).layer, *second));
    else if (merged[static_cast<std::size_t>(i)])
      rewriter.bypass(i, graph.node(i).inputs[0]);
    else
      rewriter.keep(i);
  }
  return rewriter.finish();
}

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
