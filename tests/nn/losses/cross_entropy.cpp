#include "octet/nn/losses/cross_entropy.hpp"

#include <doctest/doctest.h>
#include <limits>

#include "finite_difference.hpp"

using octet::cross_entropy;
using octet::CrossEntropyOptions;
using octet::Error;
using octet::Shape;
using octet::Tensor;

namespace {

const std::vector<std::int32_t> labels = {2, 0, 3, 1, 2};
const std::vector<double> weights = {0.5, 2, 0, 1.25};

Tensor<double> distributions() {
  Tensor<double> targets = random_tensor({5, 4}, 9);
  for (std::int64_t n = 0; n < 5; ++n) {
    double sum = 0;
    for (std::int64_t k = 0; k < 4; ++k) sum += targets[n * 4 + k] = std::abs(targets[n * 4 + k]);
    for (std::int64_t k = 0; k < 4; ++k) targets[n * 4 + k] /= sum;
  }
  return targets;
}

}  // namespace

TEST_CASE("cross_entropy: values by hand") {
  // softmax of (0, log 3) is (1/4, 3/4).
  const Tensor<double> logits({2, 2}, {0, std::log(3.0), std::log(3.0), 0});
  const std::vector<std::int32_t> wrong_right = {0, 0};
  Tensor<double> d({2, 2});
  CHECK(cross_entropy<double>(logits, wrong_right, {}, d) ==
        doctest::Approx((std::log(4.0) + std::log(4.0 / 3)) / 2).epsilon(1e-14));
  CHECK(d[0] == doctest::Approx(-0.75 / 2).epsilon(1e-14));
  CHECK(d[1] == doctest::Approx(0.75 / 2).epsilon(1e-14));
  CHECK(d[2] == doctest::Approx(-0.25 / 2).epsilon(1e-14));

  SUBCASE("class weights: the mean is weighted by the labels' weights") {
    const std::vector<std::int32_t> both = {0, 1};
    CHECK(cross_entropy<double>(logits, both, {.class_weights = {3, 1}}) ==
          doctest::Approx((3 * std::log(4.0) + std::log(4.0)) / 4).epsilon(1e-14));
  }
  SUBCASE("label smoothing") {
    // Half of 0.2 of the target goes to the other class.
    const double expected = (0.9 * std::log(4.0) + 0.1 * std::log(4.0 / 3) +
                             0.9 * std::log(4.0 / 3) + 0.1 * std::log(4.0)) /
                            2;
    CHECK(cross_entropy<double>(logits, wrong_right, {.label_smoothing = 0.2}) ==
          doctest::Approx(expected).epsilon(1e-14));
  }
  SUBCASE("label smoothing and class weights: divided by the labels' weights") {
    // Of weight 3 and 1; each class is smoothed by its own weight.
    const double expected = (3 * 0.9 * std::log(4.0) + 1 * 0.1 * std::log(4.0 / 3) +
                             3 * 0.9 * std::log(4.0 / 3) + 1 * 0.1 * std::log(4.0)) /
                            6;
    CHECK(cross_entropy<double>(logits, wrong_right,
                                {.label_smoothing = 0.2, .class_weights = {3, 1}}) ==
          doctest::Approx(expected).epsilon(1e-14));
  }
  SUBCASE("distributions with class weights: divided by the number of rows") {
    const Tensor<double> targets({2, 2}, {0.5, 0.5, 1, 0});
    const double expected =
        (0.5 * 3 * std::log(4.0) + 0.5 * std::log(4.0 / 3) + 3 * std::log(4.0 / 3)) / 2;
    CHECK(cross_entropy<double>(logits, targets.view(), {.class_weights = {3, 1}}) ==
          doctest::Approx(expected).epsilon(1e-14));
  }
}

TEST_CASE("cross_entropy: the gradient is that of the loss, for every combination of options") {
  const Tensor<double> logits = random_tensor({5, 4}, 1, 3), targets = distributions();
  for (const double smoothing : {0.0, 0.1, 1.0})
    for (const bool weighted : {false, true}) {
      CAPTURE(smoothing);
      CAPTURE(weighted);
      const CrossEntropyOptions options{
          .label_smoothing = smoothing,
          .class_weights = weighted ? weights : std::vector<double>{}};
      Tensor<double> d({5, 4}, 99.0);
      cross_entropy<double>(logits, labels, options, d);
      check_gradient_of_loss(logits, d, [&](const Tensor<double>& at) {
        return cross_entropy<double>(at, labels, options);
      });
      d.fill(99);
      cross_entropy<double>(logits, targets.view(), options, d);
      check_gradient_of_loss(logits, d, [&](const Tensor<double>& at) {
        return cross_entropy<double>(at, targets.view(), options);
      });
    }
}

