// Every row of the table of batch normalization against the definitions in double, at channels
// around one vector of 8 or 16 lanes and around a strip of four.
#include "octet/kernels/normalization.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include "octet/core/random.hpp"
#include "tolerance.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

const std::vector<std::int64_t> channel_counts = {1,  7,  8,  9,  15, 16, 17,
                                                  31, 32, 33, 63, 64, 65, 130};

std::vector<float> values(std::int64_t count, std::uint64_t stream, double low = -1,
                          double high = 1) {
  const Random random{13, stream};
  std::vector<float> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<float>(random.uniform(i, low, high));
  return result;
}
std::vector<double> widened(const std::vector<float>& v) { return {v.begin(), v.end()}; }

template <class Floats>
int misses(const Floats& actual, const std::vector<double>& expected, double depth,
           double magnitude) {
  int count = 0;
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i)
    count += !(std::fabs(static_cast<double>(actual[i]) - expected[i]) <=
               tolerance<float>(depth, magnitude));
  return count;
}

}  // namespace

TEST_CASE("normalization: every row of the table computes the definitions") {
  int ran = 0;
  for (const auto& row : normalization_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    ++ran;
    for (const std::int64_t channels : channel_counts)
      for (const std::int64_t rows : {1, 2, 21}) {
        CAPTURE(row.name);
        CAPTURE(channels);
        CAPTURE(rows);
        const auto count = static_cast<std::size_t>(channels);
        const double depth = static_cast<double>(rows);
        const auto x = values(rows * channels, 1), d = values(channels, 2);
        const auto dy = values(rows * channels, 3), mean = values(channels, 4);
        const auto a = values(channels, 5), b = values(channels, 6), c = values(channels, 7);
        const auto wide_x = widened(x), wide_d = widened(d), wide_dy = widened(dy);
        const auto wide_mean = widened(mean), wide_a = widened(a), wide_b = widened(b);
        const auto wide_c = widened(c);
        std::vector<float> first(count), second(count);
        AlignedVector<float> full(x.size());
        std::vector<double> wide_first(count), wide_second(count), wide_full(x.size());

        row.moments(rows, channels, x.data(), first.data(), second.data());
        scalar::moments(rows, channels, wide_x.data(), wide_first.data(), wide_second.data());
        CHECK(misses(first, wide_first, depth, 1) == 0);
        CHECK(misses(second, wide_second, depth, 4 * depth) == 0);

        for (const StoreThrough through : {StoreThrough::caches, StoreThrough::memory}) {
          full.assign(full.size(), 0.0f);
          row.normalize({channels, mean.data(), a.data(), b.data(), -0.5f, 0.75f}, rows, x.data(),
                        through, full.data());
          scalar::normalize<double>(
              {channels, wide_mean.data(), wide_a.data(), wide_b.data(), -0.5, 0.75}, rows,
              wide_x.data(), through, wide_full.data());
          CHECK(misses(full, wide_full, 2, 3) == 0);
        }

        for (const bool masked : {false, true}) {
          CAPTURE(masked);
          first.assign(count, 1);
          second.assign(count, 1);
          wide_first.assign(count, 1);
          wide_second.assign(count, 1);
          const Normalization<float> n{channels, mean.data(), a.data(), masked ? d.data() : nullptr,
                                       -0.5f,    0.75f};
          const Normalization<double> wide{channels,      wide_mean.data(),
                                           wide_a.data(), masked ? wide_d.data() : nullptr,
                                           -0.5,          0.75};
          row.normalize_sums(n, rows, x.data(), dy.data(), first.data(), second.data());
          scalar::normalize_sums(wide, rows, wide_x.data(), wide_dy.data(), wide_first.data(),
                                 wide_second.data());
          CHECK(misses(first, wide_first, depth + 1, depth + 1) == 0);
          CHECK(misses(second, wide_second, depth + 1, 2 * depth + 1) == 0);
          row.normalize_gradient(n, rows, x.data(), dy.data(), b.data(), c.data(), full.data());
          scalar::normalize_gradient(wide, rows, wide_x.data(), wide_dy.data(), wide_b.data(),
                                     wide_c.data(), wide_full.data());
          CHECK(misses(full, wide_full, 3, 4) == 0);
        }

        row.column_sum(rows, channels, x.data(), first.data());
        scalar::column_sum(rows, channels, wide_x.data(), wide_first.data());
        CHECK(misses(first, wide_first, depth, depth) == 0);
      }
  }
  CHECK(ran >= 1);
}

