#include "octet/optim/range_test.hpp"

#include <doctest/doctest.h>
#include <limits>

using doctest::Approx;
using octet::range_test;

TEST_CASE("range_test: rates grow by a constant factor, the smoothed loss has no bias") {
  const auto curve = range_test(
      {.first_learning_rate = 1e-4, .last_learning_rate = 1, .steps = 5, .smoothing = 0.5},
      [](double rate) { return 2 - rate; });
  REQUIRE(curve.size() == 5);
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(curve[i].learning_rate == Approx(std::pow(10.0, static_cast<double>(i) - 4)));
  CHECK(curve[0].smoothed_loss == Approx(curve[0].loss));
  CHECK(curve[1].smoothed_loss == Approx((curve[0].loss + 2 * curve[1].loss) / 3));
}

TEST_CASE("range_test: descends a quadratic, finds where, and stops when it diverges") {
  // Descent on x^2 / 2 multiplies x by 1 - rate: it gets lost beyond a rate of 2.
  double x = 1;
  const auto curve =
      range_test({.first_learning_rate = 1e-4, .last_learning_rate = 1e3}, [&x](double rate) {
        const double loss = x * x / 2;
        x -= rate * x;
        return loss;
      });
  CHECK(curve.size() < 100);
  CHECK(curve.back().learning_rate > 2);
  const double best = octet::steepest_learning_rate(curve);
  CHECK(best > 0.005);
  CHECK(best < 1);
}

TEST_CASE("range_test: ends at a loss that is no number") {
  int calls = 0;
  const auto curve = range_test({.steps = 50}, [&calls](double) {
    return ++calls < 10 ? 1.0 / calls : std::numeric_limits<double>::quiet_NaN();
  });
  CHECK(curve.size() == 10);
  CHECK(octet::steepest_learning_rate(curve) > 0);
}

TEST_CASE("range_test: mistakes have their sentence") {
  const auto loss = [](double) { return 1.0; };
  CHECK_THROWS_WITH_AS(range_test({.steps = 1}, loss),
                       "range_test: expected at least 2 steps, got 1", octet::Error);
  CHECK_THROWS_AS(range_test({.first_learning_rate = 1, .last_learning_rate = 0.1}, loss),
                  octet::Error);
  CHECK_THROWS_AS(range_test({.smoothing = 1}, loss), octet::Error);
}

TEST_CASE("steepest_learning_rate: a curve that is too short or never falls has no answer") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(octet::steepest_learning_rate({}),
                       "range_test: expected at least 3 finite losses, got 0", octet::Error);
  CHECK_THROWS_WITH_AS(octet::steepest_learning_rate({{0.1, 3, 3}, {0.2, 2, 2}, {0.4, nan, nan}}),
                       "range_test: expected at least 3 finite losses, got 2", octet::Error);
  const char* const never =
      "range_test: expected a loss that falls at some rate from 0.1 to 0.8, got one that never "
      "does";
  CHECK_THROWS_WITH_AS(
      octet::steepest_learning_rate({{0.1, 1, 1}, {0.2, 2, 2}, {0.4, 3, 3}, {0.8, 5, 5}}), never,
      octet::Error);
  CHECK_THROWS_WITH_AS(
      octet::steepest_learning_rate({{0.1, 1, 1}, {0.2, 1, 1}, {0.4, 1, 1}, {0.8, 1, 1}}), never,
      octet::Error);
  CHECK(octet::steepest_learning_rate({{0.1, 2, 2}, {0.2, 3, 3}, {0.4, 1, 1}, {0.8, 0, 0}}) == 0.4);
}
