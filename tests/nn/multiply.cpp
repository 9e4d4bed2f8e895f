#include "octet/nn/multiply.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("multiply repeats what has one row, one column, or none") {
  Multiply<double> layer;
  const Tensor<double> image({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor<double> scaled({1, 2, 2, 2}, {10, 200, 30, 400, 50, 600, 70, 800});
  CHECK(forward(layer, {image, Tensor<double>({1, 2}, {10, 100})}) == scaled);
  CHECK(forward(layer, {Tensor<double>({1, 1, 1, 2}, {10, 100}), image}) == scaled);
  CHECK(forward(layer, {image, Tensor<double>({1, 1, 2, 2}, {1, 10, 100, 1000})}) ==
        Tensor<double>({1, 2, 2, 2}, {1, 20, 300, 4000, 5, 60, 700, 8000}));
  CHECK(forward(layer, {image, Tensor<double>({1, 2, 1, 2}, {1, 10, 100, 1000})}) ==
        Tensor<double>({1, 2, 2, 2}, {1, 20, 3, 40, 500, 6000, 700, 8000}));
}

TEST_CASE("multiply repeats one row for none") {
  const Multiply<double> layer;
  const std::vector<Shape> one_and_none = {{1, 4, 2}, {0, 4, 2}}, none_and_one = {{3, 0, 2}, {2}};
  CHECK(layer.output_shape(one_and_none) == Shape{0, 4, 2});
  CHECK(layer.output_shape(none_and_one) == Shape{3, 0, 2});
}

TEST_CASE("multiply has the gradients of its output") {
  const std::vector<std::vector<Shape>> pairs = {{{3, 4, 2}, {3, 4, 2}}, {{3, 4, 2}, {2}},
                                                 {{2}, {3, 4, 2}},       {{3, 4, 2}, {1, 1, 2}},
                                                 {{3, 4, 2}, {1, 4, 2}}, {{3, 4, 2}, {3, 1, 2}},
                                                 {{3, 1, 2}, {1, 4, 2}}, {{5}, {5}},
                                                 {{6, 5}, {6, 5}}};
  for (const std::vector<Shape>& inputs : pairs) {
    const auto result = check_gradient(Multiply<double>(), inputs, {.batch = 3});
    CHECK_MESSAGE(result.passed(), to_text(inputs[0]), to_text(inputs[1]), result.text());
  }
}

TEST_CASE("x * y is multiply, and says what does not fit") {
  Graph<float> net;
  const auto x = net.input({4, 5, 3});
  CHECK((x * net.input({3})).shape() == Shape{4, 5, 3});
  CHECK((net.input({4, 1, 3}) * net.input({1, 5, 3})).shape() == Shape{4, 5, 3});
  CHECK(message_of([&] {
          x* net.input({4, 2, 3});
        }) ==
        "multiply: expected two inputs of one shape, or images whose H or W is 1 in one of them, "
        "got [4, 5, 3] and [4, 2, 3]");
  CHECK(message_of([&] { x* net.input({1}); }) ==
        "multiply: expected two inputs of one shape, or images whose H or W is 1 in one of them, "
        "got [4, 5, 3] and [1]");
  CHECK(message_of([&] {
          net.input({6, 5}) * net.input({5});
        }) ==
        "multiply: expected two inputs of one shape, or images whose H or W is 1 in one of them, "
        "got [6, 5] and [5]");
}

}  // namespace
