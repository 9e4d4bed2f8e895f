// Histograms: exact extremes, bounded percentiles, no dependence on order.
#include "octet/quant/observer.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include "octet/core/random.hpp"

using namespace octet;

namespace {
std::vector<float> normal(int count) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i)
    values.push_back(static_cast<float>(Random(3).normal(static_cast<std::uint64_t>(i))));
  return values;
}
}  // namespace

TEST_CASE("extremes are exact, and percentiles hold the share that they promise") {
  const std::vector<float> values = normal(20000);
  Histogram histogram;
  histogram.observe(values);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  CHECK(histogram.extremes() == Range{*low, *high});
  CHECK(histogram.percentile(100) == Range{*low, *high});
  for (const double percent : {50.0, 90.0, 99.0, 99.9}) {
    CAPTURE(percent);
    const Range range = histogram.percentile(percent);
    const auto outside = std::count_if(values.begin(), values.end(), [&](float value) {
      return value < range.low || value > range.high;
    });
    CHECK(static_cast<double>(outside) <= (1 - percent / 100) * 20000);
    // Not much wider than the exact quantile, either: at most one bucket of 1/32.
    std::vector<float> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const auto at = static_cast<std::size_t>((1 + percent / 100) / 2 * 20000) - 1;
    CHECK(range.high <= sorted[at] * (1 + 1.0f / 16));
  }
}

TEST_CASE("neither order nor splitting changes a percentile") {
  std::vector<float> values = normal(5000);
  Histogram whole;
  whole.observe(values);
  std::reverse(values.begin(), values.end());
  Histogram first, second;
  first.observe(std::span(values).first(1234));
  second.observe(std::span(values).subspan(1234));
  second.merge(first);
  CHECK(second.count() == whole.count());
  CHECK(second.extremes() == whole.extremes());
  for (const double percent : {10.0, 99.0, 99.99})
    CHECK(second.percentile(percent) == whole.percentile(percent));
}

TEST_CASE("zeros of both signs, tiny and huge numbers, and what is not a number") {
  Histogram histogram;
  const std::vector<float> values = {0.0f, -0.0f, 1e-40f, -1e-40f, 3e38f, -3e38f};
  histogram.observe(values);
  CHECK(histogram.extremes() == Range{-3e38f, 3e38f});
  CHECK(histogram.zeros() == 2);
  // Beside 3e38, everything below 2^-21 of it shares the first bucket of its sign.
  const Range inner = histogram.percentile(60);
  CHECK(inner.low <= -1e-40f);
  CHECK(inner.low >= -3e38f / (1 << 20));
  CHECK(inner.high >= 1e-40f);
  CHECK(inner.high <= 3e38f / (1 << 20));
  CHECK(histogram.not_finite() == 0);
  const std::vector<float> bad = {std::nanf(""), std::numeric_limits<float>::infinity()};
  histogram.observe(bad);
  CHECK(histogram.not_finite() == 2);
  CHECK(histogram.count() == 8);
  CHECK(Histogram().extremes() == Range{});
  CHECK_THROWS_AS(histogram.percentile(0), Error);
}

TEST_CASE("a histogram that had to grow holds what one of the final size would hold") {
  // Magnitudes over twenty octaves, the largest at the end or at the beginning.
  std::vector<float> values;
  for (int i = 0; i < 4000; ++i) {
    const Random random(static_cast<std::uint64_t>(i));
    values.push_back(static_cast<float>(std::ldexp(random.uniform(0) - 0.5, i / 200 - 10)));
  }
  values.insert(values.begin() + 17, 5, 0.0f);
  Histogram growing, large_first, merged;
  for (const float value : values) growing.observe({&value, 1});
  std::reverse(values.begin(), values.end());
  large_first.observe(values);
  Histogram parts[3];
  for (std::size_t i = 0; i < values.size(); ++i) parts[i * 7 % 3].observe({&values[i], 1});
  for (const Histogram& part : parts) merged.merge(part);
  const auto same = [](const Histogram& a, const Histogram& b) {
    const auto x = a.filled_buckets(), y = b.filled_buckets();
    return a.count() == b.count() && a.zeros() == b.zeros() && a.extremes() == b.extremes() &&
           std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const auto& p, const auto& q) {
             return p.low == q.low && p.high == q.high && p.count == q.count;
           });
  };
  CHECK(same(growing, large_first));
  CHECK(same(merged, large_first));

  // Each bucket holds exactly the values between its bounds.
  std::uint64_t counted = large_first.zeros();
  for (const Histogram::Bucket& bucket : large_first.filled_buckets()) {
    const auto between = std::count_if(values.begin(), values.end(), [&](float value) {
      if (value == 0) return false;
      return bucket.low >= 0 ? value >= bucket.low && value < bucket.high
                             : value > bucket.low && value <= bucket.high;
    });
    CHECK(static_cast<std::uint64_t>(between) == bucket.count);
    counted += bucket.count;
  }
  CHECK(counted == values.size());
}

TEST_CASE("moments, and a mean that no order changes") {
  const std::vector<float> values = normal(20000);
  Histogram histogram;
  histogram.observe(values);
  CHECK(histogram.moments().mean == doctest::Approx(0).epsilon(0.02));
  CHECK(histogram.moments().deviation == doctest::Approx(1).epsilon(0.02));

  std::vector<float> numbers = {1e30f, 1.5f, -1e30f, 3e-45f, 0.25f, -1e-20f};
  std::sort(numbers.begin(), numbers.end());
  ExactMean first;
  for (const float number : numbers) first.add(number);
  do {
    ExactMean mean;
    for (const float number : numbers) mean.add(number);
    CHECK(mean.mean() == first.mean());
  } while (std::next_permutation(numbers.begin(), numbers.end()));
  ExactMean plain;
  for (const float number : {1.0f, 2.0f, -4.5f, 0.0f}) plain.add(number);
  CHECK(plain.mean() == -0.375);
}
