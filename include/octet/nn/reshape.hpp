// The same elements in another shape: reshape and flatten.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

/// y = x, with the elements in the same order. What flatten and reshape share.
template <class T>
class ReshapeBase : public Layer<T> {
 public:
  void forward(Inputs<T> inputs, TensorView<T> output, const Pass&) override {
    copy(inputs[0], output);
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass&) override {
    if (!d_inputs[0].empty()) copy(d_output, d_inputs[0]);
  }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }
  bool in_place() const override { return true; }

 private:
  static void copy(TensorView<const T> from, TensorView<T> to) {
    if (from.data() != to.data()) std::copy(from.begin(), from.end(), to.begin());
  }
};

/// Gives one example another shape of as many elements.
template <class T>
class Reshape final : public ReshapeBase<T> {
 public:
  explicit Reshape(const Shape& shape) : shape_(shape) {}

  std::string_view type() const override { return "reshape"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    const Shape& input = single_input(type(), inputs);
    if (input.elements() != shape_.elements())
      fail("reshape: expected an input of ", shape_.elements(), " elements for ", shape_, ", got ",
           input, " with ", input.elements());
    return shape_;
  }
  Json attributes() const override {
    Json shape = Json::array();
    for (const std::int64_t extent : shape_) shape.push(extent);
    return Json::object().set("shape", std::move(shape));
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes) {
    const auto extents = AttributeReader("reshape", attributes).integers("shape", -1, 0);
    return std::make_unique<Reshape>(Shape(extents));
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Reshape>(*this); }

 private:
  Shape shape_;
};

/// Gives one example the shape {elements}, as linear() expects it.
template <class T>
class Flatten final : public ReshapeBase<T> {
 public:
  std::string_view type() const override { return "flatten"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return {single_input(type(), inputs).elements()};
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json&) {
    return std::make_unique<Flatten>();
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Flatten>(*this); }
};

/// The same numbers in the same order, in a shape (without the batch) of as many elements.
template <class T>
Value<T> reshape(Value<T> x, const Shape& shape) {
  return apply<T>(std::make_unique<Reshape<T>>(shape), {x});
}
/// The same numbers in one dimension: [H, W, C] becomes [H * W * C].
template <class T>
Value<T> flatten(Value<T> x) {
  return apply<T>(std::make_unique<Flatten<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
