// From the values that an activation was seen to take to the range that int8 represents.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "octet/quant/observer.hpp"

namespace octet::inline OCTET_ABI {

/// How the range of an activation is chosen.
enum class RangeMethod {
  /// From the smallest to the largest value: nothing is cut off, and an outlier costs resolution.
  min_max,
  /// From the mean of all images' smallest values to the mean of their largest ones: where a moving
  /// average over single images settles (Jacob et al., 2018, 3.1), without its dependence on order.
  moving_average,
  /// What holds a given share of the values, and as many of the rest at either end.
  percentile,
  /// The least Kullback-Leibler divergence of the quantized distribution from that of the values.
  /// S. Migacz, "8-bit inference with TensorRT" (2017).
  entropy,
  /// The least mean squared error of the quantized values. Nagel et al., "A white paper on neural
  /// network quantization" (2021), 3.1.
  mean_squared_error
};
inline constexpr std::array<std::string_view, 5> range_method_names = {
    "min_max", "moving_average", "percentile", "entropy", "mean_squared_error"};

/// Tries ranges on a histogram. A template only so that it is compiled where it is used.
template <std::same_as<Histogram> AnyHistogram>
class RangeSearch {
 public:
  explicit RangeSearch(const AnyHistogram& histogram)
      : extremes_(histogram.extremes()), buckets_(histogram.filled_buckets()) {
    sums_.resize(buckets_.size() + 1);
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      const double n = static_cast<double>(buckets_[i].count), x = buckets_[i].middle();
      const double width = buckets_[i].high - buckets_[i].low;
      Sums& sum = sums_[i + 1] = sums_[i];
      sum.count += n;
      sum.x += n * x;
      sum.square += n * x * x;
      sum.logarithm += n * std::log(n);
      sum.log_width += n * std::log(width);
      sum.width += width;
    }
  }

  /// The range with the least squared_error().
  Range least_squared_error() const {
    return search([this](double low, double high) { return squared_error(low, high); });
  }
  /// The range with the least divergence().
  Range least_divergence() const {
    return search([this](double low, double high) { return divergence(low, high); });
  }

  /// The expected sum of squared errors if [low, high] gets 255 steps of s = (high - low) / 255:
  /// (x - end)^2 for what is cut off, x^2 for |x| < s / 2, which becomes 0, and s^2 / 12 for what
  /// is rounded elsewhere.
  double squared_error(double low, double high) const {
    const double step = (high - low) / 255;
    const std::size_t first = inside_begin(low), last = inside_end(high);
    const std::size_t zero_first = (std::clamp)(from(-step / 2), first, last);
    const std::size_t zero_last = (std::clamp)(from(step / 2), first, last);
    const auto cut = [](const Sums& s, double end) {
      return s.square - 2 * end * s.x + end * end * s.count;
    };
    const Sums below = between(0, first), above = between(last, buckets_.size());
    const Sums zero = between(zero_first, zero_last), inside = between(first, last);
    return cut(below, low) + cut(above, high) + zero.square +
           (inside.count - zero.count) * step * step / 12;
  }

