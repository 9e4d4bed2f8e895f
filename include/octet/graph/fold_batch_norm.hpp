// Batch normalization with fixed statistics is a multiplication and an addition for each channel:
// it disappears in the weights and the bias of the convolution before it.
#pragma once

#include <cmath>
#include <cstdint>

#include "octet/core/channel_runs.hpp"
#include "octet/graph/rewrite.hpp"
#include "octet/nn/batch_norm.hpp"
#include "octet/nn/registry.hpp"

namespace octet::inline OCTET_ABI {

/// y = scale[c] * x + shift[c]: what a batch norm computes in inference.
struct ChannelAffine {
  std::vector<double> scale, shift;
};

/// scale = gamma / sqrt(running_variance + epsilon), shift = beta - running_mean * scale, in
/// double.
template <class T>
ChannelAffine affine_of(Layer<T>& batch_norm) {
  const Tensor<T>& gamma = *find_tensor(batch_norm, "gamma");
  const Tensor<T>& beta = *find_tensor(batch_norm, "beta");
  const Tensor<T>& mean = *find_tensor(batch_norm, "running_mean");
  const Tensor<T>& variance = *find_tensor(batch_norm, "running_variance");
  const double epsilon = batch_norm.attributes()["epsilon"].as_number();
  ChannelAffine affine;
  for (std::int64_t c = 0; c < gamma.elements(); ++c) {
    const double scale = double{gamma[c]} / std::sqrt(double{variance[c]} + epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back(double{beta[c]} - double{mean[c]} * scale);
  }
  return affine;
}

/// The convolution or linear layer that computes layer and batch norm at once; it has a bias. The
/// arithmetic is double, each result is rounded once.
template <class T>
std::unique_ptr<Layer<T>> folded(Layer<T>& layer, Layer<T>& batch_norm) {
  const ChannelAffine affine = affine_of(batch_norm);
  Json attributes = layer.attributes();
  attributes.set("bias", "learned");
  std::unique_ptr<Layer<T>> result = make_layer<T>(layer.type(), attributes);
  const Tensor<T>& weight = *find_tensor(layer, "weight");
  const Tensor<T>* const bias = find_tensor(layer, "bias");
  const ChannelRuns channels = output_channels(output_channel_of(layer.type()), weight.shape());
  for (Parameter<T>* const parameter : result->parameters())
    for (std::int64_t i = 0; i < parameter->value.elements(); ++i) {
      if (parameter->kind == ParameterKind::bias) {
        const auto c = static_cast<std::size_t>(i);
        const double before = bias ? double{(*bias)[i]} : 0.0;
        parameter->value[i] = static_cast<T>(before * affine.scale[c] + affine.shift[c]);
      } else {
        const auto c = static_cast<std::size_t>(channels.of(i));
        parameter->value[i] = static_cast<T>(double{weight[i]} * affine.scale[c]);
      }
    }
  return result;
}

/// The graph without those batch norms that directly follow a convolution or linear layer which
/// nobody else reads. What is computed stays the same up to rounding. Running statistics are taken
/// as constants, so the result is for inference.
template <class T>
Graph<T> fold_batch_norm(const Graph<T>& graph) {
  const auto foldable = [](const Layer<T>& layer, const Layer<T>& follower) {
    return follower.type() == "batch_norm" &&
           (layer.type() == "conv2d" || layer.type() == "depthwise_conv2d" ||
            layer.type() == "linear");
  };
  return merge_pairs(graph, foldable, &folded<T>);
}

}  // namespace octet::inline OCTET_ABI
