// A layer that trains as int8 will see it, and predicts as the int8 program does, to the bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "octet/nn/relu.hpp"
#include "octet/nn/relu6.hpp"
#include "octet/program/compile.hpp"
#include "octet/program/quantizer.hpp"
#include "octet/quant/absorbed_batch_norm.hpp"
#include "octet/quant/fake_quantize_layer.hpp"

namespace octet::inline OCTET_ABI {

/// Where a quantization-aware layer stands in its graph: names of nodes, or nothing.
struct QuantizationAwareOptions {
  /// The fake-quantize nodes through which its inputs came, and through which its output goes.
  std::vector<std::string> input_quantizers = {};
  std::string output_quantizer = {};
  /// What the int8 program folds into the layer: an AbsorbedBatchNorm, and relu, relu6 or nothing.
  std::string batch_norm = {};
  std::string activation = {};
  /// Whether the scale of each output channel's weights is learned.
  QuantizationScale weight_scale = QuantizationScale::observed;
  /// Before this step of training weights are not quantized.
  std::int64_t quantize_from = 0;
};

/// The layer of the node with that name, null if the name is empty; fails if there is none, or it
/// is of another type: names come from files.
template <class Wanted, class T>
const Wanted* layer_named(const Graph<T>& graph, const std::string& name) {
  if (name.empty()) return nullptr;
  const int node = graph.find(name);
  const Layer<T>* const layer = node < 0 ? nullptr : graph.node(node).layer.get();
  if (!layer || layer->type() != Wanted::type_name)
    fail("quantization_aware: expected a node \"", name, "\" of the type ", Wanted::type_name);
  return static_cast<const Wanted*>(layer);
}

/// Any layer that has an int8 form.
///
/// Training: the layer itself, with fake-quantized weights. For a convolution with weights w and
/// the batch norm after it the int8 program has the folded weights w_fold = f w with f = gamma /
/// sqrt(variance + epsilon), one f for each output channel, quantized with one scale for each
/// output channel, so that fq(f w) = f fq(w): scale and largest weight grow by the same factor.
/// Therefore y = batch_norm(conv(x, fq(w))) is the folded convolution, whichever statistics the
/// batch norm takes (the batch's, later the frozen ones), and one convolution is enough where Jacob
/// et al. (2018), 3.2, need two. Gradients are straight-through: with observed scales no weight is
/// ever outside of its range; learned ones follow LSQ, see FakeQuantized.
///
/// Inference (of float): the layer, its batch norm and its activation are compiled and quantized by
/// the very converter that makes the int8 program, with the parameters of the fake-quantize nodes
/// around it, and run: y is what the int8 program has, dequantized. The batch norm and the
/// activation behind it change nothing any more. Before anything was observed the same is computed
/// in float32.
template <class T>
class QuantizationAware final : public Layer<T> {
 public:
  static constexpr std::string_view type_name = "quantization_aware";

  QuantizationAware(std::unique_ptr<Layer<T>> layer, QuantizationAwareOptions options)
      : layer_(std::move(layer)),
        options_(std::move(options)),
        weight_scale_("weight_scale", ParameterKind::normalization, {1}) {
    const std::string_view type = layer_->type();
    if (type != "depthwise_conv2d" && type != "conv2d" && type != "linear") return;
    weight_ = layer_->parameters()[0];
    channels_ = output_channels(output_channel_of(type), weight_->value.shape());
    if (!learned()) return;
    weight_scale_ =
        Parameter<T>("weight_scale", ParameterKind::normalization, {channels_.channels});
    // Frozen weights have no gradient from which their scales could learn.
    weight_scale_.learning_rate_factor = 0.1 * weight_->learning_rate_factor;
  }
  QuantizationAware(const QuantizationAware& other)
      : QuantizationAware(other.layer_->clone(), other.options_) {
    weight_scale_ = other.weight_scale_;
    counter_ = other.counter_;
  }

