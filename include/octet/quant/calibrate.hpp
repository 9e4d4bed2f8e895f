// Calibration: which values the activations of a network take on typical inputs.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/tensor.hpp"
#include "octet/quant/observer.hpp"
#include "octet/quant/parameters.hpp"
#include "octet/quant/range_search.hpp"

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

/// What is known of the inputs that the network was trained on. What normalize() made with the
/// statistics of the training images has mean 0 and deviation 1.
struct InputMoments {
  double mean = 0, deviation = 1;
};

/// Whether the mean of each channel of each activation is kept, which bias correction needs. They
/// take 2 KB for each channel.
enum class ChannelMeans { dropped, kept };

struct CalibrationOptions {
  /// How ranges are chosen, and which share of the values, in percent, a percentile range holds.
  RangeMethod range = RangeMethod::min_max;
  double percentile = 99.99;
  /// If given, inputs that look otherwise are warned of.
  std::optional<InputMoments> trained_on = std::nullopt;
  ChannelMeans channel_means = ChannelMeans::dropped;
};

/// What one activation was seen to hold, in 110 KB of memory however many images there were.
struct ObservedValue {
  std::string name;
  Histogram histogram;
  /// Of the smallest and the largest value of each image.
  ExactMean lowest, highest;
  /// Of each channel's mean on each image, if asked for.
  std::vector<ExactMean> channel_means;
  /// Images all of whose values are the same.
  std::int64_t blank_images = 0;
};

/// All ranges as they were after so many images.
struct CalibrationPoint {
  std::int64_t images = 0;
  std::vector<Range> ranges;
  /// How far the ranges were from the final ones: |low - final low| + |high - final high| over the
  /// final extent. The mean over all activations, the largest, and whose that is.
  double mean_change = 0, largest_change = 0;
  std::string most_changed;
  /// How many more values of an activation these ranges cut off than the final ones, as a share of
  /// all: the largest, and whose that is. It is what costs accuracy; ranges that rare values widen
  /// go on moving long after.
  double largest_cut = 0;
  std::string most_cut;
};

/// The observations of all activations of a network, in one pass. What they are at the end depends
/// neither on the order of the images nor on how they are cut into batches.
template <class = WhenUsed>
class BasicCalibration {
 public:
  explicit BasicCalibration(std::vector<std::string> names, CalibrationOptions options = {})
      : options_(options) {
    for (std::string& name : names) values_.push_back({std::move(name), {}, {}, {}, {}, 0});
  }

  /// Adds what activation `index` holds for `images` images; the last axis has `channels`. Fails if
  /// a number is infinite or not a number.
  void observe(std::size_t index, std::span<const float> numbers, std::int64_t images = 1,
               std::int64_t channels = 1) {
    ObservedValue& value = values_[index];
    const std::size_t size = numbers.size() / static_cast<std::size_t>(images);
    for (std::size_t first = 0; first < numbers.size(); first += size) {
      const std::span<const float> image = numbers.subspan(first, size);
      value.histogram.observe(image);
      const auto [low, high] = std::minmax_element(image.begin(), image.end());
      value.lowest.add(*low);
      value.highest.add(*high);
      value.blank_images += image.size() > 1 && *low == *high;
      if (options_.channel_means == ChannelMeans::kept)
        add_channel_means(value, image, static_cast<std::size_t>(channels));
    }
    if (value.histogram.not_finite() > 0)
      fail("calibration: expected finite activations, but ", value.name, " computed ",
           value.histogram.not_finite(), " infinities or NaNs");
  }
  /// Tells that all activations of so many images have been observed; keeps the ranges for the
  /// curve at powers of two.
  void count_images(std::int64_t images) {
    images_ += images;
    if ((images_ & (images_ - 1)) == 0) keep_point();
  }
  /// Images until the next point of the curve.
  std::int64_t images_to_next_point() const {
    std::int64_t next = 1;
    while (next <= images_) next *= 2;
    return next - images_;
  }
  /// Called when all images were seen: `inputs` are the indices of the network's inputs. Fails if
  /// there were no images, or nothing on them.
  void finish(std::span<const int> inputs) {
    if (images_ == 0) fail("calibration: expected at least one image, got none");
    if (curve_.empty() || curve_.back().images != images_) keep_point();
    for (const int input : inputs) check_input(values_[static_cast<std::size_t>(input)]);
    for (CalibrationPoint& point : curve_) compare_with_end(point);
    for (std::size_t i = 0; i < values_.size(); ++i) compare_cuts(i);
  }

  std::size_t size() const { return values_.size(); }
  const ObservedValue& operator[](std::size_t index) const { return values_[index]; }
  std::int64_t images() const { return images_; }
  const CalibrationOptions& options() const { return options_; }

  /// The range to represent. Fails if nothing was seen.
  Range range(std::size_t index, RangeMethod method, double percentile) const {
    const ObservedValue& value = values_[index];
    if (value.histogram.count() == 0)
      fail("calibration: expected at least one image, but nothing was seen of ", value.name);
    return range_of(value, method, percentile);
  }

