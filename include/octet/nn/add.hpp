// The sum of two tensors: the end of a residual block.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "octet/kernels/elementwise.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = a + b, for two inputs of one shape. The gradient by each is the gradient by y.
template <class T>
class Add final : public Layer<T> {
 public:
  std::string_view type() const override { return "add"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    if (inputs.size() != 2) fail("add: expected two inputs, got ", inputs.size());
    if (!(inputs[0] == inputs[1]))
      fail("add: expected two inputs of one shape, got ", inputs[0], " and ", inputs[1]);
    return inputs[0];
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    kernels::add(output.elements(), inputs[0].data(), inputs[1].data(), output.data(),
                 pass.threads());
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    const T* const dy = d_output.data();
    for (const TensorView<T>& d_input : d_inputs) {
      T* const dx = d_input.data();
      if (d_input.empty() || dx == dy) continue;
      pass.threads().parallel_for(d_output.elements(), kernels::elementwise_grain,
                                  [=](std::int64_t begin, std::int64_t end) {
                                    std::copy(dy + begin, dy + end, dx + begin);
                                  });
    }
  }

  static std::unique_ptr<Layer<T>> from_attributes(const Json&) { return std::make_unique<Add>(); }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Add>(*this); }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }
  bool in_place() const override { return true; }
};

template <class T>
Value<T> add(Value<T> a, Value<T> b) {
  return apply<T>(std::make_unique<Add<T>>(), {a, b});
}
template <class T>
Value<T> operator+(Value<T> a, Value<T> b) {
  return add(a, b);
}

}  // namespace octet::inline OCTET_ABI