  std::string_view type() const override { return type_name; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return layer_->output_shape(inputs);
  }

  /// Finds the nodes that the options name.
  void attach(const Graph<T>& graph) override {
    input_quantizers_.clear();
    for (const std::string& name : options_.input_quantizers)
      input_quantizers_.push_back(layer_named<FakeQuantize<T>>(graph, name));
    output_quantizer_ = layer_named<FakeQuantize<T>>(graph, options_.output_quantizer);
    batch_norm_ = layer_named<AbsorbedBatchNorm<T>>(graph, options_.batch_norm);
    attached_ = true;
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    if (!pass.training()) return infer(inputs, output, pass);
    const std::int64_t step = counter_.steps();
    counter_.next();
    quantizes_ = weight_ && step >= options_.quantize_from;
    // Until they are quantized for the first time, learned scales are what the weights suggest.
    if (weight_ && learned() && step <= options_.quantize_from)
      weight_scale_.value = largest_scales();
    if (quantizes_) quantize_weights(pass.threads());
    if (!quantizes_) return layer_->forward(inputs, output, pass);
    const WithQuantizedWeights while_it_lives(*this);
    layer_->forward(inputs, output, pass);
  }
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (!quantizes_) return layer_->backward(inputs, output, d_output, d_inputs, pass);
    Tensor<T> before;
    if (learned()) {
      before = weight_->gradient;
      weight_->gradient.fill(T{0});
    }
    {
      const WithQuantizedWeights while_it_lives(*this);
      layer_->backward(inputs, output, d_output, d_inputs, pass);
    }
    if (!learned()) return;
    std::vector<FakeQuantizeGradient> by_scale(static_cast<std::size_t>(channels_.channels));
    const double count = static_cast<double>(weight_->value.elements() / channels_.channels);
    fake_quantize_backward<T>(span_of(weight_->value), span_of(weight_scale_.value), {},
                              weight_levels, channels_, span_of(weight_->gradient),
                              span_of(weight_->gradient), by_scale, 1 / std::sqrt(127 * count),
                              pass.threads());
    for (std::size_t c = 0; c < by_scale.size(); ++c)
      weight_scale_.gradient[static_cast<std::int64_t>(c)] += static_cast<T>(by_scale[c].scale);
    for (std::int64_t i = 0; i < before.elements(); ++i) weight_->gradient[i] += before[i];
  }

  /// The scales of the folded weights, where they are learned; empty where the largest weights give
  /// them. They are the learned ones times |f|.
  std::vector<float> folded_weight_scales(const AbsorbedBatchNorm<T>* batch_norm) const {
    std::vector<float> scales;
    if (!weight_ || !learned() || counter_.steps() == 0) return scales;
    ChannelAffine affine;
    if (batch_norm) affine = affine_of<T>(*batch_norm->batch_norm());
    if (batch_norm && static_cast<std::int64_t>(affine.scale.size()) != channels_.channels)
      fail("quantization_aware: expected a batch norm of ", channels_.channels, " channels, got ",
           affine.scale.size());
    for (std::int64_t c = 0; c < channels_.channels; ++c) {
      const double factor = batch_norm ? std::abs(affine.scale[static_cast<std::size_t>(c)]) : 1.0;
      scales.push_back((std::max)(static_cast<float>(positive(weight_scale_.value[c]) * factor),
                                  smallest_scale));
    }
    return scales;
  }
  /// A copy of the layer; of a batch norm, without its schedule.
  std::unique_ptr<Layer<T>> plain_layer() const {
    if (layer_->type() == ScheduledBatchNorm<T>::type_name)
      return static_cast<const ScheduledBatchNorm<T>&>(*layer_).batch_norm();
    return layer_->clone();
  }
  const QuantizationAwareOptions& options() const { return options_; }

