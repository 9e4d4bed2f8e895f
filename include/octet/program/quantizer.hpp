// Rewrites a float32 description as an int8 one: which operations become int8, with which scales.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "octet/program/description.hpp"
#include "octet/program/program.hpp"
#include "octet/quant/bias_correction.hpp"
#include "octet/quant/calibrate.hpp"
#include "octet/quant/learned_rounding.hpp"

namespace octet::inline OCTET_ABI {

/// A way to choose the range for the output of one layer, or for an input of the network.
struct LayerRange {
  std::string layer;
  RangeMethod method = RangeMethod::min_max;
};

struct QuantizeOptions {
  /// How ranges are chosen, and which share of the values, in percent, a percentile range holds.
  RangeMethod range = RangeMethod::min_max;
  double percentile = 99.99;
  /// If given, calibration images whose inputs look otherwise are warned of.
  std::optional<InputMoments> trained_on = std::nullopt;
  /// Exceptions for single layers.
  std::vector<LayerRange> layer_ranges = {};
  /// Layers, by name, that stay float32.
  std::vector<std::string> keep_float = {};
  BiasCorrection bias_correction = BiasCorrection::none;
  /// Learned rounding goes through the images once more for each layer.
  WeightRounding rounding = WeightRounding::nearest;
  LearnedRoundingOptions learned_rounding = {};
  ProgramOptions program = {};
};

/// What became of one operation of the float32 program.
struct QuantizationDecision {
  bool int8 = false;
  /// Why it stays float32; empty for int8.
  std::string reason;
};

/// Weights of one layer in int8, with a scale for each output channel, and the bias in int32 with
/// the scale of the sums.
struct QuantizedWeights {
  std::vector<std::int8_t> weight;
  std::vector<float> scale;
  std::vector<std::int32_t> bias;
};

/// Quantizes weights symmetrically, per output channel, which is at `place`. Where the bias is so
/// large beside the weights that it would not fit into 2^29 steps of its scale s_x * scale[c], the
/// channel's scale is made larger; and so it is where 255 * sum |w| + |bias|, which no sum exceeds,
/// would not fit into int32: only reductions of more than conv2d_s8_max_depth() weights can need
/// that. `learned` scales take the place of those that the largest weights give.
inline QuantizedWeights quantize_weights(std::span<const float> weight, std::span<const float> bias,
                                         float x_scale, OutputChannel place,
                                         std::span<const float> learned = {}) {
  constexpr double most_bias_steps = 1 << 29;
  const std::size_t OC = bias.size(), run = weight.size() / OC;
  const ChannelRuns channels = output_channels(place, static_cast<std::int64_t>(weight.size()),
                                               static_cast<std::int64_t>(OC));
  const auto at = [&](std::size_t oc, std::size_t k) {
    return static_cast<std::size_t>(
        channels.at(static_cast<std::int64_t>(oc), static_cast<std::int64_t>(k)));
  };
  QuantizedWeights result;
  result.weight.resize(weight.size());
  for (std::size_t oc = 0; oc < OC; ++oc) {
    float largest = 0;
    for (std::size_t k = 0; k < run; ++k) {
      const float magnitude = std::abs(weight[at(oc, k)]);
      if (!std::isfinite(magnitude) || magnitude > largest) largest = magnitude;
    }
    const double needed = std::abs(double{bias[oc]}) / (double{x_scale} * most_bias_steps);
    float scale = learned.empty() ? symmetric_scale(largest) : learned[oc];
    // A channel whose weights are all 0 has a free scale: the finest that its bias allows.
    if (largest < 127 * smallest_scale && needed > 0) scale = smallest_scale;
    if (double{scale} < needed) scale = static_cast<float>(needed * (1 + 1e-6));
    if (!std::isfinite(largest) || !std::isfinite(scale) || !std::isfinite(bias[oc]))
      fail("quantization: expected finite weights and biases, got a weight of ", largest,
           " and a bias of ", bias[oc]);
    for (;;) {
      const double steps = std::nearbyint(double{bias[oc]} / (double{x_scale} * double{scale}));
      double magnitude = 0;
      for (std::size_t k = 0; k < run; ++k) {
        const std::int8_t w = quantize_weight(weight[at(oc, k)], scale);
        magnitude += std::abs(static_cast<int>(w));
        result.weight[at(oc, k)] = w;
      }
      const double most = ((std::numeric_limits<std::int32_t>::max)() - std::abs(steps)) / 255;
      if (magnitude <= most) {
        result.bias.push_back(static_cast<std::int32_t>(steps));
        break;
      }
      scale = static_cast<float>(double{scale} * 1.001 * magnitude / most);
    }
    result.scale.push_back(scale);
  }
  return result;
}

/// Whether an operation only moves values: its output has the scale of its input.
inline bool moves_values(const Operation& operation) {
  return operation.as<operations::Reshape>() || operation.as<operations::MaxPool2d>() ||
         operation.as<operations::Pad>();
}

/// What becomes of a float32 description, before any range is known: which operations run in int8,
/// and which values must have one scale and zero point.
struct QuantizationPlan {
  /// For each operation.
  std::vector<QuantizationDecision> decisions;
  /// For each value, one value that stands for all those of one scale: the one of them that is
  /// computed first, unless a concat has joined others to its own.
  std::vector<int> group;
};

/// The scale and zero point of each value of a description, and, where they are learned and not
/// taken from the largest weights, the scales of the weights of each operation.
struct QuantizationChoice {
  std::vector<QuantizationParameters> values;
  std::vector<std::vector<float>> weight_scales = {};
};

/// Builds the int8 description of a float32 one. A template only so that it is compiled where it is
/// used.
template <std::same_as<ProgramDescription> Description>
class Quantizer {
 public:
  Quantizer(const Description& from, const Calibration& calibration, const QuantizeOptions& options)
      : Quantizer(from, options) {
    check_int8();
    choose_parameters(calibration);
    if (options.bias_correction == BiasCorrection::none) return;
    for (std::size_t v = 0; v < calibration.size(); ++v) {
      channel_means_.emplace_back();
      for (const ExactMean& mean : calibration[v].channel_means)
        channel_means_.back().push_back(mean.mean());
    }
  }
  /// Plans; run() needs choose() first.
  Quantizer(const Description& from, const QuantizeOptions& options)
      : from_(from),
        options_(options),
        decisions_(from.operations.size()),
        int8_value_(from.values.size(), -1),
        float_value_(from.values.size(), -1) {
    check_names();
    decide();
    join_groups();
  }

