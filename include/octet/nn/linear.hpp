// The fully connected layer.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "octet/kernels/conv2d.hpp"
#include "octet/nn/initializers.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/precision.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

struct LinearOptions {
  Bias bias = Bias::learned;
  Initializer weight_initializer = Initializer::standard();
};

/// y[n, o] = b[o] + sum over i of w[o, i] * x[n, i]. Input [IN], output [OUT], weights [OUT, IN].
template <class T>
class Linear final : public Layer<T> {
 public:
  Linear(std::int64_t in_features, std::int64_t features, LinearOptions options = {})
      : options_(options),
        weight_("weight", ParameterKind::weight, weight_shape(in_features, features)) {
    if (options.bias == Bias::learned) bias_.emplace("bias", ParameterKind::bias, Shape{features});
  }

  std::string_view type() const override { return "linear"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    const Shape& input = single_input(type(), inputs);
    if (!(input == Shape{in_features()}))
      fail("linear: expected an input of shape ", Shape{in_features()}, ", got ", input);
    return {features()};
  }

  /// Y = X W^T + b, with one example in each row of X and Y.
  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    const T* const bias = bias_ ? bias_->value.data() : nullptr;
    multiply_forward<T>(kernel_shape(output.shape()[0]), inputs[0].data(), weight_.value.data(),
                        bias, output.data(), pass);
  }
  /// dX = dY W, dW = dY^T X, db = the sum of the rows of dY. What is frozen gets no gradient.
  void backward(Inputs<T> inputs, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    const kernels::Conv2dShape shape = kernel_shape(d_output.shape()[0]);
    const T* const dy = d_output.data();
    multiply_backward<T>(shape, inputs[0].data(), nullptr, dy, weight_, d_inputs[0].data(), pass);
    if (bias_ && bias_->learning_rate_factor != 0)
      kernels::column_sum_add<T>(d_output.shape()[0], features(), dy, bias_->gradient.data(),
                                 pass.threads());
  }

  void initialize(const Random& random) override {
    options_.weight_initializer.fill(weight_.value.view(), in_features(), features(),
                                     random.substream(0));
  }
  std::vector<Parameter<T>*> parameters() override {
    if (bias_) return {&weight_, &*bias_};
    return {&weight_};
  }

  const LinearOptions& options() const { return options_; }
  std::int64_t features() const { return weight_.value.shape()[0]; }
  std::int64_t in_features() const { return weight_.value.shape()[1]; }
  Parameter<T>& weight() { return weight_; }
  const Parameter<T>& weight() const { return weight_; }
  /// The bias, or nullptr if there is none.
  Parameter<T>* bias() { return bias_ ? &*bias_ : nullptr; }
  const Parameter<T>* bias() const { return bias_ ? &*bias_ : nullptr; }

  /// The layer as a 1x1 convolution of an image whose pixels are the N examples.
  kernels::Conv2dShape kernel_shape(std::int64_t N) const {
    return kernels::linear_shape(N, in_features(), features());
  }

  Json attributes() const override {
    return Json::object()
        .set("in_features", in_features())
        .set("features", features())
        .set("bias", bias_ ? "learned" : "none")
        .set("weight_initializer", options_.weight_initializer.json());
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes,
                                                   std::int64_t limit = default_parameter_limit) {
    const AttributeReader reader("linear", attributes);
    const LinearOptions options{
        .bias = reader.word("bias", {"none", "learned"}) ? Bias::learned : Bias::none,
        .weight_initializer =
            Initializer::from_attributes("linear", attributes, "weight_initializer")};
    const std::int64_t in_features = reader.integer("in_features", 1);
    const std::int64_t features = reader.integer("features", 1);
    check_parameter_limit("linear", weight_shape(in_features, features), limit);
    return std::make_unique<Linear>(in_features, features, options);
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Linear>(*this); }
  bool backward_reads_output() const override { return false; }
  std::int64_t multiply_adds(std::span<const Shape>) const override {
    return weight_.value.elements();
  }

 private:
  static Shape weight_shape(std::int64_t in_features, std::int64_t features) {
    if (in_features < 1 || features < 1)
      fail("linear: expected at least one feature, got ", in_features, " in and ", features,
           " out");
    return {features, in_features};
  }

  LinearOptions options_;
  Parameter<T> weight_;
  std::optional<Parameter<T>> bias_;
};

/// A fully connected layer with `features` outputs. x must be flat: see flatten() and
/// global_average_pool().
template <class T>
Value<T> linear(Value<T> x, std::int64_t features, LinearOptions options = {}) {
  if (x.shape().rank() != 1)
    fail("linear: expected an input of shape [IN], got ", x.shape(), "; flatten() makes it one");
  return apply<T>(std::make_unique<Linear<T>>(x.shape()[0], features, options), {x});
}

}  // namespace octet::inline OCTET_ABI