TEST_CASE("normalization: every row of the table pools windows as the definitions do") {
  struct Case {
    const char* name;
    std::int64_t rows, columns, count;
  };
  for (const auto& row : normalization_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    for (const Case& windows : {Case{"2 x 2", 2, 2, 3}, Case{"one window", 2, 2, 1},
                                Case{"3 x 1", 3, 1, 4}, Case{"1 x 4", 1, 4, 2}})
      for (const std::int64_t channels : channel_counts)
        for (const bool limited : {false, true}) {
          CAPTURE(row.name);
          CAPTURE(windows.name);
          CAPTURE(channels);
          CAPTURE(limited);
          const std::int64_t pixels = windows.rows * windows.columns * windows.count;
          const auto count = static_cast<std::size_t>(channels);
          auto x = values(pixels * channels, 1);
          // The same maximum twice: the first of them counts.
          std::copy(x.begin(), x.begin() + channels, x.begin() + channels);
          const auto mean = values(channels, 2), scale = values(channels, 3);
          const auto shift = values(channels, 4), dy = values(windows.count * channels, 5);
          const auto slope = values(channels, 6), offset = values(channels, 7);
          const auto wide_x = widened(x), wide_mean = widened(mean), wide_scale = widened(scale);
          const auto wide_shift = widened(shift), wide_dy = widened(dy);
          const auto wide_slope = widened(slope), wide_offset = widened(offset);
          const float infinity = std::numeric_limits<float>::infinity();
          const float lo = limited ? -0.25f : -infinity, hi = limited ? 0.75f : infinity;
          const NormalizedWindows<float> w{
              {channels, mean.data(), scale.data(), shift.data(), lo, hi},
              windows.rows,
              windows.columns,
              windows.count};
          const NormalizedWindows<double> wide{
              {channels, wide_mean.data(), wide_scale.data(), wide_shift.data(), lo, hi},
              windows.rows,
              windows.columns,
              windows.count};
          std::vector<float> y(dy.size()), first(count, 1.0f), second(count, 2.0f);
          std::vector<double> wide_y(dy.size()), wide_first(count, 1), wide_second(count, 2);
          row.normalize_windows(w, x.data(), y.data());
          scalar::normalize_windows(wide, wide_x.data(), wide_y.data());
          CHECK(misses(y, wide_y, 2, 3) == 0);
          row.window_sums(w, x.data(), dy.data(), first.data(), second.data());
          scalar::window_sums(wide, wide_x.data(), wide_dy.data(), wide_first.data(),
                              wide_second.data());
          CHECK(misses(first, wide_first, static_cast<double>(windows.count), 4) == 0);
          CHECK(misses(second, wide_second, static_cast<double>(windows.count), 8) == 0);
          for (const StoreThrough through : {StoreThrough::caches, StoreThrough::memory}) {
            AlignedVector<float> dx(x.size());
            std::vector<double> wide_dx(x.size());
            row.window_gradient(w, x.data(), dy.data(), slope.data(), offset.data(), through,
                                dx.data());
            scalar::window_gradient(wide, wide_x.data(), wide_dy.data(), wide_slope.data(),
                                    wide_offset.data(), through, wide_dx.data());
            CHECK(misses(dx, wide_dx, 3, 4) == 0);
          }
        }
  }
}

TEST_CASE("normalization: statistics over many blocks, far from zero, at any number of threads") {
  const std::int64_t channels = 65, rows = 5 * reduction_rows(channels) + 3;
  auto x = values(rows * channels, 1);
  for (float& value : x) value += 100;
  std::vector<float> mean1, variance1;
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    std::vector<float> mean(65), variance(65);
    batch_statistics(rows, channels, x.data(), mean.data(), variance.data(), pool);
    if (threads == 1) {
      mean1 = mean;
      variance1 = variance;
    }
    CHECK(mean == mean1);
    CHECK(variance == variance1);
  }
  const auto wide = widened(x);
  std::vector<double> mean(65), squares(65);
  scalar::moments(rows, channels, wide.data(), mean.data(), squares.data());
  const double depth = static_cast<double>(reduction_rows(channels));
  for (double& square : squares) square /= static_cast<double>(rows);
  CHECK(misses(mean1, mean, depth, 101) == 0);
  // The differences from a mean of 100 carry its rounding: 101 epsilon, times a difference below 2.
  CHECK(misses(variance1, squares, depth, 4) == 0);
}

