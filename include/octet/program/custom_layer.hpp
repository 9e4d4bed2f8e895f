// Layers of a graph as custom layers of a program: they run as their authors wrote them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
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

using Int8FormRegistry = Registry<Int8FormFactory>;
template <class = WhenUsed>
Int8FormRegistry& int8_form_registry() {
  static Int8FormRegistry registry;
  return registry;
}

/// The int8 form that is registered for a layer, asked for through a pointer that is null as long
/// as none is registered.
inline constinit std::atomic<Int8FormFactory (*)(std::string_view type)> find_int8_form{nullptr};

/// Gives a layer type of your own a form that runs on int8 tensors, in place of an earlier one.
template <class = WhenUsed>
void register_int8_form(std::string type, Int8FormFactory factory) {
  int8_form_registry().set(std::move(type), std::move(factory));
  find_int8_form = [](std::string_view wanted) { return int8_form_registry().find(wanted); };
}

/// The functions by which programs reach the layers of graphs. They are compiled in every file that
/// includes this header, and kept small for that.
inline constexpr GraphLayerFunctions functions_of_layers = {
    .make = [](std::string_view type, const Json& attributes,
               std::int64_t parameter_limit) -> void* {
      const LayerMaker<float> make_layer = layer_maker<float>;
      return make_layer ? make_layer(type, attributes, parameter_limit).release() : nullptr;
    },
    .clone = [](void* layer) -> void* {
      return static_cast<Layer<float>*>(layer)->clone().release();
    },
    .destroy = [](void* layer) { delete static_cast<Layer<float>*>(layer); },
    .tensor =
        [](void* layer, std::size_t index, TensorView<float>& view) {
          const auto parameters = static_cast<Layer<float>*>(layer)->parameters();
          const auto buffers = static_cast<Layer<float>*>(layer)->buffers();
          if (index >= parameters.size() + buffers.size()) return false;
          view = index < parameters.size() ? parameters[index]->value
                                           : buffers[index - parameters.size()]->value;
          return true;
        },
    .forward =
        [](void* layer, std::span<const TensorView<const float>> inputs, TensorView<float> output,
           ThreadPool* pool) {
          static_cast<Layer<float>*>(layer)->forward(inputs, output, {.pool = pool});
        },
    .has_int8_form =
        [](void* layer) {
          const auto find = find_int8_form.load();
          return find && find(static_cast<Layer<float>*>(layer)->type());
        },
    .int8_form =
        [](void* layer) {
          auto& own = *static_cast<Layer<float>*>(layer);
          return find_int8_form.load()(own.type())(own);
        }};

/// A layer that runs as its author wrote it: each workspace gets a clone of its own.
template <class = WhenUsed>
CustomLayer custom_layer(std::shared_ptr<Layer<float>> layer) {
  return custom_layer(functions_of_layers, std::move(layer));
}

/// Lets load_program() find the layers of graphs wherever this header is included.
inline const bool graph_layers_are_custom_layers = [] {
  graph_layer_functions = &functions_of_layers;
  return true;
}();

}  // namespace octet::inline OCTET_ABI
