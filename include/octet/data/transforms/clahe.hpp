// Contrast-limited adaptive histogram equalization. Zuiderveld, Graphics Gems IV (1994).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "octet/data/transforms/pipeline.hpp"

namespace octet::inline OCTET_ABI {

struct ClaheOptions {
  /// The picture is divided into tiles x tiles rectangles.
  std::int64_t tiles = 4;
  /// A histogram's bin is cut at this multiple of the mean bin, but not below one pixel; the
  /// smaller, the less contrast is added.
  double clip = 2;
};

/// Equalizes each tile's histogram of 256 bins, cut at the limit and the rest spread evenly, and
/// blends the four nearest tiles' curves bilinearly. Evens out light from the side. Each channel by
/// itself; values in [0, 1].
template <class = WhenUsed>
Transform clahe(ClaheOptions options = {}) {
  if (options.tiles < 1 || !(options.clip >= 1))
    fail("clahe: expected at least 1 tile and a clip of at least 1, got tiles ", options.tiles,
         ", clip ", options.clip);
  using Curve = std::array<float, 256>;
  const auto bin = [](float value) {
    return static_cast<std::size_t>(std::clamp(value * 255.0f + 0.5f, 0.0f, 255.0f));
  };
  const auto curve_of = [options, bin](const Picture& picture, std::int64_t c, std::int64_t top,
                                       std::int64_t bottom, std::int64_t left, std::int64_t right) {
    std::array<double, 256> histogram{};
    for (std::int64_t y = top; y < bottom; ++y)
      for (std::int64_t x = left; x < right; ++x) histogram[bin(picture.at(y, x)[c])] += 1;
    const double count = static_cast<double>((bottom - top) * (right - left));
    const double limit = (std::max)(1.0, options.clip * count / 256);
    double excess = 0;
    for (double& height : histogram) {
      excess += (std::max)(0.0, height - limit);
      height = (std::min)(height, limit);
    }
    Curve curve;
    double below = 0;
    for (std::size_t i = 0; i < 256; ++i) {
      below += histogram[i] + excess / 256;
      curve[i] = static_cast<float>(below / count);
    }
    return curve;
  };
  const auto apply = [options, bin, curve_of](Picture& picture, const Random&) {
    const std::int64_t H = picture.H, W = picture.W, C = picture.C, tiles = options.tiles;
    if (H < tiles || W < tiles)
      fail("clahe: expected images of at least ", tiles, " x ", tiles, " pixels, got ",
           picture.shape());
    std::vector<Curve> curves(static_cast<std::size_t>(tiles * tiles));
    float* const out = picture.next(H, W);
    for (std::int64_t c = 0; c < C; ++c) {
      for (std::int64_t ty = 0; ty < tiles; ++ty)
        for (std::int64_t tx = 0; tx < tiles; ++tx)
          curves[static_cast<std::size_t>(ty * tiles + tx)] =
              curve_of(picture, c, ty * H / tiles, (ty + 1) * H / tiles, tx * W / tiles,
                       (tx + 1) * W / tiles);
      for (std::int64_t y = 0; y < H; ++y)
        for (std::int64_t x = 0; x < W; ++x) {
          // Where the pixel lies between the centres of tiles, in tiles.
          const auto locate = [&](std::int64_t place, std::int64_t extent, std::int64_t& first,
                                  std::int64_t& second) {
            const float t = (static_cast<float>(place) + 0.5f) * static_cast<float>(tiles) /
                                static_cast<float>(extent) -
                            0.5f;
            const float floor = std::floor(t);
            first = std::clamp<std::int64_t>(static_cast<std::int64_t>(floor), 0, tiles - 1);
            second = std::clamp<std::int64_t>(static_cast<std::int64_t>(floor) + 1, 0, tiles - 1);
            return t - floor;
          };
          std::int64_t y0, y1, x0, x1;
          const float wy = locate(y, H, y0, y1), wx = locate(x, W, x0, x1);
          const std::size_t level = bin(picture.at(y, x)[c]);
          const auto mapped = [&](std::int64_t ty, std::int64_t tx) {
            return curves[static_cast<std::size_t>(ty * tiles + tx)][level];
          };
          const float top = mapped(y0, x0) * (1 - wx) + mapped(y0, x1) * wx;
          const float bottom = mapped(y1, x0) * (1 - wx) + mapped(y1, x1) * wx;
          out[(y * W + x) * C + c] = (std::min)(1.0f, top * (1 - wy) + bottom * wy);
        }
    }
    picture.replace(H, W);
  };
  return {"clahe", apply};
}

}  // namespace octet::inline OCTET_ABI
