// Rotation, translation and scale about the centre, sampled bilinearly.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "octet/data/transforms/pipeline.hpp"

namespace octet::inline OCTET_ABI {

/// How a picture is laid down anew: rotated counterclockwise, enlarged by a factor, then moved by
/// these pixels to the right and down. What comes from outside of it has the value `fill`.
struct Placement {
  double degrees = 0, scale = 1;
  double right = 0, down = 0;
  float fill = 0;
};

/// Lays the picture down anew, in a canvas of the same size.
template <class = WhenUsed>
void place_picture(Picture& picture, const Placement& placement) {
  const std::int64_t H = picture.H, W = picture.W, C = picture.C;
  const double angle = placement.degrees * std::numbers::pi / 180;
  const float cos = static_cast<float>(std::cos(angle) / placement.scale);
  const float sin = static_cast<float>(std::sin(angle) / placement.scale);
  const float middle_x = static_cast<float>(W - 1) / 2, middle_y = static_cast<float>(H - 1) / 2;
  const float right = static_cast<float>(placement.right),
              down = static_cast<float>(placement.down);
  float* out = picture.next(H, W);
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x, out += C) {
      // The way back: where in the old picture this pixel of the new one comes from.
      const float dx = static_cast<float>(x) - middle_x - right;
      const float dy = static_cast<float>(y) - middle_y - down;
      const float from_x = middle_x + cos * dx - sin * dy;
      const float from_y = middle_y + sin * dx + cos * dy;
      const float floor_x = std::floor(from_x), floor_y = std::floor(from_y);
      const std::int64_t x0 = static_cast<std::int64_t>(floor_x);
      const std::int64_t y0 = static_cast<std::int64_t>(floor_y);
      const float wx = from_x - floor_x, wy = from_y - floor_y;
      for (std::int64_t c = 0; c < C; ++c) {
        const auto sample = [&](std::int64_t sy, std::int64_t sx) {
          return sy >= 0 && sy < H && sx >= 0 && sx < W ? picture.at(sy, sx)[c] : placement.fill;
        };
        const float top = sample(y0, x0) * (1 - wx) + sample(y0, x0 + 1) * wx;
        const float bottom = sample(y0 + 1, x0) * (1 - wx) + sample(y0 + 1, x0 + 1) * wx;
        out[c] = top * (1 - wy) + bottom * wy;
      }
    }
  picture.replace(H, W);
}

struct RandomAffineOptions {
  /// Rotation from -degrees to degrees.
  double degrees = 0;
  /// Shift to either side, as a share of the size.
  double translation = 0;
  /// The factor's range.
  double smallest_scale = 1, largest_scale = 1;
  float fill = 0;
};

/// Rotation, translation and scale at random, in one resampling.
template <class = WhenUsed>
Transform random_affine(RandomAffineOptions options = {}) {
  // The bounds keep every place that a pixel may come from within the integers.
  if (!(options.degrees >= 0 && options.degrees <= 360) ||
      !(options.translation >= 0 && options.translation <= 1e3) ||
      !(options.smallest_scale >= 1e-3 && options.largest_scale >= options.smallest_scale &&
        options.largest_scale <= 1e3) ||
      !std::isfinite(options.fill))
    fail(
        "random_affine: expected degrees from 0 to 360, a translation from 0 to 1000, scales from "
        "0.001 to 1000 in rising order and a finite fill, got degrees ",
        options.degrees, ", translation ", options.translation, ", scales ", options.smallest_scale,
        " to ", options.largest_scale, ", fill ", options.fill);
  const auto apply = [options](Picture& picture, const Random& random) {
    const auto shift = [&](std::uint64_t index, std::int64_t extent) {
      return random.uniform(index, -options.translation, options.translation) *
             static_cast<double>(extent);
    };
    place_picture(picture,
                  {.degrees = random.uniform(0, -options.degrees, options.degrees),
                   .scale = random.uniform(1, options.smallest_scale, options.largest_scale),
                   .right = shift(2, picture.W),
                   .down = shift(3, picture.H),
                   .fill = options.fill});
  };
  return {"random_affine", apply};
}

struct RandomRotationOptions {
  double degrees = 10;
  float fill = 0;
};
/// Rotates by an angle from -degrees to degrees.
template <class = WhenUsed>
Transform random_rotation(RandomRotationOptions options = {}) {
  Transform result = random_affine({.degrees = options.degrees, .fill = options.fill});
  result.name = "random_rotation";
  return result;
}

struct RandomTranslationOptions {
  double translation = 0.1;
  float fill = 0;
};
/// Moves by up to this share of the size, each way, also by parts of a pixel.
template <class = WhenUsed>
Transform random_translation(RandomTranslationOptions options = {}) {
  Transform result = random_affine({.translation = options.translation, .fill = options.fill});
  result.name = "random_translation";
  return result;
}

struct RandomScaleOptions {
  double smallest = 0.9, largest = 1.1;
  float fill = 0;
};
/// Enlarges or shrinks about the centre by a factor from this range.
template <class = WhenUsed>
Transform random_scale(RandomScaleOptions options = {}) {
  Transform result = random_affine(
      {.smallest_scale = options.smallest, .largest_scale = options.largest, .fill = options.fill});
  result.name = "random_scale";
  return result;
}

}  // namespace octet::inline OCTET_ABI
