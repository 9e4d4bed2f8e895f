// Every row of the table of softmax against the scalar definition in double, at columns around the
// 4, 8 and 16 lanes of a vector.
#include "octet/kernels/softmax.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include "octet/core/random.hpp"
#include "tolerance.hpp"

using namespace octet;
using namespace octet::kernels;

TEST_CASE("softmax: every row of the table computes the definition") {
  const Random random{13, 1};
  int ran = 0;
  for (const auto& row : softmax_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    ++ran;
    CAPTURE(row.name);
    const auto& gradients = best_row(softmax_gradients_table<float>(), row.isa);
    CHECK(gradients.isa == row.isa);
    for (const std::int64_t columns : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 100}) {
      CAPTURE(columns);
      const std::int64_t rows = 3, n = rows * columns;
      std::vector<float> x(static_cast<std::size_t>(n)), dy = x, y = x, dx = x;
      std::vector<double> wide_x(x.size()), wide_dy = wide_x, wide_y = wide_x, wide_dx = wide_x;
      // All numbers of the middle row are below 0, as those past its end must be.
      for (std::size_t i = 0; i < x.size(); ++i) {
        const bool middle = static_cast<std::int64_t>(i) / columns == 1;
        // Eighths, so that no difference is rounded.
        wide_x[i] = std::round(random.uniform(2 * i, -80, middle ? -40 : 80)) / 8;
        x[i] = static_cast<float>(wide_x[i]);
        wide_dy[i] = dy[i] = static_cast<float>(random.uniform(2 * i + 1, -2, 2));
      }
      row.forward(rows, columns, x.data(), y.data());
      gradients.backward(rows, columns, y.data(), dy.data(), dx.data());
      scalar::softmax_forward(rows, columns, wide_x.data(), wide_y.data());
      scalar::softmax_backward(rows, columns, wide_y.data(), wide_dy.data(), wide_dx.data());
      // The series of e^x adds 8 products.
      const double most = tolerance<float>(static_cast<double>(8 + columns));
      int wrong = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        wrong += !(std::fabs(y[i] - wide_y[i]) <= most * wide_y[i]);
        wrong += !(std::fabs(dx[i] - wide_dx[i]) <= 4 * most);
      }
      CHECK(wrong == 0);
    }
  }
  CHECK(ran >= 1);
}

TEST_CASE("softmax: every row of the table knows infinity and NaN") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const auto& row : softmax_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    CAPTURE(row.name);
    const std::vector<float> x = {-infinity, 3, 3, NAN, 0, 1, -500, 0, -infinity};
    std::vector<float> y(9);
    row.forward(3, 3, x.data(), y.data());
    CHECK(y[0] == 0);
    CHECK(y[1] == 0.5f);
    CHECK(y[2] == 0.5f);
    for (const std::size_t i : {3, 4, 5}) CHECK(std::isnan(y[i]));
    CHECK(y[6] == 0);
    CHECK(y[7] == 1);
    CHECK(y[8] == 0);
  }
}

TEST_CASE("softmax: rows sum to one, survive large numbers, and differentiate") {
  ThreadPool pool(2);
  const std::vector<double> x = {1000, 1001, 999, -1, 0, 2};
  std::vector<double> y(6), dx(6);
  softmax_forward(2, 3, x.data(), y.data(), pool);
  CHECK(y[0] + y[1] + y[2] == doctest::Approx(1));
  CHECK(y[1] / y[0] == doctest::Approx(std::exp(1.0)));
  const std::vector<double> dy = {0.5, -1, 2, 1, 0.25, -0.5};
  softmax_backward(2, 3, y.data(), dy.data(), dx.data(), pool);
  for (std::size_t i = 0; i < 6; ++i) {
    std::vector<double> shifted = x, up(6), down(6);
    shifted[i] += 1e-6;
    softmax_forward(2, 3, shifted.data(), up.data(), pool);
    shifted[i] -= 2e-6;
    softmax_forward(2, 3, shifted.data(), down.data(), pool);
    double slope = 0;
    for (std::size_t j = 0; j < 6; ++j) slope += dy[j] * (up[j] - down[j]) / 2e-6;
    CHECK(dx[i] == doctest::Approx(slope).epsilon(1e-6));
  }
}
