// All functions of one element: relu, relu6, leaky_relu, sigmoid, tanh, hard_sigmoid, hard_swish,
// silu and gelu.
#include "octet/nn/activation.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"
#include "octet/nn/gelu.hpp"
#include "octet/nn/hard_sigmoid.hpp"
#include "octet/nn/hard_swish.hpp"
#include "octet/nn/leaky_relu.hpp"
#include "octet/nn/relu.hpp"
#include "octet/nn/relu6.hpp"
#include "octet/nn/sigmoid.hpp"
#include "octet/nn/silu.hpp"
#include "octet/nn/tanh.hpp"

using namespace octet;

namespace {

/// value() and forward() give `expected` for each x.
template <template <class> class L>
void check_values(const std::vector<std::pair<double, double>>& expected) {
  L<double> layer;
  L<float> single;
  for (const auto& pair : expected) {
    const double x = pair.first, y = pair.second;
    CAPTURE(x);
    CHECK(layer.value(x) == doctest::Approx(y).epsilon(1e-9));
    CHECK(forward<double>(layer, {Tensor<double>({1, 1}, {x})})[0] == layer.value(x));
    CHECK(single.value(static_cast<float>(x)) == doctest::Approx(y).epsilon(1e-5));
  }
}

template <class L>
void check_layer(const L& layer, std::vector<double> kinks) {
  CAPTURE(layer.type());
  const auto result =
      check_gradient(layer, {{4, 3, 5}}, {.lowest = -8, .highest = 8, .kinks = std::move(kinks)});
  CHECK_MESSAGE(result.passed(), result.text());
  CHECK(layer.in_place());
  CHECK(layer.backward_reads_inputs() != layer.backward_reads_output());
}

TEST_CASE("activations have the values of their formulas") {
  // Independent values, from tables of exp, tanh and the normal distribution.
  check_values<Relu>({{-3, 0}, {0, 0}, {2.5, 2.5}, {1e30, 1e30}});
  check_values<Relu6>({{-3, 0}, {0, 0}, {2.5, 2.5}, {6, 6}, {7, 6}});
  check_values<LeakyRelu>({{-3, -0.03}, {0, 0}, {2.5, 2.5}});
  check_values<Sigmoid>({{0, 0.5}, {1, 0.7310585786}, {-2, 0.1192029220}, {-800, 0}, {800, 1}});
  check_values<Tanh>({{0, 0}, {1, 0.7615941560}, {-2, -0.9640275801}, {800, 1}});
  check_values<HardSigmoid>({{-4, 0}, {-3, 0}, {0, 0.5}, {1.5, 0.75}, {3, 1}, {5, 1}});
  check_values<HardSwish>({{-4, 0}, {-3, 0}, {-1.5, -0.375}, {0, 0}, {1.5, 1.125}, {5, 5}});
  check_values<Silu>({{0, 0}, {1, 0.7310585786}, {-2, -0.2384058440}, {800, 800}});
  check_values<Gelu>({{0, 0}, {1, 0.8413447461}, {-2, -0.0455002639}, {30, 30}});
}

TEST_CASE("activations have the gradients of their outputs") {
  check_layer(Relu<double>(), {0});
  check_layer(Relu6<double>(), {0, 6});
  check_layer(LeakyRelu<double>(), {0});
  check_layer(LeakyRelu<double>(LeakyReluFunction({.slope = 0.3})), {0});
  check_layer(LeakyRelu<double>(LeakyReluFunction({.slope = 0})), {0});
  check_layer(Sigmoid<double>(), {});
  check_layer(Tanh<double>(), {});
  check_layer(HardSigmoid<double>(), {-3, 3});
  check_layer(HardSwish<double>(), {-3, 3});
  check_layer(Silu<double>(), {});
  check_layer(Gelu<double>(), {});
}

TEST_CASE("relu keeps a NaN, so that it is found") {
  CHECK(std::isnan(Relu<float>().value(std::nanf(""))));
  CHECK(std::isnan(Relu6<float>().value(std::nanf(""))));
}

TEST_CASE("activations of many elements do not depend on the number of threads") {
  ThreadPool one(1), four(4);
  const Tensor<float> x = random_tensor<float>({3, 12345}, 1);
  Gelu<float> layer;
  CHECK(forward(layer, {x}, {.pool = &one}) == forward(layer, {x}, {.pool = &four}));
}

TEST_CASE("activations are built by their names") {
  Graph<double> net;
  auto x = net.input({2, 3});
  x = gelu(silu(hard_swish(hard_sigmoid(tanh(sigmoid(leaky_relu(relu6(relu(x)))))))));
  CHECK(x.shape() == Shape{2, 3});
  CHECK(net.size() == 10);
  CHECK(net.node(1).layer->type() == "relu");
  CHECK(net.node(9).layer->type() == "gelu");
  CHECK(message_of([&] {
          apply<double>(std::make_unique<Relu<double>>(), {x, x});
        }) == "relu: expected one input, got 2");
  CHECK(message_of([&] { leaky_relu(x, {.slope = -1}); }) ==
        "leaky_relu: expected a slope of at least 0, got -1");
}

}  // namespace
