// Which batch norms compute the max pooling after them too, instead of writing all that the pooling
// would read once.
#pragma once

#include <vector>

#include "octet/graph/graph.hpp"

namespace octet::inline OCTET_ABI {

/// The max poolings that layers before them take over.
struct PoolingAfter {
  /// For each node the one whose value it writes: itself, or the pooling that it takes over.
  std::vector<int> written;
  /// For each node the one that takes it over, or -1; a ReLU in between is taken over as well.
  std::vector<int> owner;

  /// None, in a graph of so many nodes.
  explicit PoolingAfter(int nodes) : owner(static_cast<std::size_t>(nodes), -1) {
    for (int i = 0; i < nodes; ++i) written.push_back(i);
  }
};

/// Those whose windows tile the image, and whose input nobody else wants to see.
template <class T>
PoolingAfter find_pooling_after(const Graph<T>& graph) {
  const std::vector<int> readers = graph.reader_counts();
  std::vector<bool> seen(readers.size(), false);
  for (std::size_t i = 0; i < readers.size(); ++i) seen[i] = readers[i] > 1;
  for (const int output : graph.outputs()) seen[static_cast<std::size_t>(output)] = true;
  PoolingAfter result(graph.size());
  for (int i = 0; i < graph.size(); ++i) {
    const Node<T>& pooling = graph.node(i);
    const kernels::MaxWindows* const windows = pooling.layer ? pooling.layer->windows() : nullptr;
    if (!windows) continue;
    int owner = pooling.inputs[0], between = owner;
    if (graph.node(owner).layer && graph.node(owner).layer->limits())
      owner = graph.node(owner).inputs[0];
    const Node<T>& node = graph.node(owner);
    if (!node.layer || !node.layer->pools_output() || seen[static_cast<std::size_t>(owner)] ||
        seen[static_cast<std::size_t>(between)] ||
        node.shape[0] != pooling.shape[0] * windows->rows ||
        node.shape[1] != pooling.shape[1] * windows->columns)
      continue;
    result.written[static_cast<std::size_t>(owner)] = i;
    for (; between != owner; between = graph.node(between).inputs[0])
      result.owner[static_cast<std::size_t>(between)] = owner;
    result.owner[static_cast<std::size_t>(i)] = owner;
  }
  return result;
}

}  // namespace octet::inline OCTET_ABI
