#include "octet/data/transforms/flip_crop.hpp"

#include <array>
#include <doctest/doctest.h>
#include <set>

#include "message_of.hpp"

using octet::Image;
using octet::Pipeline;
using octet::Random;
using octet::Tensor;

namespace {

Image ramp(std::int64_t H, std::int64_t W, std::int64_t C = 1) {
  Image image(H, W, C);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(i + 1);
  return image;
}
int byte(float value) { return static_cast<int>(value * 255 + 0.5f); }

}  // namespace

TEST_CASE("flip mirrors left and right and keeps channels together") {
  const auto gray = Pipeline{octet::flip()}(ramp(2, 3));
  CHECK(byte(gray[0]) == 3);
  CHECK(byte(gray[1]) == 2);
  CHECK(byte(gray[5]) == 4);
  const auto colour = Pipeline{octet::flip()}(ramp(1, 3, 2));
  for (int i = 0; i < 6; ++i)
    CHECK(byte(colour[i]) == std::array{5, 6, 3, 4, 1, 2}[static_cast<std::size_t>(i)]);
}

TEST_CASE("a random flip happens with its probability") {
  const auto flips = [](double probability) {
    const Pipeline pipeline = {octet::random_flip({.probability = probability})};
    int count = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) count += byte(pipeline(ramp(1, 2), Random(i))[0]) == 2;
    return count;
  };
  CHECK(flips(0) == 0);
  CHECK(flips(1) == 1000);
  // Six standard deviations of a fair coin thrown 1000 times.
  CHECK(flips(0.5) > 405);
  CHECK(flips(0.5) < 595);
  CHECK(message_of([] { octet::random_flip({.probability = 1.5}); }) ==
        "random_flip: expected a probability from 0 to 1, got 1.5");
}

TEST_CASE("a random crop is a window of the padded picture, and every window occurs") {
  const Image image = ramp(3, 4);
  const std::int64_t padding = 2;
  const Pipeline pipeline = {octet::random_crop({.padding = padding, .fill = 0.5f})};
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Tensor<float> crop = pipeline(image, Random(i));
    REQUIRE(crop.shape() == octet::Shape{3, 4, 1});
    int fits = 0;
    for (std::int64_t top = -padding; top <= padding; ++top)
      for (std::int64_t left = -padding; left <= padding; ++left) {
        bool same = true;
        for (std::int64_t y = 0; y < 3; ++y)
          for (std::int64_t x = 0; x < 4; ++x) {
            const bool inside = y + top >= 0 && y + top < 3 && x + left >= 0 && x + left < 4;
            const float expected =
                inside ? static_cast<float>(image.view().at(y + top, x + left)) * (1.0f / 255)
                       : 0.5f;
            same = same && crop[y * 4 + x] == expected;
          }
        if (!same) continue;
        ++fits;
        seen.insert({top, left});
      }
    CHECK(fits == 1);
  }
  CHECK(seen.size() == 25);
}

TEST_CASE("a crop to another size, and one that leaves nothing of the picture's rows") {
  const Pipeline small_window = {octet::random_crop({.padding = 0, .H = 2, .W = 1})};
  CHECK(small_window.output_shape({3, 4, 2}) == octet::Shape{2, 1, 2});
  CHECK(small_window(ramp(3, 4, 2), Random(1)).shape() == octet::Shape{2, 1, 2});
  const Pipeline far_away = {octet::random_crop({.padding = 9, .H = 1, .W = 1})};
  int empty = 0;
  for (std::uint64_t i = 0; i < 50; ++i) empty += far_away(ramp(2, 2), Random(i))[0] == 0;
  CHECK(empty > 30);
  CHECK(message_of([] {
          Pipeline{octet::random_crop({.padding = 1, .H = 9, .W = 4})}.output_shape({4, 4, 1});
        }) ==
        "random_crop: expected images of at least [9, 4, 1] after padding of 1 on each side, "
        "got [4, 4, 1]");
  CHECK(message_of([] { octet::random_crop({.padding = -1}); }) ==
        "random_crop: expected a padding from 0 to 16777216 and a size of at least 0, got padding "
        "-1, H 0, W 0");
  CHECK(message_of([] { octet::random_crop({.padding = std::int64_t{1} << 62}); }) ==
        "random_crop: expected a padding from 0 to 16777216 and a size of at least 0, got padding "
        "4611686018427387904, H 0, W 0");
}