  QuantizationPlan plan() const { return {decisions_, group_}; }
  /// Fails, with the reasons, if no operation that computes anything can run in int8.
  void check_int8() const {
    for (std::size_t i = 0; i < decisions_.size(); ++i)
      if (decisions_[i].int8 && !moves_values(from_.operations[i])) return;
    std::string reasons;
    for (std::size_t i = 0; i < decisions_.size(); ++i)
      if (!decisions_[i].int8)
        reasons += text_of(reasons.empty() ? ": " : ", ", from_.operations[i].name, " (",
                           decisions_[i].reason, ')');
    fail("quantize: expected a layer that can run in int8, got none", reasons);
  }
  /// Parameters that were found otherwise than by calibration. Values of one group have the same.
  void choose(QuantizationChoice choice) {
    parameters_ = std::move(choice.values);
    weight_scales_ = std::move(choice.weight_scales);
    OCTET_ASSERT(parameters_.size() == from_.values.size());
  }

  /// Weights of an operation that are rounded otherwise than to nearest, and the scales for which
  /// they are.
  void round(std::size_t operation, std::vector<std::int8_t> weight, std::vector<float> scale) {
    rounded_.resize(from_.operations.size());
    rounded_[operation] = {std::move(weight), std::move(scale), {}};
  }
  /// What round() was told, for each operation; empty if it was not called.
  const std::vector<QuantizedWeights>& rounded() const { return rounded_; }

