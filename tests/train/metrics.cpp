#include "octet/train/metrics.hpp"

#include <array>
#include <doctest/doctest.h>
#include <limits>

#include "message_of.hpp"

using namespace octet;

TEST_CASE("Wilson's interval agrees with published values") {
  const Proportion eight_of_ten = wilson_interval(8, 10);
  CHECK(eight_of_ten.value == 0.8);
  CHECK(eight_of_ten.low == doctest::Approx(0.4901625).epsilon(1e-6));
  CHECK(eight_of_ten.high == doctest::Approx(0.9433178).epsilon(1e-6));

  const Proportion none = wilson_interval(0, 20);
  CHECK(none.low == doctest::Approx(0).epsilon(1e-12));
  CHECK(none.high == doctest::Approx(0.1611252).epsilon(1e-6));
  CHECK(wilson_interval(0, 0).low == 0);
  CHECK(wilson_interval(0, 0).high == 1);
  CHECK_THROWS_AS(wilson_interval(5, 4), Error);
}

TEST_CASE("McNemar's test agrees with the binomial sums done by hand") {
  const McNemar test = mcnemar(10, 2);
  CHECK(test.exact_p == doctest::Approx(2.0 * (1 + 12 + 66) / 4096));
  CHECK(test.mid_p == doctest::Approx((2.0 * (1 + 12 + 66) - 66) / 4096));
  CHECK(mcnemar(2, 10).mid_p == test.mid_p);

  const McNemar even = mcnemar(3, 3);
  CHECK(even.exact_p == 1);
  CHECK(even.mid_p == doctest::Approx(1 - 20.0 / 64 / 2));

  CHECK(mcnemar(0, 0).exact_p == 1);
  CHECK(mcnemar(0, 0).mid_p == 1);
  // Thousands of images must neither overflow nor vanish: by normal approximation p is near 0.32.
  CHECK(mcnemar(5050, 4950).mid_p == doctest::Approx(0.3173).epsilon(0.01));
}

TEST_CASE("ranks, top-k and predictions come from the scores") {
  Evaluation evaluation;
  const auto add = [&](int label, std::array<float, 4> scores) {
    evaluation.add(label, std::span<const float>(scores));
  };
  add(2, {0, 1, 5, 2});
  add(3, {0, 1, 5, 2});
  add(0, {0, 1, 5, 2});
  CHECK(evaluation.classes == 4);
  CHECK(evaluation.predicted == std::vector<int>{2, 2, 2});
  CHECK(evaluation.ranks == std::vector<int>{0, 1, 3});
  CHECK(evaluation.correct() == 1);
  CHECK(evaluation.correct(2) == 2);
  CHECK(evaluation.accuracy(4).value == 1);

  SUBCASE("of equal scores the first wins, so a constant model is not right about everything") {
    add(1, {7, 7, 7, 7});
    CHECK(evaluation.predicted.back() == 0);
    CHECK(evaluation.ranks.back() == 1);
  }
  SUBCASE("scores that are no numbers never win") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    add(1, {nan, nan, -3, nan});
    CHECK(evaluation.predicted.back() == 2);
    CHECK(evaluation.ranks.back() == 2);
  }
  SUBCASE("a subset keeps what is marked") {
    const Evaluation part = evaluation.subset({true, false, true});
    CHECK(part.labels == std::vector<int>{2, 0});
    CHECK(part.correct() == 1);
    CHECK(std::isnan(part.loss));
    CHECK_THROWS_AS(evaluation.subset({true}), Error);
  }
}

TEST_CASE("the confusion matrix gives recall, precision and F1 of each class") {
  ConfusionMatrix matrix(3);
  for (int i = 0; i < 6; ++i) matrix.add(0, 0);
  for (int i = 0; i < 2; ++i) matrix.add(0, 1);
  for (int i = 0; i < 4; ++i) matrix.add(1, 1);
  CHECK(matrix.count(0, 1) == 2);
  CHECK(matrix.labelled(0) == 8);
  CHECK(matrix.predicted(1) == 6);
  CHECK(matrix.recall(0) == 0.75);
  CHECK(matrix.precision(1) == doctest::Approx(4.0 / 6));
  CHECK(matrix.f1(1) == doctest::Approx(0.8));
  CHECK(matrix.recall(2) == 0);
  CHECK(matrix.accuracy() == doctest::Approx(10.0 / 12));
  CHECK_THROWS_AS(ConfusionMatrix(0), Error);
  CHECK_THROWS_AS(ConfusionMatrix(-100000), Error);
}

TEST_CASE("two evaluations are compared image by image") {
  Evaluation before, after;
  const std::array<float, 2> zero{1, 0}, one{0, 1};
  const auto add = [&](int label, const std::array<float, 2>& a, const std::array<float, 2>& b) {
    before.add(label, std::span<const float>(a));
    after.add(label, std::span<const float>(b));
  };
  add(0, zero, one);
  add(0, zero, zero);
  add(1, zero, one);
  add(1, zero, one);
  const McNemar test = mcnemar(before, after);
  CHECK(test.right_to_wrong == 1);
  CHECK(test.wrong_to_right == 2);
  after.add(0, std::span<const float>(zero));
  CHECK(message_of([&] { mcnemar(before, after); }) ==
        "mcnemar: expected two evaluations of the same images, got 4 and 5");
  before.add(1, std::span<const float>(zero));
  CHECK(message_of([&] { mcnemar(before, after); }) ==
        "mcnemar: expected two evaluations of the same images, got two whose labels differ");
}