  std::vector<Parameter<T>*> parameters() override {
    std::vector<Parameter<T>*> all = layer_->parameters();
    if (weight_ && learned()) all.push_back(&weight_scale_);
    return all;
  }
  std::vector<Buffer<T>*> buffers() override {
    std::vector<Buffer<T>*> all = layer_->buffers();
    all.push_back(&counter_.buffer());
    return all;
  }
  void initialize(const Random& random) override { layer_->initialize(random); }
  Json attributes() const override {
    Json inputs = Json::array();
    for (const std::string& name : options_.input_quantizers) inputs.push(name);
    return Json::object()
        .set("layer", layer_->type())
        .set("attributes", layer_->attributes())
        .set("input_quantizers", std::move(inputs))
        .set("output_quantizer", options_.output_quantizer)
        .set("batch_norm", options_.batch_norm)
        .set("activation", options_.activation)
        .set("weight_scale", learned() ? "learned" : "observed")
        .set("quantize_from", options_.quantize_from);
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes,
                                                   std::int64_t limit = default_parameter_limit) {
    const AttributeReader reader(type_name, attributes);
    QuantizationAwareOptions options;
    for (const Json& name : reader.member("input_quantizers").as_array())
      options.input_quantizers.push_back(name.as_string());
    options.output_quantizer = reader.member("output_quantizer").as_string();
    options.batch_norm = reader.member("batch_norm").as_string();
    options.activation = reader.member("activation").as_string();
    options.weight_scale = reader.word("weight_scale", {"observed", "learned"})
                               ? QuantizationScale::learned
                               : QuantizationScale::observed;
    options.quantize_from = reader.integer("quantize_from", 0, QuantizationSchedule::never);
    const std::string& type = reader.member("layer").as_string();
    // One within the other would let a file nest them without end.
    if (type == type_name) fail(type_name, ": expected another layer inside, got ", type);
    return std::make_unique<QuantizationAware>(
        make_layer<T>(type, reader.member("attributes"), limit), std::move(options));
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<QuantizationAware>(*this);
  }
  bool backward_reads_inputs() const override { return layer_->backward_reads_inputs(); }
  bool backward_reads_output() const override { return layer_->backward_reads_output(); }
  bool in_place() const override { return layer_->in_place(); }
  std::int64_t multiply_adds(std::span<const Shape> inputs) const override {
    return layer_->multiply_adds(inputs);
  }

 private:
  static constexpr QuantizedLevels weight_levels{-127, 127};
  static std::span<T> span_of(Tensor<T>& tensor) {
    return {tensor.data(), static_cast<std::size_t>(tensor.elements())};
  }
  static double positive(T scale) {
    return (std::max)(static_cast<double>(scale), double{smallest_scale});
  }
  bool learned() const { return options_.weight_scale == QuantizationScale::learned; }

  /// While it lives, the layer has its quantized weights; an exception gives it its own again.
  class WithQuantizedWeights {
   public:
    explicit WithQuantizedWeights(QuantizationAware& layer) : layer_(layer) { swap(); }
    WithQuantizedWeights(const WithQuantizedWeights&) = delete;
    WithQuantizedWeights& operator=(const WithQuantizedWeights&) = delete;
    ~WithQuantizedWeights() { swap(); }

   private:
    void swap() { std::swap(layer_.weight_->value, layer_.quantized_); }
    QuantizationAware& layer_;
  };

  /// symmetric_scale() of each output channel.
  Tensor<T> largest_scales() const {
    Tensor<T> scales({channels_.channels});
    for (std::int64_t i = 0; i < weight_->value.elements(); ++i) {
      T& largest = scales[channels_.of(i)];
      largest = (std::max)(largest, std::abs(weight_->value[i]));
    }
    for (T& scale : scales) scale = static_cast<T>(symmetric_scale(static_cast<float>(scale)));
    return scales;
  }
  void quantize_weights(ThreadPool& pool) {
    // A step may take a learned scale below zero. It stays where it is used, so that its gradient
    // is that of the scale that forward has, and leads back.
    if (learned())
      for (T& scale : weight_scale_.value) scale = static_cast<T>(positive(scale));
    Tensor<T> scales = learned() ? weight_scale_.value : largest_scales();
    if (quantized_.empty()) quantized_ = Tensor<T>(weight_->value.shape());
    fake_quantize<T>(span_of(weight_->value), span_of(scales), {}, weight_levels, channels_,
                     span_of(quantized_), pool);
  }

