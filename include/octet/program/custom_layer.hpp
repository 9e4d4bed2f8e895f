// Layers of a graph as custom layers of a program: they run as their authors wrote them.
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
#include "octet/program/custom_factory.hpp"

namespace octet::inline OCTET_ABI {

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

/// Lets load_program() find the layers of graphs wherever this header is included. Only a pointer
/// is set, so that no layer is compiled for it.
inline const bool graph_layers_are_custom_layers = [] {
  make_graph_layer = &custom_layer_from_registry;
  return true;
}();

}  // namespace octet::inline OCTET_ABI
