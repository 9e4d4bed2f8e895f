// Networks for the tests of programs: together they hold every layer that a program knows.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "octet/graph/graph.hpp"
#include "octet/nn/registry.hpp"

namespace networks {

using octet::Graph;
using octet::Random;
using octet::Tensor;
using octet::Value;
using V = octet::Value<float>;

struct Network {
  std::string name;
  octet::Shape input;
  std::function<V(V)> build;
  /// The longest sum of products on the way from input to output, for the tolerance.
  double depth;
};

inline V norm(V x) { return octet::batch_norm(x); }

inline std::vector<Network> all() {
  using namespace octet;
  return {
      {"convolutions",
       {9, 11, 3},
       [](V x) {
         x = relu(norm(conv2d(x, 8, {.kernel = 3, .padding = 1, .bias = Bias::none})));
         x = conv2d(x, 6, {.kernel = {1, 3}, .stride = 2, .padding = {1, 0, 2, 1}});
         x = relu6(conv2d(x, 8, {.kernel = 3, .padding = same, .dilation = 2, .groups = 2}));
         return linear(flatten(x), 5);
       },
       400},
      {"residual",
       {8, 8, 4},
       [](V x) {
         x = relu(norm(conv2d(x, 8, {.kernel = 3, .padding = 1})));
         V y = relu(norm(conv2d(x, 8, {.kernel = 3, .padding = 1})));
         y = norm(conv2d(y, 8, {.kernel = 3, .padding = 1}));
         x = max_pool(relu(x + y), {.kernel = 2, .stride = 2});
         return linear(global_average_pool(x), 7);
       },
       300},
      {"squeeze and excitation",
       {6, 6, 4},
       [](V x) {
         x = hard_swish(norm(conv2d(x, 8, {.kernel = 3, .padding = 1})));
         V s = relu(linear(global_average_pool(x), 4));
         s = hard_sigmoid(linear(s, 8));
         return linear(global_average_pool(multiply(x, s)), 3);
       },
       200},
      {"inverted residual",
       {10, 10, 8},
       [](V x) {
         V y = relu6(norm(conv2d(x, 24, {.kernel = 1, .bias = Bias::none})));
         y = relu6(norm(depthwise_conv2d(y, {.kernel = 3, .padding = 1, .bias = Bias::none})));
         y = norm(conv2d(y, 8, {.kernel = 1, .bias = Bias::none}));
         x = x + y;
         x = relu6(norm(depthwise_conv2d(x, {.kernel = 3, .stride = 2, .multiplier = 2})));
         return linear(global_average_pool(x), 4);
       },
       200},
      {"concat and pools",
       {12, 12, 4},
       [](V x) {
         const V a = relu(conv2d(x, 6, {.kernel = 1}));
         const V b = leaky_relu(conv2d(x, 5, {.kernel = 3, .padding = 1}), {.slope = 0.1});
         const V c = max_pool(x, {.kernel = 3, .stride = 1, .padding = 1});
         x = concat({a, b, c});
         x = average_pool(x, {.kernel = 3, .stride = 2, .padding = 1});
         x = conv2d(pad(x, {.padding = {1, 0, 0, 1}, .value = 0.5}), 8, {.kernel = 2});
         x = adaptive_average_pool(x, {2, 3});
         return linear(flatten(x), 6);
       },
       300},
      {"activations",
       {5, 5, 3},
       [](V x) {
         x = silu(conv2d(x, 8, {.kernel = 3}));
         x = gelu(conv2d(x, 8, {.kernel = 1}));
         x = sigmoid(conv2d(x, 8, {.kernel = 1}));
         x = octet::tanh(conv2d(x, 8, {.kernel = 1}));
         return softmax(linear(dropout(flatten(x)), 6));
       },
       200},
      {"lonely batch norm and adaptive windows",
       {7, 5, 6},
       [](V x) {
         x = relu(norm(x));
         x = adaptive_max_pool(x, {3, 2});
         x = reshape(x, {2, 3, 6});
         x = adaptive_average_pool(multiply(x, x) + x, {2, 2});
         return linear(flatten(global_max_pool(x)), 3);
       },
       60},
  };
}

/// The network with weights and statistics that no test could mistake for the initial ones.
inline Graph<float> make(const Network& network) {
  Graph<float> graph(7);
  graph.output(network.build(graph.input(network.input)));
  int number = 0;
  for (const auto& node : graph.nodes()) {
    if (!node.layer) continue;
    const Random random(Random(11).substream(static_cast<std::uint64_t>(++number)));
    const auto fill = [&](Tensor<float>& tensor, double low, double high, std::uint64_t stream) {
      for (std::int64_t i = 0; i < tensor.elements(); ++i)
        tensor[i] = static_cast<float>(
            low + (high - low) * random.substream(stream).uniform(static_cast<std::uint64_t>(i)));
    };
    for (auto* const parameter : node.layer->parameters()) {
      if (parameter->name == "bias") fill(parameter->value, -0.3, 0.3, 1);
      if (parameter->name == "gamma") fill(parameter->value, 0.5, 1.5, 2);
      if (parameter->name == "beta") fill(parameter->value, -0.4, 0.4, 3);
    }
    for (auto* const buffer : node.layer->buffers()) {
      if (buffer->name == "running_mean") fill(buffer->value, -0.5, 0.5, 4);
      if (buffer->name == "running_variance") fill(buffer->value, 0.5, 2, 5);
    }
  }
  return graph;
}

inline Tensor<float> images(const octet::Shape& shape, std::int64_t N, std::uint64_t seed = 5) {
  Tensor<float> tensor(shape.with_batch(N));
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor[i] = static_cast<float>(2 * Random(seed).uniform(static_cast<std::uint64_t>(i)) - 1);
  return tensor;
}

}  // namespace networks
