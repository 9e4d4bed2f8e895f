#include "octet/nn/softmax.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("softmax gives probabilities, for large numbers too") {
  Softmax<double> layer;
  const Tensor<double> y =
      forward(layer, {Tensor<double>({2, 3}, {0, std::log(2), std::log(5), 1000, 1000, -1000})});
  for (const auto& [i, expected] : {std::pair{0, 0.125}, {1, 0.25}, {2, 0.625}, {3, 0.5}, {5, 0.0}})
    CHECK(y[i] == doctest::Approx(expected));
}

TEST_CASE("softmax has the gradients of its output") {
  for (const Shape& input : {Shape{7}, Shape{1}, Shape{2, 3, 4}}) {
    const auto result = check_gradient(Softmax<double>(), {input}, {.batch = 3});
    CHECK_MESSAGE(result.passed(), result.text());
  }
}

TEST_CASE("softmax says what does not fit") {
  Graph<float> net;
  CHECK(softmax(net.input({4})).shape() == Shape{4});
  CHECK(message_of([&] {
          softmax(net.input({4, 0}));
        }) == "softmax: expected an input of shape [..., C], got [4, 0]");
}

}  // namespace
