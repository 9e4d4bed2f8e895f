// Folding and fusing leave what a network computes as it was.
#include "octet/graph/fold_batch_norm.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "../program/networks.hpp"
#include "../tolerance.hpp"
#include "octet/graph/executor.hpp"
#include "octet/graph/fuse_activations.hpp"

using namespace octet;

namespace {

int count(const Graph<float>& graph, std::string_view type) {
  int found = 0;
  for (const Node<float>& node : graph.nodes()) found += node.layer && node.layer->type() == type;
  return found;
}
Tensor<float> infer(const Graph<float>& graph, const Tensor<float>& x) {
  Executor<float> executor(graph, {.mode = Mode::inference});
  executor.forward(x.view(), Mode::inference);
  Tensor<float> y(executor.output().shape());
  std::copy(executor.output().begin(), executor.output().end(), y.begin());
  return y;
}

}  // namespace

TEST_CASE("a folded network computes the same up to rounding, a fused one the same bits") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const Tensor<float> x = networks::images(network.input, 3);
    const Tensor<float> expected = infer(graph, x);
    const Graph<float> folded = fold_batch_norm(graph);
    const Graph<float> fused = fuse_activations(folded);
    const Tensor<float> y = infer(folded, x);
    float largest = 0;
    for (const float value : expected) largest = (std::max)(largest, std::abs(value));
    for (std::int64_t i = 0; i < y.elements(); ++i)
      CHECK(std::abs(y[i] - expected[i]) <= 2 * tolerance<float>(network.depth, double{largest}));
    CHECK(infer(fused, x) == y);
    CHECK(count(folded, "batch_norm") == (network.name[0] == 'l' ? 1 : 0));
    CHECK(count(fused, "relu") + count(fused, "relu6") == 0);
  }
}

TEST_CASE("folding rounds once: weights and bias are those of double arithmetic") {
  Graph<float> graph(1);
  graph.output(batch_norm(linear(graph.input({1}), 1), {.epsilon = 0.25}));
  const auto set = [&](int node, std::string_view name, float value) {
    const_cast<Tensor<float>&>(*find_tensor(*graph.node(node).layer, name))[0] = value;
  };
  set(1, "weight", 0.1f);
  set(1, "bias", 0.3f);
  set(2, "gamma", 0.7f);
  set(2, "beta", -0.2f);
  set(2, "running_mean", 0.9f);
  set(2, "running_variance", 2.0f);
  const Graph<float> folded = fold_batch_norm(graph);
  REQUIRE(folded.size() == 2);
  CHECK(folded.node(1).name == "linear_1");
  const double scale = double{0.7f} / std::sqrt(double{2.0f} + 0.25);
  Layer<float>& layer = *folded.node(1).layer;
  CHECK((*find_tensor(layer, "weight"))[0] == static_cast<float>(double{0.1f} * scale));
  CHECK((*find_tensor(layer, "bias"))[0] ==
        static_cast<float>(double{0.3f} * scale + (double{-0.2f} - double{0.9f} * scale)));
}

TEST_CASE("what somebody else reads, or what is an output, is left alone") {
  Graph<float> graph(1);
  const auto a = conv2d(graph.input({4, 4, 1}), 2, {.kernel = 1});
  graph.output(flatten(relu(batch_norm(a))) + flatten(a));
  CHECK(count(fold_batch_norm(graph), "batch_norm") == 1);
  Graph<float> second(1);
  const auto b = conv2d(second.input({4, 4, 1}), 2, {.kernel = 1});
  second.output(b);
  second.output(relu(b));
  CHECK(count(fuse_activations(second), "relu") == 1);
}
