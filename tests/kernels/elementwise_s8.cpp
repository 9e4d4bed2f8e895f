// The int8 operations that go element by element, for all 65536 pairs of values.
#include "octet/kernels/elementwise_s8.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include "octet/kernels/requantize_s8.hpp"
#include "random_s8.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

struct AllPairs {
  std::vector<std::int8_t> a, b;
  AllPairs() {
    for (int i = -128; i <= 127; ++i)
      for (int j = -128; j <= 127; ++j) {
        a.push_back(static_cast<std::int8_t>(i));
        b.push_back(static_cast<std::int8_t>(j));
      }
  }
};

// Each float operation as one in double, rounded once: exact for products, and innocuous for sums,
// because double has more than twice the bits.
float float_of(double value) { return static_cast<float>(value); }

int round_even(double value) {
  const double below = std::floor(value), fraction = value - below;
  const auto integer = static_cast<int>(below);
  return integer + (fraction > 0.5 || (fraction == 0.5 && integer % 2 != 0) ? 1 : 0);
}

std::int8_t add_exactly(int a, int b, const AddS8& p) {
  const double a_part = float_of(a * double{p.a_multiplier});
  const double b_part = float_of(b * double{p.b_multiplier});
  const double sum = float_of(double{float_of(a_part + b_part)} + double{p.constant});
  return static_cast<std::int8_t>(std::clamp(round_even(sum) + p.zero_point, int{p.lo}, int{p.hi}));
}

std::vector<AddS8> add_cases() {
  std::vector<AddS8> cases = {add_parameters_s8(0.1f, 3, 0.07f, -5, 0.13f, 11),
                              add_parameters_s8(0.5f, -128, 0.25f, 127, 1.0f, -128),
                              add_parameters_s8(0.031f, 0, 0.031f, 0, 0.0001f, 127)};
  // Products that need more than 24 bits: here a fused multiply-add would give other results.
  const float third = 1.0f / 3;
  cases.push_back({.a_multiplier = third, .b_multiplier = third, .constant = 0.5f});
  cases.push_back({.a_multiplier = third,
                   .b_multiplier = -third,
                   .constant = -0.5f,
                   .zero_point = 3,
                   .lo = 3,
                   .hi = 40});
  cases.push_back({.a_multiplier = 0.1f, .b_multiplier = 0.7f, .constant = 0.1f});
  return cases;
}

}  // namespace

TEST_CASE("add_s8: every implementation, all pairs, against operations in double") {
  const AllPairs all;
  int ran = 0;
  for (const AddS8& p : add_cases()) {
    std::vector<std::int8_t> expected;
    for (std::size_t i = 0; i < all.a.size(); ++i)
      expected.push_back(add_exactly(all.a[i], all.b[i], p));
    for (const auto& row : add_s8_table()) {
      if (!cpu_supports(row.isa)) continue;
      CAPTURE(row.name);
      std::vector<std::int8_t> y(all.a.size());
      row.run(static_cast<std::int64_t>(y.size()), all.a.data(), all.b.data(), p, y.data());
      CHECK(y == expected);
      ++ran;
    }
  }
  CHECK(ran >= 6);
}

TEST_CASE("add_s8: parameters and a sum by hand") {
  const AddS8 p = add_parameters_s8(0.5f, 10, 0.25f, -20, 0.5f, 1);
  CHECK(p.a_multiplier == 1.0f);
  CHECK(p.b_multiplier == 0.5f);
  CHECK(p.constant == 0.0f);  // -(10 * 1 + -20 * 0.5)
  // (12 - 10) * 0.5 + (-14 + 20) * 0.25 = 2.5 = 5 * 0.5.
  CHECK(add(12, -14, p) == 6);
}

TEST_CASE("multiply_s8: every implementation, all pairs, against exact arithmetic") {
  const AllPairs all;
  int ran = 0;
  for (const int z : {-128, 0, 127})
    for (const float m : {0.005f, 0.5f, 1e-5f, 1e30f}) {
      const MultiplyS8 p = {.a_zero_point = z,
                            .b_zero_point = -z / 2,
                            .multiplier = m,
                            .zero_point = z / 3,
                            .lo = -100,
                            .hi = 120};
      std::vector<std::int8_t> expected;
      for (std::size_t i = 0; i < all.a.size(); ++i) {
        const int product = (all.a[i] - z) * (all.b[i] + z / 2);
        const double value = std::clamp(double{float_of(product * double{m})}, -1e6, 1e6);
        expected.push_back(
            static_cast<std::int8_t>(std::clamp(round_even(value) + p.zero_point, -100, 120)));
      }
      for (const auto& row : multiply_s8_table()) {
        if (!cpu_supports(row.isa)) continue;
        CAPTURE(row.name);
        std::vector<std::int8_t> y(all.a.size());
        row.run(static_cast<std::int64_t>(y.size()), all.a.data(), all.b.data(), p, y.data());
        CHECK(y == expected);
        ++ran;
      }
    }
  CHECK(ran >= 12);
}

