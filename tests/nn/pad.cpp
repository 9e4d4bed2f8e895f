#include "octet/nn/pad.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

TEST_CASE("pad puts a constant around the image") {
  Pad<float> layer({.padding = {1, 0, 0, 2}, .value = 9});
  CHECK(forward<float>(layer, {Tensor<float>({1, 1, 2, 1}, {1, 2})}) ==
        Tensor<float>({1, 2, 4, 1}, {9, 9, 9, 9, 1, 2, 9, 9}));
}

TEST_CASE("pad has the gradients of its output") {
  for (const PadOptions& options :
       {PadOptions{.padding = 1}, {.padding = {0, 1, 2, 3}, .value = -4}, {.padding = 0}}) {
    const auto result = check_gradient(Pad<double>(options), {{3, 2, 2}});
    CHECK_MESSAGE(result.passed(), result.text());
  }
}

TEST_CASE("pad says what does not fit") {
  Graph<float> net;
  const auto x = net.input({4, 5, 3});
  CHECK(pad(x, {.padding = {1, 2, 3, 4}}).shape() == Shape{7, 12, 3});
  CHECK(message_of([&] { pad(x, {.padding = same}); }) ==
        "pad: expected numbers of rows and columns, got same");
  CHECK(message_of([&] { pad(x, {.padding = -1}); }) ==
        "pad: expected a padding from 0 to 2147483647, got -1");
  CHECK(message_of([&] { pad(net.input({4}), {.padding = 1}); }) ==
        "pad: expected an input of shape [H, W, C], got [4]");
}

}  // namespace
