#include "octet/data/transforms/clahe.hpp"

#include <algorithm>
#include <doctest/doctest.h>

#include "message_of.hpp"

using octet::clahe;
using octet::Image;
using octet::Pipeline;

TEST_CASE("CLAHE with one tile and no limit is histogram equalization, by hand") {
  Image image(2, 2, 1);
  image.pixels = {10, 10, 12, 200};
  const auto result = Pipeline{clahe({.tiles = 1, .clip = 256})}(image);
  CHECK(result == octet::Tensor<float>({2, 2, 1}, {0.5f, 0.5f, 0.75f, 1}));
}

TEST_CASE("CLAHE cuts a histogram's peak and spreads it") {
  // 512 pixels of one tone: the limit is 2 * 2, the other 508 go to all 256 bins alike.
  const auto result = Pipeline{clahe({.tiles = 1, .clip = 2})}(Image(16, 32, 1, 127));
  for (const float value : result)
    CHECK(value == doctest::Approx((4 + 128 * 508.0 / 256) / 512).epsilon(1e-6));
}

TEST_CASE("CLAHE evens out light from the side") {
  // The same texture in a dark and in a bright half.
  Image image(32, 32, 1);
  for (std::int64_t y = 0; y < 32; ++y)
    for (std::int64_t x = 0; x < 32; ++x)
      image.at(y, x) = static_cast<std::uint8_t>((x < 16 ? 30 : 180) + (x * 7 + y * 11) % 16);
  const auto mean_difference = [](const octet::Tensor<float>& picture) {
    double left = 0, right = 0;
    for (std::int64_t y = 0; y < 32; ++y)
      for (std::int64_t x = 0; x < 32; ++x)
        (x < 16 ? left : right) += static_cast<double>(picture[y * 32 + x]) / 512;
    return right - left;
  };
  const auto result = Pipeline{clahe({.tiles = 2, .clip = 40})}(image);
  CHECK(mean_difference(Pipeline{}(image)) > 0.5);
  CHECK(std::abs(mean_difference(result)) < 0.25 * mean_difference(Pipeline{}(image)));
  CHECK(*std::min_element(result.begin(), result.end()) >= 0);
  CHECK(*std::max_element(result.begin(), result.end()) <= 1);
}

TEST_CASE(
    "CLAHE keeps the order of tones where tiles do not differ, in sizes tiles do not divide") {
  Image image(7, 11, 3);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(i % 3 == 1 ? i : 9);
  const auto result = Pipeline{clahe({.tiles = 1, .clip = 10})}(image);
  for (std::int64_t i = 4; i < result.elements(); i += 3) CHECK(result[i] >= result[i - 3]);
  CHECK(Pipeline{clahe({.tiles = 3})}(image).shape() == octet::Shape{7, 11, 3});
  CHECK(message_of([&] { Pipeline{clahe({.tiles = 8})}(image); }) ==
        "clahe: expected images of at least 8 x 8 pixels, got [7, 11, 3]");
  CHECK(message_of([] { clahe({.tiles = 0}); }) ==
        "clahe: expected at least 1 tile and a clip of at least 1, got tiles 0, clip 2");
}
