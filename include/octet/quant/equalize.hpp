// Cross-layer equalization: channels that are much larger than others lose their advantage, so that
// one scale fits all of them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/channel_runs.hpp"
#include "octet/graph/fold_batch_norm.hpp"
#include "octet/graph/rewrite.hpp"
#include "octet/nn/relu.hpp"

namespace octet::inline OCTET_ABI {

/// What becomes of a ReLU6 between two layers. Its limit of 6 belongs to channels as they are, so
/// they cannot be scaled; a ReLU in its place can, but lets through what was above 6.
enum class Relu6InEqualization { keep, replace };

struct EqualizeOptions {
  Relu6InEqualization relu6 = Relu6InEqualization::keep;
  /// How often all pairs of layers are balanced, at most; a layer in two pairs needs several.
  int rounds = 40;
};

/// Divides what channel i of a layer gives by s_i, and multiplies by s_i what the next layer makes
/// of it. With r1_i the largest weight of filter i and r2_i the largest weight that reads channel
/// i, s_i = sqrt(r1_i / r2_i) makes both equal to sqrt(r1_i r2_i). M. Nagel, M. van Baalen, T.
/// Blankevoort and M. Welling, "Data-free quantization through weight equalization and bias
/// correction" (ICCV 2019), 4.1.
template <class T>
class Equalization {
 public:
  Equalization(const Graph<T>& graph, const EqualizeOptions& options)
      : options_(options), graph_(fold_batch_norm(graph)) {
    if (options.rounds < 1) fail("equalize: expected at least 1 round, got ", options.rounds);
    const std::vector<int> readers = graph_.reader_counts();
    for (int i = 0; i < graph_.size(); ++i)
      if (is_weighted(i)) find_partner(i, readers);
  }

  Graph<T> run() {
    for (int round = 0; round < options_.rounds; ++round) {
      double largest_step = 0;
      for (const auto& [first, second] : pairs_)
        largest_step = (std::max)(largest_step, balance(first, second));
      if (largest_step < 1e-3) break;
    }
    GraphRewriter<T> rewriter(graph_);
    for (int i = 0; i < graph_.size(); ++i)
      if (std::find(replaced_.begin(), replaced_.end(), i) != replaced_.end())
        rewriter.replace(i, std::make_unique<Relu<T>>());
      else
        rewriter.keep(i);
    return rewriter.finish();
  }
  /// How many pairs of layers there are to balance.
  std::size_t pairs() const { return pairs_.size(); }

 private:
  std::string_view type_of(int node) const {
    return graph_.node(node).layer ? graph_.node(node).layer->type() : std::string_view();
  }
  bool is_weighted(int node) const {
    const std::string_view type = type_of(node);
    return type == "conv2d" || type == "depthwise_conv2d" || type == "linear";
  }
  /// Whether f(s x) = s f(x) for s > 0, channel by channel, the last axis being the channels.
  bool is_homogeneous(int node) const {
    constexpr std::array<std::string_view, 10> types = {"relu",
                                                        "leaky_relu",
                                                        "max_pool",
                                                        "average_pool",
                                                        "dropout",
                                                        "global_average_pool",
                                                        "flatten",
                                                        "global_max_pool",
                                                        "adaptive_average_pool",
                                                        "adaptive_max_pool"};
    if (type_of(node) == "pad")
      return graph_.node(node).layer->attributes()["value"].as_number() == 0;
    if (type_of(node) == "relu6") return options_.relu6 == Relu6InEqualization::replace;
    return std::find(types.begin(), types.end(), type_of(node)) != types.end();
  }

  /// The next layer with weights, if nothing but homogeneous layers that nobody else reads lies
  /// between.
  void find_partner(int first, const std::vector<int>& readers) {
    std::vector<int> clipped;
    int last = first;
    for (int i = first + 1; i < graph_.size() && readers[static_cast<std::size_t>(last)] == 1;
         ++i) {
      const Node<T>& node = graph_.node(i);
      if (!node.layer ||
          std::find(node.inputs.begin(), node.inputs.end(), last) == node.inputs.end())
        continue;
      if (is_weighted(i)) {
        pairs_.emplace_back(first, i);
        replaced_.insert(replaced_.end(), clipped.begin(), clipped.end());
        return;
      }
      if (!is_homogeneous(i)) return;
      if (type_of(i) == "relu6") clipped.push_back(i);
      last = i;
    }
  }