  /// The Kullback-Leibler divergence sum of P log(P / Q). P is the distribution of the values but
  /// exact zeros, with what is cut off added to the outermost buckets inside of [low, high]. Q is
  /// what 255 steps keep of those inside: the content of each step, spread evenly over those of its
  /// buckets that hold something. Infinite if more than one value in a hundred is cut off: with
  /// nearly all of them in one bucket, P and Q would agree without saying anything.
  double divergence(double low, double high) const {
    const std::size_t first = inside_begin(low), last = inside_end(high);
    const Sums inside = between(first, last);
    const double total = sums_.back().count, step = (high - low) / 255;
    if (inside.count < 0.99 * total || inside.count == 0)
      return std::numeric_limits<double>::infinity();
    // The sum over the inside of count * log(Q), and log(Q) of the outermost buckets.
    double log_q = inside.log_width, log_q_first = 0, log_q_last = 0;
    for (std::size_t begin = first; begin < last;) {
      const double number = std::floor(buckets_[begin].middle() / step + 0.5);
      std::size_t end = (std::min)(from((number + 0.5) * step), last);
      end = (std::max)(end, begin + 1);
      const Sums cell = between(begin, end);
      const double density = std::log(cell.count / (inside.count * cell.width));
      log_q += cell.count * density;
      if (begin == first) log_q_first = density + log_width(first);
      if (end == last) log_q_last = density + log_width(last - 1);
      begin = end;
    }
    double sum = inside.logarithm - inside.count * std::log(total) - log_q;
    const auto move_in = [&](std::size_t bucket, double outside, double log_q_there) {
      const double n = static_cast<double>(buckets_[bucket].count);
      const auto part = [&](double count) {
        return count * (std::log(count / total) - log_q_there);
      };
      sum += part(n + outside) - part(n);
    };
    move_in(first, between(0, first).count, log_q_first);
    move_in(last - 1, between(last, buckets_.size()).count, log_q_last);
    return sum / total;
  }

 private:
  struct Sums {
    double count = 0, x = 0, square = 0, logarithm = 0, log_width = 0, width = 0;
  };

  /// A bucket that reaches into the range counts as inside of it, so that the extremes hold all.
  std::size_t inside_begin(double low) const {
    const auto found =
        std::partition_point(buckets_.begin(), buckets_.end(),
                             [low](const Histogram::Bucket& b) { return b.high <= low; });
    return static_cast<std::size_t>(found - buckets_.begin());
  }
  std::size_t inside_end(double high) const {
    const auto found =
        std::partition_point(buckets_.begin(), buckets_.end(),
                             [high](const Histogram::Bucket& b) { return b.low < high; });
    return static_cast<std::size_t>(found - buckets_.begin());
  }
  /// The first bucket whose middle is not below x.
  std::size_t from(double x) const {
    const auto found =
        std::partition_point(buckets_.begin(), buckets_.end(),
                             [x](const Histogram::Bucket& b) { return b.middle() < x; });
    return static_cast<std::size_t>(found - buckets_.begin());
  }
  Sums between(std::size_t first, std::size_t last) const {
    const Sums &a = sums_[first], &b = sums_[(std::max)(first, last)];
    return {b.count - a.count,         b.x - a.x,
            b.square - a.square,       b.logarithm - a.logarithm,
            b.log_width - a.log_width, b.width - a.width};
  }
  double log_width(std::size_t bucket) const {
    return std::log(buckets_[bucket].high - buckets_[bucket].low);
  }

  /// Shrinks the extremes by eighths of an octave, down to 1/256: both ends at once, then each
  /// alone, twice. The widest of equally good ranges wins.
  template <class Cost>
  Range search(const Cost& cost) const {
    constexpr int steps = 64;
    const double low = (std::min)(extremes_.low, 0.0f), high = (std::max)(extremes_.high, 0.0f);
    if (buckets_.empty()) return extremes_;
    const auto factor = [](int step) { return std::exp2(-step / 8.0); };
    int best_low = 0, best_high = 0;
    double best = cost(low, high);
    const auto attempt = [&](int low_step, int high_step) {
      const double found = cost(low * factor(low_step), high * factor(high_step));
      if (!(found < best)) return;
      best = found;
      best_low = low_step;
      best_high = high_step;
    };
    for (int step = 1; step <= steps; ++step) attempt(step, step);
    for (int round = 0; round < 2 && low < 0 && high > 0; ++round) {
      const int kept_low = best_low;
      for (int step = 0; step <= steps; ++step) attempt(kept_low, step);
      const int kept_high = best_high;
      for (int step = 0; step <= steps; ++step) attempt(step, kept_high);
    }
    return {static_cast<float>(low * factor(best_low)),
            static_cast<float>(high * factor(best_high))};
  }

  Range extremes_;
  std::vector<Histogram::Bucket> buckets_;
  /// Over the buckets before each.
  std::vector<Sums> sums_;
};

}  // namespace octet::inline OCTET_ABI
