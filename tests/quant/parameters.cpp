// Scales and zero points from ranges; the value function against known answers.
#include "octet/quant/parameters.hpp"

#include <doctest/doctest.h>

using namespace octet;

TEST_CASE("0.0 is always representable, and both ends of the range are within half a step") {
  const float ranges[][2] = {{0, 6}, {-1, 1},  {-3, 0},       {-0.1f, 5},
                             {2, 7}, {-9, -4}, {-1e-3f, 1e6f}};
  for (const auto& range : ranges) {
    const float low = range[0], high = range[1];
    CAPTURE(low);
    CAPTURE(high);
    const QuantizationParameters p = parameters_of_range(low, high);
    CHECK(dequantize_value(quantize_value(0, p), p) == 0.0f);
    CHECK(p.zero_point >= -128);
    CHECK(p.zero_point <= 127);
    CHECK(p.lowest() <= (std::min)(low, 0.0f) + 0.51f * p.scale);
    CHECK(p.highest() >= (std::max)(high, 0.0f) - 0.51f * p.scale);
  }
  CHECK(parameters_of_range(0, 255).zero_point == -128);
  CHECK(parameters_of_range(0, 255).scale == 1.0f);
  CHECK(parameters_of_range(-255, 0).zero_point == 127);
}

TEST_CASE("degenerate ranges") {
  CHECK(parameters_of_range(0, 0) == QuantizationParameters{1, 0});
  CHECK(parameters_of_range(0, 1e-30f) == QuantizationParameters{1, 0});
  CHECK(parameters_of_range(-3e38f, 3e38f).scale > 0);
  CHECK_THROWS_AS(parameters_of_range(1, 0), Error);
  CHECK_THROWS_AS(parameters_of_range(0, std::numeric_limits<float>::infinity()), Error);
  CHECK_THROWS_AS(parameters_of_range(std::nanf(""), 1), Error);
  CHECK(symmetric_scale(0) == 1.0f);
  CHECK(symmetric_scale(127) == 1.0f);
  CHECK_THROWS_AS(symmetric_scale(std::nanf("")), Error);
}

TEST_CASE("rounding goes to nearest, ties to even, and saturates") {
  const QuantizationParameters p{0.5f, 10};
  CHECK(quantize_value(0.25f, p) == 10);
  CHECK(quantize_value(0.75f, p) == 12);
  CHECK(quantize_value(-0.25f, p) == 10);
  CHECK(quantize_value(1e9f, p) == 127);
  CHECK(quantize_value(-1e9f, p) == -128);
  CHECK(quantize_value(std::nanf(""), p) == 10);
  CHECK(dequantize_value(12, p) == 1.0f);
  CHECK(quantize_weight(-1000, 1) == -127);
  CHECK(quantize_weight(2.5f, 1) == 2);
}