  ProgramDescription run() {
    for (const int input : from_.inputs) {
      float_value_[at(input)] = to_.add_value(float_copy(input));
      to_.inputs.push_back(float_value_[at(input)]);
    }
    for (std::size_t i = 0; i < from_.operations.size(); ++i)
      if (decisions_[i].int8)
        emit_int8(i);
      else
        emit_float(from_.operations[i]);
    for (const int output : from_.outputs) to_.outputs.push_back(as_float(output));
    return std::move(to_);
  }
  /// For each operation of the float32 description.
  const std::vector<QuantizationDecision>& decisions() const { return decisions_; }

 private:
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }

  void check_names() const {
    std::vector<std::string> layers, values;
    for (const Operation& operation : from_.operations) layers.push_back(operation.name);
    for (const int input : from_.inputs) values.push_back(from_.value(input).name);
    values.insert(values.end(), layers.begin(), layers.end());
    const auto check = [](const std::vector<std::string>& names, const std::string& name) {
      if (std::find(names.begin(), names.end(), name) != names.end()) return;
      fail("quantize: expected the name of a layer (", list_of(names), "), got \"", name, "\"");
    };
    for (const std::string& name : options_.keep_float) check(layers, name);
    for (const LayerRange& range : options_.layer_ranges) check(values, range.layer);
  }

  void decide() {
    // The network's inputs are quantized at once, so they count as int8.
    std::vector<bool> int8_value(from_.values.size(), false);
    for (const int input : from_.inputs) int8_value[at(input)] = true;
    for (std::size_t i = 0; i < from_.operations.size(); ++i) {
      const Operation& operation = from_.operations[i];
      std::string reason = reason_for_float(operation);
      // What only moves values is not worth a conversion.
      if (reason.empty() && (moves_values(operation) || operation.as<operations::Concat>()) &&
          std::none_of(operation.inputs.begin(), operation.inputs.end(),
                       [&](int input) { return int8_value[at(input)]; }))
        reason = "reads float32";
      decisions_[i] = {reason.empty(), reason};
      int8_value[at(operation.output)] = reason.empty();
    }
  }
  std::string reason_for_float(const Operation& operation) const {
    for (const std::string& name : options_.keep_float)
      if (name == operation.name) return "kept on request";
    if (operation.as<operations::Softmax>()) return "softmax has no int8 form";
    if (const auto* const custom = operation.as<operations::Custom>();
        custom && !custom->run.make_run_s8)
      return text_of(custom->layer, " has no int8 form");
    if (const auto* const pool = operation.as<operations::AveragePool2d>();
        pool && !sum_fits_int32(*pool))
      return "its sums could overflow int32";
    // A longer reduction might leave its weights fewer than 3 bits, see quantize_weights().
    if (const auto* const conv = operation.as<operations::Conv2d>();
        conv && conv->shape.KH * conv->shape.KW * (conv->shape.C / conv->shape.groups) >
                    16 * kernels::conv2d_s8_max_depth(1 << 29))
      return "its sums could overflow int32";
    return {};
  }

