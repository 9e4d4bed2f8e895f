#include "octet/nn/concat.hpp"

#include <doctest/doctest.h>
#include <limits>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("concat puts channels one after the other") {
  Concat<float> layer;
  CHECK(forward<float>(layer, {Tensor<float>({1, 2, 1, 2}, {1, 2, 3, 4}),
                               Tensor<float>({1, 2, 1, 1}, {10, 20})}) ==
        Tensor<float>({1, 2, 1, 3}, {1, 2, 10, 3, 4, 20}));
}

TEST_CASE("concat has the gradients of its output") {
  const std::vector<std::vector<Shape>> sets = {
      {{3, 2, 4}}, {{3, 2, 1}, {3, 2, 5}}, {{2, 2, 1}, {2, 2, 2}, {2, 2, 3}}, {{4}, {5}}};
  for (const std::vector<Shape>& inputs : sets) {
    const auto result = check_gradient(Concat<double>(), inputs);
    CHECK_MESSAGE(result.passed(), result.text());
  }
}

TEST_CASE("concat says what does not fit") {
  Graph<float> net;
  const auto x = net.input({4, 5, 3});
  CHECK(concat({x, net.input({4, 5, 2}), x}).shape() == Shape{4, 5, 8});
  CHECK(message_of([&] {
          concat({x, net.input({4, 4, 3})});
        }) ==
        "concat: expected inputs that differ in their channels alone, got [4, 5, 3] and [4, 4, 3]");
  CHECK(message_of([&] {
          concat({x, net.input({3})});
        }) == "concat: expected inputs that differ in their channels alone, got [4, 5, 3] and [3]");
  const auto wide = net.input({std::int64_t{1} << 30});
  CHECK(message_of([&] {
          concat({wide, wide});
        }) == "concat: expected extents of at most 2147483647, got [2147483648]");
  CHECK(message_of([&] { net.input({(std::numeric_limits<std::int64_t>::max)()}); }) ==
        "input: expected extents of at most 2147483647, got [9223372036854775807]");
}

}  // namespace
