// Resizing with a triangle filter: bilinear when growing, antialiased when shrinking.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "octet/data/transforms/pipeline.hpp"

namespace octet::inline OCTET_ABI {

/// Which inputs make up one output, along one axis: output o is the sum of weights[o][k] times
/// input first[o] + k.
struct ResizeAxis {
  std::vector<std::int64_t> first;
  std::vector<std::vector<float>> weights;

  /// A triangle around the output's centre, one input wide on each side when growing and as wide as
  /// the step between outputs when shrinking, so that every input counts. Weights add up to 1.
  ResizeAxis(std::int64_t from, std::int64_t to) {
    const double step = static_cast<double>(from) / static_cast<double>(to);
    const double reach = (std::max)(1.0, step);
    for (std::int64_t o = 0; o < to; ++o) {
      const double centre = (static_cast<double>(o) + 0.5) * step - 0.5;
      const std::int64_t begin =
          (std::max)(std::int64_t{0}, static_cast<std::int64_t>(std::ceil(centre - reach)));
      const std::int64_t end =
          (std::min)(from, static_cast<std::int64_t>(std::floor(centre + reach)) + 1);
      std::vector<double> raw;
      double sum = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        raw.push_back((std::max)(0.0, 1 - std::abs(static_cast<double>(i) - centre) / reach));
        sum += raw.back();
      }
      first.push_back(begin);
      weights.emplace_back();
      for (const double weight : raw) weights.back().push_back(static_cast<float>(weight / sum));
    }
  }
};

/// Resizes the picture in place.
template <class = WhenUsed>
void resize_picture(Picture& picture, std::int64_t H, std::int64_t W) {
  if (picture.H < 1 || picture.W < 1)
    fail("resize: expected an image of at least 1 x 1, got ", picture.shape());
  const std::int64_t C = picture.C;
  const auto run = [&](const ResizeAxis& axis, std::int64_t o, const float* in, std::int64_t stride,
                       std::int64_t count, float* out) {
    const std::vector<float>& weights = axis.weights[static_cast<std::size_t>(o)];
    in += axis.first[static_cast<std::size_t>(o)] * stride;
    std::fill_n(out, count, 0.0f);
    for (const float weight : weights) {
      for (std::int64_t i = 0; i < count; ++i) out[i] += weight * in[i];
      in += stride;
    }
  };
  if (picture.W != W) {
    const ResizeAxis axis(picture.W, W);
    float* const out = picture.next(picture.H, W);
    for (std::int64_t y = 0; y < picture.H; ++y)
      for (std::int64_t x = 0; x < W; ++x)
        run(axis, x, picture.at(y, 0), C, C, out + (y * W + x) * C);
    picture.replace(picture.H, W);
  }
  if (picture.H != H) {
    const ResizeAxis axis(picture.H, H);
    float* const out = picture.next(H, W);
    for (std::int64_t y = 0; y < H; ++y)
      run(axis, y, picture.pixels.data(), W * C, W * C, out + y * W * C);
    picture.replace(H, W);
  }
}

struct ResizeOptions {
  std::int64_t H = 48, W = 48;
};

/// Resizes to H x W, whatever the size before; proportions are not kept.
template <class = WhenUsed>
Transform resize(ResizeOptions options = {}) {
  if (options.H < 1 || options.W < 1)
    fail("resize: expected a size of at least 1 x 1, got ", options.H, " x ", options.W);
  return {
      "resize",
      [options](Picture& picture, const Random&) { resize_picture(picture, options.H, options.W); },
      [options](const Shape& shape) {
        return Shape{options.H, options.W, shape[2]};
      }};
}

/// Resizes bytes, rounding to the nearest.
template <class = WhenUsed>
Image resize_image(ImageView image, std::int64_t H, std::int64_t W) {
  Picture picture;
  picture.assign(image);
  resize_picture(picture, H, W);
  Image result(H, W, image.C);
  for (std::size_t i = 0; i < result.pixels.size(); ++i)
    result.pixels[i] =
        static_cast<std::uint8_t>(std::clamp(picture.pixels[i] * 255.0f + 0.5f, 0.0f, 255.0f));
  return result;
}

}  // namespace octet::inline OCTET_ABI
