// Channels of several tensors, one after the other.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y[..., :] = the channels of the first input, then those of the second, and so on. Inputs
/// [..., C1], [..., C2] ..., output [..., C1 + C2 + ...]. Each dx is its part of dy.
template <class T>
class Concat final : public Layer<T> {
 public:
  std::string_view type() const override { return "concat"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    if (inputs.empty() || inputs[0].rank() < 1)
      fail("concat: expected inputs of shape [..., C], got ",
           inputs.empty() ? "none" : to_text(inputs[0]));
    const Shape& first = inputs[0];
    std::int64_t channels = 0;
    for (const Shape& input : inputs) {
      if (input.rank() != first.rank() ||
          !std::equal(first.begin(), first.end() - 1, input.begin(), input.end() - 1))
        fail("concat: expected inputs that differ in their channels alone, got ", first, " and ",
             input);
      channels += input.back();
    }
    std::array<std::int64_t, Shape::max_rank> extents{};
    std::copy(first.begin(), first.end(), extents.begin());
    extents[static_cast<std::size_t>(first.rank() - 1)] = channels;
    return Shape(std::span(extents.data(), static_cast<std::size_t>(first.rank())));
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    std::int64_t offset = 0;
    for (const TensorView<const T>& input : inputs) {
      const std::int64_t C = input.shape().back(), all = output.shape().back();
      for_pixels(output, pass, [&](std::int64_t pixel) {
        const T* const from = input.data() + pixel * C;
        std::copy(from, from + C, output.data() + pixel * all + offset);
      });
      offset += C;
    }
  }
  void backward(Inputs<T> inputs, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    std::int64_t offset = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const std::int64_t C = inputs[k].shape().back(), all = d_output.shape().back();
      if (!d_inputs[k].empty())
        for_pixels(d_output, pass, [&](std::int64_t pixel) {
          const T* const from = d_output.data() + pixel * all + offset;
          std::copy(from, from + C, d_inputs[k].data() + pixel * C);
        });
      offset += C;
    }
  }

  static std::unique_ptr<Layer<T>> from_attributes(const Json&) {
    return std::make_unique<Concat>();
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Concat>(*this); }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }

 private:
  template <class View, class Body>
  static void for_pixels(const View& output, const Pass& pass, const Body& body) {
    const std::int64_t channels = (std::max<std::int64_t>)(output.shape().back(), 1);
    const std::int64_t grain = (std::max<std::int64_t>)((1 << 14) / channels, 1);
    pass.threads().parallel_for(output.elements() / channels, grain,
                                [&](std::int64_t begin, std::int64_t end) {
                                  for (std::int64_t pixel = begin; pixel < end; ++pixel)
                                    body(pixel);
                                });
  }
};

/// The channels of all inputs in one tensor: `concat({a, b, c})`.
template <class T>
Value<T> concat(std::span<const Value<T>> inputs) {
  return apply<T>(std::make_unique<Concat<T>>(), inputs);
}
template <class T>
Value<T> concat(std::initializer_list<Value<T>> inputs) {
  return concat(std::span<const Value<T>>(inputs.begin(), inputs.size()));
}

}  // namespace octet::inline OCTET_ABI