TEST_CASE("normalization: the gradient is that of the forward pass") {
  const std::int64_t rows = 9, channels = 3, n = rows * channels;
  ThreadPool pool(2);
  const auto x = widened(values(n, 1)), dy = widened(values(n, 2));
  const std::vector<double> gamma = {0.5, -1.5, 2}, beta = {0.1, 0.2, -0.3};
  for (const bool relu : {false, true})
    for (const Statistics statistics : {Statistics::batch, Statistics::frozen}) {
      CAPTURE(relu);
      std::vector<double> mean = {0.1, -0.2, 0.3}, variance = {0.5, 1, 2}, y(x.size());
      BatchNormChannels<double> b{.channels = channels,
                                  .mean = mean.data(),
                                  .variance = variance.data(),
                                  .gamma = gamma.data(),
                                  .beta = beta.data(),
                                  .epsilon = 0.01,
                                  .statistics = statistics};
      if (relu) b.lo = 0;
      const auto loss = [&](const std::vector<double>& in, const std::vector<double>& scale,
                            const std::vector<double>& shift) {
        if (statistics == Statistics::batch)
          batch_statistics(rows, channels, in.data(), mean.data(), variance.data(), pool);
        BatchNormChannels<double> moved = b;
        moved.gamma = scale.data();
        moved.beta = shift.data();
        batch_norm_forward(moved, rows, in.data(), y.data(), pool);
        double sum = 0;
        for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
        return sum;
      };
      loss(x, gamma, beta);
      std::vector<double> d_gamma = {1, 1, 1}, d_beta = {2, 2, 2}, dx(x.size());
      batch_norm_backward(b, rows, x.data(), dy.data(), {d_gamma.data(), d_beta.data()}, dx.data(),
                          pool);
      const auto slope = [&](std::vector<double> v, std::size_t i, auto&& f) {
        v[i] += 1e-6;
        const double up = f(v);
        v[i] -= 2e-6;
        return (up - f(v)) / 2e-6;
      };
      for (std::size_t i = 0; i < x.size(); ++i)
        CHECK(dx[i] == doctest::Approx(slope(x, i, [&](auto& v) {
                         return loss(v, gamma, beta);
                       })).epsilon(1e-6));
      for (std::size_t c = 0; c < 3; ++c) {
        CHECK(d_gamma[c] - 1 == doctest::Approx(slope(gamma, c, [&](auto& v) {
                                  return loss(x, v, beta);
                                })).epsilon(1e-6));
        CHECK(d_beta[c] - 2 == doctest::Approx(slope(beta, c, [&](auto& v) {
                                 return loss(x, gamma, v);
                               })).epsilon(1e-6));
      }
    }
}

TEST_CASE("normalization: backward in place, and at any number of threads, changes no bit") {
  const std::int64_t channels = 33, rows = 3 * reduction_rows(channels) + 1;
  const auto x = values(rows * channels, 1), dy = values(rows * channels, 2);
  const auto mean = values(channels, 3), variance = values(channels, 4, 0.5, 2);
  const auto gamma = values(channels, 5), beta = values(channels, 6);
  const BatchNormChannels<float> b{.channels = channels,
                                   .mean = mean.data(),
                                   .variance = variance.data(),
                                   .gamma = gamma.data(),
                                   .beta = beta.data(),
                                   .lo = 0};
  std::vector<float> first, first_gamma;
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    std::vector<float> d_gamma(33), d_beta(33), dx = dy, sum(33);
    batch_norm_backward(b, rows, x.data(), dx.data(), {d_gamma.data(), d_beta.data()}, dx.data(),
                        pool);
    column_sum_add(rows, channels, dx.data(), sum.data(), pool);
    d_gamma.insert(d_gamma.end(), sum.begin(), sum.end());
    if (threads == 1) {
      std::vector<float> apart(dx.size()), ignored(33);
      batch_norm_backward(b, rows, x.data(), dy.data(), {ignored.data(), d_beta.data()},
                          apart.data(), pool);
      CHECK(apart == dx);
      first = dx;
      first_gamma = d_gamma;
    }
    CHECK(dx == first);
    CHECK(d_gamma == first_gamma);
  }
}
