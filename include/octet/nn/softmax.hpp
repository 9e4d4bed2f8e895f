// Softmax: numbers to probabilities.
#pragma once

#include <memory>

#include "octet/kernels/softmax.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

/// y[c] = exp(x[c]) / sum over k of exp(x[k]), over the last dimension. dx[c] = y[c] * (dy[c] - sum
/// over k of y[k] dy[k]).
template <class T>
class Softmax final : public Layer<T> {
 public:
  std::string_view type() const override { return "softmax"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    const Shape& input = single_input(type(), inputs);
    if (input.rank() < 1 || input.back() < 1)
      fail("softmax: expected an input of shape [..., C], got ", input);
    return input;
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    const std::int64_t columns = output.shape().back();
    kernels::softmax_forward<T>(output.elements() / columns, columns, inputs[0].data(),
                                output.data(), pass.threads());
  }
  void backward(Inputs<T>, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    const std::int64_t columns = output.shape().back();
    kernels::softmax_backward<T>(output.elements() / columns, columns, output.data(),
                                 d_output.data(), d_inputs[0].data(), pass.threads());
  }

  static std::unique_ptr<Layer<T>> from_attributes(const Json&) {
    return std::make_unique<Softmax>();
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Softmax>(*this); }
  bool backward_reads_inputs() const override { return false; }
  bool in_place() const override { return true; }
};

template <class T>
Value<T> softmax(Value<T> x) {
  return apply<T>(std::make_unique<Softmax<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
