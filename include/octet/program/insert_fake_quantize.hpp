// Quantization-aware training: the pass that prepares a graph for it, and the way to int8 after it.
#pragma once

#include <algorithm>
#include <concepts>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "octet/program/quantization_aware.hpp"

namespace octet::inline OCTET_ABI {

/// How training with fake quantization finds its scales, and which layers take part.
struct QuantizationAwareTraining {
  RangeObserver observer = RangeObserver::moving_average;
  /// The share of a new batch in a moving average.
  double momentum = 0.01;
  QuantizationScale activation_scale = QuantizationScale::observed;
  QuantizationScale weight_scale = QuantizationScale::observed;
  QuantizationSchedule schedule = {};
  /// Layers, by name, that stay float32.
  std::vector<std::string> keep_float = {};
};

/// Lets load_graph() read graphs that insert_fake_quantize() made. It calls this itself; who only
/// loads such graphs calls it once.
template <class T>
void register_quantization_aware_layers() {
  LayerRegistry<T>& registry = layer_registry<T>();
  static const bool once = [&] {
    registry.template add<FakeQuantize<T>>(std::string(FakeQuantize<T>::type_name));
    registry.template add<ScheduledBatchNorm<T>>(std::string(ScheduledBatchNorm<T>::type_name));
    registry.template add<AbsorbedBatchNorm<T>>(std::string(AbsorbedBatchNorm<T>::type_name));
    registry.template add<QuantizationAware<T>>(std::string(QuantizationAware<T>::type_name));
    return true;
  }();
  (void)once;
}

/// Whether a graph was made by insert_fake_quantize().
template <class T>
bool is_quantization_aware(const Graph<T>& graph) {
  for (const Node<T>& node : graph.nodes())
    if (node.layer && node.layer->type() == FakeQuantize<T>::type_name) return true;
  return false;
}

/// The name of the fake-quantize node of a group of values of one scale.
inline std::string fake_quantize_name(const std::string& value) { return value + ".fake_quantize"; }

/// Puts fake quantization where the int8 program will quantize, and nowhere else: the converter
/// itself is asked. One fake-quantize node for each group of values that share a scale: after the
/// activation that is fused into a layer, on both inputs of a sum, behind a concat whose inputs
/// take its scale, behind a pad whose value may widen it; what else reads the input of such a
/// concat or pad learns from what is not quantized yet. Layers that have weights or compute become
/// quantization-aware. Batch norms that the program folds become absorbed ones, others follow the
/// schedule. All parameters keep their values and names, so training may begin from a trained
/// network or from a fresh one. Fails if no layer can run in int8.
template <std::same_as<float> T>
class FakeQuantizeInsertion {
 public:
  FakeQuantizeInsertion(const Graph<T>& from, const QuantizationAwareTraining& options)
      : from_(checked(from)),
        options_(options),
        description_(describe_program(from)),
        quantize_options_{.keep_float = options.keep_float},
        to_(from.seed()) {
    register_quantization_aware_layers<T>();
    keep_whole_nodes();
    const Quantizer quantizer(description_, quantize_options_);
    quantizer.check_int8();
    plan_ = quantizer.plan();
    place_quantizers();
  }

  Graph<T> run() {
    raw_.resize(at(from_.size()));
    quantized_.resize(at(from_.size()));
    for (int i = 0; i < from_.size(); ++i) add_node(i);
    for (const int output : from_.outputs()) to_.output(raw_[at(output)]);
    return std::move(to_);
  }

 private:
  static const Graph<T>& checked(const Graph<T>& graph) {
    if (is_quantization_aware(graph))
      fail("insert_fake_quantize: expected a graph without fake-quantize nodes");
    return graph;
  }
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }
  std::string_view type_of(int node) const {
    return from_.node(node).layer ? from_.node(node).layer->type() : std::string_view();
  }

  /// The value of the program that a node computes; -1 for one that the program has fused into
  /// another or left out.
  int value_of(int node) const {
    for (std::size_t v = 0; v < description_.values.size(); ++v)
      if (description_.values[v].name == from_.node(node).name) return static_cast<int>(v);
    return -1;
  }
  /// The operation that computes it; -1 for an input.
  int operation_of(int node) const {
    for (std::size_t i = 0; i < description_.operations.size(); ++i)
      if (description_.operations[i].name == from_.node(node).name) return static_cast<int>(i);
    return -1;
  }
  /// A layer of several operations has values inside that no node of the graph shows; such a layer
  /// stays float32.
  void keep_whole_nodes() {
    for (const Operation& operation : description_.operations) {
      if (from_.find(operation.name) >= 0) continue;
      quantize_options_.keep_float.push_back(operation.name);
      const std::string owner = operation.name.substr(0, operation.name.rfind('.'));
      if (from_.find(owner) >= 0) quantize_options_.keep_float.push_back(owner);
    }
  }

