#include "octet/nn/adaptive_pool.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("adaptive pooling divides the image, with overlap where it must") {
  // Five columns into two parts: columns 0 to 2 and 2 to 4.
  const Tensor<double> x({1, 1, 5, 1}, {1, 2, 6, 4, 5});
  AdaptiveAveragePool<double> average({1, 2});
  AdaptiveMaxPool<double> largest({1, 2});
  CHECK(forward(average, {x}) == Tensor<double>({1, 1, 2, 1}, {3, 5}));
  CHECK(forward(largest, {x}) == Tensor<double>({1, 1, 2, 1}, {6, 6}));
}

TEST_CASE("adaptive pooling has the gradients of its output") {
  for (const Extent2d& extent : {Extent2d(1), Extent2d(2, 3), Extent2d(4, 5), Extent2d(5, 7)}) {
    const auto average = check_gradient(AdaptiveAveragePool<double>(extent), {{5, 7, 3}});
    CHECK_MESSAGE(average.passed(), average.text());
    const auto largest = check_gradient(AdaptiveMaxPool<double>(extent), {{5, 7, 3}});
    CHECK_MESSAGE(largest.passed(), largest.text());
  }
}

TEST_CASE("adaptive pooling says what does not fit") {
  Graph<float> net;
  const auto x = net.input({4, 5, 3});
  CHECK(adaptive_average_pool(x, 2).shape() == Shape{2, 2, 3});
  CHECK(adaptive_max_pool(x, {4, 1}).shape() == Shape{4, 1, 3});
  CHECK(message_of([&] { adaptive_average_pool(x, 5); }) ==
        "adaptive_average_pool: expected an image of at least 5x5 pixels for as many parts, got "
        "[4, 5, 3]");
  CHECK(message_of([&] { adaptive_max_pool(x, 0); }) ==
        "adaptive_max_pool: expected a positive number of parts, got 0x0");
}

}  // namespace
