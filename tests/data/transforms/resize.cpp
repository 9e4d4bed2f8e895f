#include "octet/data/transforms/resize.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "message_of.hpp"

using octet::Image;
using octet::resize_image;

TEST_CASE("resize: the same size is the same picture, one tone stays one tone") {
  Image image(5, 6, 3);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(i * 37);
  CHECK(resize_image(image, 5, 6).pixels == image.pixels);
  for (const auto& [H, W] : {std::pair{1, 1}, {3, 17}, {48, 48}, {2, 7}}) {
    const Image flat = resize_image(Image(7, 9, 3, 123), H, W);
    CHECK(flat.pixels == Image(H, W, 3, 123).pixels);
  }
}

TEST_CASE("resize: twice as wide by hand, bilinear with half a pixel of shift") {
  Image image(1, 2, 1);
  image.pixels = {0, 100};
  // Outputs lie at -0.25, 0.25, 0.75, 1.25 of the inputs; beyond the edge the edge holds.
  CHECK(resize_image(image, 1, 4).pixels == octet::AlignedVector<std::uint8_t>{0, 25, 75, 100});
}

TEST_CASE("resize: half as wide by hand, a triangle over all inputs in reach") {
  Image image(1, 4, 1);
  image.pixels = {0, 80, 160, 240};
  // Weights 0.75, 0.75, 0.25 (of 1.75) and mirrored: (80 * 0.75 + 160 * 0.25) / 1.75 = 57.1.
  CHECK(resize_image(image, 1, 2).pixels == octet::AlignedVector<std::uint8_t>{57, 183});
  CHECK(resize_image(
            [] {
              Image tall(4, 1, 1);
              tall.pixels = {0, 80, 160, 240};
              return tall;
            }(),
            2, 1)
            .pixels == octet::AlignedVector<std::uint8_t>{57, 183});
}

TEST_CASE("resize: shrinking fine stripes gives gray, not stripes of another width") {
  Image stripes(48, 96, 1);
  for (std::int64_t y = 0; y < 48; ++y)
    for (std::int64_t x = 0; x < 96; x += 2) stripes.at(y, x) = 255;
  const Image result = resize_image(stripes, 13, 13);
  for (const std::uint8_t value : result.pixels) CHECK(std::abs(value - 127.5) < 8);
}

TEST_CASE("resize: sizes that cannot be are refused") {
  CHECK(message_of([] { octet::resize({.H = 0, .W = 3}); }) ==
        "resize: expected a size of at least 1 x 1, got 0 x 3");
  CHECK(message_of([] { resize_image(Image(0, 4, 1), 2, 2); }) ==
        "resize: expected an image of at least 1 x 1, got [0, 4, 1]");
}
