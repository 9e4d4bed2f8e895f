// How a layer of a graph becomes operations of a program. A registry, so that layers of your own
// can have a lowering too; those without one run as they are.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/registry.hpp"
#include "octet/graph/fold_batch_norm.hpp"
#include "octet/graph/fuse_activations.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/registry.hpp"
#include "octet/program/custom_layer.hpp"
#include "octet/program/description.hpp"

namespace octet::inline OCTET_ABI {

/// One layer, and the description to which its operations are added.
template <class = WhenUsed>
class BasicLowering {
 public:
  BasicLowering(ProgramDescription& description, std::string name, Layer<float>& layer, Clamp clamp,
                std::vector<int> inputs, const Shape& shape)
      : description_(description),
        name_(std::move(name)),
        layer_(layer),
        clamp_(clamp),
        inputs_(std::move(inputs)),
        shape_(shape),
        attributes_(layer.attributes()) {}

  Layer<float>& layer() const { return layer_; }
  const Json& attributes() const { return attributes_; }
  const std::string& name() const { return name_; }
  /// A ReLU fused into this layer.
  const Clamp& clamp() const { return clamp_; }
  /// The values that the layer reads, and the shape of what it writes, for one example.
  const std::vector<int>& inputs() const { return inputs_; }
  const Shape& input_shape(std::size_t index = 0) const {
    return description_.value(inputs_[index]).shape;
  }
  const Shape& output_shape() const { return shape_; }
  /// The parameter or buffer `name` of the layer, or nullptr.
  const Tensor<float>* tensor(std::string_view name) const { return find_tensor(layer_, name); }

  /// Adds a weight; returns its number for an operation's parameters.
  int add_tensor(std::string_view name, const Shape& shape, std::span<const float> numbers) {
    return description_.add_tensor(
        ProgramTensor::of(text_of(name_, '.', name), shape, ElementType::f32, numbers));
  }
  /// Adds the operation that writes the layer's output, from the layer's inputs or from others;
  /// returns the value it writes.
  int add(OperationParameters parameters) { return add(std::move(parameters), inputs_, shape_); }
  int add(OperationParameters parameters, std::vector<int> inputs, const Shape& shape) {
    // The layer's own name belongs to its last operation.
    if (last_ >= 0) {
      const std::string inner = text_of(name_, '.', ++inner_);
      description_.operations.back().name = inner;
      description_.values[static_cast<std::size_t>(last_)].name = inner;
    }
    last_ = description_.add_value({name_, shape});
    description_.operations.push_back({name_, std::move(inputs), last_, std::move(parameters)});
    return last_;
  }

 private:
  ProgramDescription& description_;
  std::string name_;
  Layer<float>& layer_;
  Clamp clamp_;
  std::vector<int> inputs_;
  Shape shape_;
  Json attributes_;
  int last_ = -1;
  int inner_ = 0;
};
using Lowering = BasicLowering<>;

/// Adds a layer's operations and returns the value that the last one writes; -1 if this layer
/// cannot be lowered with these shapes, in which case nothing may have been added.
using LoweringFunction = std::function<int(Lowering&)>;

/// Lowerings by layer type.
using LoweringRegistry = Registry<LoweringFunction>;

}  // namespace octet::inline OCTET_ABI
