// Which values a tensor takes, seen in one pass and kept in fixed memory.
#pragma once

#include <algorithm>
#include <array>
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

/// Counts values in buckets: for each sign 512 for each of the 12 octaves (powers of two) below
/// the largest magnitude, and 512 equal ones from there down to 0. Zeros are counted apart. When a
/// larger value comes, the octaves move up by powers of two, and buckets are joined in pairs: what
/// the final buckets hold is the same as if they had been there from the start. As counts are
/// integers, neither the order of the values nor how they were split between threads changes a
/// bit. 106 KB, however many values it sees.
template <class = WhenUsed>
class BasicHistogram {
 public:
  static constexpr int fraction_bits = 9, octaves = 12;
  static constexpr std::size_t per_octave = std::size_t{1} << fraction_bits;
  /// The buckets of one sign.
  static constexpr std::size_t side = (octaves + 1) * per_octave;

  /// The values of one sign between two magnitudes.
  struct Bucket {
    double low, high;
    std::uint64_t count;
    double middle() const { return (low + high) / 2; }
  };

  void observe(std::span<const float> values) {
    float low = (std::numeric_limits<float>::max)(), high = -low;
    for (const float value : values) {
      // False for a NaN, as for what is too large.
      if (!(std::abs(value) <= (std::numeric_limits<float>::max)())) {
        ++not_finite_;
        continue;
      }
      low = value < low ? value : low;
      high = value > high ? value : high;
    }
    count_ += values.size();
    if (low > high) return;
    low_ = (std::min)(low_, low);
    high_ = (std::max)(high_, high);
    make_room((std::max)(std::abs(low), std::abs(high)));
    for (const float value : values) add(value);
  }
  void merge(const BasicHistogram& other) {
    low_ = (std::min)(low_, other.low_);
    high_ = (std::max)(high_, other.high_);
    count_ += other.count_;
    not_finite_ += other.not_finite_;
    zeros_ += other.zeros_;
    if (other.counts_.empty()) return;
    BasicHistogram moved = other;
    raise(other.top_);
    moved.raise(top_);
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += moved.counts_[i];
  }

  std::uint64_t count() const { return count_; }
  /// How many values were infinite or not a number.
  std::uint64_t not_finite() const { return not_finite_; }
  std::uint64_t zeros() const { return zeros_; }

  /// The exact smallest and largest finite value.
  Range extremes() const { return low_ <= high_ ? Range{low_, high_} : Range{}; }

  /// The buckets that hold something, from the lowest values to the highest, without the zeros.
  std::vector<Bucket> filled_buckets() const {
    std::vector<Bucket> buckets;
    if (counts_.empty()) return buckets;
    for (std::size_t i = side; i-- > 0;)
      if (const std::uint64_t count = counts_[side + i])
        buckets.push_back({-bound(i + 1), -bound(i), count});
    for (std::size_t i = 0; i < side; ++i)
      if (const std::uint64_t count = counts_[i])
        buckets.push_back({bound(i), bound(i + 1), count});
    return buckets;
  }

