// Random erasing. Zhong et al., "Random erasing data augmentation" (AAAI 2020).
#pragma once

#include <algorithm>
#include <cmath>

#include "octet/data/transforms/pipeline.hpp"

namespace octet::inline OCTET_ABI {

struct RandomErasingOptions {
  double probability = 0.5;
  /// The share of the area that is erased, and height / width of the rectangle.
  double smallest_area = 0.02, largest_area = 0.2;
  double smallest_aspect = 0.3, largest_aspect = 1 / 0.3;
  /// The value written.
  float fill = 0;
};

/// Overwrites a rectangle at a random place, so that no single feature may be relied upon.
template <class = WhenUsed>
Transform random_erasing(RandomErasingOptions options = {}) {
  if (!(options.probability >= 0 && options.probability <= 1))
    fail("random_erasing: expected a probability from 0 to 1, got ", options.probability);
  if (!(options.smallest_area > 0 && options.largest_area >= options.smallest_area &&
        options.largest_area <= 1))
    fail("random_erasing: expected areas from above 0 to 1 in rising order, got ",
         options.smallest_area, " and ", options.largest_area);
  if (!(options.smallest_aspect > 0 && options.largest_aspect >= options.smallest_aspect))
    fail("random_erasing: expected aspects above 0 in rising order, got ", options.smallest_aspect,
         " and ", options.largest_aspect);
  const auto apply = [options](Picture& picture, const Random& random) {
    if (random.uniform(0) >= options.probability) return;
    // A rectangle that does not fit is drawn again, as in the paper, but not for ever.
    for (std::uint64_t attempt = 0; attempt < 10; ++attempt) {
      const Random draw = random.substream(attempt);
      const double area = draw.uniform(0, options.smallest_area, options.largest_area) *
                          static_cast<double>(picture.H * picture.W);
      const double aspect = std::exp(
          draw.uniform(1, std::log(options.smallest_aspect), std::log(options.largest_aspect)));
      const std::int64_t H = std::llround(std::sqrt(area * aspect));
      const std::int64_t W = std::llround(std::sqrt(area / aspect));
      if (H < 1 || W < 1 || H > picture.H || W > picture.W) continue;
      const std::int64_t top = draw.below(2, static_cast<std::uint32_t>(picture.H - H + 1));
      const std::int64_t left = draw.below(3, static_cast<std::uint32_t>(picture.W - W + 1));
      for (std::int64_t y = top; y < top + H; ++y)
        std::fill_n(picture.at(y, left), W * picture.C, options.fill);
      return;
    }
  };
  return {"random_erasing", apply};
}

}  // namespace octet::inline OCTET_ABI
