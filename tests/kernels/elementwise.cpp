// Every row of the table of elementwise loops against the scalar definitions in double, at counts
// around the 8 and 16 lanes of a vector.
#include "octet/kernels/elementwise.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include "octet/core/random.hpp"
#include "tolerance.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

const std::vector<std::int64_t> counts = {0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100};

// Multiples of 1/8 in [-4, 4], so that limits are met exactly.
template <class T>
std::vector<T> values(std::int64_t count, std::uint64_t stream) {
  const Random random{11, stream};
  std::vector<T> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<T>(std::round(random.uniform(i, -32, 32)) / 8);
  return result;
}

// Elements that differ by more than a few roundings of numbers below 32.
int misses(const std::vector<float>& actual, const std::vector<double>& expected) {
  int count = 0;
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i)
    count += !(std::fabs(static_cast<double>(actual[i]) - expected[i]) <= tolerance<float>(4, 32));
  return count;
}

}  // namespace

TEST_CASE("elementwise: every row of the table computes the definitions") {
  int ran = 0;
  for (const auto& row : elementwise_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    ++ran;
    const auto& learning = best_row(elementwise_learning_table<float>(), row.isa);
    CHECK(learning.isa == row.isa);
    for (const std::int64_t n : counts) {
      CAPTURE(row.name);
      CAPTURE(n);
      const auto a = values<float>(n, 1), b = values<float>(n, 2), c = values<float>(n, 3);
      const auto wide_a = values<double>(n, 1), wide_b = values<double>(n, 2);
      const auto wide_c = values<double>(n, 3);
      std::vector<float> y = c;
      std::vector<double> expected = wide_c;

      row.clamp_forward(n, a.data(), -1, 2, y.data());
      scalar::clamp_forward(n, wide_a.data(), -1.0, 2.0, expected.data());
      CHECK(misses(y, expected) == 0);
      learning.clamp_backward(n, a.data(), b.data(), -1, 2, y.data());
      scalar::clamp_backward(n, wide_a.data(), wide_b.data(), -1.0, 2.0, expected.data());
      CHECK(misses(y, expected) == 0);
      row.leaky_relu_forward(n, a.data(), 0.125f, y.data());
      scalar::leaky_relu_forward(n, wide_a.data(), 0.125, expected.data());
      CHECK(misses(y, expected) == 0);
      learning.leaky_relu_backward(n, a.data(), b.data(), 0.125f, y.data());
      scalar::leaky_relu_backward(n, wide_a.data(), wide_b.data(), 0.125, expected.data());
      CHECK(misses(y, expected) == 0);
      row.add(n, a.data(), b.data(), y.data());
      scalar::add(n, wide_a.data(), wide_b.data(), expected.data());
      CHECK(misses(y, expected) == 0);
      row.multiply(n, a.data(), b.data(), y.data());
      scalar::multiply(n, wide_a.data(), wide_b.data(), expected.data());
      CHECK(misses(y, expected) == 0);
      learning.scale(n, 1.5f, a.data(), y.data());
      scalar::scale(n, 1.5, wide_a.data(), expected.data());
      CHECK(misses(y, expected) == 0);
    }
  }
  CHECK(ran >= 1);
}

