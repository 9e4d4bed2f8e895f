#include "octet/optim/clip.hpp"

#include <doctest/doctest.h>
#include <limits>

#include "parameters.hpp"

using doctest::Approx;
using octet::clip_gradient_norm;
using octet::clip_gradient_value;
using octet::Tensor;

TEST_CASE("clip_gradient_norm: by hand") {
  TestParameters<double> p;
  p.weight.gradient.fill(0), p.bias.gradient.fill(0), p.scale.gradient.fill(0);
  p.weight.gradient[3] = 3;
  p.scale.gradient[1] = -4;
  SUBCASE("above the maximum all gradients shrink together") {
    CHECK(clip_gradient_norm<double>(p.all, 2.5) == 5);
    CHECK(p.weight.gradient[3] == Approx(1.5).epsilon(1e-6));
    CHECK(p.scale.gradient[1] == Approx(-2).epsilon(1e-6));
    CHECK(octet::gradient_norm<double>(p.all) <= 2.5);
  }
  SUBCASE("below it they stay") {
    CHECK(clip_gradient_norm<double>(p.all, 5.1) == 5);
    CHECK(p.weight.gradient[3] == 3);
  }
  SUBCASE("frozen parameters do not count and do not shrink") {
    p.scale.learning_rate_factor = 0;
    CHECK(clip_gradient_norm<double>(p.all, 1) == 3);
    CHECK(p.weight.gradient[3] == Approx(1).epsilon(1e-6));
    CHECK(p.scale.gradient[1] == -4);
  }
  SUBCASE("a gradient that is no number is told, not spread") {
    p.bias.gradient[0] = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(clip_gradient_norm<double>(p.all, 1)));
    CHECK(p.weight.gradient[3] == 3);
    p.bias.gradient[0] = std::numeric_limits<double>::infinity();
    CHECK(std::isinf(clip_gradient_norm<double>(p.all, 1)));
    CHECK(p.weight.gradient[3] == 3);
  }
  CHECK_THROWS_WITH_AS(clip_gradient_norm<double>(p.all, 0),
                       "clip_gradient_norm: expected a maximum above 0, got 0", octet::Error);
}

TEST_CASE("clip_gradient_norm: the number of threads changes no bit") {
  octet::Parameter<float> big{"big", octet::ParameterKind::weight, {100003}};
  TestParameters<float>::draw(big.gradient, 1);
  const std::vector<octet::Parameter<float>*> all{&big};
  octet::ThreadPool one(1), four(4);
  const double norm = octet::gradient_norm<float>(all, one);
  CHECK(norm == octet::gradient_norm<float>(all, four));
  CHECK(norm == Approx(std::sqrt(100003.0)).epsilon(0.02));
}

TEST_CASE("clip_gradient_value: every element by itself") {
  TestParameters<float> p;
  p.scale.gradient = Tensor<float>({3}, {-7, 0.5f, 7});
  p.bias.learning_rate_factor = 0;
  p.bias.gradient.fill(9);
  clip_gradient_value<float>(p.all, 1);
  CHECK(p.scale.gradient == Tensor<float>({3}, {-1, 0.5f, 1}));
  CHECK(p.bias.gradient[0] == 9);
  p.scale.gradient[0] = std::numeric_limits<float>::quiet_NaN();
  clip_gradient_value<float>(p.all, 1);
  CHECK(std::isnan(p.scale.gradient[0]));
  CHECK_THROWS_AS(clip_gradient_value<float>(p.all, -1), octet::Error);
}
