#include "octet/data/transforms/normalize.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "message_of.hpp"

using octet::Image;
using octet::normalize;
using octet::Pipeline;

TEST_CASE("normalize subtracts the mean and divides by the deviation, channel by channel") {
  Image image(1, 2, 2, 255);
  image.at(0, 0, 1) = 0;
  const auto one = Pipeline{normalize()}(image);
  CHECK(one[0] == 1.0f);
  CHECK(one[1] == -1.0f);
  const auto each = Pipeline{normalize({.mean = {0.5f, 0.25f}, .deviation = {0.25f, 0.5f}})}(image);
  CHECK(each == octet::Tensor<float>({1, 2, 2}, {2, -0.5f, 2, 1.5f}));
}

TEST_CASE("channel statistics make a dataset's mean 0 and its deviation 1") {
  octet::ImageDataset data;
  data.class_names = {"a"};
  for (int i = 0; i < 4; ++i) {
    Image image(3, 3, 2, static_cast<std::uint8_t>(40 * i));
    for (int x = 0; x < 3; ++x) image.at(x, x, 1) = 250;
    data.add(image, 0);
  }
  const Pipeline pipeline = {normalize(octet::channel_statistics(data))};
  for (int c = 0; c < 2; ++c) {
    double sum = 0, squares = 0;
    for (int i = 0; i < 4; ++i) {
      const auto result = pipeline(data.image(i));
      for (std::int64_t p = c; p < 18; p += 2) {
        sum += static_cast<double>(result[p]);
        squares += static_cast<double>(result[p]) * static_cast<double>(result[p]);
      }
    }
    CHECK(std::abs(sum / 36) < 1e-6);
    CHECK(squares / 36 == doctest::Approx(1).epsilon(1e-6));
  }
}

TEST_CASE("normalize: options that cannot be are refused") {
  CHECK(message_of([] { normalize({.deviation = {0.0f}}); }) ==
        "normalize: expected a finite deviation above 0 with a finite inverse, got 0");
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(message_of([&] { normalize({.deviation = {infinity}}); }) ==
        "normalize: expected a finite deviation above 0 with a finite inverse, got inf");
  CHECK(message_of([&] {
          normalize({.deviation = {std::numeric_limits<float>::denorm_min()}});
        }).find("normalize: expected a finite deviation above 0 with a finite inverse") == 0);
  CHECK(message_of([&] {
          normalize({.mean = {0.5f, -infinity, 0}});
        }) == "normalize: expected a finite mean, got -inf");
  CHECK(message_of([] { normalize({.mean = {}}); }) ==
        "normalize: expected at least one mean and one deviation, got 0 and 1");
  CHECK(message_of([] {
          Pipeline{normalize({.mean = {1, 2}})}.output_shape({4, 4, 3});
        }) == "normalize: expected 1 or 3 values (one a channel), got 2");
  CHECK(message_of([] { octet::channel_statistics({}); }) ==
        "channel_statistics: expected at least one image, got none");
}
