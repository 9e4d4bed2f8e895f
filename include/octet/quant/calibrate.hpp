// Calibration: which values the activations of a network take on typical inputs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/tensor.hpp"
#include "octet/quant/observer.hpp"
#include "octet/quant/parameters.hpp"

namespace octet::inline OCTET_ABI {

/// Receives one batch: a tensor {N, ...} for each input of the network.
using BatchVisitor = std::function<void(std::span<const TensorView<const float>> inputs)>;

/// Calls its argument with one batch after the other, from the first one on each time. Nothing is
/// kept between batches, so they may come from disk.
using BatchSource = std::function<void(const BatchVisitor& visit)>;

/// Pieces of `images`, {N, ...}, which must outlive the source.
inline BatchSource batches_of(TensorView<const float> images, std::int64_t batch = 32) {
  if (images.shape().rank() < 1 || batch < 1)
    fail("calibration: expected images {N, ...} and a batch of at least 1, got ", images.shape(),
         " and ", batch);
  return [images, batch](const BatchVisitor& visit) {
    const std::int64_t total = images.shape()[0];
    for (std::int64_t first = 0; first < total; first += batch) {
      const auto piece = images.rows(first, (std::min)(batch, total - first));
      visit({&piece, 1});
    }
  };
}

/// What one activation was seen to hold, in 128 KB of memory however many images there were.
struct ObservedValue {
  std::string name;
  Histogram histogram;
};

/// The observations of all activations of a network. The result depends neither on the order of
/// the images nor on how they are cut into batches.
class Calibration {
 public:
  explicit Calibration(std::vector<std::string> names) {
    for (std::string& name : names) values_.push_back({std::move(name), {}});
  }

  /// Adds numbers to those seen of activation `index`. Fails if one is infinite or not a number.
  void observe(std::size_t index, std::span<const float> numbers) {
    ObservedValue& value = values_[index];
    value.histogram.observe(numbers);
    if (value.histogram.not_finite() > 0)
      fail("calibration: expected finite activations, but ", value.name, " computed ",
           value.histogram.not_finite(), " infinities or NaNs");
  }

  std::size_t size() const { return values_.size(); }
  const ObservedValue& operator[](std::size_t index) const { return values_[index]; }

  /// The range to represent. Fails if nothing was seen.
  Range range(std::size_t index, RangeMethod method, double percentile) const {
    const ObservedValue& value = values_[index];
    if (value.histogram.count() == 0)
      fail("calibration: expected at least one image, but nothing was seen of ", value.name);
    return method == RangeMethod::min_max ? value.histogram.extremes()
                                          : value.histogram.percentile(percentile);
  }

 private:
  std::vector<ObservedValue> values_;
};

}  // namespace octet::inline OCTET_ABI