  /// Values that must share a scale, because operations only move them from one to the other.
  void join_groups() {
    group_.resize(from_.values.size());
    std::iota(group_.begin(), group_.end(), 0);
    const auto root = [&](int value) {
      while (group_[at(value)] != value) value = group_[at(value)];
      return value;
    };
    const std::vector<int> readers = reader_counts();
    for (std::size_t i = 0; i < from_.operations.size(); ++i) {
      const Operation& operation = from_.operations[i];
      if (!decisions_[i].int8) continue;
      if (moves_values(operation)) group_[at(root(operation.output))] = root(operation.inputs[0]);
      // An input that only this concat reads loses nothing by the scale of the whole.
      if (operation.as<operations::Concat>())
        for (const int input : operation.inputs)
          if (read_once(input, readers) && root(input) != root(operation.output))
            group_[at(root(input))] = root(operation.output);
    }
    for (std::size_t v = 0; v < group_.size(); ++v) group_[v] = root(static_cast<int>(v));
  }
  /// The parameters of each group, from the union of its values' ranges.
  void choose_parameters(const Calibration& calibration) {
    std::vector<Range> ranges(from_.values.size());
    for (std::size_t v = 0; v < from_.values.size(); ++v) {
      const Range range = calibration.range(v, method_of(static_cast<int>(v)), options_.percentile);
      Range& shared = ranges[at(group_[v])];
      shared = {(std::min)(shared.low, range.low), (std::max)(shared.high, range.high)};
    }
    for (const int root : group_) {
      const Range& shared = ranges[at(root)];
      parameters_.push_back(parameters_of_range(shared.low, shared.high));
    }
  }
  RangeMethod method_of(int value) const {
    for (const LayerRange& range : options_.layer_ranges)
      if (range.layer == from_.value(value).name) return range.method;
    return options_.range;
  }
  std::vector<int> reader_counts() const {
    std::vector<int> readers(from_.values.size());
    for (const Operation& operation : from_.operations)
      for (const int input : operation.inputs) ++readers[at(input)];
    for (const int output : from_.outputs) ++readers[at(output)];
    return readers;
  }
  /// Whether a value, and all those it was only moved from, have one reader each.
  bool read_once(int value, const std::vector<int>& readers) const {
    for (const int input : from_.inputs)
      if (input == value) return false;
    if (readers[at(value)] != 1) return false;
    for (const Operation& operation : from_.operations)
      if (operation.output == value && moves_values(operation))
        return read_once(operation.inputs[0], readers);
    return true;
  }

  ProgramValue float_copy(int value) const { return from_.value(value); }
  ProgramValue int8_copy(int value) const {
    ProgramValue copy = from_.value(value);
    copy.type = ElementType::s8;
    copy.scale = parameters_[at(value)].scale;
    copy.zero_point = parameters_[at(value)].zero_point;
    return copy;
  }
  /// The int8 form of a value; converts it when it is first asked for.
  int as_int8(int value) {
    int& known = int8_value_[at(value)];
    if (known >= 0) return known;
    ProgramValue copy = int8_copy(value);
    copy.name += ".int8";
    const std::string name = copy.name;
    known = to_.add_value(std::move(copy));
    to_.operations.push_back({name, {float_value_[at(value)]}, known, operations::Quantize{}});
    return known;
  }
  int as_float(int value) {
    int& known = float_value_[at(value)];
    if (known >= 0) return known;
    ProgramValue copy = float_copy(value);
    copy.name += ".float32";
    const std::string name = copy.name;
    known = to_.add_value(std::move(copy));
    to_.operations.push_back({name, {int8_value_[at(value)]}, known, operations::Dequantize{}});
    return known;
  }
  int copy_tensor(int tensor) { return to_.add_tensor(from_.tensor(tensor)); }

  void emit_float(const Operation& operation) {
    Operation copy = operation;
    for (int& input : copy.inputs) input = as_float(input);
    copy.output = float_value_[at(operation.output)] = to_.add_value(float_copy(operation.output));
    operation.visit_convolution(
        [&](const auto& conv) { copy.parameters = with_copied_tensors(conv); });
    if (const auto* const custom = operation.as<operations::Custom>())
      copy.parameters = with_copied_tensors(*custom);
    to_.operations.push_back(std::move(copy));
  }
  template <class Convolution>
  Convolution with_copied_tensors(Convolution conv) {
    conv.weight_tensor = copy_tensor(conv.weight_tensor);
    conv.bias_tensor = copy_tensor(conv.bias_tensor);
    if (conv.scale_tensor >= 0) conv.scale_tensor = copy_tensor(conv.scale_tensor);
    return conv;
  }
  operations::Custom with_copied_tensors(operations::Custom custom) {
    for (int& tensor : custom.tensors) tensor = copy_tensor(tensor);
    return custom;
  }

