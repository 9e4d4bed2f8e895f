// Runs a graph forwards and backwards. The executor, not the layer, owns the activations: it knows
// when each of them is read for the last time, and lets the next one take its place.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "octet/core/cpu.hpp"
#include "octet/core/memory_plan.hpp"
#include "octet/graph/fusion.hpp"
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
      : graph_(&graph), options_(options), fusion_(graph.size()) {
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
  /// done.
  void forward(std::span<const TensorView<const T>> inputs, Mode mode, std::uint64_t step = 0,
               const Observer& observe = {}) {
    set_inputs(inputs);
    mode_ = mode;
    step_ = step;
    // Who wants to see the values of every node gets them unfused; they are the same otherwise.
    fuses_ = !observe;
    if (observe) between_.resize(static_cast<std::size_t>(most_between_ * N_));
    for (int i = 0; i < graph_->size(); ++i) {
      forward_node(i);
      if (observe && graph_->node(i).layer) observe(i, activation(i));
    }
  }
  void forward(TensorView<const T> input, Mode mode, std::uint64_t step = 0,
               const Observer& observe = {}) {
    forward(std::span<const TensorView<const T>>(&input, 1), mode, step, observe);
  }

  /// The same, and calls `done` after each node: for a clock.
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
    return activation(graph_->outputs()[static_cast<std::size_t>(output)]);
  }
  /// Where the gradient of the loss by that output goes before backward() is called.
  TensorView<T> output_gradient(int output = 0) {
    return gradient(graph_->outputs()[static_cast<std::size_t>(output)]);
  }

  /// Adds the gradient of the loss to every parameter's gradient. `observe` is called after each
  /// node's backward.
  void backward(const std::function<void(int node)>& observe = {}) {
    OCTET_ASSERT(options_.mode == Mode::training);
    std::vector<bool> written(static_cast<std::size_t>(graph_->size()));
    for (const int output : graph_->outputs()) written[index(output)] = true;
    for (int i = graph_->size() - 1; i >= 0; --i) {
      const Node<T>& node = graph_->node(i);
      if (!node.layer || !needs_gradient_[index(i)] || !written[index(i)]) continue;
      if (taken_over(i)) {
        written[index(node.inputs[0])] = true;
        if (observe) observe(i);
        continue;
      }
      fuses_ = true;
      collect_inputs(i);
      gradients_.clear();
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const int source = node.inputs[k];
        if (!needs_gradient_[index(source)])
          gradients_.emplace_back();
        else if (written[index(source)] || repeats(node, k))
          gradients_.push_back(at(temporary_[index(i)][k], graph_->node(source).shape));
        else
          gradients_.push_back(gradient(source));
      }
      Pass its_pass = pass(i);
      if (fusion_.normalizes[index(i)] >= 0) {
        its_pass.fused.sums = gradients_[0].empty() ? nullptr : &sums_;
        sums_of_ = gradients_[0].empty() ? -1 : fusion_.normalizes[index(i)];
      } else if (sums_of_ == i) {
        its_pass.fused.sums = &sums_;
      }
      // What was deferred to this node is still the gradient of the one after it.
      const int result = fusion_.written[index(i)];
      const TensorView<T> d_output =
          gradient(deferred_[index(i)] ? deferred_by_[index(i)] : result);
      deferred_[index(i)] = nullptr;
      const kernels::DeferredGradient<float>* rest = nullptr;
      if (defers_[index(i)]) {
        rest = deferred_[index(node.inputs[0])] =
            node.layer->backward_deferred(arguments_, d_output, its_pass);
        deferred_by_[index(node.inputs[0])] = result;
        OCTET_ASSERT(rest || result == i);
      }
      if (!rest)
        node.layer->backward(arguments_, activation(result), d_output, gradients_, its_pass);
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const int source = node.inputs[k];
        if (!needs_gradient_[index(source)]) continue;
        if (written[index(source)]) add_to(gradient(source), gradients_[k]);
        written[index(source)] = true;
      }
      if (observe) observe(i);
    }
  }

  /// The precision that is used.
  Precision precision() const { return options_.precision; }
  /// Elements in the arena, for one example.
  std::int64_t arena_elements() const { return plan_.size; }
  const Graph<T>& graph() const { return *graph_; }

 private:
  void forward_node(int i) {
    const Node<T>& node = graph_->node(i);
    if (!node.layer || (fuses_ && taken_over(i))) return;
    collect_inputs(i);
    Pass its_pass = pass(i);
    if (mode_ == Mode::training && gathers_[index(i)]) {
      moments_.rows.clear();
      moments_of_ = i;
      its_pass.fused.moments = &moments_;
    } else if (node.layer->wants_moments() && moments_of_ == node.inputs[0] &&
               !moments_.rows.empty()) {
      its_pass.fused.moments = &moments_;
    }
    const int result = fuses_ ? fusion_.written[index(i)] : i;
    node.layer->forward(arguments_, activation(result), its_pass);
  }

  /// Whether a layer before this one does its work, too.
  bool taken_over(int node) const {
    return fused_limits_[index(node)] || fusion_.owner[index(node)] >= 0;
  }
  static std::size_t index(int node) { return static_cast<std::size_t>(node); }

  TensorView<T> at(int buffer, const Shape& shape) {
    return {arena_.data() + plan_.offsets[index(buffer)] * capacity_, shape.with_batch(N_)};
  }
  TensorView<const T> activation_or_input(int node) {
    for (std::size_t k = 0; k < graph_->inputs().size(); ++k)
      if (graph_->inputs()[k] == node) return inputs_[k];
    return activation(node);
  }
  TensorView<T> activation(int node) {
    if (!fuses_ && fusion_.unseen[index(node)])
      return {between_.data(), graph_->node(node).shape.with_batch(N_)};
    if (activation_buffer_[index(node)] < 0) return {};
    return at(activation_buffer_[index(node)], graph_->node(node).shape);
  }
  TensorView<T> gradient(int node) {
    return at(gradient_buffer_[index(node)], graph_->node(node).shape);
  }
  Pass pass(int node) const {
    const int normalizes = fuses_ ? fusion_.normalizes[index(node)] : -1;
    const Limits<double>* const limits = fuses_ ? limits_after_[index(node)] : nullptr;
    const int result = fusion_.written[index(node)];
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
  /// A node that normalises what it reads gets what the batch norm would have read.
  void collect_inputs(int i) {
    const int normalizes = fuses_ ? fusion_.normalizes[index(i)] : -1;
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
    }
    inputs_.assign(inputs.begin(), inputs.end());
    if (N_ > capacity_) {
      capacity_ = N_;
      arena_ = {};
      arena_.resize(static_cast<std::size_t>(plan_.size * capacity_));
    }
  }

  /// Time runs from 0 (the first node's forward) over n (the loss) to 2n (the first node's
  /// backward).
  void plan() {
    const int n = graph_->size();
    const bool training = options_.mode == Mode::training;
    const auto backward_time = [&](int node) { return 2 * n - node; };
    const std::vector<int> readers = graph_->reader_counts();
    needs_gradient_.assign(index(n), false);
    activation_buffer_.assign(index(n), -1);
    gradient_buffer_.assign(index(n), -1);
    temporary_.assign(index(n), {});
    defers_.assign(index(n), false);
    deferred_.assign(index(n), nullptr);
    deferred_by_.assign(index(n), -1);
    gathers_.assign(index(n), false);
    if (training) fusion_ = find_fusion(*graph_, options_.precision);
    std::vector<int> last(index(n)), first_gradient(index(n), 2 * n);
    std::vector<bool> is_output(index(n), false);
    for (int i = 0; i < n; ++i) {
      const Node<T>& node = graph_->node(i);
      last[index(i)] = i;
      if (!node.layer) continue;
      if (fusion_.unseen[index(i)])
        most_between_ = (std::max)(most_between_, node.shape.elements());
      if (node.layer->wants_moments() && graph_->node(node.inputs[0]).layer)
        gathers_[index(node.inputs[0])] =
            graph_->node(node.inputs[0])
                .layer->gathers_moments(graph_->node(graph_->node(node.inputs[0]).inputs[0]).shape,
                                        options_.precision);
      for (const Parameter<T>* const parameter : node.layer->parameters())
        if (parameter->learning_rate_factor != 0) needs_gradient_[index(i)] = true;
      for (const int source : node.inputs)
        if (needs_gradient_[index(source)]) needs_gradient_[index(i)] = true;
      const bool backward = training && needs_gradient_[index(i)];
      if (backward && node.layer->backward_reads_output()) last[index(i)] = backward_time(i);
      for (const int source : node.inputs) {
        const bool read = backward && node.layer->backward_reads_inputs();
        last[index(source)] = (std::max)(last[index(source)], read ? backward_time(i) : i);
        first_gradient[index(source)] = (std::min)(first_gradient[index(source)], backward_time(i));
      }
    }
    for (int i = 0; i < n; ++i) {
      const Node<T>& node = graph_->node(i);
      const int source = node.layer ? node.inputs[0] : i;
      if (!training || !needs_gradient_[index(source)] || readers[index(source)] != 1 ||
          !node.layer->in_place() || !node.layer->backward_reads_inputs())
        continue;
      const Node<T>& before = graph_->node(source);
      defers_[index(i)] =
          before.layer && before.layer->completes_gradient(graph_->node(before.inputs[0]).shape,
                                                           options_.precision);
      if (defers_[index(i)]) last[index(source)] = backward_time(source);
    }
    for (int i = 0; i < n; ++i)
      if (fusion_.normalizes[index(i)] >= 0) {
        int& source = last[index(graph_->node(fusion_.normalizes[index(i)]).inputs[0])];
        source = (std::max)(source, last[index(graph_->node(i).inputs[0])]);
      }
    for (const int output : graph_->outputs()) {
      last[index(output)] = (std::max)(last[index(output)], n);
      first_gradient[index(output)] = n;
      is_output[index(output)] = true;
    }

    std::vector<BufferLifetime> buffers;
    const auto buffer = [&](int node, int from, int to) {
      buffers.push_back({round_up(graph_->node(node).shape.elements(), 16), from, to});
      return static_cast<int>(buffers.size()) - 1;
    };
    for (int i = 0; i < n; ++i) {
      const Node<T>& node = graph_->node(i);
      if (!node.layer) continue;
      if (fusion_.unseen[index(i)] && fusion_.owner[index(i)] < 0 && fusion_.written[index(i)] == i)
        continue;
      if (const int result = fusion_.written[index(i)]; result != i) {
        activation_buffer_[index(i)] = buffer(result, i, last[index(result)]);
        continue;
      }
      if (const int owner = fusion_.owner[index(i)]; owner >= 0) {
        activation_buffer_[index(i)] = activation_buffer_[index(owner)];
        continue;
      }
      const int source = node.inputs[0];
      const bool shares = node.layer->in_place() && graph_->node(source).layer &&
                          !is_output[index(source)] && readers[index(source)] == 1 &&
                          last[index(source)] == i &&
                          node.shape.elements() == graph_->node(source).shape.elements();
      if (shares) {
        activation_buffer_[index(i)] = activation_buffer_[index(source)];
        BufferLifetime& shared = buffers[index(activation_buffer_[index(i)])];
        shared.last = (std::max)(shared.last, last[index(i)]);
      } else {
        activation_buffer_[index(i)] = buffer(i, i, last[index(i)]);
      }
    }
    if (training) plan_gradients(buffers, buffer, readers, first_gradient, is_output);
    plan_ = plan_memory(buffers, 16);
    plan_fusion();
  }

  /// A ReLU that works in the memory of the layer before it, forwards and backwards, can be left to
  /// that layer.
  void plan_fusion() {
    limits_after_.assign(index(graph_->size()), nullptr);
    fused_limits_ = limits_after_;
    for (int i = 0; i < graph_->size(); ++i) {
      const Node<T>& node = graph_->node(i);
      const Limits<double>* const limits = node.layer ? node.layer->limits() : nullptr;
      if (!limits) continue;
      const int source = node.inputs[0];
      if (!graph_->node(source).layer || !graph_->node(source).layer->limits_output() ||
          limits_after_[index(source)] ||
          activation_buffer_[index(i)] != activation_buffer_[index(source)] ||
          gradient_buffer_[index(i)] != gradient_buffer_[index(source)])
        continue;
      limits_after_[index(source)] = fused_limits_[index(i)] = limits;
    }
  }

  template <class MakeBuffer>
  void plan_gradients(std::vector<BufferLifetime>& buffers, const MakeBuffer& buffer,
                      const std::vector<int>& readers, const std::vector<int>& first_gradient,
                      const std::vector<bool>& is_output) {
    const int n = graph_->size();
    for (int i = n - 1; i >= 0; --i) {
      const Node<T>& node = graph_->node(i);
      if (!needs_gradient_[index(i)] && !is_output[index(i)]) continue;
      const int time = 2 * n - i;
      // The gradient of an in-place node's input was given its buffer when that node was visited.
      if (gradient_buffer_[index(i)] < 0)
        gradient_buffer_[index(i)] = buffer(i, first_gradient[index(i)], time);
      else
        buffers[index(gradient_buffer_[index(i)])].last = time;
      if (!node.layer || !needs_gradient_[index(i)]) continue;
      temporary_[index(i)].assign(node.inputs.size(), -1);
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const int source = node.inputs[k];
        if (!needs_gradient_[index(source)]) continue;
        if (readers[index(source)] > 1)
          temporary_[index(i)][k] = buffer(source, time, time);
        else if (fusion_.owner[index(i)] >= 0 ||
                 (k == 0 && (fusion_.written[index(i)] == i ? shares_gradient(i, is_output)
                                                            : defers_[index(i)])))
          gradient_buffer_[index(source)] = gradient_buffer_[index(i)];
      }
    }
  }

  /// Whether the gradient of a node's first input takes the memory of its own.
  bool shares_gradient(int i, const std::vector<bool>& is_output) const {
    const Node<T>& node = graph_->node(i);
    const int source = node.inputs[0];
    return node.layer->in_place() && !is_output[index(source)] &&
           node.shape.elements() == graph_->node(source).shape.elements();
  }

  const Graph<T>* graph_;
  ExecutorOptions options_;
  MemoryPlan plan_;
  AlignedVector<T> arena_;
  std::int64_t capacity_ = 0;
  std::int64_t N_ = 0;
  Mode mode_ = Mode::inference;
  std::uint64_t step_ = 0;
  /// Whether this pass leaves limits to the layers before them; the limits that a node takes over,
  /// and those that it gave away.
  bool fuses_ = true;
  std::vector<const Limits<double>*> limits_after_, fused_limits_;
  /// Which nodes do the work of others; what lies between them, for who observes it.
  Fusion fusion_;
  AlignedVector<T> between_;
  std::int64_t most_between_ = 0;
  std::vector<bool> needs_gradient_;
  /// Whether the layer before a node can complete its gradient; what a node has to complete.
  std::vector<bool> defers_;
  std::vector<const kernels::DeferredGradient<float>*> deferred_;
  std::vector<int> deferred_by_;
  /// Whether a node's value is normalised next; the moments of the last such value.
  std::vector<bool> gathers_;
  kernels::BlockMoments<float> moments_;
  int moments_of_ = -1;
  /// What the reader of a batch norm, which does that one's work, knows of its gradient.
  kernels::BlockSums<float> sums_;
  int sums_of_ = -1;
  std::vector<int> activation_buffer_;
  std::vector<int> gradient_buffer_;
  /// Where the gradient by input k of a node goes first if that input has other readers too.
  std::vector<std::vector<int>> temporary_;
  std::vector<TensorView<const T>> inputs_;
  std::vector<TensorView<const T>> arguments_;
  std::vector<TensorView<T>> gradients_;
};

}  // namespace octet::inline OCTET_ABI
