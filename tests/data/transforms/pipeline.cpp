#include "octet/data/transforms/pipeline.hpp"

#include <doctest/doctest.h>

#include "octet/data/transforms.hpp"

using octet::Image;
using octet::Pipeline;
using octet::Random;
using octet::Tensor;

TEST_CASE("an empty pipeline turns bytes into floats from 0 to 1") {
  Image image(1, 2, 3);
  for (int i = 0; i < 6; ++i)
    image.pixels[static_cast<std::size_t>(i)] = i == 5 ? 255 : static_cast<std::uint8_t>(i);
  const Tensor<float> result = Pipeline{}(image);
  CHECK(result.shape() == octet::Shape{1, 2, 3});
  CHECK(result[0] == 0.0f);
  CHECK(result[4] == doctest::Approx(4.0 / 255));
  CHECK(result[5] == 1.0f);
}

TEST_CASE("steps are applied in their order, each with random numbers of its own") {
  Image image(1, 1, 1, 255);
  const auto step = [](float factor, float sum) {
    return octet::Transform{"step", [=](octet::Picture& picture, const Random&) {
                              picture.pixels[0] = picture.pixels[0] * factor + sum;
                            }};
  };
  CHECK(Pipeline{step(2, 1), step(10, 5)}(image)[0] == 35.0f);
  std::vector<double> drawn;
  const octet::Transform draw = {
      "draw", [&](octet::Picture&, const Random& random) { drawn.push_back(random.uniform(0)); }};
  Pipeline{draw, draw}(image, Random(1));
  CHECK(drawn[0] != drawn[1]);
  Pipeline{draw, draw}(image, Random(1));
  CHECK(drawn[0] == drawn[2]);
  CHECK(drawn[1] == drawn[3]);
}

TEST_CASE("a picture's result does not depend on the picture before it") {
  const Pipeline pipeline = {octet::clahe({.tiles = 2}), octet::random_affine({.degrees = 20}),
                             octet::resize({.H = 9, .W = 7}), octet::random_erasing(),
                             octet::random_crop()};
  Image first(20, 30, 3, 50), second(8, 8, 3, 77);
  second.at(4, 4, 1) = 200;
  octet::Picture fresh, used;
  pipeline.apply(first, Random(1), used);
  pipeline.apply(second, Random(2), used);
  pipeline.apply(second, Random(2), fresh);
  CHECK(used.pixels == fresh.pixels);
  CHECK(used.shape() == pipeline.output_shape(second.view().shape()));
}
