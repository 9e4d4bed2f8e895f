// What an executor decides before it runs: which layers do the work of others, who needs a
// gradient, and where each value lies, for how long. Values that are never needed at the same time
// share memory.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/core/memory_plan.hpp"
#include "octet/graph/fusion.hpp"
#include "octet/graph/graph.hpp"

namespace octet::inline OCTET_ABI {

/// Where a node has a buffer, it is a number in memory.offsets; sizes are elements of one example.
struct ExecutionPlan {
  /// Which nodes do the work of others; none in inference.
  Fusion fusion;
  /// Where each value that fusion leaves out begins among all of them, and how large these are.
  std::vector<std::int64_t> between;
  std::int64_t between_size = 0;
  /// The limits that a node takes over from the node after it, and those that a node gave away.
  std::vector<const Limits<double>*> limits_after, fused_limits;
  /// Whether a node's value is normalized next, and its layer takes the moments for that.
  std::vector<bool> gathers;
  std::vector<bool> needs_gradient;
  /// Whether a node leaves the rest of its backward to the node before it.
  std::vector<bool> defers;
  /// The buffers of a node's value and of its gradient, -1 where there is none.
  std::vector<int> activation, gradient;
  /// Where the gradient by input k of a node goes first if that input has other readers too.
  std::vector<std::vector<int>> temporary;
  MemoryPlan memory;

  /// Of a graph of so many nodes: nothing is planned yet.
  explicit ExecutionPlan(int nodes = 0)
      : fusion(nodes),
        between(fusion.owner.size()),
        limits_after(fusion.owner.size(), nullptr),
        fused_limits(limits_after),
        gathers(limits_after.size(), false),
        needs_gradient(gathers),
        defers(gathers),
        activation(limits_after.size(), -1),
        gradient(activation),
        temporary(limits_after.size()) {}
};

/// Whether a node has parameters that are not frozen.
template <class T>
bool learns(const Node<T>& node) {
  if (!node.layer) return false;
  for (const Parameter<T>* const parameter : node.layer->parameters())
    if (parameter->learning_rate_factor != 0) return true;
  return false;
}

/// Makes a plan, once. Time runs from 0 (the first node's forward) over n (the loss) to 2n (the
/// first node's backward).
template <class T>
class ExecutionPlanner {
 public:
  ExecutionPlanner(const Graph<T>& graph, Mode mode, Precision precision)
      : graph_(graph),
        training_(mode == Mode::training),
        precision_(precision),
        n_(graph.size()),
        readers_(graph.reader_counts()),
        last_(index(n_)),
        first_gradient_(index(n_), 2 * n_),
        is_output_(index(n_), false),
        plan_(n_) {}

  ExecutionPlan plan() {
    if (training_) plan_.fusion = find_fusion(graph_, precision_);
    find_lifetimes();
    find_deferred();
    for (int i = 0; i < n_; ++i)
      if (const int normalizes = plan_.fusion.normalizes[index(i)]; normalizes >= 0)
        extend(graph_.node(normalizes).inputs[0], last_[index(graph_.node(i).inputs[0])]);
    for (const int output : graph_.outputs()) {
      extend(output, n_);
      first_gradient_[index(output)] = n_;
      is_output_[index(output)] = true;
    }
    place_activations();
    if (training_) place_gradients();
    plan_.memory = plan_memory(buffers_, 16);
    leave_limits();
    return std::move(plan_);
  }

 private:
  static std::size_t index(int node) { return static_cast<std::size_t>(node); }
  int backward_time(int node) const { return 2 * n_ - node; }
  void extend(int node, int time) { last_[index(node)] = (std::max)(last_[index(node)], time); }
  /// The elements of a node's value, in whole vectors; fails where they are too many.
  std::int64_t count_elements(int node) {
    const std::int64_t elements = graph_.node(node).shape.elements();
    // Far more than there is memory, and still no sum of them overflows.
    constexpr std::int64_t most = std::int64_t{1} << 48;
    if (elements > most - elements_)
      fail("executor: expected values of at most ", most, " elements in all, got more at ",
           graph_.node(node).name);
    elements_ += elements;
    return round_up(elements, 16);
  }
  int buffer(int node, int from, int to) {
    buffers_.push_back({count_elements(node), from, to});
    return static_cast<int>(buffers_.size()) - 1;
  }

  /// When each value is read for the last time, and each gradient written for the first.
  void find_lifetimes() {
    for (int i = 0; i < n_; ++i) {
      const Node<T>& node = graph_.node(i);
      last_[index(i)] = i;
      if (!node.layer) continue;
      if (plan_.fusion.unseen[index(i)]) {
        plan_.between[index(i)] = plan_.between_size;
        plan_.between_size += count_elements(i);
      }
      const Node<T>& before = graph_.node(node.inputs[0]);
      if (node.layer->wants_moments() && before.layer)
        plan_.gathers[index(node.inputs[0])] =
            before.layer->gathers_moments(graph_.node(before.inputs[0]).shape, precision_);
      plan_.needs_gradient[index(i)] = learns(node);
      for (const int source : node.inputs)
        if (plan_.needs_gradient[index(source)]) plan_.needs_gradient[index(i)] = true;
      const bool backward = training_ && plan_.needs_gradient[index(i)];
      if (backward && node.layer->backward_reads_output()) last_[index(i)] = backward_time(i);
      for (const int source : node.inputs) {
        extend(source, backward && node.layer->backward_reads_inputs() ? backward_time(i) : i);
        first_gradient_[index(source)] =
            (std::min)(first_gradient_[index(source)], backward_time(i));
      }
    }
  }

