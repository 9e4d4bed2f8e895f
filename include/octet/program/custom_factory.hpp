// How a loaded program gets back the layers that only their authors know.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "octet/nn/layer.hpp"
#include "octet/program/description.hpp"

namespace octet::inline OCTET_ABI {

/// Makes a layer from its attributes and tensors, in the order in which they were saved. Fails with
/// a sentence if they make no sense. For a type it does not know it returns an empty layer.
using CustomLayerFactory = std::function<CustomLayer(
    std::string_view type, const Json& attributes, std::span<const ProgramTensor* const> tensors)>;

/// Factories by layer type.
class CustomLayerRegistry {
 public:
  void set(std::string type, CustomLayerFactory factory) {
    const std::lock_guard lock(mutex_);
    factories_[std::move(type)] = std::move(factory);
  }
  CustomLayerFactory find(std::string_view type) const {
    const std::lock_guard lock(mutex_);
    const auto found = factories_.find(type);
    return found == factories_.end() ? CustomLayerFactory() : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, CustomLayerFactory, std::less<>> factories_;
};
inline CustomLayerRegistry& custom_layer_registry() {
  static CustomLayerRegistry registry;
  return registry;
}

/// Makes layers of one's own known to load_program() where nothing but infer.hpp is included. With
/// octet.hpp, register_layer<float>() is enough.
inline void register_custom_layer(std::string type, CustomLayerFactory factory) {
  custom_layer_registry().set(std::move(type), std::move(factory));
}

/// An int8 form for a layer of one's own: register it beside, or instead of, a lowering.
/// `make(layer)` returns the function that computes the layer on int8 tensors; it is called for a
/// clone of the layer, which lives as long as the function.
using Int8FormFactory = std::function<CustomLayer::RunS8(Layer<float>& layer)>;

class Int8FormRegistry {
 public:
  void set(std::string type, Int8FormFactory factory) {
    const std::lock_guard lock(mutex_);
    factories_[std::move(type)] = std::move(factory);
  }
  Int8FormFactory find(std::string_view type) const {
    const std::lock_guard lock(mutex_);
    const auto found = factories_.find(type);
    return found == factories_.end() ? Int8FormFactory() : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Int8FormFactory, std::less<>> factories_;
};
inline Int8FormRegistry& int8_form_registry() {
  static Int8FormRegistry registry;
  return registry;
}
/// Gives a layer type of your own a form that runs on int8 tensors.
inline void register_int8_form(std::string type, Int8FormFactory factory) {
  int8_form_registry().set(std::move(type), std::move(factory));
}

/// A layer that runs as its author wrote it: each workspace gets a clone of its own.
inline CustomLayer custom_layer(std::shared_ptr<Layer<float>> layer) {
  CustomLayer custom;
  custom.make_run = [layer]() -> CustomLayer::Run {
    return [own = std::shared_ptr<Layer<float>>(layer->clone())](
               std::span<const TensorView<const float>> inputs, TensorView<float> output,
               ThreadPool* pool) {
      own->forward(inputs, output, Pass{.mode = Mode::inference, .pool = pool});
    };
  };
  if (const Int8FormFactory factory = int8_form_registry().find(layer->type()))
    custom.make_run_s8 = [layer, factory]() -> CustomLayer::RunS8 {
      const std::shared_ptr<Layer<float>> own(layer->clone());
      return [own, run = factory(*own)](std::span<const CustomLayer::S8Tensor> inputs,
                                        const CustomLayer::S8Tensor& output,
                                        ThreadPool* pool) { run(inputs, output, pool); };
    };
  return custom;
}

/// Makes a layer of a loaded program through the registry of layers; empty for an unknown type, or
/// where nobody has used that registry.
inline CustomLayer custom_layer_from_registry(std::string_view type, const Json& attributes,
                                              std::span<const ProgramTensor* const> tensors) {
  const LayerMaker<float> make = layer_maker<float>;
  if (!make) return {};
  std::int64_t limit = 0;
  for (const ProgramTensor* const tensor : tensors) limit += tensor->shape.elements();
  const std::shared_ptr<Layer<float>> layer = make(type, attributes, limit);
  if (!layer) return {};
  std::size_t next = 0;
  const auto fill = [&](Tensor<float>& to) {
    if (next >= tensors.size() || tensors[next]->type != ElementType::f32 ||
        !(tensors[next]->shape == to.shape()))
      fail("program: expected a float32 tensor of shape ", to.shape(), " for a layer of the type ",
           type);
    const auto numbers = tensors[next++]->as<float>();
    std::copy(numbers.begin(), numbers.end(), to.begin());
  };
  for (Parameter<float>* const parameter : layer->parameters()) fill(parameter->value);
  for (Buffer<float>* const buffer : layer->buffers()) fill(buffer->value);
  if (next != tensors.size())
    fail("program: expected ", next, " tensors for a layer of the type ", type, ", got ",
         tensors.size());
  return custom_layer(layer);
}

/// The layer for the operation `name` of a file. Fails, naming both, if its type is not registered.
inline CustomLayer make_custom_layer(std::string_view name, std::string_view type,
                                     const Json& attributes,
                                     std::span<const ProgramTensor* const> tensors) {
  CustomLayer layer;
  if (const CustomLayerFactory factory = custom_layer_registry().find(type))
    layer = factory(type, attributes, tensors);
  else
    layer = custom_layer_from_registry(type, attributes, tensors);
  if (!layer.make_run)
    fail("program: ", name, " is a layer of the type \"", type.substr(0, 60),
         "\", which is not known here: register_layer() or register_custom_layer() makes it so; "
         "layer_registry<float>() does for Octet's own");
  return layer;
}

}  // namespace octet::inline OCTET_ABI
