// How a loaded program gets back the layers that only their authors know.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "octet/core/registry.hpp"
#include "octet/program/description.hpp"

namespace octet::inline OCTET_ABI {

/// Makes a layer from its attributes and tensors, in the order in which they were saved. Fails with
/// a sentence if they make no sense. For a type it does not know it returns an empty layer.
using CustomLayerFactory = std::function<CustomLayer(
    std::string_view type, const Json& attributes, std::span<const ProgramTensor* const> tensors)>;

/// Factories by layer type.
using CustomLayerRegistry = Registry<CustomLayerFactory>;
template <class = WhenUsed>
CustomLayerRegistry& custom_layer_registry() {
  static CustomLayerRegistry registry;
  return registry;
}

/// Makes layers of one's own known to load_program() where nothing but infer.hpp is included. With
/// octet.hpp, register_layer<float>() is enough. A type that is known gets the new factory.
template <class = WhenUsed>
void register_custom_layer(std::string type, CustomLayerFactory factory) {
  custom_layer_registry().set(std::move(type), std::move(factory));
}

/// What a program does with the layers of graphs, as functions of a pointer to a layer: infer.hpp
/// knows no layers, and octet.hpp has next to nothing to compile for those who load no program.
struct GraphLayerFunctions {
  /// A new layer, or nullptr if the type is not known.
  void* (*make)(std::string_view type, const Json& attributes, std::int64_t parameter_limit);
  void* (*clone)(void* layer);
  void (*destroy)(void* layer);
  /// Parameter or buffer number `index`, buffers last; false if there are not so many.
  bool (*tensor)(void* layer, std::size_t index, TensorView<float>& view);
  /// In inference mode.
  void (*forward)(void* layer, std::span<const TensorView<const float>> inputs,
                  TensorView<float> output, ThreadPool* pool);
  /// Whether the layer has an int8 form, and that form.
  bool (*has_int8_form)(void* layer);
  CustomLayer::RunS8 (*int8_form)(void* layer);
};
/// Set by custom_layer.hpp; null where the layers of graphs are not included.
inline constinit std::atomic<const GraphLayerFunctions*> graph_layer_functions{nullptr};

/// A layer of a graph that runs as its author wrote it: each workspace gets a clone of its own. The
/// functions must outlive it.
template <class = WhenUsed>
CustomLayer custom_layer(const GraphLayerFunctions& functions, std::shared_ptr<void> layer) {
  const auto clone = [&functions, layer] {
    return std::shared_ptr<void>(functions.clone(layer.get()), functions.destroy);
  };
  CustomLayer custom;
  custom.make_run = [&functions, clone]() -> CustomLayer::Run {
    return [&functions, own = clone()](std::span<const TensorView<const float>> inputs,
                                       TensorView<float> output, ThreadPool* pool) {
      functions.forward(own.get(), inputs, output, pool);
    };
  };
  if (functions.has_int8_form(layer.get()))
    custom.make_run_s8 = [&functions, clone]() -> CustomLayer::RunS8 {
      const std::shared_ptr<void> own = clone();
      return [own, run = functions.int8_form(own.get())](
                 std::span<const CustomLayer::S8Tensor> inputs, const CustomLayer::S8Tensor& output,
                 ThreadPool* pool) { run(inputs, output, pool); };
    };
  return custom;
}

/// Makes a layer of a loaded program through the registry of layers; empty for an unknown type, or
/// where nobody has used that registry.
template <class = WhenUsed>
CustomLayer custom_layer_from_registry(std::string_view type, const Json& attributes,
                                       std::span<const ProgramTensor* const> tensors) {
  const GraphLayerFunctions* const functions = graph_layer_functions;
  if (!functions) return {};
  std::int64_t limit = 0;
  for (const ProgramTensor* const tensor : tensors) limit += tensor->shape.elements();
  void* const made = functions->make(type, attributes, limit);
  if (!made) return {};
  const std::shared_ptr<void> layer(made, functions->destroy);
  std::size_t count = 0;
  for (TensorView<float> to; functions->tensor(made, count, to); ++count) {
    if (count >= tensors.size() || tensors[count]->type != ElementType::f32 ||
        !(tensors[count]->shape == to.shape()))
      fail("program: expected a float32 tensor of shape ", to.shape(), " for a layer of the type ",
           type);
    const auto numbers = tensors[count]->as<float>();
    std::copy(numbers.begin(), numbers.end(), to.begin());
  }
  if (count != tensors.size())
    fail("program: expected ", count, " tensors for a layer of the type ", type, ", got ",
         tensors.size());
  return custom_layer(*functions, layer);
}

/// The layer for the operation `name` of a file. Fails, naming both, if its type is not registered.
template <class = WhenUsed>
CustomLayer make_custom_layer(std::string_view name, std::string_view type, const Json& attributes,
                              std::span<const ProgramTensor* const> tensors) {
  const CustomLayerFactory factory = custom_layer_registry().find(type);
  CustomLayer layer = factory ? factory(type, attributes, tensors)
                              : custom_layer_from_registry(type, attributes, tensors);
  if (!layer.make_run)
    fail("program: ", name, " is a layer of the type \"", type.substr(0, 60),
         "\", which is not known here: register_layer() or register_custom_layer() makes it so; "
         "layer_registry<float>() does for Octet's own");
  return layer;
}

}  // namespace octet::inline OCTET_ABI
