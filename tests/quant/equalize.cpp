// Cross-layer equalization: the same function, with balanced channels.
#include "octet/quant/equalize.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include "octet/graph/executor.hpp"
#include "program/networks.hpp"

using namespace octet;

namespace {

template <class T>
Tensor<T> run(const Graph<T>& graph, const Tensor<T>& x) {
  Executor<T> executor(graph, {.mode = Mode::inference});
  executor.forward(x, Mode::inference);
  Tensor<T> y(executor.output().shape());
  std::copy(executor.output().begin(), executor.output().end(), y.begin());
  return y;
}

Tensor<double> uniform(const Shape& shape) {
  Tensor<double> tensor(shape);
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor[i] = 2 * Random(5).uniform(static_cast<std::uint64_t>(i)) - 1;
  return tensor;
}

/// Every kind of layer that channels may be scaled through, on both sides of a pair.
Graph<double> every_pair() {
  Graph<double> graph(3);
  auto x = graph.input({8, 8, 4});
  x = relu(batch_norm(conv2d(x, 8, {.kernel = 3, .padding = 1})));
  x = leaky_relu(depthwise_conv2d(max_pool(x, {.kernel = 2, .stride = 2}),
                                  {.kernel = 3, .padding = 1, .multiplier = 2}));
  x = relu(conv2d(x, 12, {.kernel = 1, .groups = 4}));
  x = relu(conv2d(pad(x, {.padding = 1}), 6, {.kernel = 3, .groups = 2}));
  x = relu(linear(flatten(average_pool(x, {.kernel = 2})), 10));
  graph.output(linear(dropout(x), 3));
  return graph;
}

}  // namespace

TEST_CASE("equalization changes no result, and balances what a pair gives and reads") {
  const Graph<double> graph = every_pair();
  const Tensor<double> x = uniform({3, 8, 8, 4});
  CHECK(Equalization<double>(graph, {}).pairs() == 5);
  const Graph<double> equal = equalize(graph);
  CHECK(equal.find("batch_norm_1") < 0);
  const Tensor<double> before = run(graph, x), after = run(equal, x);
  for (std::int64_t i = 0; i < before.elements(); ++i)
    CHECK(after[i] == doctest::Approx(before[i]).epsilon(1e-9));
  // The last pair: rows of one matrix against columns of the next.
  const auto weight = [&](const char* name) -> const Tensor<double>& {
    return *find_tensor(*equal.node(equal.find(name)).layer, "weight");
  };
  const Tensor<double>&first = weight("linear_1"), &second = weight("linear_2");
  for (std::int64_t c = 0; c < 10; ++c) {
    double given = 0, read = 0;
    for (std::int64_t k = 0; k < first.shape()[1]; ++k)
      given = (std::max)(given, std::abs(first[c * first.shape()[1] + k]));
    for (std::int64_t k = 0; k < 3; ++k) read = (std::max)(read, std::abs(second[k * 10 + c]));
    CHECK(given == doctest::Approx(read).epsilon(0.01));
  }
}

TEST_CASE("scaling channels beforehand makes no difference to what equalization ends in") {
  const Graph<double> graph = every_pair(), scaled = every_pair();
  const auto parameter = [&](const char* node, std::size_t index) -> Tensor<double>& {
    return scaled.node(scaled.find(node)).layer->parameters()[index]->value;
  };
  for (std::int64_t c = 0; c < 10; ++c) {
    const double factor = std::exp2(static_cast<double>(c - 5));
    Tensor<double>& w = parameter("linear_1", 0);
    const std::int64_t in = w.shape()[1];
    for (std::int64_t k = 0; k < in; ++k) w[c * in + k] *= factor;
    parameter("linear_1", 1)[c] *= factor;
    for (std::int64_t k = 0; k < 3; ++k) parameter("linear_2", 0)[k * 10 + c] /= factor;
  }
  const Graph<double> a = equalize(graph), b = equalize(scaled);
  const Tensor<double>& x = *find_tensor(*a.node(a.find("linear_2")).layer, "weight");
  const Tensor<double>& y = *find_tensor(*b.node(b.find("linear_2")).layer, "weight");
  for (std::int64_t i = 0; i < x.elements(); ++i)
    CHECK(y[i] == doctest::Approx(x[i]).epsilon(0.02));
}

TEST_CASE("what must not be scaled stays as it is") {
  // A branch, a ReLU6, a function that is not homogeneous.
  Graph<double> graph(1);
  auto x = graph.input({4, 4, 3});
  auto y = relu(conv2d(x, 4, {.kernel = 1}));
  y = y + conv2d(y, 4, {.kernel = 1});
  y = relu6(conv2d(y, 5, {.kernel = 1}));
  y = sigmoid(conv2d(y, 6, {.kernel = 1}));
  graph.output(linear(global_average_pool(y), 2));
  CHECK(Equalization<double>(graph, {}).pairs() == 0);
  const Tensor<double> input = uniform({2, 4, 4, 3});
  CHECK(run(equalize(graph), input) == run(graph, input));
  // If asked to, it replaces the ReLU6 and goes through.
  const EqualizeOptions replace{.relu6 = Relu6InEqualization::replace};
  CHECK(Equalization<double>(graph, replace).pairs() == 1);
  const Graph<double> replaced = equalize(graph, replace);
  CHECK(replaced.node(replaced.find("relu6_1")).layer->type() == "relu");
  const Tensor<double> same = run(replaced, input), expected = run(graph, input);
  for (std::int64_t i = 0; i < same.elements(); ++i)
    CHECK(same[i] == doctest::Approx(expected[i]).epsilon(1e-9));
  CHECK_THROWS_AS(equalize(graph, {.rounds = 0}), Error);
}
