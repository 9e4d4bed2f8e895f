#include "octet/nn/add.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("add adds") {
  Add<float> layer;
  CHECK(forward<float>(layer, {Tensor<float>({1, 2}, {1, 2}), Tensor<float>({1, 2}, {30, 40})}) ==
        Tensor<float>({1, 2}, {31, 42}));
}

TEST_CASE("add has the gradients of its output") {
  const auto result = check_gradient(Add<double>(), {{3, 2, 5}, {3, 2, 5}});
  CHECK_MESSAGE(result.passed(), result.text());
}

TEST_CASE("x + y is add, and says what does not fit") {
  Graph<float> net;
  const auto x = net.input({4, 5, 3});
  CHECK((x + x).shape() == Shape{4, 5, 3});
  CHECK(message_of([&] {
          x + net.input({4, 5, 2});
        }) == "add: expected two inputs of one shape, got [4, 5, 3] and [4, 5, 2]");
  CHECK(message_of([&] { apply<float>(std::make_unique<Add<float>>(), {x}); }) ==
        "add: expected two inputs, got 1");
}

}  // namespace
