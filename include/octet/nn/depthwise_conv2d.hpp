// Depthwise convolution: every channel is filtered alone.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "octet/kernels/depthwise_normalized.hpp"
#include "octet/nn/initializers.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

struct DepthwiseConv2dOptions {
  Extent2d kernel = 3;
  Extent2d stride = 1;
  /// Rows and columns of zeros: a number, `same`, or {top, bottom, left, right}.
  Padding2d padding = 0;
  Extent2d dilation = 1;
  /// How many filters each channel has.
  std::int64_t multiplier = 1;
  Bias bias = Bias::learned;
  Initializer weight_initializer = Initializer::standard();
};

/// y[n, oh, ow, oc] = b[oc] + sum over kh, kw of x[n, ih, iw, oc / multiplier] * w[kh, kw, oc],
/// where ih = oh * stride - top + kh * dilation, iw likewise, and x is zero outside of the image.
/// Input [H, W, C], output [OH, OW, C * multiplier], weights [KH, KW, C * multiplier]; OH as in
/// conv2d.hpp.
template <class T>
class DepthwiseConv2d final : public Layer<T> {
 public:
  explicit DepthwiseConv2d(std::int64_t in_channels, DepthwiseConv2dOptions options = {})
      : options_(checked(in_channels, options)),
        weight_("weight", ParameterKind::weight, weight_shape(in_channels, options)) {
    if (options.bias == Bias::learned)
      bias_.emplace("bias", ParameterKind::bias, Shape{in_channels * options.multiplier});
  }

