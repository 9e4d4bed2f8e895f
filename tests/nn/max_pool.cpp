#include "octet/nn/max_pool.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("max_pool takes the largest of each window") {
  MaxPool<float> layer;
  const Tensor<float> x({1, 2, 4, 1}, {1, 2, -5, -4, 3, 0, -3, -2});
  const Tensor<float> y = forward(layer, {x});
  CHECK(y == Tensor<float>({1, 1, 2, 1}, {3, -2}));
  CHECK(backward(layer, {x}, y, Tensor<float>({1, 1, 2, 1}, {10, 20}))[0] ==
        Tensor<float>({1, 2, 4, 1}, {0, 0, 0, 0, 10, 0, 0, 20}));
}

TEST_CASE("max_pool: padding never wins, and the first of equals gets the gradient") {
  MaxPool<float> layer({.kernel = 3, .stride = 2, .padding = 1});
  const Tensor<float> x({1, 2, 2, 1}, {-7, -7, -7, -7});
  const Tensor<float> y = forward(layer, {x});
  CHECK(y == Tensor<float>({1, 1, 1, 1}, {-7}));
  CHECK(backward(layer, {x}, y, Tensor<float>({1, 1, 1, 1}, {5}))[0] ==
        Tensor<float>({1, 2, 2, 1}, {5, 0, 0, 0}));
}

TEST_CASE("max_pool has the gradients of its output") {
  for (const MaxPoolOptions& options : {MaxPoolOptions{},
                                        {.kernel = 3, .stride = 1},
                                        {.kernel = 3, .stride = 2, .padding = 1},
                                        {.kernel = {1, 3}, .stride = {2, 1}, .padding = same},
                                        {.kernel = {3, 2}, .padding = {2, 0, 1, 1}}}) {
    const auto result = check_gradient(MaxPool<double>(options), {{6, 5, 3}});
    CHECK_MESSAGE(result.passed(), result.text());
  }
}

TEST_CASE("max_pool infers its output's shape") {
  Graph<float> net;
  const auto x = net.input({7, 9, 3});
  CHECK(max_pool(x).shape() == Shape{3, 4, 3});
  CHECK(max_pool(x, {.kernel = 3, .stride = 2, .padding = 1}).shape() == Shape{4, 5, 3});
  CHECK(max_pool(x, {.kernel = 3, .padding = same}).shape() == Shape{3, 3, 3});
}

TEST_CASE("max_pool says what does not fit") {
  Graph<float> net;
  const auto x = net.input({2, 3, 1});
  CHECK(message_of([&] { max_pool(x, {.kernel = 3}); }) ==
        "max_pool: expected an input with padding of at least 3x3, got [2, 3, 1] with padding top "
        "0, bottom 0, left 0, right 0");
  CHECK(message_of([&] { max_pool(x, {.kernel = 2, .padding = 2}); }) ==
        "max_pool: expected a padding smaller than the kernel of 2x2, got top 2, bottom 2, left 2, "
        "right 2");
  CHECK(message_of([&] { max_pool(net.input({5})); }) ==
        "max_pool: expected an input of shape [H, W, C], got [5]");
}

}  // namespace
