// Two-dimensional convolution: any kernel, stride, padding, dilation and number of groups.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "octet/kernels/conv2d.hpp"
#include "octet/nn/initializers.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/precision.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

struct Conv2dOptions {
  Extent2d kernel = 3;
  Extent2d stride = 1;
  /// Rows and columns of zeros: a number, `same`, or {top, bottom, left, right}.
  Padding2d padding = 0;
  Extent2d dilation = 1;
  /// Divides both numbers of channels; output channels see the inputs of their own group alone.
  std::int64_t groups = 1;
  Bias bias = Bias::learned;
  Initializer weight_initializer = Initializer::standard();
};

/// y[n, oh, ow, oc] = b[oc] + sum over kh, kw, c of x[n, ih, iw, c] * w[oc, kh, kw, c], where
/// ih = oh * stride - top + kh * dilation, iw likewise, and x is zero outside of the image.
/// Input [H, W, C], output [OH, OW, OC], weights [OC, KH, KW, C / groups].
/// OH = floor((H + top + bottom - (KH - 1) * dilation - 1) / stride) + 1, with padding's rows.
/// How it multiplies is in kernels/scalar/conv2d.hpp, in loops that can be checked by hand; which
/// kernels stand in for them, in float32 or bf16, in kernels/conv2d.hpp and precision.hpp.
template <class T>
class Conv2d final : public Layer<T> {
 public:
  Conv2d(std::int64_t in_channels, std::int64_t channels, Conv2dOptions options = {})
      : options_(checked(in_channels, channels, options)),
        weight_("weight", ParameterKind::weight, weight_shape(in_channels, channels, options)) {
    if (options.bias == Bias::learned) bias_.emplace("bias", ParameterKind::bias, Shape{channels});
  }

