// The two augmentations that every recipe for faces starts with.
#pragma once

#include <algorithm>
#include <utility>

#include "octet/data/transforms/pipeline.hpp"

namespace octet::inline OCTET_ABI {

/// Mirrors left and right.
template <class = WhenUsed>
Transform flip() {
  const auto apply = [](Picture& picture, const Random&) {
    const std::int64_t C = picture.C;
    for (std::int64_t y = 0; y < picture.H; ++y) {
      float* const row = picture.at(y, 0);
      if (C == 1) {
        std::reverse(row, row + picture.W);
        continue;
      }
      for (std::int64_t left = 0, right = picture.W - 1; left < right; ++left, --right)
        std::swap_ranges(row + left * C, row + left * C + C, row + right * C);
    }
  };
  return {"flip", apply};
}

struct RandomFlipOptions {
  double probability = 0.5;
};

/// Mirrors left and right with this probability.
template <class = WhenUsed>
Transform random_flip(RandomFlipOptions options = {}) {
  if (!(options.probability >= 0 && options.probability <= 1))
    fail("random_flip: expected a probability from 0 to 1, got ", options.probability);
  const auto apply = [options, mirror = flip()](Picture& picture, const Random& random) {
    if (random.uniform(0) < options.probability) mirror.apply(picture, random);
  };
  return {"random_flip", apply};
}

struct RandomCropOptions {
  /// Pixels added on every side before cropping.
  std::int64_t padding = 4;
  /// The size cut out; 0 for the size that the picture had before padding.
  std::int64_t H = 0, W = 0;
  /// The value of added pixels, in [0, 1].
  float fill = 0;
};

/// Pads, then cuts out a window at a random place.
template <class = WhenUsed>
Transform random_crop(RandomCropOptions options = {}) {
  // Places are drawn from 32 bits.
  constexpr std::int64_t most = std::int64_t{1} << 24;
  if (options.padding < 0 || options.padding > most || options.H < 0 || options.W < 0)
    fail("random_crop: expected a padding from 0 to ", most,
         " and a size of at least 0, got padding ", options.padding, ", H ", options.H, ", W ",
         options.W);
  const auto output_shape = [options](const Shape& shape) {
    const Shape result{options.H ? options.H : shape[0], options.W ? options.W : shape[1],
                       shape[2]};
    if (result[0] > shape[0] + 2 * options.padding || result[1] > shape[1] + 2 * options.padding)
      fail("random_crop: expected images of at least ", result, " after padding of ",
           options.padding, " on each side, got ", shape);
    return result;
  };
  const auto apply = [options, output_shape](Picture& picture, const Random& random) {
    const Shape size = output_shape(picture.shape());
    const std::int64_t H = size[0], W = size[1], C = picture.C;
    const auto place = [&](std::uint64_t index, std::int64_t slack) {
      return std::int64_t{random.below(index, static_cast<std::uint32_t>(slack + 1))} -
             options.padding;
    };
    const std::int64_t top = place(0, picture.H + 2 * options.padding - H);
    const std::int64_t left = place(1, picture.W + 2 * options.padding - W);
    // Columns [first, last) of the window lie inside of the picture.
    const std::int64_t first = std::clamp<std::int64_t>(-left, 0, W);
    const std::int64_t last = std::clamp<std::int64_t>(picture.W - left, first, W);
    float* out = picture.next(H, W);
    for (std::int64_t y = 0; y < H; ++y, out += W * C) {
      const bool inside = top + y >= 0 && top + y < picture.H;
      const std::int64_t begin = inside ? first : W, end = inside ? last : W;
      std::fill(out, out + begin * C, options.fill);
      if (begin < end)
        std::copy_n(picture.at(top + y, left + begin), (end - begin) * C, out + begin * C);
      std::fill(out + end * C, out + W * C, options.fill);
    }
    picture.replace(H, W);
  };
  return {"random_crop", apply, output_shape};
}

}  // namespace octet::inline OCTET_ABI