  /// For each group that an int8 operation reads or writes, the value behind which its
  /// fake-quantize node stands: that of the last concat or pad with a value, or else the first one.
  void place_quantizers() {
    const std::size_t count = description_.values.size();
    std::vector<bool> needed(count, false);
    place_.assign(count, -1);
    for (std::size_t v = 0; v < count; ++v) {
      int& place = place_[at(plan_.group[v])];
      if (place < 0) place = static_cast<int>(v);
    }
    for (std::size_t i = 0; i < description_.operations.size(); ++i) {
      const Operation& operation = description_.operations[i];
      if (!plan_.decisions[i].int8) continue;
      needed[at(group_of(operation.output))] = true;
      for (const int input : operation.inputs) needed[at(group_of(input))] = true;
      if (operation.as<operations::Concat>() || pads_with_value(operation))
        place_[at(group_of(operation.output))] = operation.output;
    }
    for (std::size_t v = 0; v < count; ++v)
      if (!needed[v]) place_[v] = -1;
  }
  static bool pads_with_value(const Operation& operation) {
    const auto* const pad = operation.as<operations::Pad>();
    return pad && pad->value != 0;
  }
  int group_of(int value) const { return plan_.group[at(value)]; }
  std::string quantizer_of(int value) const {
    return fake_quantize_name(description_.value(group_of(value)).name);
  }

  /// The last of the nodes whose work the program does in the operation of `node`: itself, its
  /// batch norm, its activation.
  int last_fused(int node, QuantizationAwareOptions& options) const {
    int last = node;
    for (int i = node + 1; i < from_.size(); ++i) {
      const bool follows = from_.node(i).layer && from_.node(i).inputs[0] == last;
      if (!follows || value_of(i) >= 0 || type_of(i) == "dropout") continue;
      if (type_of(i) == "batch_norm")
        options.batch_norm = from_.node(i).name;
      else
        options.activation = std::string(type_of(i));
      last = i;
    }
    return last;
  }

  enum class Readers { int8, float32 };
  /// Whether such operations read what a node computes, itself or behind what the program leaves
  /// out; an output is read in float32.
  bool is_read_by(Readers readers, int node) const {
    const auto is = [node](int other) { return other == node; };
    if (readers == Readers::float32 && std::ranges::any_of(from_.outputs(), is)) return true;
    for (int i = node + 1; i < from_.size(); ++i) {
      if (std::ranges::none_of(from_.node(i).inputs, is)) continue;
      if (value_of(i) < 0 ? is_read_by(readers, i) : runs_in_int8(i) == (readers == Readers::int8))
        return true;
    }
    return false;
  }
  bool runs_in_int8(int node) const {
    const int operation = operation_of(node);
    return operation >= 0 && plan_.decisions[at(operation)].int8;
  }

  /// Whether a node reads what is behind fake-quantize nodes: where the program computes in int8,
  /// and where it has fused or left out the node and those after it read int8. Operations of
  /// float32 read what is there in float32.
  bool reads_quantized(int i) const {
    if (value_of(i) >= 0) return runs_in_int8(i);
    const int source = from_.node(i).inputs[0];
    if (raw_[at(source)].node == quantized_[at(source)].node) return true;
    const bool by_int8 = is_read_by(Readers::int8, i);
    if (by_int8 && is_read_by(Readers::float32, i))
      fail("insert_fake_quantize: expected either int8 or float32 layers behind ",
           from_.node(i).name, ", got both; a dropout for each would serve");
    return by_int8;
  }

  void add_node(int i) {
    const Node<T>& node = from_.node(i);
    if (!node.layer) {
      raw_[at(i)] = to_.input(node.shape, node.name);
    } else {
      const std::vector<Value<T>>& from = reads_quantized(i) ? quantized_ : raw_;
      std::vector<Value<T>> inputs;
      for (const int source : node.inputs) inputs.push_back(from[at(source)]);
      raw_[at(i)] = to_.add(layer_for(i), inputs, Parameters::keep);
      if (to_.node(raw_[at(i)].node).name != node.name) raw_[at(i)].named(node.name);
    }
    quantized_[at(i)] = raw_[at(i)];
    if (value_of(i) >= 0) {
      QuantizationAwareOptions fused;
      ends_[at(last_fused(i, fused))] = i;
    }
    // The fake-quantize node stands behind all that is fused.
    const auto owner = ends_.find(at(i));
    if (owner == ends_.end()) return;
    const int computed = value_of(owner->second);
    if (place_[at(group_of(computed))] != computed) return;
    quantized_[at(i)] = to_.add(std::make_unique<FakeQuantize<T>>(fake_quantize_options()),
                                {&raw_[at(i)], 1}, Parameters::keep);
    quantized_[at(i)].named(quantizer_of(computed));
    // Whoever reads in float32 what was computed in int8 gets it dequantized.
    if (runs_in_int8(owner->second)) raw_[at(i)] = quantized_[at(i)];
  }

