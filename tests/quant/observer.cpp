// Histograms: exact extremes, bounded percentiles, no dependence on order.
#include "octet/quant/observer.hpp"

#include <algorithm>
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
  // The smallest bucket of each sign goes up to 2^-131.
  const Range inner = histogram.percentile(60);
  CHECK(inner.low <= -1e-40f);
  CHECK(inner.low >= -4e-40f);
  CHECK(inner.high >= 1e-40f);
  CHECK(inner.high <= 4e-40f);
  CHECK(histogram.not_finite() == 0);
  const std::vector<float> bad = {std::nanf(""), std::numeric_limits<float>::infinity()};
  histogram.observe(bad);
  CHECK(histogram.not_finite() == 2);
  CHECK(Histogram().extremes() == Range{});
  CHECK_THROWS_AS(histogram.percentile(0), Error);
}
