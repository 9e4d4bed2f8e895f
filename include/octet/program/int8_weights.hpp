// Weights in int8, activations in float32: a quarter of the file, no calibration.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

#include "octet/program/program.hpp"
#include "octet/quant/parameters.hpp"

namespace octet::inline OCTET_ABI {

/// Rounds the weights of the float32 convolutions and linear layers of a description to int8.
template <std::same_as<ProgramDescription> Description>
class Int8WeightsConversion {
 public:
  explicit Int8WeightsConversion(Description description)
      : description_(std::move(description)), scale_of_(description_.tensors.size(), -1) {}

  Description run() {
    for (Operation& operation : description_.operations)
      operation.visit_convolution(
          [&](const auto& conv) { operation.parameters = converted(conv); });
    return std::move(description_);
  }

 private:
  template <class Convolution>
  Convolution converted(Convolution conv) {
    const auto index = static_cast<std::size_t>(conv.weight_tensor);
    if (scale_of_[index] >= 0) conv.scale_tensor = scale_of_[index];
    if (description_.tensors[index].type == ElementType::s8) return conv;
    const AlignedVector<float> weights = float_steps::floats_of(description_.tensors[index]);
    const auto OC = static_cast<std::size_t>(conv.shape.OC);
    if (weights.size() == OC) return conv;
    const ChannelRuns channels = output_channels(
        Convolution::output_channel, static_cast<std::int64_t>(weights.size()), conv.shape.OC);
    const auto channel_of = [&](std::size_t i) {
      return static_cast<std::size_t>(channels.of(static_cast<std::int64_t>(i)));
    };
    std::vector<float> scales(OC);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const float magnitude = std::abs(weights[i]);
      if (!std::isfinite(magnitude))
        fail("int8 weights: expected finite weights in ", description_.tensors[index].name);
      scales[channel_of(i)] = (std::max)(scales[channel_of(i)], magnitude);
    }
    for (float& scale : scales) scale = symmetric_scale(scale);
    std::vector<std::int8_t> rounded(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i)
      rounded[i] = quantize_weight(weights[i], scales[channel_of(i)]);
    ProgramTensor& tensor = description_.tensors[index];
    const std::string name = tensor.name;
    tensor = ProgramTensor::of(name, tensor.shape, ElementType::s8,
                               std::span<const std::int8_t>(rounded));
    conv.scale_tensor = scale_of_[index] = description_.add_tensor(ProgramTensor::of(
        name + "_scale", {conv.shape.OC}, ElementType::f32, std::span<const float>(scales)));
    return conv;
  }

  Description description_;
  /// For each tensor of weights that was rounded here, the tensor of its scales.
  std::vector<int> scale_of_;
};

/// The program with the weights of its float32 convolutions and linear layers rounded to int8, with
/// a scale for each output channel: w = scale[oc] * q, scale[oc] = max |w| / 127, so no weight
/// moves by more than half a scale. Biases stay float32, and so do weights that are one for each
/// channel, whose scales would be as large. The file holds int8; when a program is made from it,
/// weights become float32 once, and everything is computed in float32. Fails with a sentence if a
/// weight is not finite. A template only so that it is compiled where it is used.
template <std::same_as<Program> AnyProgram>
Program with_int8_weights(const AnyProgram& program, ProgramOptions options = {}) {
  if (!program.has_weights())
    fail(
        "int8 weights: expected a program that keeps its weights; see "
        "KeepWeights::yes");
  return Program(Int8WeightsConversion(program.description()).run(), options);
}

}  // namespace octet::inline OCTET_ABI