  /// Which gradients the layer before can complete; it then reads the node's input itself.
  void find_deferred() {
    for (int i = 0; i < n_; ++i) {
      const Node<T>& node = graph_.node(i);
      const int source = node.layer ? node.inputs[0] : i;
      if (!training_ || !plan_.needs_gradient[index(source)] || readers_[index(source)] != 1 ||
          !node.layer->in_place() || !node.layer->backward_reads_inputs())
        continue;
      const Layer<T>* const before = graph_.node(source).layer.get();
      if (!before) continue;
      const Shape& shape = graph_.node(graph_.node(source).inputs[0]).shape;
      const bool pools = plan_.fusion.written[index(i)] != i;
      if (!(pools ? before->completes_pooled_gradient(shape, precision_)
                  : before->completes_gradient(shape, precision_)))
        continue;
      plan_.defers[index(i)] = true;
      last_[index(source)] = backward_time(source);
    }
  }

  void place_activations() {
    std::vector<int>& activation = plan_.activation;
    const Fusion& fusion = plan_.fusion;
    for (int i = 0; i < n_; ++i) {
      const Node<T>& node = graph_.node(i);
      if (!node.layer) continue;
      const int result = fusion.written[index(i)], owner = fusion.owner[index(i)];
      if (fusion.unseen[index(i)] && owner < 0 && result == i) continue;
      if (result != i) {
        activation[index(i)] = buffer(result, i, last_[index(result)]);
        continue;
      }
      if (owner >= 0) {
        activation[index(i)] = activation[index(owner)];
        continue;
      }
      const int source = node.inputs[0];
      const bool shares = node.layer->in_place() && graph_.node(source).layer &&
                          !is_output_[index(source)] && readers_[index(source)] == 1 &&
                          last_[index(source)] == i &&
                          node.shape.elements() == graph_.node(source).shape.elements();
      if (shares) {
        activation[index(i)] = activation[index(source)];
        BufferLifetime& shared = buffers_[index(activation[index(i)])];
        shared.last = (std::max)(shared.last, last_[index(i)]);
      } else {
        activation[index(i)] = buffer(i, i, last_[index(i)]);
      }
    }
  }

  void place_gradients() {
    std::vector<int>& gradient = plan_.gradient;
    for (int i = n_ - 1; i >= 0; --i) {
      const Node<T>& node = graph_.node(i);
      if (!plan_.needs_gradient[index(i)] && !is_output_[index(i)]) continue;
      const int time = backward_time(i);
      // The gradient of an in-place node's input was given its buffer when that node was visited.
      if (gradient[index(i)] < 0)
        gradient[index(i)] = buffer(i, first_gradient_[index(i)], time);
      else
        buffers_[index(gradient[index(i)])].last = time;
      if (!node.layer || !plan_.needs_gradient[index(i)]) continue;
      plan_.temporary[index(i)].assign(node.inputs.size(), -1);
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const int source = node.inputs[k];
        if (!plan_.needs_gradient[index(source)]) continue;
        if (readers_[index(source)] > 1)
          plan_.temporary[index(i)][k] = buffer(source, time, time);
        else if (plan_.fusion.owner[index(i)] >= 0 || (k == 0 && shares_gradient(i)))
          gradient[index(source)] = gradient[index(i)];
      }
    }
  }

  /// Whether the gradient of a node's first input takes the memory of its own.
  bool shares_gradient(int i) const {
    if (plan_.fusion.written[index(i)] != i) return plan_.defers[index(i)];
    const Node<T>& node = graph_.node(i);
    const int source = node.inputs[0];
    return node.layer->in_place() && !is_output_[index(source)] &&
           node.shape.elements() == graph_.node(source).shape.elements();
  }

  /// A ReLU that works in the memory of the layer before it, forwards and backwards, can be left to
  /// that layer.
  void leave_limits() {
    for (int i = 0; i < n_; ++i) {
      const Node<T>& node = graph_.node(i);
      const Limits<double>* const limits = node.layer ? node.layer->limits() : nullptr;
      if (!limits) continue;
      const std::size_t source = index(node.inputs[0]);
      const Node<T>& before = graph_.node(node.inputs[0]);
      if (!before.layer || !before.layer->limits_output() || plan_.limits_after[source] ||
          plan_.activation[index(i)] != plan_.activation[source] ||
          plan_.gradient[index(i)] != plan_.gradient[source])
        continue;
      plan_.limits_after[source] = plan_.fused_limits[index(i)] = limits;
    }
  }

  const Graph<T>& graph_;
  bool training_;
  Precision precision_;
  int n_;
  std::vector<int> readers_, last_, first_gradient_;
  std::vector<bool> is_output_;
  std::vector<BufferLifetime> buffers_;
  std::int64_t elements_ = 0;  // of all that has a place
  ExecutionPlan plan_;
};

template <class T>
ExecutionPlan plan_execution(const Graph<T>& graph, Mode mode, Precision precision) {
  return ExecutionPlanner<T>(graph, mode, precision).plan();
}

}  // namespace octet::inline OCTET_ABI
