// What training computes together. A batch norm can compute the max pooling after it too, instead
// of writing all that the pooling would read once; or it can leave its own work to the layer after
// it, which then normalizes what it reads while it is in the cache. A ReLU in between goes with
// either.
#pragma once

#include <vector>

#include "octet/graph/graph.hpp"

namespace octet::inline OCTET_ABI {

/// Which nodes of a graph do the work of others, all by their numbers.
struct Fusion {
  /// For each node the one whose value it writes: itself, or the pooling that it takes over.
  std::vector<int> written;
  /// For each pooling that is taken over, and a ReLU before it, who does it; else -1.
  std::vector<int> owner;
  /// For each node the batch norm whose work it does while it reads, or -1.
  std::vector<int> normalizes;
  /// Whether nobody sees the node's value.
  std::vector<bool> unseen;

  /// None, in a graph of so many nodes.
  explicit Fusion(int nodes)
      : owner(static_cast<std::size_t>(nodes), -1), normalizes(owner), unseen(owner.size(), false) {
    for (int i = 0; i < nodes; ++i) written.push_back(i);
  }
};

/// All that is possible: only values that one node alone reads are left out.
template <class T>
Fusion find_fusion(const Graph<T>& graph, Precision precision) {
  const auto index = [](int node) { return static_cast<std::size_t>(node); };
  const std::vector<int> readers = graph.reader_counts();
  std::vector<bool> wanted(readers.size(), false);
  for (std::size_t i = 0; i < readers.size(); ++i) wanted[i] = readers[i] > 1;
  for (const int output : graph.outputs()) wanted[index(output)] = true;
  Fusion result(graph.size());
  for (int i = 0; i < graph.size(); ++i) {
    const Node<T>& reader = graph.node(i);
    if (!reader.layer || reader.inputs.size() != 1) continue;
    const int last = reader.inputs[0];
    const Node<T>& between = graph.node(last);
    const bool limits = between.layer && between.layer->limits() && between.layer->in_place();
    const int first = limits ? between.inputs[0] : last;
    const Node<T>& node = graph.node(first);
    if (!node.layer || wanted[index(first)] || wanted[index(last)]) continue;
    const kernels::MaxWindows* const windows = reader.layer->windows();
    if (windows && node.layer->pools_output() && node.shape[0] == reader.shape[0] * windows->rows &&
        node.shape[1] == reader.shape[1] * windows->columns) {
      result.written[index(first)] = i;
      result.owner[index(i)] = first;
      if (last != first) result.owner[index(last)] = first;
    } else if (node.layer->defers_output() &&
               reader.layer->normalizes_input(between.shape, precision)) {
      result.normalizes[index(i)] = first;
    } else {
      continue;
    }
    result.unseen[index(first)] = result.unseen[index(last)] = true;
  }
  return result;
}

}  // namespace octet::inline OCTET_ABI
