// Mean 0 and standard deviation 1.
#pragma once

#include <cmath>
#include <vector>

#include "octet/data/dataset.hpp"
#include "octet/data/transforms/pipeline.hpp"

namespace octet::inline OCTET_ABI {

/// One value for all channels, or one for each. The defaults turn [0, 1] into [-1, 1].
struct NormalizeOptions {
  std::vector<float> mean = {0.5f};
  std::vector<float> deviation = {0.5f};
};

/// (x - mean) / deviation, channel by channel.
template <class = WhenUsed>
Transform normalize(NormalizeOptions options = {}) {
  for (const float deviation : options.deviation)
    if (!(deviation > 0) || !std::isfinite(deviation) || !std::isfinite(1 / deviation))
      fail("normalize: expected a finite deviation above 0 with a finite inverse, got ", deviation);
  for (const float mean : options.mean)
    if (!std::isfinite(mean)) fail("normalize: expected a finite mean, got ", mean);
  if (options.mean.empty() || options.deviation.empty())
    fail("normalize: expected at least one mean and one deviation, got ", options.mean.size(),
         " and ", options.deviation.size());
  const auto check = [options](const Shape& shape) {
    for (const std::vector<float>* const values : {&options.mean, &options.deviation})
      if (values->size() != 1 && static_cast<std::int64_t>(values->size()) != shape.back())
        fail("normalize: expected 1 or ", shape.back(), " values (one a channel), got ",
             values->size());
    return shape;
  };
  const auto apply = [options, check](Picture& picture, const Random&) {
    check(picture.shape());
    for (std::int64_t c = 0; c < picture.C; ++c) {
      const std::size_t channel = static_cast<std::size_t>(c);
      const float mean = options.mean[options.mean.size() == 1 ? 0 : channel];
      const float factor = 1.0f / options.deviation[options.deviation.size() == 1 ? 0 : channel];
      float* const values = picture.pixels.data();
      for (std::int64_t i = c; i < picture.elements(); i += picture.C)
        values[i] = (values[i] - mean) * factor;
    }
  };
  return {"normalize", apply, check};
}

/// The mean and standard deviation of each channel over a whole dataset, for bytes as [0, 1].
template <class = WhenUsed>
NormalizeOptions channel_statistics(const ImageDataset& dataset) {
  if (dataset.size() == 0) fail("channel_statistics: expected at least one image, got none");
  NormalizeOptions result{{}, {}};
  for (std::int64_t c = 0; c < dataset.C; ++c) {
    std::uint64_t sum = 0, squares = 0;
    for (std::size_t i = static_cast<std::size_t>(c); i < dataset.pixels.size();
         i += static_cast<std::size_t>(dataset.C)) {
      const std::uint64_t value = dataset.pixels[i];
      sum += value;
      squares += value * value;
    }
    const double count =
        static_cast<double>(dataset.pixels.size()) / static_cast<double>(dataset.C);
    const double mean = static_cast<double>(sum) / count;
    const double variance = static_cast<double>(squares) / count - mean * mean;
    result.mean.push_back(static_cast<float>(mean / 255));
    // A channel of one value alone must not be divided by 0.
    result.deviation.push_back(static_cast<float>(variance > 0 ? std::sqrt(variance) / 255 : 1.0));
  }
  return result;
}

}  // namespace octet::inline OCTET_ABI
