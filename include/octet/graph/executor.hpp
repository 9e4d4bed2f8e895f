// Runs a graph forwards and backwards. The executor, not the layer, owns the activations: its plan
// knows when each of them is read for the last time, and lets the next one take its place.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <type_traits>
#include <vector>

#include "octet/core/cpu.hpp"
#include "octet/graph/execution_plan.hpp"
#include "octet/graph/graph.hpp"
#include "octet/kernels/batch_statistics.hpp"
#include "octet/kernels/gemm_bf16.hpp"

namespace octet::inline OCTET_ABI {

struct ExecutorOptions {
  /// In inference mode, nothing is kept for a backward pass.
  Mode mode = Mode::training;
  /// The default pool if none is given.
  ThreadPool* pool = nullptr;
  /// bf16 where the processor multiplies it, and the graph is one of floats; else float32. What was
  /// chosen, Executor::precision() tells.
  Precision precision = Precision::float32;
};

/// Runs one graph, for batches of any size. The graph must outlive it, and must get no more nodes.
template <class T>
class Executor {
 public:
  /// Called after each node's forward with its output; a convenient place to observe ranges.
  using Observer = std::function<void(int node, TensorView<const T> output)>;

  explicit Executor(const Graph<T>& graph, ExecutorOptions options = {})
      : graph_(&graph), options_(options) {
    active_isa();  // A wrong OCTET_ISA is told here, not by a kernel, which must not throw.
    if (!std::is_same_v<T, float> || !kernels::bf16_is_fast())
      options_.precision = Precision::float32;
    if (graph.inputs().empty() || graph.outputs().empty())
      fail("executor: expected a graph with an input and an output");
    for (const Node<T>& node : graph.nodes())
      if (node.layer) node.layer->attach(graph);
    plan();
  }

  /// Computes all outputs from one tensor {N, ...} for each input. `step` numbers the training
  /// steps: it keys the random numbers of dropout. Inputs must stay as they are until backward() is
  /// done. With an observer nothing is fused: every node has a value, with the same bits; but then
  /// backward() wants another pass, without one.
  void forward(std::span<const TensorView<const T>> inputs, Mode mode, std::uint64_t step = 0,
               const Observer& observe = {}) {
    set_inputs(inputs);
    mode_ = mode;
    step_ = step;
    fuses_ = !observe;
    if (observe) between_.resize(static_cast<std::size_t>(plan_.between_size * N_));
    for (int i = 0; i < graph_->size(); ++i) {
      forward_node(i);
      if (observe && graph_->node(i).layer) observe(i, activation(i));
    }
  }
  void forward(TensorView<const T> input, Mode mode, std::uint64_t step = 0,
               const Observer& observe = {}) {
    forward(std::span<const TensorView<const T>>(&input, 1), mode, step, observe);
  }

  /// A training pass, step 0, that calls `done` after each node: to time it.
  void forward_timed(TensorView<const T> input, const std::function<void(int node)>& done) {
    set_inputs(std::span<const TensorView<const T>>(&input, 1));
    mode_ = Mode::training;
    step_ = 0;
    fuses_ = true;
    for (int i = 0; i < graph_->size(); ++i) {
      forward_node(i);
      if (graph_->node(i).layer) done(i);
    }
  }

  /// Output number `output` of the last forward.
  TensorView<const T> output(int output = 0) {
    return activation_or_input(graph_->outputs()[static_cast<std::size_t>(output)]);
  }
  /// Where to write the gradient of the loss by that output before backward() is called. Every
  /// output needs one: zero_output_gradients() sets those that the loss does not read.
  TensorView<T> output_gradient(int output = 0) {
    check_trains();
    return gradient(graph_->outputs()[static_cast<std::size_t>(output)]);
  }

  /// For a loss of some outputs: the gradients of the others are zero.
  void zero_output_gradients() {
    check_trains();
    for (const int output : graph_->outputs()) {
      const TensorView<T> zeros = gradient(output);
      std::fill(zeros.begin(), zeros.end(), T{0});
    }
  }