  std::unique_ptr<Layer<T>> layer_for(int i) const {
    // Folded into a layer that runs in int8.
    if (type_of(i) == "batch_norm" && value_of(i) < 0 && runs_in_int8(from_.node(i).inputs[0]))
      return scheduled<AbsorbedBatchNorm<T>>(i);
    std::unique_ptr<Layer<T>> layer = type_of(i) == "batch_norm"
                                          ? scheduled<ScheduledBatchNorm<T>>(i)
                                          : from_.node(i).layer->clone();
    if (!runs_in_int8(i)) return layer;
    const Operation& described = description_.operations[at(operation_of(i))];
    if (moves_values(described) && !pads_with_value(described)) return layer;
    QuantizationAwareOptions options{.weight_scale = options_.weight_scale,
                                     .quantize_from = options_.schedule.quantize_from};
    for (const int input : described.inputs)
      options.input_quantizers.push_back(quantizer_of(input));
    options.output_quantizer = quantizer_of(described.output);
    last_fused(i, options);
    return std::make_unique<QuantizationAware<T>>(std::move(layer), std::move(options));
  }
  template <class Scheduled>
  std::unique_ptr<Layer<T>> scheduled(int batch_norm) const {
    return std::make_unique<Scheduled>(
        static_cast<const BatchNorm<T>&>(*from_.node(batch_norm).layer),
        options_.schedule.freeze_batch_norm_from);
  }
  FakeQuantizeOptions fake_quantize_options() const {
    return {options_.observer, options_.momentum, options_.activation_scale, options_.schedule};
  }

  const Graph<T>& from_;
  const QuantizationAwareTraining& options_;
  const ProgramDescription description_;
  QuantizeOptions quantize_options_;
  QuantizationPlan plan_;
  /// For each group, by the value that stands for it.
  std::vector<int> place_;
  Graph<T> to_;
  /// For each node of the old graph, what it computes in the new one: as it leaves the layer, and
  /// behind the fake-quantize node.
  std::vector<Value<T>> raw_, quantized_;
  /// The nodes that begin what ends with a node.
  std::map<std::size_t, int> ends_;
};

/// The graph with fake quantization wherever its int8 program will quantize; parameters keep their
/// values and names. See FakeQuantizeInsertion. Fails if no layer can run in int8.
template <std::same_as<float> T>
Graph<T> insert_fake_quantize(const Graph<T>& graph,
                              const QuantizationAwareTraining& options = {}) {
  return FakeQuantizeInsertion<T>(graph, options).run();
}

/// The float32 network inside of a quantization-aware one, with what it has learned.
template <std::same_as<float> T>
Graph<T> remove_fake_quantize(const Graph<T>& graph) {
  GraphRewriter<T> rewriter(graph);
  for (int i = 0; i < graph.size(); ++i) {
    const Node<T>& node = graph.node(i);
    const std::string_view type = node.layer ? node.layer->type() : std::string_view();
    if (type == FakeQuantize<T>::type_name)
      rewriter.bypass(i, node.inputs[0]);
    else if (type == QuantizationAware<T>::type_name)
      rewriter.replace(i, static_cast<QuantizationAware<T>&>(*node.layer).plain_layer());
    else if (type == AbsorbedBatchNorm<T>::type_name || type == ScheduledBatchNorm<T>::type_name)
      rewriter.replace(i, static_cast<ScheduledBatchNorm<T>&>(*node.layer).batch_norm());
    else
      rewriter.keep(i);
  }
  return rewriter.finish();
}

/// The int8 program of a quantization-aware graph, with the ranges and scales that it has observed
/// and learned: no images are needed. The graph in inference computes the same bits, but for what
/// float32 layers with a batch norm round otherwise when it is folded into them. Fails if it has
/// not been trained for at least one step.
template <std::same_as<float> T>
Program quantize(const Graph<T>& graph, const ProgramOptions& options = {}) {
  if (!is_quantization_aware(graph))
    fail(
        "quantize: expected images to calibrate with, or a graph that insert_fake_quantize() made");
  const ProgramDescription description = describe_program(remove_fake_quantize(graph));
  const auto layer_of = [&](const std::string& name) -> Layer<T>* {
    const int node = graph.find(name);
    return node < 0 ? nullptr : graph.node(node).layer.get();
  };
  QuantizeOptions quantize_options;
  QuantizationChoice choice;
  for (const Operation& operation : description.operations) {
    Layer<T>* const layer = layer_of(operation.name);
    choice.weight_scales.emplace_back();
    if (!layer || layer->type() != QuantizationAware<T>::type_name) {
      // What moves values in int8 has the scale of what it moves, not one of its own.
      if (!moves_values(operation) || layer_of(fake_quantize_name(operation.name)))
        quantize_options.keep_float.push_back(operation.name);
      continue;
    }
    const auto& aware = static_cast<const QuantizationAware<T>&>(*layer);
    choice.weight_scales.back() = aware.folded_weight_scales(
        layer_named<AbsorbedBatchNorm<T>>(graph, aware.options().batch_norm));
  }
  Quantizer quantizer(description, quantize_options);
  for (const int group : quantizer.plan().group) {
    const std::string name = fake_quantize_name(description.value(group).name);
    choice.values.push_back(layer_of(name)
                                ? layer_named<FakeQuantize<T>>(graph, name)->quantization()
                                : QuantizationParameters{});
  }
  quantizer.choose(std::move(choice));
  return Program(quantizer.run(), options);
}

}  // namespace octet::inline OCTET_ABI