  Tensor<T>* parameter(int node, std::string_view name) {
    for (Parameter<T>* const each : graph_.node(node).layer->parameters())
      if (each->name == name) return &each->value;
    return nullptr;
  }
  /// Calls visit(weight, filter) for every weight of a layer.
  template <class Visit>
  void for_each_filter(int node, const Visit& visit) {
    Tensor<T>& weight = *parameter(node, "weight");
    const ChannelRuns filters = output_channels(output_channel_of(type_of(node)), weight.shape());
    for (std::int64_t i = 0; i < weight.elements(); ++i)
      visit(weight[i], static_cast<std::size_t>(filters.of(i)));
  }
  /// Calls visit(weight, channel) for every weight and the channel that it reads, of `channels`.
  template <class Visit>
  void for_each_reader(int node, std::int64_t channels, const Visit& visit) {
    Tensor<T>& weight = *parameter(node, "weight");
    const Shape& shape = weight.shape();
    const std::int64_t last = shape.back();
    if (type_of(node) == "depthwise_conv2d") {
      for (std::int64_t i = 0; i < weight.elements(); ++i)
        visit(weight[i], static_cast<std::size_t>(i % last / (last / channels)));
      return;
    }
    // A flattened image has its channels again and again; a group of filters sees its own alone.
    const std::int64_t groups = type_of(node) == "conv2d"
                                    ? graph_.node(node).layer->attributes()["groups"].as_integer()
                                    : 1;
    const std::int64_t per_group = weight.elements() / groups;
    for (std::int64_t i = 0; i < weight.elements(); ++i) {
      const std::int64_t channel = i / per_group * last + i % last;
      visit(weight[i], static_cast<std::size_t>(channel % channels));
    }
  }

  /// Balances one pair; returns the largest |log(s)|.
  double balance(int first, int second) {
    const auto channels = static_cast<std::size_t>(graph_.node(first).shape.back());
    std::vector<double> given(channels), read(channels), divisor(channels, 1.0);
    const auto take_largest = [](std::vector<double>& largest) {
      return [&largest](const T& weight, std::size_t c) {
        largest[c] = (std::max)(largest[c], std::abs(static_cast<double>(weight)));
      };
    };
    for_each_filter(first, take_largest(given));
    for_each_reader(second, graph_.node(first).shape.back(), take_largest(read));
    double step = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      // A channel that is always 0, or that nobody listens to, has no scale.
      if (!(given[c] > 0 && read[c] > 0)) continue;
      divisor[c] = std::sqrt(given[c] / read[c]);
      step = (std::max)(step, std::abs(std::log(divisor[c])));
    }
    for_each_filter(first, [&](T& weight, std::size_t c) {
      weight = static_cast<T>(static_cast<double>(weight) / divisor[c]);
    });
    if (Tensor<T>* const bias = parameter(first, "bias"))
      for (std::size_t c = 0; c < channels; ++c) {
        T& value = (*bias)[static_cast<std::int64_t>(c)];
        value = static_cast<T>(static_cast<double>(value) / divisor[c]);
      }
    for_each_reader(second, graph_.node(first).shape.back(), [&](T& weight, std::size_t c) {
      weight = static_cast<T>(static_cast<double>(weight) * divisor[c]);
    });
    return step;
  }

  EqualizeOptions options_;
  Graph<T> graph_;
  std::vector<std::pair<int, int>> pairs_;
  /// ReLU6 nodes that become ReLUs.
  std::vector<int> replaced_;
};

/// The graph with batch norms folded, and the channels of each pair of layers balanced that follow
/// each other through ReLU, leaky ReLU, pooling, dropout, zeros as padding or flatten alone.
/// Computes the same up to rounding, unless ReLU6 is replaced. For inference and quantization.
template <class T>
Graph<T> equalize(const Graph<T>& graph, const EqualizeOptions& options = {}) {
  return Equalization<T>(graph, options).run();
}

}  // namespace octet::inline OCTET_ABI
