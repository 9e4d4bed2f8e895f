#include "octet/data/transforms/intensity.hpp"

#include <algorithm>
#include <doctest/doctest.h>

#include "message_of.hpp"

using octet::Image;
using octet::Pipeline;
using octet::Random;

namespace {

Image two_tones() {
  Image image(1, 2, 1);
  image.pixels = {102, 153};  // 0.4 and 0.6
  return image;
}

}  // namespace

TEST_CASE("contrast moves values from the mean, which stays") {
  const Pipeline pipeline = {octet::random_contrast({.amount = 0.5})};
  float smallest = 1, largest = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto result = pipeline(two_tones(), Random(seed));
    CHECK(result[0] + result[1] == doctest::Approx(1));
    smallest = (std::min)(smallest, result[1] - result[0]);
    largest = (std::max)(largest, result[1] - result[0]);
  }
  CHECK(smallest >= 0.1f - 1e-6f);
  CHECK(smallest < 0.11f);
  CHECK(largest <= 0.3f + 1e-6f);
  CHECK(largest > 0.29f);
}

TEST_CASE("brightness adds one number to all, and stays from 0 to 1") {
  const Pipeline pipeline = {octet::random_brightness({.amount = 0.3})};
  float smallest = 1, largest = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto result = pipeline(two_tones(), Random(seed));
    CHECK(result[1] - result[0] == doctest::Approx(0.2));
    smallest = (std::min)(smallest, result[0]);
    largest = (std::max)(largest, result[0]);
  }
  CHECK(smallest >= 0.1f - 1e-6f);
  CHECK(smallest < 0.12f);
  CHECK(largest <= 0.7f + 1e-6f);
  CHECK(largest > 0.68f);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto result =
        Pipeline{octet::random_brightness({.amount = 1})}(two_tones(), Random(seed));
    CHECK(result[0] >= 0);
    CHECK(result[1] <= 1);
  }
}

TEST_CASE("contrast and brightness: amounts that cannot be are refused") {
  CHECK(message_of([] { octet::random_contrast({.amount = 2}); }) ==
        "random_contrast: expected an amount from 0 to 1, got 2");
  CHECK(message_of([] { octet::random_brightness({.amount = -1}); }) ==
        "random_brightness: expected an amount from 0 to 1, got -1");
}