  void infer(Inputs<T> inputs, TensorView<T> output, const Pass& pass) const {
    if constexpr (std::is_same_v<T, float>) {
      if (!attached_)
        fail("quantization_aware: expected to be run by an executor, which shows it its graph");
      const ProgramDescription folded = describe_program(alone(inputs));
      const bool ready = std::all_of(input_quantizers_.begin(), input_quantizers_.end(),
                                     [](const auto* each) { return each && each->ready(); });
      const Program program(ready ? quantized(folded) : folded);
      Workspace workspace(program, {.batch = output.shape()[0], .pool = &pass.threads()});
      // The program may write its output before it has read all of its inputs.
      Tensor<T> result(output.shape());
      const TensorView<T> view = result;
      program.run(inputs, {&view, 1}, workspace);
      std::copy(result.begin(), result.end(), output.begin());
    } else {
      fail("quantization_aware: expected float32 for inference, which int8 begins and ends in");
    }
  }
  /// The layer with what follows it as a network of its own.
  Graph<T> alone(Inputs<T> inputs) const {
    Graph<T> graph;
    std::vector<Value<T>> values;
    for (const TensorView<const T>& input : inputs)
      values.push_back(graph.input(input.shape().without_batch()));
    Value<T> value = graph.add(plain_layer(), values, Parameters::keep);
    if (batch_norm_) value = graph.add(batch_norm_->batch_norm(), {&value, 1}, Parameters::keep);
    if (options_.activation == "relu") value = relu(value);
    if (options_.activation == "relu6") value = relu6(value);
    graph.output(value);
    return graph;
  }
  ProgramDescription quantized(const ProgramDescription& from) const {
    if (from.operations.size() != 1)
      fail("quantization_aware: expected a layer that is one operation, got ", layer_->type(),
           ", which is ", from.operations.size());
    // The operation may read what the layer reads in another order.
    const std::vector<int>& inputs = from.operations[0].inputs;
    if (input_quantizers_.size() != inputs.size() || !output_quantizer_)
      fail("quantization_aware: expected the names of ", inputs.size(),
           " input quantizers and of an output quantizer");
    const QuantizeOptions options;
    Quantizer quantizer(from, options);
    QuantizationChoice choice;
    choice.values.resize(from.values.size());
    for (std::size_t k = 0; k < inputs.size(); ++k)
      choice.values[static_cast<std::size_t>(inputs[k])] = input_quantizers_[k]->quantization();
    choice.values[static_cast<std::size_t>(from.outputs[0])] = output_quantizer_->quantization();
    choice.weight_scales.assign(from.operations.size(), folded_weight_scales(batch_norm_));
    quantizer.choose(std::move(choice));
    return quantizer.run();
  }

  std::unique_ptr<Layer<T>> layer_;
  QuantizationAwareOptions options_;
  /// Of layer_; null if it has none.
  Parameter<T>* weight_ = nullptr;
  ChannelRuns channels_;
  Parameter<T> weight_scale_;
  StepCounter<T> counter_;
  /// From forward to backward: the weights that were used, if they were quantized.
  bool quantizes_ = false;
  Tensor<T> quantized_;
  std::vector<const FakeQuantize<T>*> input_quantizers_;
  const FakeQuantize<T>* output_quantizer_ = nullptr;
  const AbsorbedBatchNorm<T>* batch_norm_ = nullptr;
  bool attached_ = false;
};

}  // namespace octet::inline OCTET_ABI