TEST_CASE("elementwise: every row of the table takes the optimizers' steps") {
  const AdamStep adam{.learning_rate = 0.01,
                      .beta1 = 0.875,
                      .beta2 = 0.75,
                      .beta1_power = 0.5,
                      .beta2_power = 0.25,
                      .epsilon = 0.125,
                      .coupled_weight_decay = 0.25,
                      .decoupled_weight_decay = 0.5};
  for (const auto& learning : elementwise_learning_table<float>()) {
    if (!isa_allowed(learning.isa)) continue;
    for (const std::int64_t n : counts) {
      CAPTURE(to_text(learning.isa));
      CAPTURE(n);
      const auto g = values<float>(n, 1);
      const auto wide_g = values<double>(n, 1);
      auto p = values<float>(n, 2), m = values<float>(n, 3), v = values<float>(n, 4);
      auto wide_p = values<double>(n, 2), wide_m = values<double>(n, 3);
      auto wide_v = values<double>(n, 4);
      for (float& value : v) value = std::fabs(value);
      for (double& value : wide_v) value = std::fabs(value);
      learning.adam(n, adam, g.data(), p.data(), m.data(), v.data());
      scalar::adam(n, adam, wide_g.data(), wide_p.data(), wide_m.data(), wide_v.data());
      CHECK(misses(p, wide_p) == 0);
      CHECK(misses(m, wide_m) == 0);
      CHECK(misses(v, wide_v) == 0);
      for (const Momentum kind : {Momentum::heavy_ball, Momentum::nesterov})
        for (const bool momentum : {true, false}) {
          const SgdStep sgd{.learning_rate = 0.25,
                            .momentum = momentum ? 0.75 : 0.0,
                            .kind = kind,
                            .coupled_weight_decay = 0.125,
                            .decoupled_weight_decay = 0.5};
          learning.sgd(n, sgd, g.data(), p.data(), momentum ? m.data() : nullptr);
          scalar::sgd(n, sgd, wide_g.data(), wide_p.data(), momentum ? wide_m.data() : nullptr);
          CHECK(misses(p, wide_p) == 0);
          CHECK(misses(m, wide_m) == 0);
        }
    }
  }
}

TEST_CASE("elementwise: one Adam step by hand") {
  // g = 2: m = 0.1 * 2, v = 0.001 * 4; both corrections undo the factors: p -= 0.5 * 2 / 2.
  double p = 1, m = 0, v = 0;
  const double g = 2;
  ThreadPool pool(1);
  adam_step(1, {.learning_rate = 0.5, .beta1_power = 0.9, .beta2_power = 0.999, .epsilon = 0}, &g,
            &p, &m, &v, pool);
  CHECK(m == doctest::Approx(0.2));
  CHECK(v == doctest::Approx(0.004));
  CHECK(p == doctest::Approx(0.5));
}

TEST_CASE("elementwise: NaN passes the clamp and stops its gradient nowhere but outside") {
  ThreadPool pool(1);
  const std::vector<float> x = {NAN, -1, 0, 1, INFINITY};
  std::vector<float> y(5), dx(5);
  clamp_forward(5, x.data(), 0.0f, INFINITY, y.data(), pool);
  CHECK(std::isnan(y[0]));
  CHECK(y[1] == 0);
  CHECK(y[4] == INFINITY);
  const std::vector<float> ones(5, 1.0f);
  clamp_backward(5, x.data(), ones.data(), 0.0f, 6.0f, dx.data(), pool);
  CHECK(dx == std::vector<float>{0, 0, 0, 1, 0});
}

TEST_CASE("elementwise: one factor for each channel multiplies every pixel of its example") {
  ThreadPool pool(2);
  const std::vector<float> a = {1, 2, 3, 4, 5, 6, 7, 8}, b = {10, 100, -1, 0};
  std::vector<float> y(8);
  multiply_channels(2, 2, 2, a.data(), b.data(), y.data(), pool);
  CHECK(y == std::vector<float>{10, 200, 30, 400, -5, 0, -7, 0});
}

TEST_CASE("elementwise: the number of threads changes no bit") {
  const std::int64_t n = 3 * elementwise_grain + 5;
  const auto g = values<float>(n, 1);
  std::vector<float> first;
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    auto p = values<float>(n, 2), m = values<float>(n, 3);
    std::vector<float> v(g.size(), 1.0f);
    adam_step(n, {}, g.data(), p.data(), m.data(), v.data(), pool);
    clamp_forward(n, p.data(), 0.0f, 3.0f, p.data(), pool);
    if (threads == 1) first = p;
    CHECK(p == first);
  }
}