TEST_CASE("elementwise int8: every implementation at lengths around its vectors") {
  const AddS8 sum = add_parameters_s8(0.1f, 3, 0.07f, -5, 0.13f, 11);
  const MultiplyS8 product = {.a_zero_point = 3, .multiplier = 0.02f};
  TableS8 table;
  for (std::size_t i = 0; i < 256; ++i) table[i] = static_cast<std::int8_t>(i * 37 + 11);
  int ran = 0;
  for (const std::int64_t count : {0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 1000}) {
    CAPTURE(count);
    const auto a = random_s8(count, 1), b = random_s8(count, 2);
    std::vector<std::int8_t> expected(a.size()), y(a.size());
    scalar::add_s8(count, a.data(), b.data(), sum, expected.data());
    for (const auto& row : add_s8_table())
      if (cpu_supports(row.isa)) {
        row.run(count, a.data(), b.data(), sum, y.data());
        CHECK(y == expected);
        ++ran;
      }
    scalar::multiply_s8(count, a.data(), b.data(), product, expected.data());
    for (const auto& row : multiply_s8_table())
      if (cpu_supports(row.isa)) {
        row.run(count, a.data(), b.data(), product, y.data());
        CHECK(y == expected);
        ++ran;
      }
    for (std::size_t i = 0; i < a.size(); ++i)
      expected[i] = table[static_cast<std::size_t>(a[i] + 128)];
    for (const auto& row : lookup_s8_table())
      if (cpu_supports(row.isa)) {
        row.run(count, a.data(), table, y.data());
        CHECK(y == expected);
        ++ran;
      }
  }
  CHECK(ran >= 42);
}

TEST_CASE("lookup_s8: every implementation, every value") {
  const TableS8 table = rescale_table_s8(0.1f, 5, 0.23f, -40);
  std::vector<std::int8_t> x, expected;
  for (int q = -128; q <= 127; ++q) {
    x.push_back(static_cast<std::int8_t>(q));
    expected.push_back(quantize(dequantize(x.back(), 0.1f, 5), 0.23f, -40));
  }
  for (const auto& row : lookup_s8_table()) {
    if (!cpu_supports(row.isa)) continue;
    CAPTURE(row.name);
    std::vector<std::int8_t> y(256);
    row.run(256, x.data(), table, y.data());
    CHECK(y == expected);
  }
  // The same scale and zero point: nothing changes.
  const TableS8 same = rescale_table_s8(0.037f, -9, 0.037f, -9);
  for (std::size_t i = 0; i < 256; ++i) CHECK(same[i] == x[i]);
}

TEST_CASE("multiply_channels_s8: one factor for each channel of each image") {
  const MultiplyS8 p = {.a_zero_point = 3, .b_zero_point = -7, .multiplier = 0.01f};
  const std::int64_t N = 3, HW = 5, C = 19;
  const auto a = random_s8(N * HW * C, 1), b = random_s8(N * C, 2);
  std::vector<std::int8_t> y(a.size());
  multiply_channels_s8(N, HW, C, a.data(), b.data(), p, y.data());
  for (std::int64_t i = 0; i < N * HW * C; ++i)
    CHECK(y[static_cast<std::size_t>(i)] ==
          multiply(a[static_cast<std::size_t>(i)],
                   b[static_cast<std::size_t>(i / (HW * C) * C + i % C)], p));
}

TEST_CASE("concat_s8: channels side by side, rescaled where scales differ") {
  const TableS8 table = rescale_table_s8(0.1f, 5, 0.2f, 0);
  const std::vector<std::int8_t> a = {1, 2, 3, 4, 5, 6}, b = {15, 25, 35};
  std::vector<std::int8_t> y(12);
  const ConcatS8Input inputs[] = {{a.data(), 2}, {b.data(), 1, &table}, {b.data(), 1}};
  concat_s8(3, inputs, y.data());
  CHECK(y == std::vector<std::int8_t>{1, 2, 5, 15, 3, 4, 10, 25, 5, 6, 15, 35});
}

TEST_CASE("pad_s8: a border of one value") {
  const std::vector<std::int8_t> x = {1, 2, 3, 4};
  std::vector<std::int8_t> y(12);
  pad_s8({.H = 1, .W = 2, .C = 2, .top = 1, .right = 1}, x.data(), -9, y.data());
  CHECK(y == std::vector<std::int8_t>{-9, -9, -9, -9, -9, -9, 1, 2, 3, 4, -9, -9});
}

TEST_CASE("elementwise int8: threads do not change a bit") {
  const std::int64_t N = 4, HW = 2500, C = 30, count = N * HW * C;
  const auto a = random_s8(count, 1), b = random_s8(count, 2);
  const AddS8 sum = add_parameters_s8(0.1f, 3, 0.07f, -5, 0.13f, 11);
  const MultiplyS8 product = {.a_zero_point = 3, .multiplier = 0.02f};
  const TableS8 table = rescale_table_s8(0.1f, 5, 0.2f, 0);
  const ConcatS8Input inputs[] = {{a.data(), 10}, {b.data(), 20, &table}};
  const Pad2dShape pad = {.N = N, .H = 50, .W = 48, .C = C, .left = 2};
  const auto all = [&](ThreadPool* pool) {
    std::vector<std::vector<std::int8_t>> results(
        6, std::vector<std::int8_t>(static_cast<std::size_t>(count)));
    add_s8(count, a.data(), b.data(), sum, results[0].data(), pool);
    multiply_s8(count, a.data(), b.data(), product, results[1].data(), pool);
    multiply_channels_s8(N, HW, C, a.data(), b.data(), product, results[2].data(), pool);
    lookup_s8(count, a.data(), table, results[3].data(), pool);
    concat_s8(N * HW, inputs, results[4].data(), pool);
    pad_s8(pad, a.data(), 7, results[5].data(), pool);
    return results;
  };
  const auto expected = all(nullptr);
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    CHECK(all(&pool) == expected);
  }
}
