#include "octet/data/canvas.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <numbers>

using octet::drawing::Canvas;
using octet::drawing::Point;

namespace {

double sum(const Canvas& canvas, std::int64_t H, std::int64_t W) {
  double total = 0;
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x) total += canvas.at(y, x);
  return total;
}

}  // namespace

TEST_CASE("an ellipse covers its area, wherever, however turned") {
  for (const double rotation : {0.0, 0.4, 1.3})
    for (const double shift : {0.0, 0.3, 0.77}) {
      Canvas canvas(40, 50, 0,
                    {.x = 25 + shift, .y = 20 - shift, .scale = 10, .rotation = rotation});
      canvas.ellipse({0, 0}, 1.2, 0.7, 1, 1);
      CHECK(sum(canvas, 40, 50) == doctest::Approx(std::numbers::pi * 12 * 7).epsilon(0.01));
      CHECK(canvas.at(20, 25) == 1);
      CHECK(canvas.at(2, 2) == 0);
    }
}

TEST_CASE("a stroke covers its length times its width, and a straight one is where it should be") {
  Canvas canvas(20, 40, 0, {.x = 0, .y = 0, .scale = 1});
  canvas.curve({5, 10}, {20, 10}, {35, 10}, 2, 0.5, 1);
  CHECK(canvas.at(9, 20) == 0.5);
  CHECK(canvas.at(14, 20) == 0);
  // A rectangle of 30 x 4 and a disc of radius 2 at its ends.
  CHECK(sum(canvas, 20, 40) == doctest::Approx(0.5 * (120 + 4 * std::numbers::pi)).epsilon(0.02));
}

TEST_CASE("what lies outside of the canvas is cut off, opacity mixes tones") {
  Canvas canvas(4, 4, 0.2, {.x = 2, .y = 2, .scale = 1});
  canvas.ellipse({0, 0}, 100, 100, 1, 0.25);
  CHECK(sum(canvas, 4, 4) == doctest::Approx(16 * 0.4));
  canvas.ellipse({1000, -1000}, 3, 3, 1, 1);
  CHECK(sum(canvas, 4, 4) == doctest::Approx(16 * 0.4));
}
