// Transforms of a batch that mix its images, and their targets in the same proportion.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/data/batch.hpp"

namespace octet::inline OCTET_ABI {

/// A number with density proportional to x^(a - 1) e^(-x), a > 0: Marsaglia and Tsang, "A simple
/// method for generating gamma variables" (2000).
template <class = WhenUsed>
double gamma_variate(double a, const Random& random) {
  const double boost = a < 1 ? std::pow(random.uniform(0), 1 / a) : 1;
  const double d = (a < 1 ? a + 1 : a) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (std::uint64_t attempt = 1;; ++attempt) {
    const Random draw = random.substream(attempt);
    const double x = draw.normal(0), root = 1 + c * x, v = root * root * root;
    if (root > 0 && std::log(draw.uniform(2)) < 0.5 * x * x + d - d * v + d * std::log(v))
      return boost * d * v;
  }
}

/// A number in [0, 1] from the symmetric Beta(a, a) distribution.
template <class = WhenUsed>
double beta_variate(double a, const Random& random) {
  const double x = gamma_variate(a, random.substream(0)), y = gamma_variate(a, random.substream(1));
  // For a tiny a both may be 0 in double precision: then one of the ends is as good as the other.
  return x + y > 0 ? x / (x + y) : std::round(random.uniform(0));
}

/// Gives the batch targets if it has none: 1 for the label's class.
template <class = WhenUsed>
void make_targets(Batch& batch, std::int64_t classes) {
  if (batch.has_targets()) return;
  batch.targets = Tensor<float>({batch.size(), classes});
  for (std::int64_t row = 0; row < batch.size(); ++row) {
    const std::int32_t label = batch.labels[static_cast<std::size_t>(row)];
    if (label < 0 || label >= classes)
      fail("targets: expected a label from 0 to ", classes - 1, ", got ", label);
    batch.targets[row * classes + label] = 1;
  }
}

/// Each image's partner in the batch.
template <class = WhenUsed>
std::vector<std::int64_t> partners(const Batch& batch, const Random& random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(batch.size()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  random.shuffle(std::span<std::int64_t>(order));
  return order;
}

/// Rows become share * row + (1 - share) * partner's row.
template <class = WhenUsed>
void blend_rows(Tensor<float>& rows, const std::vector<std::int64_t>& partner, float share) {
  const Tensor<float> old = rows;
  const std::int64_t count = rows.shape()[0];
  const std::int64_t length = count ? rows.elements() / count : 0;
  for (std::int64_t row = 0; row < count; ++row) {
    const float* const other = old.data() + partner[static_cast<std::size_t>(row)] * length;
    float* const own = rows.data() + row * length;
    for (std::int64_t i = 0; i < length; ++i) own[i] = share * own[i] + (1 - share) * other[i];
  }
}

struct MixupOptions {
  /// The share of the first image is drawn from Beta(alpha, alpha), once a batch.
  double alpha = 0.2;
};

struct CutmixOptions {
  /// The share of the first image's area is drawn from Beta(alpha, alpha), once a batch.
  double alpha = 1;
};

/// An infinite alpha would have gamma_variate() look for a number without end.
template <class = WhenUsed>
void check_alpha(const char* transform, double alpha) {
  if (!(alpha > 0) || !std::isfinite(alpha))
    fail(transform, ": expected a finite alpha above 0, got ", alpha);
}

/// Each image becomes share * image + (1 - share) * another one of the batch, targets likewise.
/// Zhang et al., "mixup: beyond empirical risk minimization" (ICLR 2018).
template <class = WhenUsed>
BatchTransform mixup(MixupOptions options = {}) {
  check_alpha("mixup", options.alpha);
  const auto apply = [options](Batch& batch, std::int64_t classes, const Random& random) {
    make_targets(batch, classes);
    const float share = static_cast<float>(beta_variate(options.alpha, random.substream(0)));
    const std::vector<std::int64_t> partner = partners(batch, random.substream(1));
    blend_rows(batch.images, partner, share);
    blend_rows(batch.targets, partner, share);
  };
  return {"mixup", apply};
}

/// A rectangle of each image is replaced by the same one of another image of the batch; targets are
/// mixed in proportion to the areas. Yun et al., "CutMix" (ICCV 2019).
template <class = WhenUsed>
BatchTransform cutmix(CutmixOptions options = {}) {
  check_alpha("cutmix", options.alpha);
  const auto apply = [options](Batch& batch, std::int64_t classes, const Random& random) {
    make_targets(batch, classes);
    const std::int64_t H = batch.images.shape()[1], W = batch.images.shape()[2];
    const std::int64_t C = batch.images.shape()[3];
    const double share = beta_variate(options.alpha, random.substream(0));
    const std::vector<std::int64_t> partner = partners(batch, random.substream(1));
    const Random place = random.substream(2);
    // The rectangle's centre is anywhere; what reaches over the edge is cut off.
    const auto side = [&](std::uint64_t index, std::int64_t extent, std::int64_t& begin,
                          std::int64_t& end) {
      const double half = 0.5 * std::sqrt(1 - share) * static_cast<double>(extent);
      const double centre = place.uniform(index) * static_cast<double>(extent);
      begin = std::clamp<std::int64_t>(std::llround(centre - half), 0, extent);
      end = std::clamp<std::int64_t>(std::llround(centre + half), 0, extent);
    };
    std::int64_t top, bottom, left, right;
    side(0, H, top, bottom);
    side(1, W, left, right);
    const Tensor<float> old = batch.images;
    for (std::int64_t row = 0; row < batch.size(); ++row)
      for (std::int64_t y = top; y < bottom; ++y) {
        const std::int64_t other = partner[static_cast<std::size_t>(row)];
        std::copy_n(old.data() + ((other * H + y) * W + left) * C, (right - left) * C,
                    batch.images.data() + ((row * H + y) * W + left) * C);
      }
    const double cut =
        static_cast<double>((bottom - top) * (right - left)) / static_cast<double>(H * W);
    blend_rows(batch.targets, partner, static_cast<float>(1 - cut));
  };
  return {"cutmix", apply};
}

}  // namespace octet::inline OCTET_ABI
