// Which values a tensor takes, seen in one pass and kept in fixed memory.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

/// From a lowest to a highest value.
struct Range {
  float low = 0, high = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Counts values in buckets as fine as their magnitude: 32 for each power of two, for each sign.
/// Counts are integers, so the result does not depend on the order of the values nor on how they
/// were split between threads. 128 KB, however many values it sees.
class Histogram {
 public:
  static constexpr int fraction_bits = 5;
  static constexpr std::size_t buckets = std::size_t{1} << (9 + fraction_bits);

  void observe(std::span<const float> values) {
    if (counts_.empty()) counts_.resize(buckets);
    for (const float value : values) {
      ++counts_[bucket_of(value)];
      if (!std::isfinite(value)) {
        ++not_finite_;
        continue;
      }
      low_ = (std::min)(low_, value);
      high_ = (std::max)(high_, value);
    }
    count_ += values.size();
  }
  void merge(const Histogram& other) {
    if (other.count_ == 0) return;
    if (counts_.empty()) counts_.resize(buckets);
    for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
    low_ = (std::min)(low_, other.low_);
    high_ = (std::max)(high_, other.high_);
    count_ += other.count_;
    not_finite_ += other.not_finite_;
  }

  std::uint64_t count() const { return count_; }
  /// How many values were infinite or not a number.
  std::uint64_t not_finite() const { return not_finite_; }

  /// The exact smallest and largest finite value.
  Range extremes() const { return count_ > not_finite_ ? Range{low_, high_} : Range{}; }

  /// A range outside of which lies at most a share of (100 - percent) / 100 of the values, half of
  /// it at each end. The ends are bucket bounds, at most 1/32 too far out, and never outside of
  /// extremes().
  Range percentile(double percent) const {
    if (!(percent > 0 && percent <= 100))
      fail("calibration: expected a percentile above 0 and up to 100, got ", percent);
    if (count_ == not_finite_) return {};
    const double outside = (1 - percent / 100) / 2 * static_cast<double>(count_);
    const auto allowed = static_cast<std::uint64_t>(outside);
    Range range{low_, high_};
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
      below += counts_[i];
      if (below <= allowed) continue;
      range.low = (std::max)(low_, lower_bound(i));
      break;
    }
    std::uint64_t above = 0;
    for (std::size_t i = buckets; i-- > 0;) {
      above += counts_[i];
      if (above <= allowed) continue;
      range.high = (std::min)(high_, upper_bound(i));
      break;
    }
    return range;
  }

 private:
  // Buckets are ordered by value: the bits of a float, read as an integer, are ordered by
  // magnitude, so those of a negative one are turned around.
  static std::size_t bucket_of(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t ordered = bits >> 31 ? ~bits : bits | 0x80000000u;
    return ordered >> (32 - 9 - fraction_bits);
  }
  static float value_of(std::uint32_t ordered) {
    return std::bit_cast<float>(ordered >> 31 ? ordered & 0x7FFFFFFFu : ~ordered);
  }
  static float lower_bound(std::size_t bucket) {
    return value_of(static_cast<std::uint32_t>(bucket) << (32 - 9 - fraction_bits));
  }
  static float upper_bound(std::size_t bucket) {
    const std::uint32_t rest = (std::uint32_t{1} << (32 - 9 - fraction_bits)) - 1;
    return value_of(static_cast<std::uint32_t>(bucket) << (32 - 9 - fraction_bits) | rest);
  }

  std::vector<std::uint64_t> counts_;
  float low_ = (std::numeric_limits<float>::max)();
  float high_ = std::numeric_limits<float>::lowest();
  std::uint64_t count_ = 0;
  std::uint64_t not_finite_ = 0;
};

/// How the range of an activation is taken from the values that were seen.
enum class RangeMethod { min_max, percentile };

}  // namespace octet::inline OCTET_ABI