  std::string_view type() const override { return "depthwise_conv2d"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    const WindowPlacement place = placed(single_input(type(), inputs));
    return {place.OH, place.OW, channels()};
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    const TensorView<const T> x = inputs[0];
    const T* const bias = bias_ ? bias_->value.data() : nullptr;
    if constexpr (std::is_same_v<T, float>)
      if (pass.fused.normalization || pass.fused.moments)
        return kernels::depthwise_forward_normalized(
            kernel_shape(x.shape()), x.data(), pass.fused.normalization, weight_.value.data(), bias,
            output.data(), pass.fused.moments, kernels::stores_through(output.elements()),
            pass.threads());
    kernels::depthwise_forward<T>(kernel_shape(x.shape()), x.data(), weight_.value.data(),
                                  {.bias = bias}, output.data(), pass.threads());
  }
  /// As in conv2d, within each channel. What is frozen gets no gradient.
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    const kernels::Conv2dShape shape = kernel_shape(inputs[0].shape());
    const T* const dy = d_output.data();
    if constexpr (std::is_same_v<T, float>)
      if (pass.fused.normalization || pass.fused.deferred)
        return kernels::depthwise_backward_normalized(
            shape, inputs[0].data(), dy,
            {pass.fused.normalization, d_inputs[0].empty() ? nullptr : pass.fused.sums,
             pass.fused.deferred, output.data()},
            weight_.value.data(),
            weight_.learning_rate_factor != 0 ? weight_.gradient.data() : nullptr,
            d_inputs[0].data(), kernels::stores_through(inputs[0].elements()), pass.threads());
    if (weight_.learning_rate_factor != 0)
      kernels::depthwise_backward_weight<T>(shape, inputs[0].data(), dy, weight_.gradient.data(),
                                            pass.threads());
    if (bias_ && bias_->learning_rate_factor != 0)
      kernels::column_sum_add<T>(shape.N * shape.OH * shape.OW, shape.OC, dy,
                                 bias_->gradient.data(), pass.threads());
    if (!d_inputs[0].empty())
      kernels::depthwise_backward_input<T>(shape, dy, weight_.value.data(), d_inputs[0].data(),
                                           pass.threads());
  }

  void initialize(const Random& random) override {
    const std::int64_t taps = options_.kernel.h * options_.kernel.w;
    options_.weight_initializer.fill(weight_.value.view(), taps, taps * options_.multiplier,
                                     random.substream(0));
  }
  std::vector<Parameter<T>*> parameters() override {
    if (bias_) return {&weight_, &*bias_};
    return {&weight_};
  }

  const DepthwiseConv2dOptions& options() const { return options_; }
  std::int64_t channels() const { return weight_.value.shape()[2]; }
  std::int64_t in_channels() const { return channels() / options_.multiplier; }
  Parameter<T>& weight() { return weight_; }
  const Parameter<T>& weight() const { return weight_; }
  /// The bias, or nullptr if there is none.
  Parameter<T>* bias() { return bias_ ? &*bias_ : nullptr; }
  const Parameter<T>* bias() const { return bias_ ? &*bias_ : nullptr; }

  /// The geometry for a batch of inputs, {N, H, W, C}.
  kernels::Conv2dShape kernel_shape(const Shape& batch) const {
    return conv2d_shape(batch, window(options_), placed(batch.without_batch()), channels(),
                        batch[3]);
  }

  Json attributes() const override {
    Json json = Json::object();
    json.set("in_channels", in_channels());
    set_window(json, window(options_));
    return json.set("multiplier", options_.multiplier)
        .set("bias", bias_ ? "learned" : "none")
        .set("weight_initializer", options_.weight_initializer.json());
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes,
                                                   std::int64_t limit = default_parameter_limit) {
    const AttributeReader reader("depthwise_conv2d", attributes);
    const Window2d window = read_window(reader);
    const DepthwiseConv2dOptions options{
        .kernel = window.kernel,
        .stride = window.stride,
        .padding = window.padding,
        .dilation = window.dilation,
        .multiplier = reader.integer("multiplier", 1),
        .bias = reader.word("bias", {"none", "learned"}) ? Bias::learned : Bias::none,
        .weight_initializer =
            Initializer::from_attributes("depthwise_conv2d", attributes, "weight_initializer")};
    const std::int64_t in_channels = reader.integer("in_channels", 1);
    check_parameter_limit("depthwise_conv2d",
                          weight_shape(in_channels, checked(in_channels, options)), limit);
    return std::make_unique<DepthwiseConv2d>(in_channels, options);
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<DepthwiseConv2d>(*this);
  }
  bool backward_reads_output() const override { return false; }
  bool completes_gradient(const Shape&, Precision) const override {
    return std::is_same_v<T, float> && !bias_;
  }
  bool normalizes_input(const Shape& input, Precision precision) const override {
    return completes_gradient(input, precision);
  }
  bool gathers_moments(const Shape&, Precision) const override { return std::is_same_v<T, float>; }
  std::int64_t multiply_adds(std::span<const Shape> inputs) const override {
    const WindowPlacement place = placed(inputs[0]);
    return place.OH * place.OW * weight_.value.elements();
  }

 private:
  static Window2d window(const DepthwiseConv2dOptions& options) {
    return {options.kernel, options.stride, options.padding, options.dilation};
  }
  static const DepthwiseConv2dOptions& checked(std::int64_t in_channels,
                                               const DepthwiseConv2dOptions& options) {
    check_window("depthwise_conv2d", window(options));
    if (in_channels < 1 || options.multiplier < 1)
      fail("depthwise_conv2d: expected at least one channel and a multiplier of at least 1, got ",
           in_channels, " and ", options.multiplier);
    return options;
  }
  static Shape weight_shape(std::int64_t in_channels, const DepthwiseConv2dOptions& options) {
    return {options.kernel.h, options.kernel.w, in_channels * options.multiplier};
  }
  WindowPlacement placed(const Shape& input) const {
    const WindowPlacement place = place_window("depthwise_conv2d", window(options_), input);
    if (input[2] != in_channels())
      fail("depthwise_conv2d: expected an input of ", in_channels(), " channels, got ", input);
    return place;
  }

  DepthwiseConv2dOptions options_;
  Parameter<T> weight_;
  std::optional<Parameter<T>> bias_;
};

/// A convolution of each channel alone: `depthwise_conv2d(x, {.kernel = 3, .padding = 1})`.
template <class T>
Value<T> depthwise_conv2d(Value<T> x, DepthwiseConv2dOptions options = {}) {
  return apply<T>(
      std::make_unique<DepthwiseConv2d<T>>(image_channels("depthwise_conv2d", x.shape()), options),
      {x});
}

}  // namespace octet::inline OCTET_ABI