  std::string_view type() const override { return "conv2d"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    const WindowPlacement place = placed(single_input(type(), inputs));
    return {place.OH, place.OW, channels()};
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    const TensorView<const T> x = inputs[0];
    const T* const bias = bias_ ? bias_->value.data() : nullptr;
    multiply_forward<T>(kernel_shape(x.shape()), x.data(), weight_.value.data(), bias,
                        output.data(), pass);
  }
  /// dx is dy convolved with the weights turned over, dw is x correlated with dy, and db the sum of
  /// dy over all pixels. What is frozen gets no gradient.
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    const kernels::Conv2dShape shape = kernel_shape(inputs[0].shape());
    const T* const dy = d_output.data();
    multiply_backward<T>(shape, inputs[0].data(), output.data(), dy, weight_, d_inputs[0].data(),
                         pass);
    if (bias_ && bias_->learning_rate_factor != 0)
      kernels::column_sum_add<T>(shape.N * shape.OH * shape.OW, shape.OC, dy,
                                 bias_->gradient.data(), pass.threads());
  }

  void initialize(const Random& random) override {
    const std::int64_t taps = options_.kernel.h * options_.kernel.w;
    options_.weight_initializer.fill(weight_.value.view(), taps * weight_.value.shape().back(),
                                     taps * (channels() / options_.groups), random.substream(0));
  }
  std::vector<Parameter<T>*> parameters() override {
    if (bias_) return {&weight_, &*bias_};
    return {&weight_};
  }

  const Conv2dOptions& options() const { return options_; }
  std::int64_t channels() const { return weight_.value.shape()[0]; }
  std::int64_t in_channels() const { return weight_.value.shape().back() * options_.groups; }
  Parameter<T>& weight() { return weight_; }
  const Parameter<T>& weight() const { return weight_; }
  /// The bias, or nullptr if there is none.
  Parameter<T>* bias() { return bias_ ? &*bias_ : nullptr; }
  const Parameter<T>* bias() const { return bias_ ? &*bias_ : nullptr; }

  /// The geometry for a batch of inputs, {N, H, W, C}.
  kernels::Conv2dShape kernel_shape(const Shape& batch) const {
    return conv2d_shape(batch, window(options_), placed(batch.without_batch()), channels(),
                        options_.groups);
  }

  Json attributes() const override {
    Json json = Json::object();
    json.set("in_channels", in_channels()).set("channels", channels());
    set_window(json, window(options_));
    return json.set("groups", options_.groups)
        .set("bias", bias_ ? "learned" : "none")
        .set("weight_initializer", options_.weight_initializer.json());
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes,
                                                   std::int64_t limit = default_parameter_limit) {
    const AttributeReader reader("conv2d", attributes);
    const Window2d window = read_window(reader);
    const Conv2dOptions options{
        .kernel = window.kernel,
        .stride = window.stride,
        .padding = window.padding,
        .dilation = window.dilation,
        .groups = reader.integer("groups", 1),
        .bias = reader.word("bias", {"none", "learned"}) ? Bias::learned : Bias::none,
        .weight_initializer =
            Initializer::from_attributes("conv2d", attributes, "weight_initializer")};
    const std::int64_t in_channels = reader.integer("in_channels", 1);
    const std::int64_t channels = reader.integer("channels", 1);
    checked(in_channels, channels, options);
    check_parameter_limit("conv2d", weight_shape(in_channels, channels, options), limit);
    return std::make_unique<Conv2d>(in_channels, channels, options);
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Conv2d>(*this); }
  bool backward_reads_output() const override { return false; }
  bool completes_gradient(const Shape& input, Precision precision) const override {
    if (!std::is_same_v<T, float> || bias_) return false;
    const kernels::Conv2dShape shape = kernel_shape(input.with_batch(1));
    return multiplied_in(shape, precision) == Precision::bf16 ? kernels::has_joint_backward(shape)
                                                              : multiplies_pixels(shape, precision);
  }
  bool completes_pooled_gradient(const Shape& input, Precision precision) const override {
    return multiplied_in(kernel_shape(input.with_batch(1)), precision) == Precision::bf16 &&
           completes_gradient(input, precision);
  }
  bool normalizes_input(const Shape& input, Precision precision) const override {
    return std::is_same_v<T, float> &&
           multiplies_pixels(kernel_shape(input.with_batch(1)), precision);
  }
  bool gathers_moments(const Shape& input, Precision precision) const override {
    return normalizes_input(input, precision);
  }
  std::int64_t multiply_adds(std::span<const Shape> inputs) const override {
    const WindowPlacement place = placed(inputs[0]);
    return place.OH * place.OW * weight_.value.elements();
  }

 private:
  static Window2d window(const Conv2dOptions& options) {
    return {options.kernel, options.stride, options.padding, options.dilation};
  }
  static const Conv2dOptions& checked(std::int64_t in_channels, std::int64_t channels,
                                      const Conv2dOptions& options) {
    check_window("conv2d", window(options));
    if (in_channels < 1 || channels < 1)
      fail("conv2d: expected at least one channel, got ", in_channels, " in and ", channels,
           " out");
    if (options.groups < 1 || in_channels % options.groups || channels % options.groups)
      fail("conv2d: expected a number of groups that divides ", in_channels, " channels in and ",
           channels, " out, got ", options.groups);
    return options;
  }
  static Shape weight_shape(std::int64_t in_channels, std::int64_t channels,
                            const Conv2dOptions& options) {
    return {channels, options.kernel.h, options.kernel.w, in_channels / options.groups};
  }
  WindowPlacement placed(const Shape& input) const {
    const WindowPlacement place = place_window("conv2d", window(options_), input);
    if (input[2] != in_channels())
      fail("conv2d: expected an input of ", in_channels(), " channels, got ", input);
    return place;
  }

  Conv2dOptions options_;
  Parameter<T> weight_;
  std::optional<Parameter<T>> bias_;
};

/// A convolution with `channels` outputs: `conv2d(x, 64, {.kernel = 3, .padding = 1})`.
template <class T>
Value<T> conv2d(Value<T> x, std::int64_t channels, Conv2dOptions options = {}) {
  return apply<T>(
      std::make_unique<Conv2d<T>>(image_channels("conv2d", x.shape()), channels, options), {x});
}

}  // namespace octet::inline OCTET_ABI
