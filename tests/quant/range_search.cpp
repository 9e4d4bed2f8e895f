// Ranges by error and by divergence, against trying every range on the values themselves.
#include "octet/quant/range_search.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include "octet/core/random.hpp"
#include "octet/quant/parameters.hpp"

using namespace octet;

namespace {

std::vector<float> normal_numbers(int count, double scale = 1) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i)
    values.push_back(static_cast<float>(scale * Random(3).normal(static_cast<std::uint64_t>(i))));
  return values;
}
Histogram histogram_of(const std::vector<float>& values) {
  Histogram histogram;
  histogram.observe(values);
  return histogram;
}
/// What quantizing the values themselves costs.
double squared_error(const std::vector<float>& values, const Range& range) {
  const QuantizationParameters p = parameters_of_range(range.low, range.high);
  double sum = 0;
  for (const float value : values)
    sum += std::pow(double{dequantize_value(quantize_value(value, p), p)} - double{value}, 2);
  return sum;
}

}  // namespace

TEST_CASE("the squared error of a range is that of quantizing the values") {
  std::vector<float> values = normal_numbers(20000);
  values.insert(values.end(), 5000, 0.0f);
  const Histogram histogram = histogram_of(values);
  const RangeSearch search(histogram);
  for (const Range& range : {Range{-4, 4}, Range{-2, 3}, Range{-1, 1}, Range{-0.25f, 5}}) {
    CAPTURE(range.low);
    CAPTURE(range.high);
    const double expected = squared_error(values, range);
    CHECK(search.squared_error(range.low, range.high) == doctest::Approx(expected).epsilon(0.05));
  }
}

TEST_CASE("an outlier costs min-max its resolution, and no other method") {
  std::vector<float> values = normal_numbers(400000);
  for (float& value : values) value = (std::max)(value, 0.0f);
  values.push_back(20);
  const Histogram histogram = histogram_of(values);
  CHECK(histogram.extremes().high == 20);
  const Range by_error = RangeSearch(histogram).least_squared_error();
  const Range by_divergence = RangeSearch(histogram).least_divergence();
  CHECK(by_error.low == 0);
  CHECK(by_divergence.low == 0);
  // By how much one value may be cut off is a matter of how many others gain by it.
  CHECK(by_error.high < 18);
  CHECK(by_error.high > 10);
  CHECK(squared_error(values, by_error) < 0.95 * squared_error(values, {0, 20}));
  CHECK(by_divergence.high < 8);
  CHECK(by_divergence.high > 2);
}

TEST_CASE("no range of a fine grid has a much smaller error than the one found") {
  for (const double skew : {0.0, 1.5}) {
    CAPTURE(skew);
    std::vector<float> values = normal_numbers(4000);
    // Heavy tails, which are worth cutting, and more of them on one side.
    for (float& value : values)
      value = static_cast<float>(value * std::exp(std::abs(value)) + skew * (value > 0));
    const Range found = RangeSearch(histogram_of(values)).least_squared_error();
    const Range extremes = histogram_of(values).extremes();
    double best = squared_error(values, extremes);
    CHECK(squared_error(values, found) <= best);
    for (int low = 1; low <= 24; ++low)
      for (int high = 1; high <= 24; ++high) {
        const float a = static_cast<float>(low) / 24, b = static_cast<float>(high) / 24;
        best = (std::min)(best, squared_error(values, {extremes.low * a, extremes.high * b}));
      }
    CHECK(squared_error(values, found) <= 1.05 * best);
  }
}

TEST_CASE("the divergence is that of the definition") {
  // From 1 to 2 there are 512 buckets; each of these values lies in one of its own.
  std::vector<float> values;
  const auto add = [&](double at, int count) {
    values.insert(values.end(), static_cast<std::size_t>(count), static_cast<float>(at));
  };
  add(1.0, 50), add(1.0 + 1 / 512.0, 30), add(1.0 + 6 / 512.0, 20), add(1.9, 70), add(3.9, 1);
  const Histogram histogram = histogram_of(values);
  // Steps of 2 / 255 are four times as wide as those buckets. The first two share the step
  // [127.5, 128.5) * 2 / 255, and no others share one.
  const double p[] = {50 / 171.0, 30 / 171.0, 20 / 171.0, (70 + 1) / 171.0};
  const double q[] = {8 / 17.0 / 2, 8 / 17.0 / 2, 2 / 17.0, 7 / 17.0};
  double expected = 0;
  for (int i = 0; i < 4; ++i) expected += p[i] * std::log(p[i] / q[i]);
  CHECK(RangeSearch(histogram).divergence(0, 2) == doctest::Approx(expected).epsilon(1e-9));
}

TEST_CASE("a few values alone do not lead the divergence astray") {
  for (const int count : {10, 50, 150, 1000}) {
    CAPTURE(count);
    const std::vector<float> values = normal_numbers(count);
    const Histogram histogram = histogram_of(values);
    const Range range = RangeSearch(histogram).least_divergence();
    const auto outside = std::count_if(values.begin(), values.end(), [&](float value) {
      return value < 1.01f * range.low || value > 1.01f * range.high;
    });
    CHECK(outside <= count / 100);
  }
}

TEST_CASE("ranges of values that have no extent, one sign, or none at all") {
  for (const std::vector<float>& values :
       {std::vector<float>{3, 3, 3}, {0, 0}, {-2, -1, -1.5f}, {1e-30f, 2e-30f}}) {
    const Histogram histogram = histogram_of(values);
    for (const Range& range : {RangeSearch(histogram).least_squared_error(),
                               RangeSearch(histogram).least_divergence()}) {
      CHECK(range.low <= range.high);
      CHECK(parameters_of_range(range.low, range.high).scale > 0);
    }
  }
  CHECK(RangeSearch(Histogram()).least_divergence() == Range{});
}
