// Pooling: every row of the table against the window's definition, and whole poolings against
// windows written out by hand.
#include "octet/kernels/pooling.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include "octet/core/random.hpp"
#include "tolerance.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

// Few different values, so that a window often has more than one maximum.
std::vector<float> values(std::int64_t count, std::uint64_t stream) {
  const Random random{17, stream};
  std::vector<float> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<float>(std::floor(random.uniform(i, -3, 4)));
  return result;
}

}  // namespace

TEST_CASE("pooling: every row of the table computes the definitions") {
  int ran = 0;
  for (const auto& row : pooling_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    ++ran;
    const auto& gradients = best_row(pooling_gradients_table<float>(), row.isa);
    CHECK(gradients.isa == row.isa);
    for (const std::int64_t channels : {1, 7, 8, 9, 15, 16, 17, 33})
      for (const std::int64_t side : {0, 1, 2, 3}) {
        CAPTURE(row.name);
        CAPTURE(channels);
        CAPTURE(side);
        const Patch patch{side, side, 5 * channels, channels};
        const auto x = values(25 * channels, 1), dy = values(channels, 2);
        std::vector<float> y(dy.size()), expected(dy.size());
        std::vector<float> dx(x.size(), 1.0f), expected_dx(x.size(), 1.0f);
        row.max_window(patch, x.data(), y.data());
        scalar::max_window(patch, x.data(), expected.data());
        CHECK(y == expected);
        gradients.max_window_backward(patch, x.data(), y.data(), dy.data(), dx.data());
        scalar::max_window_backward(patch, x.data(), y.data(), dy.data(), expected_dx.data());
        CHECK(dx == expected_dx);
        row.sum_window(patch, x.data(), 0.25f, y.data());
        scalar::sum_window(patch, x.data(), 0.25f, expected.data());
        CHECK(y == expected);  // sums of small integers are exact
        gradients.sum_window_backward(patch, dy.data(), 0.25f, dx.data());
        scalar::sum_window_backward(patch, dy.data(), 0.25f, expected_dx.data());
        CHECK(dx == expected_dx);
      }
    for (const std::int64_t place : {0, 1, 3}) {
      std::vector<float> x = {1, 2, 3, 4}, y(1);
      x[static_cast<std::size_t>(place)] = NAN;
      row.max_window({2, 2, 2, 1}, x.data(), y.data());
      CHECK(std::isnan(y[0]));
    }
  }
  CHECK(ran >= 1);
}

TEST_CASE("pooling: windows, ties and padding by hand") {
  ThreadPool pool(2);
  // 3 x 3 image, window 2 with stride 2 and one row and column of padding in front.
  const Pool2dShape shape{.H = 3,
                          .W = 3,
                          .OH = 2,
                          .OW = 2,
                          .KH = 2,
                          .KW = 2,
                          .stride_h = 2,
                          .stride_w = 2,
                          .pad_top = 1,
                          .pad_left = 1};
  const std::vector<double> x = {-1, 5, 5, 2, 7, 3, 2, 7, 7}, dy = {1, 10, 100, 1000};
  std::vector<double> y(4), dx(9);
  max_pool_forward(shape, x.data(), y.data(), pool);
  CHECK(y == std::vector<double>{-1, 5, 2, 7});
  max_pool_backward(shape, x.data(), y.data(), dy.data(), dx.data(), pool);
  CHECK(dx == std::vector<double>{1, 10, 0, 100, 1000, 0, 0, 0, 0});
  average_pool_forward(shape, AverageOver::window, x.data(), y.data(), pool);
  CHECK(y == std::vector<double>{-0.25, 2.5, 1, 6});
  average_pool_forward(shape, AverageOver::image, x.data(), y.data(), pool);
  CHECK(y == std::vector<double>{-1, 5, 2, 6});
  average_pool_backward(shape, AverageOver::image, dy.data(), dx.data(), pool);
  CHECK(dx == std::vector<double>{1, 5, 5, 50, 250, 250, 50, 250, 250});
  average_pool_backward(shape, AverageOver::window, dy.data(), dx.data(), pool);
  CHECK(dx == std::vector<double>{0.25, 2.5, 2.5, 25, 250, 250, 25, 250, 250});
}

TEST_CASE("pooling: overlapping windows add their gradients") {
  ThreadPool pool(1);
  const Pool2dShape shape{.H = 1, .W = 4, .OH = 1, .OW = 3, .KW = 2};
  const std::vector<double> x = {1, 3, 2, 2}, dy = {1, 10, 100};
  std::vector<double> y(3), dx(4);
  max_pool_forward(shape, x.data(), y.data(), pool);
  max_pool_backward(shape, x.data(), y.data(), dy.data(), dx.data(), pool);
  CHECK(dx == std::vector<double>{0, 11, 100, 0});
}

TEST_CASE("pooling: adaptive windows overlap where the sizes do not divide; global is their case") {
  ThreadPool pool(1);
  const Pool2dShape shape{.H = 1, .W = 5, .OH = 1, .OW = 3};
  const std::vector<double> x = {1, 2, 3, 4, 6}, dy = {2, 3, 4};
  std::vector<double> y(3), dx(5);
  adaptive_average_pool_forward(shape, x.data(), y.data(), pool);
  CHECK(y == std::vector<double>{1.5, 3, 5});  // windows [0, 2), [1, 4), [3, 5)
  adaptive_average_pool_backward(shape, dy.data(), dx.data(), pool);
  const std::vector<double> spread = {1, 2, 1, 3, 2};
  for (std::size_t i = 0; i < 5; ++i) CHECK(dx[i] == doctest::Approx(spread[i]));
  adaptive_max_pool_forward(shape, x.data(), y.data(), pool);
  CHECK(y == std::vector<double>{2, 4, 6});
  adaptive_max_pool_backward(shape, x.data(), y.data(), dy.data(), dx.data(), pool);
  CHECK(dx == std::vector<double>{0, 2, 0, 3, 4});
  global_average_pool_forward(shape, x.data(), y.data(), pool);
  CHECK(y[0] == doctest::Approx(3.2));
  global_average_pool_backward(shape, dy.data(), dx.data(), pool);
  CHECK(dx[4] == doctest::Approx(0.4));
}

TEST_CASE("pooling: the number of threads changes no bit") {
  const Pool2dShape shape{.N = 5,
                          .H = 6,
                          .W = 5,
                          .C = 17,
                          .OH = 3,
                          .OW = 2,
                          .KH = 3,
                          .KW = 3,
                          .stride_h = 2,
                          .stride_w = 2,
                          .pad_top = 1};
  const auto x = values(5 * 6 * 5 * 17, 1), dy = values(5 * 3 * 2 * 17, 2);
  std::vector<float> y1, dx1;
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    std::vector<float> y(dy.size()), dx(x.size());
    max_pool_forward(shape, x.data(), y.data(), pool);
    max_pool_backward(shape, x.data(), y.data(), dy.data(), dx.data(), pool);
    if (threads == 1) {
      y1 = y;
      dx1 = dx;
    }
    CHECK(y == y1);
    CHECK(dx == dx1);
  }
}