  /// A range outside of which lies at most a share of (100 - percent) / 100 of the values, half of
  /// it at each end. The ends are bucket bounds, at most 1/512 too far out (or, for ranges more
  /// than 2^11 times smaller than the largest value, 2^-20 of that value), and never outside of
  /// extremes().
  Range percentile(double percent) const {
    if (!(percent > 0 && percent <= 100))
      fail("calibration: expected a percentile above 0 and up to 100, got ", percent);
    if (low_ > high_) return {};
    const auto allowed =
        static_cast<std::uint64_t>((1 - percent / 100) / 2 * static_cast<double>(count_));
    std::vector<Bucket> buckets = filled_buckets();
    if (zeros_) {
      const auto positive = std::find_if(buckets.begin(), buckets.end(),
                                         [](const Bucket& bucket) { return bucket.high > 0; });
      buckets.insert(positive, {0, 0, zeros_});
    }
    Range range{low_, high_};
    std::uint64_t below = 0, above = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i)
      if ((below += buckets[i].count) > allowed) {
        range.low = (std::max)(low_, static_cast<float>(buckets[i].low));
        break;
      }
    for (std::size_t i = buckets.size(); i-- > 0;)
      if ((above += buckets[i].count) > allowed) {
        range.high = (std::min)(high_, static_cast<float>(buckets[i].high));
        break;
      }
    return range;
  }

  /// The mean and the standard deviation of the finite values, each value taken as the middle of
  /// its bucket.
  struct Moments {
    double mean = 0, deviation = 0;
  };
  Moments moments() const {
    double count = static_cast<double>(zeros_), sum = 0, squares = 0;
    for (const Bucket& bucket : filled_buckets()) {
      const double n = static_cast<double>(bucket.count), x = bucket.middle();
      count += n;
      sum += n * x;
      squares += n * x * x;
    }
    if (count == 0) return {};
    const double mean = sum / count;
    return {mean, std::sqrt((std::max)(squares / count - mean * mean, 0.0))};
  }

 private:
  /// Magnitudes below 2^lowest_top are not told apart from each other any better.
  static constexpr int lowest_top = -64;

  void make_room(float magnitude) {
    // magnitude < 2^exponent.
    raise((std::max)(static_cast<int>(std::bit_cast<std::uint32_t>(magnitude) >> 23) - 126,
                     lowest_top));
  }
  /// Lets the octaves end at 2^top, unless they reach further already.
  void raise(int top) {
    if (counts_.empty()) {
      counts_.resize(2 * side);
      top_ = top;
    }
    for (; top_ < top; ++top_)
      for (std::size_t first : {std::size_t{0}, side}) {
        std::uint64_t* const counts = counts_.data() + first;
        for (std::size_t i = 0; i < per_octave; ++i) counts[i] = counts[2 * i] + counts[2 * i + 1];
        std::copy(counts + 2 * per_octave, counts + side, counts + per_octave);
        std::fill(counts + side - per_octave, counts + side, 0);
      }
  }
  void add(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude == 0) {
      ++zeros_;
      return;
    }
    if (magnitude >= 0x7F800000u) return;
    // From 2^(top - octaves) on, exponent and leading fraction bits are the bucket's number.
    const int base = top_ - octaves;
    const auto first = static_cast<std::uint32_t>(base + 127) << fraction_bits;
    const std::uint32_t leading = magnitude >> (23 - fraction_bits);
    const std::size_t bucket = leading >= first
                                   ? leading - first + per_octave
                                   : static_cast<std::size_t>(std::bit_cast<float>(magnitude) *
                                                              power(fraction_bits - base));
    ++counts_[(bits >> 31 ? side : 0) + bucket];
  }
  /// Where bucket i of a sign begins.
  double bound(std::size_t i) const {
    const int base = top_ - octaves - fraction_bits;
    if (i < 2 * per_octave) return std::ldexp(static_cast<double>(i), base);
    const auto octave = static_cast<int>(i / per_octave) - 1;
    return std::ldexp(static_cast<double>(per_octave + i % per_octave), base + octave);
  }
  /// 2^exponent.
  static float power(int exponent) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23);
  }

  /// Those of positive values, then those of negative ones.
  std::vector<std::uint64_t> counts_;
  /// All magnitudes are below 2^top_.
  int top_ = lowest_top;
  float low_ = (std::numeric_limits<float>::max)();
  float high_ = std::numeric_limits<float>::lowest();
  std::uint64_t count_ = 0;
  std::uint64_t not_finite_ = 0;
  std::uint64_t zeros_ = 0;
};
using Histogram = BasicHistogram<>;

/// The mean of finite floats without any rounding before the end: a sum of integer fractions for
/// each exponent. The same for every order, for up to 2^39 numbers.
template <class = WhenUsed>
class BasicExactMean {
 public:
  void add(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t exponent = bits >> 23 & 255;
    const auto fraction = static_cast<std::int64_t>((bits & 0x7FFFFFu) | (exponent ? 1u << 23 : 0));
    sums_[exponent ? exponent : 1] += bits >> 31 ? -fraction : fraction;
    ++count_;
  }
  double mean() const {
    double sum = 0;
    for (std::size_t e = 0; e < sums_.size(); ++e)
      sum += std::ldexp(static_cast<double>(sums_[e]), static_cast<int>(e) - 150);
    return count_ ? sum / static_cast<double>(count_) : 0;
  }
  std::int64_t count() const { return count_; }

 private:
  std::array<std::int64_t, 256> sums_{};
  std::int64_t count_ = 0;
};
using ExactMean = BasicExactMean<>;

}  // namespace octet::inline OCTET_ABI
