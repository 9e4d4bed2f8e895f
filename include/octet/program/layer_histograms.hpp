// How the values of a layer lie on the grid of its int8 form: activations and weights. The
// functions are templates only so that they are compiled where they are used.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "octet/program/float_steps.hpp"
#include "octet/quant/observer.hpp"

namespace octet::inline OCTET_ABI {

/// How many values fall into each of `counts.size()` equal parts of a range.
struct EqualBins {
  Range range;
  std::vector<std::uint64_t> counts;
};

/// What a histogram holds, in equal parts of a range that contains it. Each of its buckets goes to
/// the part that holds its middle; a bucket is 1/512 of its values wide.
template <std::same_as<Histogram> AnyHistogram>
EqualBins equal_bins(const AnyHistogram& histogram, const Range& range, std::size_t parts) {
  EqualBins bins{range, std::vector<std::uint64_t>(parts)};
  const double extent = double{range.high} - double{range.low};
  const auto add = [&](double value, std::uint64_t count) {
    const double part =
        extent > 0 ? (value - double{range.low}) / extent * static_cast<double>(parts) : 0;
    const double last = static_cast<double>(parts - 1);
    bins.counts[static_cast<std::size_t>((std::clamp)(std::floor(part), 0.0, last))] += count;
  };
  for (const Histogram::Bucket& bucket : histogram.filled_buckets())
    add(bucket.middle(), bucket.count);
  if (histogram.zeros()) add(0, histogram.zeros());
  return bins;
}

/// The weights of a layer, and what int8 made of them.
struct WeightReport {
  /// The smallest and the largest weight in float32.
  Range range;
  /// The smallest and the largest scale of an output channel: a step of its grid.
  Range scale;
  /// How often each int8 weight from -127 to 127 occurs; empty where the layer stays float32. It is
  /// the histogram of w / scale[c], with a part for each step of the grid.
  std::vector<std::uint64_t> codes;
  /// 10 log10(sum of w^2 / sum of (w - scale[c] * q)^2); infinite where there is no error.
  double sqnr_db = std::numeric_limits<double>::infinity();

  std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : codes) sum += each;
    return sum;
  }
  /// How many of the 255 int8 weights occur.
  std::int64_t codes_in_use() const {
    return static_cast<std::int64_t>(codes.size()) - std::count(codes.begin(), codes.end(), 0u);
  }
};

/// Compares weights, which have their output channel at `place`, with their int8 form; that and the
/// scales [OC] are empty for a layer that stays float32.
template <class = WhenUsed>
WeightReport weight_report(std::span<const float> weights, std::span<const std::int8_t> int8,
                           std::span<const float> scales, OutputChannel place) {
  WeightReport report;
  const auto [low, high] = std::minmax_element(weights.begin(), weights.end());
  report.range = {*low, *high};
  if (int8.empty()) return report;
  const auto [finest, coarsest] = std::minmax_element(scales.begin(), scales.end());
  report.scale = {*finest, *coarsest};
  report.codes.resize(255);
  double signal = 0, noise = 0;
  const ChannelRuns channels = output_channels(place, static_cast<std::int64_t>(weights.size()),
                                               static_cast<std::int64_t>(scales.size()));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double w = double{weights[i]};
    const auto oc = static_cast<std::size_t>(channels.of(static_cast<std::int64_t>(i)));
    const double error = w - int8[i] * double{scales[oc]};
    ++report.codes[static_cast<std::size_t>(int8[i] + 127)];
    signal += w * w;
    noise += error * error;
  }
  if (noise > 0) report.sqnr_db = 10 * std::log10(signal / noise);
  return report;
}

}  // namespace octet::inline OCTET_ABI
