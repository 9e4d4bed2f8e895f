#include "octet/nn/reshape.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("reshape and flatten keep the elements in their order") {
  const Tensor<double> x({2, 1, 2, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  Reshape<double> reshape({3, 2});
  Flatten<double> flatten;
  CHECK(forward(reshape, {x}) == Tensor<double>({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  CHECK(forward(flatten, {x}) == Tensor<double>({2, 6}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST_CASE("reshape and flatten have the gradients of their outputs") {
  const auto reshape = check_gradient(Reshape<double>({3, 2}), {{1, 2, 3}});
  CHECK_MESSAGE(reshape.passed(), reshape.text());
  const auto flatten = check_gradient(Flatten<double>(), {{1, 2, 3}});
  CHECK_MESSAGE(flatten.passed(), flatten.text());
}

TEST_CASE("reshape says what does not fit") {
  Graph<float> net;
  const auto x = net.input({4, 5, 3});
  CHECK(flatten(x).shape() == Shape{60});
  CHECK(reshape(x, {20, 3}).shape() == Shape{20, 3});
  CHECK(message_of([&] {
          reshape(x, {7, 3});
        }) == "reshape: expected an input of 21 elements for [7, 3], got [4, 5, 3] with 60");
}

}  // namespace