TEST_CASE("cross_entropy: labels and their one-hot rows cost the same") {
  const Tensor<double> logits = random_tensor({5, 4}, 2);
  Tensor<double> one_hot({5, 4});
  for (std::size_t n = 0; n < 5; ++n) one_hot[static_cast<std::int64_t>(n) * 4 + labels[n]] = 1;
  Tensor<double> a({5, 4}), b({5, 4});
  CHECK(cross_entropy<double>(logits, labels, {.label_smoothing = 0.3}, a) ==
        doctest::Approx(cross_entropy<double>(logits, one_hot.view(), {.label_smoothing = 0.3}, b))
            .epsilon(1e-14));
  for (std::int64_t i = 0; i < 20; ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-13));
}

TEST_CASE("cross_entropy: stays finite for large logits, and says infinity where it is") {
  const Tensor<float> logits({2, 3}, {1e4f, -1e4f, 0, -3e38f, 0, 1});
  const std::vector<std::int32_t> easy = {0, 2};
  Tensor<float> d({2, 3});
  CHECK(cross_entropy<float>(logits, easy, {}, d) ==
        doctest::Approx(std::log(1 + std::exp(-1.0)) / 2));
  for (const float slope : d) CHECK(std::isfinite(slope));
  const std::vector<std::int32_t> hard = {1, 2};
  CHECK(cross_entropy<float>(logits, hard) > 9999);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(
      cross_entropy<float>(Tensor<float>({1, 2}, {nan, 0}), std::vector<std::int32_t>{1})));
}

TEST_CASE("cross_entropy: the gradient may overwrite the logits") {
  Tensor<double> logits = random_tensor({5, 4}, 3), d({5, 4});
  const double loss = cross_entropy<double>(logits, labels, {.label_smoothing = 0.1}, d);
  CHECK(cross_entropy<double>(logits, labels, {.label_smoothing = 0.1}, logits) == loss);
  CHECK(logits == d);
}

TEST_CASE("cross_entropy: the number of threads changes no bit") {
  const Tensor<double> logits = random_tensor({1000, 7}, 4);
  std::vector<std::int32_t> many(1000);
  for (std::size_t n = 0; n < 1000; ++n) many[n] = static_cast<std::int32_t>(n % 7);
  octet::ThreadPool one(1), four(4);
  Tensor<double> a({1000, 7}), b({1000, 7});
  CHECK(cross_entropy<double>(logits, many, {}, a, one) ==
        cross_entropy<double>(logits, many, {}, b, four));
  CHECK(a == b);
}

TEST_CASE("cross_entropy: a batch whose labels all have weight 0 costs nothing") {
  const Tensor<double> logits = random_tensor({1, 4}, 5);
  Tensor<double> d({1, 4}, 1.0);
  for (const double smoothing : {0.0, 0.1}) {
    d.fill(1);
    CHECK(cross_entropy<double>(logits, std::vector<std::int32_t>{2},
                                {.label_smoothing = smoothing, .class_weights = weights}, d) == 0);
    for (const double slope : d) CHECK(slope == 0);
  }
}

TEST_CASE("cross_entropy: mistakes have their sentence") {
  const Tensor<double> logits({2, 3});
  const auto with = [&](std::vector<std::int32_t> of) { cross_entropy<double>(logits, of); };
  CHECK_THROWS_WITH_AS(with({0, 3}),
                       "cross_entropy: expected labels from 0 to 2, got 3 for number 1", Error);
  CHECK_THROWS_WITH_AS(with({-1, 0}),
                       "cross_entropy: expected labels from 0 to 2, got -1 for number 0", Error);
  CHECK_THROWS_WITH_AS(with({0}), "cross_entropy: expected 2 labels, got 1", Error);
  const std::vector<std::int32_t> good = {0, 1};
  CHECK_THROWS_WITH_AS(cross_entropy<double>(Tensor<double>({6}), good),
                       "cross_entropy: expected logits [N, K], got [6]", Error);
  CHECK_THROWS_WITH_AS(cross_entropy<double>(logits, good, {.class_weights = {1, 2}}),
                       "cross_entropy: expected 3 class weights, got 2", Error);
  CHECK_THROWS_WITH_AS(cross_entropy<double>(logits, good, {.class_weights = {1, 2, -1}}),
                       "cross_entropy: expected finite class weights of at least 0, got -1", Error);
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(cross_entropy<double>(logits, good, {.class_weights = {1, infinity, 1}}),
                       "cross_entropy: expected finite class weights of at least 0, got inf",
                       Error);
  CHECK_THROWS_WITH_AS(cross_entropy<double>(logits, good, {.label_smoothing = 1.5}),
                       "cross_entropy: expected label_smoothing from 0 to 1, got 1.5", Error);
  Tensor<double> d({3, 2});
  CHECK_THROWS_WITH_AS(cross_entropy<double>(logits, good, {}, d),
                       "cross_entropy: expected a gradient of shape [2, 3], got [3, 2]", Error);
  const Tensor<double> votes({2, 3}, {1, 0, 0, 2, 1, 0});
  CHECK_THROWS_WITH_AS(cross_entropy<double>(logits, votes.view()),
                       "cross_entropy: expected each row of targets to be at least 0 and to sum "
                       "to 1, but row 1 sums to 3 and its least is 0",
                       Error);
}
