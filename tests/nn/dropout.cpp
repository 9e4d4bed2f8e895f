#include "octet/nn/dropout.hpp"

#include <algorithm>
#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

Tensor<float> ones(const Shape& shape) {
  Tensor<float> tensor(shape);
  tensor.fill(1);
  return tensor;
}

TEST_CASE("dropout drops its share and keeps the mean") {
  const Tensor<float> x = ones({10, 10001});
  for (const double probability : {0.0, 0.1, 0.5, 0.9}) {
    CAPTURE(probability);
    Dropout<float> layer({.probability = probability});
    const Tensor<float> y = forward(layer, {x}, {.mode = Mode::training, .random = Random(3)});
    const float kept = static_cast<float>(1 / (1 - probability));
    const auto dropped = static_cast<double>(std::count(y.begin(), y.end(), 0.0f));
    CHECK(std::count(y.begin(), y.end(), kept) == 100010 - dropped);
    CHECK(dropped / 100010 == doctest::Approx(probability).epsilon(0.03));
  }
}

TEST_CASE("dropout is a function of the pass's random numbers alone") {
  ThreadPool one(1), four(4);
  Dropout<float> layer;
  const Tensor<float> x = ones({3, 33333});
  const auto pass = [](ThreadPool& pool, std::uint64_t step) {
    return Pass{Mode::training, &pool, Random(7).substream(step)};
  };
  const Tensor<float> y = forward(layer, {x}, pass(one, 1));
  CHECK(y == forward(layer, {x}, pass(four, 1)));
  CHECK(y != forward(layer, {x}, pass(one, 2)));
  CHECK(backward(layer, {x}, y, x, pass(four, 1))[0] == y);
}

TEST_CASE("dropout leaves predictions alone") {
  Dropout<float> layer;
  const Tensor<float> x = random_tensor<float>({2, 5}, 1);
  CHECK(forward(layer, {x}) == x);
  CHECK(backward(layer, {x}, x, x)[0] == x);
}

TEST_CASE("dropout has the gradients of its output") {
  for (const Mode mode : {Mode::training, Mode::inference}) {
    const auto result =
        check_gradient(Dropout<double>({.probability = 0.3}), {{3, 3, 5}}, {.mode = mode});
    CHECK_MESSAGE(result.passed(), result.text());
  }
}

TEST_CASE("dropout says what does not fit") {
  Graph<float> net;
  CHECK(message_of([&] { dropout(net.input({4}), {.probability = 1}); }) ==
        "dropout: expected a probability from 0 to below 1, got 1");
}

}  // namespace
