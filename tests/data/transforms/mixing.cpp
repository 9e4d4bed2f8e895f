#include "octet/data/transforms/mixing.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "message_of.hpp"

using octet::Batch;
using octet::Random;
using octet::Tensor;

namespace {

// Image i is of the tone i all over, its label is i.
Batch six_images() {
  Batch batch;
  batch.images = Tensor<float>({6, 8, 10, 1});
  for (std::int64_t i = 0; i < batch.images.elements(); ++i)
    batch.images[i] = static_cast<float>(i / 80);
  batch.labels = {0, 1, 2, 3, 4, 5};
  return batch;
}

// The tone that a row's targets stand for.
double expected_tone(const Batch& batch, std::int64_t row) {
  double tone = 0;
  for (std::int64_t c = 0; c < 6; ++c)
    tone += static_cast<double>(c) * static_cast<double>(batch.targets[row * 6 + c]);
  return tone;
}

}  // namespace

TEST_CASE("mixup: every image is mixed as its targets say") {
  Batch batch = six_images();
  octet::mixup({.alpha = 1}).apply(batch, 6, Random(4));
  REQUIRE(batch.targets.shape() == octet::Shape{6, 6});
  bool mixed = false;
  for (std::int64_t row = 0; row < 6; ++row) {
    float sum = 0;
    for (std::int64_t c = 0; c < 6; ++c) sum += batch.targets[row * 6 + c];
    CHECK(sum == doctest::Approx(1));
    for (std::int64_t i = 0; i < 80; ++i)
      CHECK(static_cast<double>(batch.images[row * 80 + i]) ==
            doctest::Approx(expected_tone(batch, row)).epsilon(1e-6));
    const float own = batch.targets[row * 6 + row];
    mixed = mixed || (own > 0.01f && own < 0.99f);
  }
  CHECK(mixed);
}

TEST_CASE("CutMix: one rectangle is another image's, targets go by the areas") {
  bool cut = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Batch batch = six_images();
    octet::cutmix().apply(batch, 6, Random(seed));
    for (std::int64_t row = 0; row < 6; ++row) {
      double mean = 0;
      for (std::int64_t i = 0; i < 80; ++i) {
        const float tone = batch.images[row * 80 + i];
        CHECK(tone == std::floor(tone));
        mean += static_cast<double>(tone) / 80;
      }
      CHECK(mean == doctest::Approx(expected_tone(batch, row)).epsilon(1e-5));
      cut = cut || std::abs(mean - std::floor(mean)) > 1e-3;
    }
  }
  CHECK(cut);
}

TEST_CASE("mixing starts from given targets, not from labels") {
  Batch batch = six_images();
  batch.targets = Tensor<float>({6, 6}, 1.0f / 6);
  octet::mixup().apply(batch, 6, Random(1));
  for (const float value : batch.targets) CHECK(value == doctest::Approx(1.0 / 6));
}

TEST_CASE("beta variates have the distribution's mean and variance") {
  for (const double alpha : {0.2, 1.0, 4.0}) {
    double sum = 0, squares = 0;
    constexpr int count = 20000;
    for (std::uint64_t i = 0; i < count; ++i) {
      const double x = octet::beta_variate(alpha, Random(7).substream(i));
      REQUIRE(x >= 0);
      REQUIRE(x <= 1);
      sum += x;
      squares += (x - 0.5) * (x - 0.5);
    }
    const double variance = 1 / (4 * (2 * alpha + 1));
    CAPTURE(alpha);
    // Six standard errors of the mean; the variance of (x - 1/2)^2 is at most 1/16.
    CHECK(std::abs(sum / count - 0.5) < 6 * std::sqrt(variance / count));
    CHECK(std::abs(squares / count - variance) < 6 * 0.25 / std::sqrt(double{count}));
  }
}

TEST_CASE("mixing: options and labels that cannot be are refused") {
  CHECK(message_of([] { octet::mixup({.alpha = 0}); }) ==
        "mixup: expected a finite alpha above 0, got 0");
  CHECK(message_of([] { octet::cutmix({.alpha = -1}); }) ==
        "cutmix: expected a finite alpha above 0, got -1");
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(message_of([&] { octet::mixup({.alpha = infinity}); }) ==
        "mixup: expected a finite alpha above 0, got inf");
  CHECK(message_of([&] { octet::cutmix({.alpha = infinity}); }) ==
        "cutmix: expected a finite alpha above 0, got inf");
  CHECK(message_of([] {
          Batch batch = six_images();
          octet::mixup().apply(batch, 5, Random(1));
        }) == "targets: expected a label from 0 to 4, got 5");
}
