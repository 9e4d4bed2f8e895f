#include "octet/data/transforms/affine.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "message_of.hpp"

using octet::Image;
using octet::Picture;
using octet::place_picture;
using octet::Placement;

namespace {

Image numbered(std::int64_t H, std::int64_t W) {
  Image image(H, W, 1);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(10 * (i + 1));
  return image;
}

std::vector<int> placed(const Image& image, const Placement& placement) {
  Picture picture;
  picture.assign(image);
  place_picture(picture, placement);
  std::vector<int> bytes;
  for (const float value : picture.pixels)
    bytes.push_back(static_cast<int>(std::lround(value * 255)));
  return bytes;
}

}  // namespace

TEST_CASE("placing: nothing changes nothing") {
  CHECK(placed(numbered(2, 2), {}) == std::vector<int>{10, 20, 30, 40});
}

TEST_CASE("placing: a quarter turn counterclockwise, and a half") {
  CHECK(placed(numbered(3, 3), {.degrees = 90}) ==
        std::vector<int>{30, 60, 90, 20, 50, 80, 10, 40, 70});
  CHECK(placed(numbered(2, 3), {.degrees = 180}) == std::vector<int>{60, 50, 40, 30, 20, 10});
}

TEST_CASE("placing: shifts move right and down, by parts of a pixel too") {
  CHECK(placed(numbered(2, 2), {.right = 1}) == std::vector<int>{0, 10, 0, 30});
  CHECK(placed(numbered(2, 2), {.down = 1, .fill = 1}) == std::vector<int>{255, 255, 10, 20});
  CHECK(placed(numbered(1, 3), {.right = -0.5}) == std::vector<int>{15, 25, 15});
}

TEST_CASE("placing: a scale of 2 enlarges about the centre") {
  // Outputs come from 0.75, 1.25, 1.75 and 2.25 of the inputs.
  Image image(1, 4, 1);
  image.pixels = {0, 40, 80, 120};
  CHECK(placed(image, {.scale = 2}) == std::vector<int>{30, 50, 70, 90});
}

TEST_CASE("random placing keeps its ranges and is refused where it cannot be") {
  const octet::Pipeline still = {octet::random_affine()};
  const Image image = numbered(4, 4);
  CHECK(still(image, octet::Random(3)) == octet::Pipeline{}(image));
  for (const octet::Transform& step :
       {octet::random_rotation(), octet::random_translation(), octet::random_scale()}) {
    CAPTURE(step.name);
    const octet::Pipeline pipeline = {step};
    const auto result = pipeline(image, octet::Random(3));
    CHECK(!(result == octet::Pipeline{}(image)));
    CHECK(result == pipeline(image, octet::Random(3)));
    CHECK(!(result == pipeline(image, octet::Random(4))));
  }
  CHECK(octet::random_rotation().name == "random_rotation");
  // A white pixel in the middle stays there under rotation and scale.
  Image middle(9, 9, 1, 0);
  for (std::int64_t y = 3; y < 6; ++y)
    for (std::int64_t x = 3; x < 6; ++x) middle.at(y, x) = 255;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    CHECK(octet::Pipeline{octet::random_rotation({.degrees = 180}),
                          octet::random_scale({.smallest = 0.8, .largest = 1.5})}(
              middle, octet::Random(seed))[4 * 9 + 4] == doctest::Approx(1));
  const std::string expected =
      "random_affine: expected degrees from 0 to 360, a translation from 0 to 1000, scales from "
      "0.001 to 1000 in rising order and a finite fill, got ";
  CHECK(message_of([] { octet::random_scale({.smallest = 0}); }) ==
        expected + "degrees 0, translation 0, scales 0 to 1.1, fill 0");
  const double infinity = std::numeric_limits<double>::infinity();
  for (const octet::RandomAffineOptions& options :
       std::vector<octet::RandomAffineOptions>{{.degrees = infinity},
                                               {.degrees = std::nan("")},
                                               {.degrees = 1e308},
                                               {.translation = infinity},
                                               {.translation = 1e30},
                                               {.smallest_scale = 1e-300},
                                               {.largest_scale = infinity},
                                               {.largest_scale = std::nan("")},
                                               {.fill = std::numeric_limits<float>::infinity()}})
    CHECK(message_of([&] { octet::random_affine(options); }).find(expected) == 0);
  CHECK(message_of([&] { octet::random_rotation({.degrees = infinity}); }).find(expected) == 0);
  CHECK(message_of([&] { octet::random_translation({.translation = infinity}); }).find(expected) ==
        0);
  for (const float value : octet::Pipeline{octet::random_affine(
           {.degrees = 360, .translation = 1e3, .smallest_scale = 1e-3, .largest_scale = 1e3})}(
           image, octet::Random(1)))
    CHECK(std::isfinite(value));
}
