#include "octet/nn/global_pool.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("global pooling gives a number for each channel") {
  const Tensor<double> x({1, 2, 2, 2}, {1, -1, 2, -2, 3, -3, 6, -6});
  GlobalAveragePool<double> average;
  GlobalMaxPool<double> largest;
  CHECK(forward(average, {x}) == Tensor<double>({1, 2}, {3, -3}));
  CHECK(forward(largest, {x}) == Tensor<double>({1, 2}, {6, -1}));
}

TEST_CASE("global pooling has the gradients of its output") {
  for (const Shape& input : {Shape{4, 5, 3}, Shape{1, 1, 2}, Shape{7, 1, 1}}) {
    const auto average = check_gradient(GlobalAveragePool<double>(), {input});
    CHECK_MESSAGE(average.passed(), average.text());
    const auto largest = check_gradient(GlobalMaxPool<double>(), {input});
    CHECK_MESSAGE(largest.passed(), largest.text());
  }
}

TEST_CASE("global pooling has its names, and says what does not fit") {
  Graph<float> net;
  const auto x = net.input({4, 5, 3});
  CHECK(global_average_pool(x).shape() == Shape{3});
  CHECK(global_avg_pool(x).shape() == Shape{3});
  CHECK(global_max_pool(x).shape() == Shape{3});
  CHECK(message_of([&] { global_average_pool(net.input({5})); }) ==
        "global_average_pool: expected an input of shape [H, W, C], got [5]");
  CHECK(message_of([&] { global_max_pool(net.input({5})); }) ==
        "global_max_pool: expected an input of shape [H, W, C], got [5]");
}

}  // namespace