  /// The ranges after 1, 2, 4 ... images and after all of them.
  const std::vector<CalibrationPoint>& curve() const { return curve_; }
  /// From how many images on no activation had a larger share of values cut off than `tolerance`,
  /// as in CalibrationPoint; 0 if half of the images were not enough for that.
  std::int64_t settled_after(double tolerance = 0.005) const {
    std::int64_t images = 0;
    for (std::size_t i = curve_.size(); i-- > 0 && curve_[i].largest_cut <= tolerance;)
      images = curve_[i].images;
    return 2 * images <= images_ ? images : 0;
  }
  /// The same as a sentence.
  std::string verdict() const {
    if (const std::int64_t images = settled_after())
      return text_of("enough images: the ranges of ", images, " of them hold at least 99.5 % of ",
                     "what those of all hold, in each activation");
    std::size_t half = curve_.size();
    while (half > 0 && 2 * curve_[half - 1].images > images_) --half;
    if (half == 0) return "one image does not tell what ranges others need";
    const CalibrationPoint& point = curve_[half - 1];
    return text_of("more images may help: the ranges of ", point.images, " of these ", images_,
                   " cut off ", std::round(1000 * point.largest_cut) / 10, " % of the values of ",
                   point.most_cut);
  }
  /// What is suspicious about the images; a sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  static void add_channel_means(ObservedValue& value, std::span<const float> image,
                                std::size_t channels) {
    value.channel_means.resize(channels);
    const double pixels = static_cast<double>(image.size() / channels);
    for (std::size_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (std::size_t i = c; i < image.size(); i += channels) sum += double{image[i]};
      value.channel_means[c].add(static_cast<float>(sum / pixels));
    }
  }

  /// A template only so that it is compiled where it is used.
  template <std::same_as<ObservedValue> Observed>
  static Range range_of(const Observed& value, RangeMethod method, double percentile) {
    switch (method) {
      case RangeMethod::min_max:
        return value.histogram.extremes();
      case RangeMethod::moving_average:
        return {static_cast<float>(value.lowest.mean()), static_cast<float>(value.highest.mean())};
      case RangeMethod::percentile:
        return value.histogram.percentile(percentile);
      case RangeMethod::entropy:
        return RangeSearch(value.histogram).least_divergence();
      case RangeMethod::mean_squared_error:
        return RangeSearch(value.histogram).least_squared_error();
    }
    fail("calibration: expected a known method to choose ranges");
  }

  void keep_point() {
    CalibrationPoint point;
    point.images = images_;
    for (const ObservedValue& value : values_)
      point.ranges.push_back(value.histogram.count() == 0
                                 ? Range{}
                                 : range_of(value, options_.range, options_.percentile));
    curve_.push_back(std::move(point));
  }
  void compare_with_end(CalibrationPoint& point) const {
    double sum = 0;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const Range &then = point.ranges[i], &end = curve_.back().ranges[i];
      const double extent = double{end.high} - double{end.low};
      const double moved = std::abs(double{then.low} - double{end.low}) +
                           std::abs(double{then.high} - double{end.high});
      const double change = moved == 0 ? 0 : extent > 0 ? moved / extent : 1;
      sum += change;
      if (change <= point.largest_change) continue;
      point.largest_change = change;
      point.most_changed = values_[i].name;
    }
    point.mean_change = sum / static_cast<double>((std::max<std::size_t>)(values_.size(), 1));
  }

  /// The share of the values that int8 cuts off with this range.
  static double cut_off(const Histogram& histogram, const Range& range) {
    const double low = (std::min)(double{range.low}, 0.0),
                 high = (std::max)(double{range.high}, 0.0);
    const double half_step = (high - low) / 510;
    std::uint64_t outside = 0;
    for (const Histogram::Bucket& bucket : histogram.filled_buckets())
      if (bucket.middle() < low - half_step || bucket.middle() > high + half_step)
        outside += bucket.count;
    return histogram.count() ? static_cast<double>(outside) / static_cast<double>(histogram.count())
                             : 0;
  }
  void compare_cuts(std::size_t index) {
    const Histogram& histogram = values_[index].histogram;
    const double end = cut_off(histogram, curve_.back().ranges[index]);
    for (CalibrationPoint& point : curve_) {
      const double more = cut_off(histogram, point.ranges[index]) - end;
      if (more <= point.largest_cut) continue;
      point.largest_cut = more;
      point.most_cut = values_[index].name;
    }
  }

  /// A sample of n images may differ from its population by chance: its mean by 3 deviations /
  /// sqrt(n) at most but once in 370 times, even if every image were of one shade. A quarter of a
  /// deviation more is more than chance.
  void check_input(const ObservedValue& input) {
    if (input.blank_images == images_)
      fail("calibration: expected images with something on them, but ", input.name,
           images_ == 1 ? " has the same value everywhere" : " has one value alone in each image");
    // A few faulty ones among many move no range.
    if (20 * input.blank_images > images_)
      warnings_.push_back(text_of(input.blank_images, " of ", images_, " images ",
                                  input.blank_images == 1 ? "is" : "are", " blank in ", input.name,
                                  ": every value is the same"));
    if (!options_.trained_on) return;
    const auto [mean, deviation] = input.histogram.moments();
    const InputMoments& expected = *options_.trained_on;
    const double bound = (0.25 + 3 / std::sqrt(static_cast<double>(images_))) * expected.deviation;
    if (std::abs(mean - expected.mean) > bound)
      warnings_.push_back(
          text_of("the calibration images do not look like the training images: ", input.name,
                  " has mean ", mean, ", expected ", expected.mean, " give or take ", bound));
    if (deviation < expected.deviation / 2 || deviation > expected.deviation * 2)
      warnings_.push_back(
          text_of("the calibration images do not look like the training images: ", input.name,
                  " has standard deviation ", deviation, ", expected between ",
                  expected.deviation / 2, " and ", expected.deviation * 2));
  }

  CalibrationOptions options_;
  std::vector<ObservedValue> values_;
  std::int64_t images_ = 0;
  std::vector<CalibrationPoint> curve_;
  std::vector<std::string> warnings_;
};
using Calibration = BasicCalibration<>;

}  // namespace octet::inline OCTET_ABI
