#include "octet/nn/depthwise_conv2d.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "../tolerance.hpp"
#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"
#include "octet/nn/conv2d.hpp"

using namespace octet;

namespace {

struct DepthwiseCase {
  const char* name;
  Shape input;
  DepthwiseConv2dOptions options;
};

const std::vector<DepthwiseCase>& depthwise_cases() {
  static const std::vector<DepthwiseCase> all = {
      {"3x3, padding 1", {5, 4, 3}, {.kernel = 3, .padding = 1}},
      {"no bias", {4, 4, 2}, {.kernel = 3, .padding = 1, .bias = Bias::none}},
      {"stride 2, one channel", {6, 5, 1}, {.kernel = 3, .stride = 2, .padding = 1}},
      {"multiplier 3", {4, 5, 2}, {.kernel = 3, .padding = 1, .multiplier = 3}},
      {"same, dilation", {6, 5, 2}, {.kernel = {3, 2}, .padding = same, .dilation = 2}},
      {"unequal everything",
       {6, 7, 2},
       {.kernel = {1, 4}, .stride = {2, 1}, .padding = {0, 1, 3, 0}, .multiplier = 2}},
  };
  return all;
}

/// The same convolution as conv2d with one group for each channel.
template <class T>
void compare_with_groups(const DepthwiseCase& each) {
  const DepthwiseConv2dOptions& options = each.options;
  DepthwiseConv2d<T> layer(each.input[2], options);
  const std::int64_t channels = layer.channels();
  const std::int64_t taps = options.kernel.h * options.kernel.w;
  Conv2d<T> groups(each.input[2], channels,
                   {.kernel = options.kernel,
                    .stride = options.stride,
                    .padding = options.padding,
                    .dilation = options.dilation,
                    .groups = each.input[2],
                    .bias = options.bias});
  layer.initialize(Random(1));
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t tap = 0; tap < taps; ++tap)
      groups.weight().value[c * taps + tap] = layer.weight().value[tap * channels + c];
    if (layer.bias()) groups.bias()->value[c] = layer.bias()->value[c] = static_cast<T>(c) - T(0.5);
  }
  const Tensor<T> x = random_tensor<T>(each.input.with_batch(5), 2);
  const Tensor<T> y = forward(layer, {x}), other_y = forward(groups, {x});
  REQUIRE(y.shape() == other_y.shape());
  const Tensor<T> dy = random_tensor<T>(y.shape(), 3);
  const Tensor<T> dx = backward(layer, {x}, y, dy)[0];
  const Tensor<T> other_dx = backward(groups, {x}, y, dy)[0];
  const double bound = tolerance<T>(static_cast<double>(taps), 30);
  for (std::int64_t i = 0; i < y.elements(); ++i) CHECK(std::abs(y[i] - other_y[i]) <= bound);
  for (std::int64_t i = 0; i < x.elements(); ++i) CHECK(std::abs(dx[i] - other_dx[i]) <= bound);
  const double pixels = static_cast<double>(y.elements() / channels);
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t tap = 0; tap < taps; ++tap)
      CHECK(std::abs(layer.weight().gradient[tap * channels + c] -
                     groups.weight().gradient[c * taps + tap]) <= tolerance<T>(pixels, 30));
}

TEST_CASE("depthwise_conv2d equals conv2d with a group for each channel") {
  for (const DepthwiseCase& each : depthwise_cases()) {
    CAPTURE(each.name);
    compare_with_groups<float>(each);
    compare_with_groups<double>(each);
  }
}

TEST_CASE("depthwise_conv2d has the gradients of its output") {
  for (const DepthwiseCase& each : depthwise_cases()) {
    CAPTURE(each.name);
    // More images than one partial sum of the weights' gradient takes.
    const auto result = check_gradient(DepthwiseConv2d<double>(each.input[2], each.options),
                                       {each.input}, {.batch = 5});
    CHECK_MESSAGE(result.passed(), result.text());
  }
}

TEST_CASE("depthwise_conv2d counts its multiplications") {
  const DepthwiseConv2d<float> layer(4, {.kernel = 3, .padding = 1, .multiplier = 2});
  const Shape input{5, 7, 4};
  CHECK(layer.multiply_adds({&input, 1}) == 5 * 7 * 8 * 3 * 3);
}

TEST_CASE("depthwise_conv2d says what does not fit") {
  Graph<float> net;
  const auto x = net.input({4, 5, 6});
  CHECK(message_of([&] { depthwise_conv2d(x, {.multiplier = 0}); }) ==
        "depthwise_conv2d: expected at least one channel and a multiplier of at least 1, got 6 and "
        "0");
  CHECK(message_of([&] {
          depthwise_conv2d(x, {.kernel = {1, 6}});
        }) ==
        "depthwise_conv2d: expected an input with padding of at least 1x6, got [4, 5, 6] with "
        "padding top 0, bottom 0, left 0, right 0");
  CHECK(message_of([&] { apply<float>(std::make_unique<DepthwiseConv2d<float>>(3), {x}); }) ==
        "depthwise_conv2d: expected an input of 3 channels, got [4, 5, 6]");
}

}  // namespace
