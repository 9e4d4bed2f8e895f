#include "octet/nn/average_pool.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("average_pool counts the padding, or not") {
  const Tensor<double> x({1, 2, 2, 1}, {1, 2, 3, 6});
  AveragePool<double> image({.kernel = 2, .stride = 2, .padding = 1});
  AveragePool<double> window({.kernel = 2, .stride = 2, .padding = 1, .over = AverageOver::window});
  CHECK(forward(image, {x}) == Tensor<double>({1, 2, 2, 1}, {1, 2, 3, 6}));
  CHECK(forward(window, {x}) == Tensor<double>({1, 2, 2, 1}, {0.25, 0.5, 0.75, 1.5}));
  AveragePool<double> plain;
  CHECK(forward(plain, {x}) == Tensor<double>({1, 1, 1, 1}, {3}));
}

TEST_CASE("average_pool has the gradients of its output") {
  for (const AverageOver over : {AverageOver::image, AverageOver::window})
    for (const AveragePoolOptions& options :
         {AveragePoolOptions{.over = over},
          {.kernel = 3, .stride = 1, .over = over},
          {.kernel = 3, .stride = 2, .padding = 1, .over = over},
          {.kernel = {1, 3}, .stride = {2, 1}, .padding = same, .over = over},
          {.kernel = {3, 2}, .padding = {2, 0, 1, 1}, .over = over}}) {
      const auto result = check_gradient(AveragePool<double>(options), {{6, 5, 3}});
      CHECK_MESSAGE(result.passed(), result.text());
    }
}

TEST_CASE("average_pool says what does not fit") {
  Graph<float> net;
  const auto x = net.input({2, 3, 1});
  CHECK(average_pool(x).shape() == Shape{1, 1, 1});
  CHECK(
      message_of([&] { average_pool(x, {.kernel = 3, .padding = 3}); }) ==
      "average_pool: expected a padding smaller than the kernel of 3x3, got top 3, bottom 3, left "
      "3, right 3");
  CHECK(message_of([&] { average_pool(net.input({5})); }) ==
        "average_pool: expected an input of shape [H, W, C], got [5]");
}

}  // namespace
