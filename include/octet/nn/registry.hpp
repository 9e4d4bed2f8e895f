// From a name and attributes to a layer: what a saved network is made of again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "octet/nn/adaptive_pool.hpp"
#include "octet/nn/add.hpp"
#include "octet/nn/average_pool.hpp"
#include "octet/nn/batch_norm.hpp"
#include "octet/nn/concat.hpp"
#include "octet/nn/conv2d.hpp"
#include "octet/nn/depthwise_conv2d.hpp"
#include "octet/nn/dropout.hpp"
#include "octet/nn/gelu.hpp"
#include "octet/nn/global_pool.hpp"
#include "octet/nn/hard_sigmoid.hpp"
#include "octet/nn/hard_swish.hpp"
#include "octet/nn/leaky_relu.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/max_pool.hpp"
#include "octet/nn/multiply.hpp"
#include "octet/nn/pad.hpp"
#include "octet/nn/relu.hpp"
#include "octet/nn/relu6.hpp"
#include "octet/nn/reshape.hpp"
#include "octet/nn/sigmoid.hpp"
#include "octet/nn/silu.hpp"
#include "octet/nn/softmax.hpp"
#include "octet/nn/tanh.hpp"

namespace octet::inline OCTET_ABI {

/// Makes a layer from its attributes, with at most `parameter_limit` numbers in its parameters.
template <class T>
using LayerFactory =
    std::function<std::unique_ptr<Layer<T>>(const Json& attributes, std::int64_t parameter_limit)>;

/// The factory of a layer class with a static from_attributes(json) or from_attributes(json,
/// limit).
template <class T, class L>
LayerFactory<T> factory_of() {
  return [](const Json& attributes, [[maybe_unused]] std::int64_t limit) {
    if constexpr (requires { L::from_attributes(attributes, limit); })
      return L::from_attributes(attributes, limit);
    else
      return L::from_attributes(attributes);
  };
}

/// Names and factories. Registering and looking up are safe from any thread.
template <class T>
class LayerRegistry {
 public:
  LayerRegistry() {
    add<AdaptiveAveragePool<T>>("adaptive_average_pool");
    add<AdaptiveMaxPool<T>>("adaptive_max_pool");
    add<Add<T>>("add");
    add<AveragePool<T>>("average_pool");
    add<BatchNorm<T>>("batch_norm");
    add<Concat<T>>("concat");
    add<Conv2d<T>>("conv2d");
    add<DepthwiseConv2d<T>>("depthwise_conv2d");
    add<Dropout<T>>("dropout");
    add<Flatten<T>>("flatten");
    add<Gelu<T>>("gelu");
    add<GlobalAveragePool<T>>("global_average_pool");
    add<GlobalMaxPool<T>>("global_max_pool");
    add<HardSigmoid<T>>("hard_sigmoid");
    add<HardSwish<T>>("hard_swish");
    add<LeakyRelu<T>>("leaky_relu");
    add<Linear<T>>("linear");
    add<MaxPool<T>>("max_pool");
    add<Multiply<T>>("multiply");
    add<Pad<T>>("pad");
    add<Relu<T>>("relu");
    add<Relu6<T>>("relu6");
    add<Reshape<T>>("reshape");
    add<Sigmoid<T>>("sigmoid");
    add<Silu<T>>("silu");
    add<Softmax<T>>("softmax");
    add<Tanh<T>>("tanh");
  }

  /// Adds a factory. Fails if the name is taken.
  void add(std::string name, LayerFactory<T> factory) {
    const std::lock_guard lock(mutex_);
    const auto [place, added] = factories_.emplace(std::move(name), std::move(factory));
    if (!added) fail("layer registry: expected a new name, but ", place->first, " is taken");
  }
  template <class L>
  void add(std::string name) {
    add(std::move(name), factory_of<T, L>());
  }

  std::unique_ptr<Layer<T>> make(std::string_view type, const Json& attributes,
                                 std::int64_t parameter_limit) const {
    LayerFactory<T> factory;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = factories_.find(type); found != factories_.end())
        factory = found->second;
    }
    if (!factory)
      fail("layer registry: expected a known type of layer, got \"", type.substr(0, 60),
           "\"; register_layer() adds one");
    return factory(attributes, parameter_limit);
  }
  bool knows(std::string_view type) const {
    const std::lock_guard lock(mutex_);
    return factories_.find(type) != factories_.end();
  }
  /// All names, in alphabetical order.
  std::vector<std::string> names() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& entry : factories_) all.push_back(entry.first);
    return all;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, LayerFactory<T>, std::less<>> factories_;
};

/// The registry of all layers for the scalar type T, the built-in ones among them.
template <class T>
LayerRegistry<T>& layer_registry() {
  static LayerRegistry<T>& registry = []() -> LayerRegistry<T>& {
    static LayerRegistry<T> all;
    layer_maker<T> = [](std::string_view type, const Json& attributes, std::int64_t limit) {
      return all.knows(type) ? all.make(type, attributes, limit) : nullptr;
    };
    return all;
  }();
  return registry;
}

/// Makes layers of your own known, so that networks with them can be loaded. The factory takes the
/// attributes, or the attributes and a limit for the numbers in the layer's parameters. Fails if
/// the name is taken.
template <class T, class Factory>
void register_layer(std::string name, Factory factory) {
  if constexpr (std::is_invocable_v<Factory&, const Json&, std::int64_t>)
    layer_registry<T>().add(std::move(name), LayerFactory<T>(std::move(factory)));
  else
    layer_registry<T>().add(
        std::move(name),
        LayerFactory<T>([factory = std::move(factory)](const Json& attributes, std::int64_t) {
          return factory(attributes);
        }));
}

/// Makes a layer from what type() and attributes() said. Fails if the type is unknown, an attribute
/// is missing or out of range, or the parameters would hold more than `parameter_limit` numbers.
template <class T>
std::unique_ptr<Layer<T>> make_layer(std::string_view type, const Json& attributes,
                                     std::int64_t parameter_limit = default_parameter_limit) {
  return layer_registry<T>().make(type, attributes, parameter_limit);
}

}  // namespace octet::inline OCTET_ABI