  /// Adds the gradient of the loss to every parameter's gradient. `observe` is called after each
  /// node's backward.
  void backward(const std::function<void(int node)>& observe = {}) {
    check_trains();
    if (inputs_.empty() || !fuses_)
      fail("executor: expected a forward pass without an observer before backward()");
    std::vector<bool> written(static_cast<std::size_t>(graph_->size()));
    for (const int output : graph_->outputs()) written[index(output)] = true;
    for (int i = graph_->size() - 1; i >= 0; --i) {
      const Node<T>& node = graph_->node(i);
      if (!node.layer || !plan_.needs_gradient[index(i)] || !written[index(i)]) continue;
      if (taken_over(i)) {
        written[index(node.inputs[0])] = true;
        if (observe) observe(i);
        continue;
      }
      collect_inputs(i);
      gradients_.clear();
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const int source = node.inputs[k];
        if (!plan_.needs_gradient[index(source)])
          gradients_.emplace_back();
        else if (written[index(source)] || repeats(node, k))
          gradients_.push_back(at(plan_.temporary[index(i)][k], graph_->node(source).shape));
        else
          gradients_.push_back(gradient(source));
      }
      Pass its_pass = pass(i);
      if (plan_.fusion.normalizes[index(i)] >= 0) {
        its_pass.fused.sums = gradients_[0].empty() ? nullptr : &sums_;
        sums_of_ = gradients_[0].empty() ? -1 : plan_.fusion.normalizes[index(i)];
      } else if (sums_of_ == i) {
        its_pass.fused.sums = &sums_;
      }
      // What was deferred to this node is still the gradient of the one after it.
      const int result = plan_.fusion.written[index(i)];
      const TensorView<T> d_output =
          gradient(deferred_[index(i)] ? deferred_by_[index(i)] : result);
      deferred_[index(i)] = nullptr;
      const kernels::DeferredGradient<float>* rest = nullptr;
      if (plan_.defers[index(i)]) {
        rest = deferred_[index(node.inputs[0])] =
            node.layer->backward_deferred(arguments_, d_output, its_pass);
        deferred_by_[index(node.inputs[0])] = result;
        OCTET_ASSERT(rest || result == i);
      }
      if (!rest)
        node.layer->backward(arguments_, activation(result), d_output, gradients_, its_pass);
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const int source = node.inputs[k];
        if (!plan_.needs_gradient[index(source)]) continue;
        if (written[index(source)]) add_to(gradient(source), gradients_[k]);
        written[index(source)] = true;
      }
      if (observe) observe(i);
    }
  }

  /// The precision that is used.
  Precision precision() const { return options_.precision; }
  /// Elements in the arena, for one example.
  std::int64_t arena_elements() const { return plan_.memory.size; }
  const Graph<T>& graph() const { return *graph_; }

 private:
  /// Decides what depends on which nodes learn.
  void plan() {
    plan_ = plan_execution(*graph_, options_.mode, options_.precision);
    learns_ = learning_nodes();
    deferred_.assign(plan_.defers.size(), nullptr);
    deferred_by_.assign(plan_.defers.size(), -1);
    moments_of_ = sums_of_ = -1;
    capacity_ = 0;
  }
  std::vector<bool> learning_nodes() const {
    std::vector<bool> all;
    for (const Node<T>& node : graph_->nodes()) all.push_back(learns(node));
    return all;
  }
  void check_trains() const {
    if (options_.mode != Mode::training)
      fail(
          "executor: expected one made for Mode::training, which has gradients, got one for "
          "inference");
  }
  void forward_node(int i) {
    const Node<T>& node = graph_->node(i);
    if (!node.layer || (fuses_ && taken_over(i))) return;
    collect_inputs(i);
    Pass its_pass = pass(i);
    if (mode_ == Mode::training && plan_.gathers[index(i)]) {
      moments_.rows.clear();
      moments_of_ = i;
      its_pass.fused.moments = &moments_;
    } else if (node.layer->wants_moments() && moments_of_ == node.inputs[0] &&
               !moments_.rows.empty()) {
      its_pass.fused.moments = &moments_;
    }
    const int result = fuses_ ? plan_.fusion.written[index(i)] : i;
    node.layer->forward(arguments_, activation(result), its_pass);
  }

  /// Whether a layer before this one does its work, too.
  bool taken_over(int node) const {
    return plan_.fused_limits[index(node)] || plan_.fusion.owner[index(node)] >= 0;
  }
  static std::size_t index(int node) { return static_cast<std::size_t>(node); }

  TensorView<T> at(int buffer, const Shape& shape) {
    return {arena_.data() + plan_.memory.offsets[index(buffer)] * capacity_, shape.with_batch(N_)};
  }
  TensorView<const T> activation_or_input(int node) {
    for (std::size_t k = 0; k < graph_->inputs().size(); ++k)
      if (graph_->inputs()[k] == node) return inputs_[k];
    return activation(node);
  }
  TensorView<T> activation(int node) {
    if (!fuses_ && plan_.fusion.unseen[index(node)])
      return {between_.data() + plan_.between[index(node)] * N_,
              graph_->node(node).shape.with_batch(N_)};
    if (plan_.activation[index(node)] < 0) return {};
    return at(plan_.activation[index(node)], graph_->node(node).shape);
  }
  TensorView<T> gradient(int node) {
    return at(plan_.gradient[index(node)], graph_->node(node).shape);
  }
  Pass pass(int node) const {
    const int normalizes = fuses_ ? plan_.fusion.normalizes[index(node)] : -1;
    const Limits<double>* const limits = fuses_ ? plan_.limits_after[index(node)] : nullptr;
    const int result = plan_.fusion.written[index(node)];
    return {mode_,
            options_.pool,
            Random(graph_->seed()).substream(step_).substream(static_cast<std::uint64_t>(node)),
            options_.precision,
            {.limits = limits ? *limits : Limits<double>{},
             .deferred = deferred_[index(node)],
             .windows = fuses_ && result != node ? *graph_->node(result).layer->windows()
                                                 : kernels::MaxWindows{},
             .normalization =
                 normalizes >= 0 ? graph_->node(normalizes).layer->normalization() : nullptr}};
  }
  /// A node that normalizes what it reads gets what the batch norm would have read.
  void collect_inputs(int i) {
    const int normalizes = fuses_ ? plan_.fusion.normalizes[index(i)] : -1;
    arguments_.clear();
    for (const int source : graph_->node(normalizes >= 0 ? normalizes : i).inputs)
      arguments_.push_back(activation_or_input(source));
  }
  /// Whether input k of the node is the same value as an earlier one: x + x.
  static bool repeats(const Node<T>& node, std::size_t k) {
    return std::find(node.inputs.begin(), node.inputs.begin() + static_cast<std::ptrdiff_t>(k),
                     node.inputs[k]) != node.inputs.begin() + static_cast<std::ptrdiff_t>(k);
  }

  void add_to(TensorView<T> sum, TensorView<T> term) {
    ThreadPool& pool = options_.pool ? *options_.pool : default_thread_pool();
    pool.parallel_for(sum.elements(), 1 << 15, [&](std::int64_t begin, std::int64_t end) {
      T* const to = sum.data();
      const T* const from = term.data();
      for (std::int64_t k = begin; k < end; ++k) to[k] += from[k];
    });
  }

  void set_inputs(std::span<const TensorView<const T>> inputs) {
    if (inputs.size() != graph_->inputs().size())
      fail("executor: expected ", graph_->inputs().size(), " inputs, got ", inputs.size());
    const Shape& first = inputs[0].shape();
    N_ = first.rank() > 0 ? first[0] : 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const Node<T>& node = graph_->node(graph_->inputs()[k]);
      if (!(inputs[k].shape() == node.shape.with_batch(N_)) || N_ < 1)
        fail("executor: expected ", node.shape, " with a batch in front for ", node.name, ", got ",
             inputs[k].shape());
      if (inputs[k].empty() && inputs[k].shape().elements() > 0)
        fail("executor: expected a tensor for ", node.name, ", got one that was moved from");
    }
    inputs_.assign(inputs.begin(), inputs.end());
    // A node that was frozen before may learn now, or the other way round.
    if (options_.mode == Mode::training && learning_nodes() != learns_) plan();
    if (N_ > capacity_) {
      constexpr std::int64_t most_bytes = std::int64_t{1} << 60;
      const std::int64_t elements = plan_.memory.size + plan_.between_size;
      if (elements > most_bytes / static_cast<std::int64_t>(sizeof(T)) / N_)
        fail("executor: expected a batch that takes at most 2^60 bytes, got one of ", N_,
             " examples, ", elements, " elements each");
      // Gives the old memory back before there is new: an empty list would keep it.
      capacity_ = 0;
      arena_ = decltype(arena_)();
      arena_.resize(static_cast<std::size_t>(plan_.memory.size * N_));
      capacity_ = N_;
    }
  }

  const Graph<T>* graph_;
  ExecutorOptions options_;
  ExecutionPlan plan_;
  /// The nodes with parameters that were not frozen when it was planned.
  std::vector<bool> learns_;
  AlignedVector<T> arena_;
  std::int64_t capacity_ = 0;
  std::int64_t N_ = 0;
  Mode mode_ = Mode::inference;
  std::uint64_t step_ = 0;
  /// Whether this pass leaves work to other layers as planned; what lies between them, for who
  /// observes it.
  bool fuses_ = true;
  AlignedVector<T> between_;
  /// What each node has to complete of the gradient of the node after it, and which node that is.
  std::vector<const kernels::DeferredGradient<float>*> deferred_;
  std::vector<int> deferred_by_;
  /// The moments of the last value that is normalized next.
  kernels::BlockMoments<float> moments_;
  int moments_of_ = -1;
  /// What the reader of a batch norm, which does that one's work, knows of its gradient.
  kernels::BlockSums<float> sums_;
  int sums_of_ = -1;
  std::vector<TensorView<const T>> inputs_;
  std::vector<TensorView<const T>> arguments_;
  std::vector<TensorView<T>> gradients_;
};

}  // namespace octet::inline OCTET_ABI
