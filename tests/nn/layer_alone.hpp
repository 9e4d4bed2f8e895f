// Runs one layer without a graph around it.
#pragma once

#include <string>
#include <vector>

#include "octet/nn/layer.hpp"

/// Normal values, a function of the seed.
template <class T>
octet::Tensor<T> random_tensor(const octet::Shape& shape, std::uint64_t seed) {
  octet::Tensor<T> tensor(shape);
  const octet::Random random(seed);
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor[i] = static_cast<T>(random.normal(static_cast<std::uint64_t>(i)));
  return tensor;
}

/// The output for inputs that have a batch in front.
template <class T>
octet::Tensor<T> forward(octet::Layer<T>& layer, const std::vector<octet::Tensor<T>>& inputs,
                         const octet::Pass& pass = {}) {
  std::vector<octet::Shape> shapes;
  for (const auto& input : inputs) shapes.push_back(input.shape().without_batch());
  octet::Tensor<T> output(layer.output_shape(shapes).with_batch(inputs[0].shape()[0]));
  const std::vector<octet::TensorView<const T>> views(inputs.begin(), inputs.end());
  layer.forward(views, output, pass);
  return output;
}

/// The gradients by the inputs, after a forward with the same ones. Parameters' gradients are added
/// to.
template <class T>
std::vector<octet::Tensor<T>> backward(octet::Layer<T>& layer,
                                       const std::vector<octet::Tensor<T>>& inputs,
                                       const octet::Tensor<T>& output,
                                       const octet::Tensor<T>& d_output,
                                       const octet::Pass& pass = {}) {
  std::vector<octet::Tensor<T>> d_inputs = inputs;
  const std::vector<octet::TensorView<const T>> views(inputs.begin(), inputs.end());
  const std::vector<octet::TensorView<T>> targets(d_inputs.begin(), d_inputs.end());
  layer.backward(views, output, d_output, targets, pass);
  return d_inputs;
}
