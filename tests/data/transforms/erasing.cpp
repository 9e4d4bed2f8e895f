#include "octet/data/transforms/erasing.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"

using octet::Image;
using octet::Pipeline;
using octet::random_erasing;

TEST_CASE("random erasing overwrites one rectangle of the asked area and shape") {
  const Image image(40, 50, 3, 255);
  const Pipeline pipeline = {random_erasing({.probability = 1,
                                             .smallest_area = 0.05,
                                             .largest_area = 0.2,
                                             .smallest_aspect = 0.5,
                                             .largest_aspect = 2,
                                             .fill = 0.25f})};
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto result = pipeline(image, octet::Random(seed));
    std::int64_t count = 0, top = 40, bottom = -1, left = 50, right = -1;
    for (std::int64_t y = 0; y < 40; ++y)
      for (std::int64_t x = 0; x < 50; ++x) {
        const float* const pixel = result.data() + (y * 50 + x) * 3;
        REQUIRE(pixel[0] == pixel[1]);
        REQUIRE(pixel[0] == pixel[2]);
        if (pixel[0] == 1) continue;
        REQUIRE(pixel[0] == 0.25f);
        ++count;
        top = (std::min)(top, y);
        bottom = (std::max)(bottom, y);
        left = (std::min)(left, x);
        right = (std::max)(right, x);
      }
    const std::int64_t H = bottom - top + 1, W = right - left + 1;
    CHECK(count == H * W);
    // Half a pixel of rounding on each side.
    CHECK((static_cast<double>(H) + 0.5) * (static_cast<double>(W) + 0.5) >= 100);
    CHECK((static_cast<double>(H) - 0.5) * (static_cast<double>(W) - 0.5) <= 400);
    CHECK((static_cast<double>(H) + 0.5) / (static_cast<double>(W) - 0.5) >= 0.5);
    CHECK((static_cast<double>(H) - 0.5) / (static_cast<double>(W) + 0.5) <= 2);
  }
}

TEST_CASE("random erasing happens with its probability, and never outside of a tiny picture") {
  int erased = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const auto result = Pipeline{random_erasing({.probability = 0.25, .smallest_area = 0.2})}(
        Image(6, 6, 1, 255), octet::Random(seed));
    erased += std::count(result.begin(), result.end(), 0.0f) > 0;
  }
  // Six standard deviations.
  CHECK(erased > 167);
  CHECK(erased < 333);
  Pipeline{random_erasing({.probability = 1})}(Image(1, 1, 1), octet::Random(1));
}

TEST_CASE("random erasing: options that cannot be are refused") {
  CHECK(message_of([] { random_erasing({.probability = -1}); }) ==
        "random_erasing: expected a probability from 0 to 1, got -1");
  CHECK(message_of([] { random_erasing({.smallest_area = 0.5, .largest_area = 0.1}); }) ==
        "random_erasing: expected areas from above 0 to 1 in rising order, got 0.5 and 0.1");
  CHECK(message_of([] { random_erasing({.smallest_aspect = 0}); }) ==
        "random_erasing: expected aspects above 0 in rising order, got 0 and 3.33333");
}
