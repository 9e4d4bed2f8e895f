// Every row of the table of functions against the scalar definitions in double, at counts around
// the 4, 8 and 16 lanes of a vector, and at the ends of what float can say.
#include "octet/kernels/activation.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <type_traits>
#include <vector>

#include "octet/core/random.hpp"
#include "tolerance.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// By depth 8, the series of e^x; the magnitude is that of the result, and of the argument times the
// slope.
template <class Function>
int misses(const std::vector<float>& x, const std::vector<float>& y) {
  int count = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double wide = x[i], expected = Function::value(wide);
    const double magnitude = std::fabs(expected) + std::min(std::fabs(wide), 1.0);
    count += !(std::fabs(static_cast<double>(y[i]) - expected) <= tolerance<float>(8, magnitude));
  }
  return count;
}

// What derivative() takes: y of Sigmoid and Tanh, x of the others.
template <class Function>
constexpr bool by_output = std::is_same_v<Function, Sigmoid> || std::is_same_v<Function, Tanh>;

template <class Check>
void for_each_function(const Check& check) {
  check(Sigmoid{});
  check(Tanh{});
  check(HardSigmoid{});
  check(HardSwish{});
  check(Silu{});
  check(Gelu{});
}

}  // namespace

TEST_CASE("activation: every row of the table computes the definitions") {
  const Random random{12, 1};
  for_each_function([&](auto function) {
    using Function = decltype(function);
    int ran = 0;
    for (const auto& row : activation_table<Function, float>()) {
      if (!isa_allowed(row.isa)) continue;
      ++ran;
      CAPTURE(row.name);
      const auto& gradients = best_row(activation_gradients_table<Function, float>(), row.isa);
      CHECK(gradients.isa == row.isa);
      for (const std::int64_t n : {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 4000}) {
        CAPTURE(n);
        std::vector<float> x(static_cast<std::size_t>(n)), dy = x, y = x, dx = x;
        for (std::size_t i = 0; i < x.size(); ++i) {
          // Every tenth is near 0, where differences would cancel.
          x[i] = static_cast<float>(random.uniform(2 * i, -20, 20) * (i % 10 ? 1 : 1e-3));
          dy[i] = static_cast<float>(random.uniform(2 * i + 1, -2, 2));
        }
        row.forward(n, x.data(), y.data());
        CHECK(misses<Function>(x, y) == 0);
        const std::vector<float>& kept = by_output<Function> ? y : x;
        gradients.backward(n, kept.data(), dy.data(), dx.data());
        int wrong = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double expected = dy[i] * Function::derivative(static_cast<double>(kept[i]));
          wrong += !(std::fabs(dx[i] - expected) <= tolerance<float>(8, 4));
        }
        CHECK(wrong == 0);
      }
    }
    CHECK(ran >= 1);
  });
}

TEST_CASE("activation: every row of the table keeps NaN, and ends where the function does") {
  for_each_function([](auto function) {
    using Function = decltype(function);
    for (const auto& row : activation_table<Function, float>()) {
      if (!isa_allowed(row.isa)) continue;
      CAPTURE(row.name);
      const std::vector<float> x = {NAN, -1e30f, -1000, -104, -87.5f, -87,  -0.0f,
                                    0,   87,     88.8f, 104,  1000,   1e30f};
      std::vector<float> y(x.size());
      row.forward(static_cast<std::int64_t>(x.size()), x.data(), y.data());
      CHECK(std::isnan(y[0]));
      y.erase(y.begin());
      CHECK(misses<Function>({x.begin() + 1, x.end()}, y) == 0);
    }
  });
  for (const auto& row : activation_table<Sigmoid, float>()) {
    if (!isa_allowed(row.isa)) continue;
    CAPTURE(row.name);
    const std::vector<float> x = {-infinity, infinity};
    std::vector<float> y(2);
    row.forward(2, x.data(), y.data());
    CHECK(y == std::vector<float>{0, 1});
  }
  for (const auto& row : activation_table<Tanh, float>()) {
    if (!isa_allowed(row.isa)) continue;
    CAPTURE(row.name);
    // Where y is x, it is so to the last bits: no difference near 1 is left of it.
    const std::vector<float> x = {-infinity, infinity, 1e-6f, -1e-20f};
    std::vector<float> y(4);
    row.forward(4, x.data(), y.data());
    CHECK(y == std::vector<float>{-1, 1, 1e-6f, -1e-20f});
  }
}

TEST_CASE("activation: functions have the derivatives they claim") {
  ThreadPool pool(1);
  for_each_function([&](auto function) {
    using Function = decltype(function);
    for (const double x : {-4.0, -2.5, -0.3, 0.0, 0.7, 2.9, 5.0}) {
      CAPTURE(x);
      double y = 0, dx = 0;
      const double step = 1e-6, dy = 1;
      map_forward<Function>(1, &x, &y, pool);
      map_backward<Function>(1, by_output<Function> ? &y : &x, &dy, &dx, pool);
      const double slope = (Function::value(x + step) - Function::value(x - step)) / (2 * step);
      CHECK(dx == doctest::Approx(slope).epsilon(1e-7));
    }
  });
  CHECK(Sigmoid::value(0.0) == 0.5);
  CHECK(Sigmoid::value(-800.0) == 0);  // and no overflow of exp on the way
  CHECK(HardSigmoid::value(3.0) == 1);
  CHECK(HardSwish::value(1.5) == doctest::Approx(1.125));
  CHECK(Gelu::value(1.0) == doctest::Approx(0.8413447460685429));
}