  void emit_int8(std::size_t number) {
    const Operation& operation = from_.operations[number];
    Operation copy = operation;
    for (int& input : copy.inputs) input = as_int8(input);
    copy.output = int8_value_[at(operation.output)] = to_.add_value(int8_copy(operation.output));
    operation.visit_convolution(
        [&](const auto& conv) { copy.parameters = with_quantized_tensors(conv, operation); });
    if (const auto* const custom = operation.as<operations::Custom>()) {
      copy.parameters = with_copied_tensors(*custom);
    } else if (const auto* const activation = operation.as<operations::Activation>()) {
      const ProgramValue& x = to_.value(copy.inputs[0]);
      const ProgramValue& y = to_.value(copy.output);
      const kernels::TableS8 table =
          kernels::table_of([&](float value) { return float_steps::value_of(*activation, value); },
                            x.scale, x.zero_point, y.scale, y.zero_point);
      copy.parameters = operations::Lookup{to_.add_tensor(ProgramTensor::of(
          operation.name + ".table", {256}, ElementType::s8, std::span<const std::int8_t>(table)))};
    }
    to_.operations.push_back(std::move(copy));
  }
  template <class Convolution>
  Convolution with_quantized_tensors(Convolution conv, const Operation& operation) {
    constexpr OutputChannel place = Convolution::output_channel;
    const ProgramTensor& weight = from_.tensor(conv.weight_tensor);
    const ProgramTensor& bias = from_.tensor(conv.bias_tensor);
    const auto number = static_cast<std::size_t>(&operation - from_.operations.data());
    const auto weights = float_steps::weights_of(from_, conv);
    auto biases = float_steps::floats_of(bias);
    const auto quantize_them = [&] {
      std::span<const float> learned;
      if (!weight_scales_.empty()) learned = weight_scales_[number];
      const float x_scale = parameters_[at(operation.inputs[0])].scale;
      QuantizedWeights quantized = reading(operation.name, [&] {
        return quantize_weights(weights, biases, x_scale, place, learned);
      });
      if (!rounded_.empty()) take_rounded(rounded_[number], place, quantized);
      return quantized;
    };
    if (!channel_means_.empty()) {
      const QuantizedWeights plain = quantize_them();
      const std::vector<double> error =
          mean_weight_error(conv.shape, weights, plain.weight, plain.scale,
                            channel_means_[at(operation.inputs[0])], place);
      for (std::size_t oc = 0; oc < biases.size(); ++oc)
        biases[oc] = static_cast<float>(double{biases[oc]} - error[oc]);
    }
    const QuantizedWeights quantized = quantize_them();
    conv.weight_tensor = to_.add_tensor(
        ProgramTensor::of(weight.name, weight.shape, ElementType::s8, std::span(quantized.weight)));
    conv.bias_tensor = to_.add_tensor(
        ProgramTensor::of(bias.name, bias.shape, ElementType::s32, std::span(quantized.bias)));
    conv.scale_tensor = to_.add_tensor(ProgramTensor::of(
        weight.name + "_scale", bias.shape, ElementType::f32, std::span(quantized.scale)));
    return conv;
  }
  /// A channel whose scale has changed since keeps the nearest integers.
  static void take_rounded(const QuantizedWeights& rounded, OutputChannel place,
                           QuantizedWeights& quantized) {
    const ChannelRuns channels =
        output_channels(place, static_cast<std::int64_t>(quantized.weight.size()),
                        static_cast<std::int64_t>(quantized.scale.size()));
    for (std::size_t i = 0; i < rounded.weight.size(); ++i) {
      const auto oc = static_cast<std::size_t>(channels.of(static_cast<std::int64_t>(i)));
      if (rounded.scale[oc] == quantized.scale[oc]) quantized.weight[i] = rounded.weight[i];
    }
  }

  const Description& from_;
  const QuantizeOptions& options_;
  std::vector<QuantizationDecision> decisions_;
  std::vector<int> group_;
  std::vector<QuantizationParameters> parameters_;
  std::vector<std::vector<float>> weight_scales_;
  /// For each operation, if any are rounded otherwise than to nearest; without biases.
  std::vector<QuantizedWeights> rounded_;
  /// For each value, if biases are corrected.
  std::vector<std::vector<double>> channel_means_;
  /// The values of the new description that hold a value of the old one; -1 for none so far.
  std::vector<int> int8_value_, float_value_;
  ProgramDescription to_;
};

}  // namespace octet::inline OCTET_ABI
