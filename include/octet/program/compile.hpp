// From a graph to a program in float32. Here float is a template parameter, so that the graph's
// layers and passes are compiled only where a graph is made into a program.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "octet/graph/graph.hpp"
#include "octet/program/builtin_lowerings.hpp"
#include "octet/program/program.hpp"

namespace octet::inline OCTET_ABI {

/// Adds one node's operations; returns the value of its output.
template <std::same_as<float> T>
int lower_node(ProgramDescription& description, const Node<T>& node, std::vector<int> inputs) {
  Layer<T>* layer = node.layer.get();
  Clamp clamp;
  if (layer->type() == FusedActivation<T>::type_name) {
    const auto& fused = static_cast<const FusedActivation<T>&>(*layer);
    clamp = {fused.low(), fused.high()};
    layer = &fused.layer();
  }
  if (layer->type() == "dropout") return inputs[0];
  Lowering lowering(description, node.name, *layer, clamp, inputs, node.shape);
  if (const LoweringFunction function = lowering_registry().find(layer->type())) {
    const int value = function(lowering);
    if (value >= 0) {
      if (!(description.value(value).shape == node.shape))
        fail("compile: ", node.name, ": expected an output of shape ", node.shape,
             ", its lowering gives ", description.value(value).shape);
      return value;
    }
  }
  operations::Custom custom;
  custom.layer = layer->type();
  custom.attributes = layer->attributes();
  const auto keep = [&](const std::string& name, const Tensor<T>& tensor) {
    custom.tensors.push_back(lowering.add_tensor(
        name, tensor.shape(), {tensor.data(), static_cast<std::size_t>(tensor.elements())}));
  };
  for (const Parameter<T>* const parameter : layer->parameters())
    keep(parameter->name, parameter->value);
  for (const Buffer<T>* const buffer : layer->buffers()) keep(buffer->name, buffer->value);
  // Used here, the registry is known to those who load this program in the same process.
  layer_registry<T>();
  custom.run = custom_layer(std::shared_ptr<Layer<T>>(layer->clone()));
  const int value = lowering.add(std::move(custom));
  if (clamp.none()) return value;
  return lowering.add(operations::Activation{Function::clamp, clamp, 0}, {value}, node.shape);
}

/// The operations that compute a graph in inference: batch norms folded, ReLUs fused, dropout gone.
template <std::same_as<float> T>
ProgramDescription describe_program(const Graph<T>& graph) {
  const Graph<T> fused = fuse_activations(fold_batch_norm(graph));
  ProgramDescription description;
  std::vector<int> value_of(static_cast<std::size_t>(fused.size()), -1);
  for (int i = 0; i < fused.size(); ++i) {
    const Node<T>& node = fused.node(i);
    int& value = value_of[static_cast<std::size_t>(i)];
    if (!node.layer) {
      value = description.add_value({node.name, node.shape});
      continue;
    }
    if (node.layer->type() == "quantization_aware")
      fail("compile: ", node.name, ": expected a network without fake quantization; ",
           "quantize(graph) makes the program of one that was trained with it");
    std::vector<int> inputs;
    for (const int source : node.inputs)
      inputs.push_back(value_of[static_cast<std::size_t>(source)]);
    value = lower_node(description, node, std::move(inputs));
  }
  for (const int input : fused.inputs())
    description.inputs.push_back(value_of[static_cast<std::size_t>(input)]);
  for (const int output : fused.outputs())
    description.outputs.push_back(value_of[static_cast<std::size_t>(output)]);
  return description;
}

/// The program that computes a graph in inference, in float32. Layers without a lowering are
/// cloned, run as they are, and are named by Program::custom_layers().
template <std::same_as<float> T>
Program compile(const Graph<T>& graph, ProgramOptions options = {}) {
  return Program(describe_program(graph), options);
}

}  // namespace octet::inline OCTET_ABI
