// How a loaded program gets back the layers that only their authors know.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

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

/// Where the layers of graphs are known too, makes one of them: see custom_layer.hpp. Null
/// elsewhere.
using CustomLayerMaker = CustomLayer (*)(std::string_view type, const Json& attributes,
                                         std::span<const ProgramTensor* const> tensors);
inline constinit std::atomic<CustomLayerMaker> make_graph_layer{nullptr};

/// The layer for the operation `name` of a file. Fails, naming both, if its type is not registered.
inline CustomLayer make_custom_layer(std::string_view name, std::string_view type,
                                     const Json& attributes,
                                     std::span<const ProgramTensor* const> tensors) {
  CustomLayer layer;
  if (const CustomLayerFactory factory = custom_layer_registry().find(type))
    layer = factory(type, attributes, tensors);
  else if (const CustomLayerMaker make = make_graph_layer)
    layer = make(type, attributes, tensors);
  if (!layer.make_run)
    fail("program: ", name, " is a layer of the type \"", type.substr(0, 60),
         "\", which is not known here: register_layer() or register_custom_layer() makes it so; "
         "layer_registry<float>() does for Octet's own");
  return layer;
}

}  // namespace octet::inline OCTET_ABI
