// The rounding of the int8 contract against exact arithmetic, and quantize and dequantize of every
// ISA against the reference.
#include "octet/kernels/requantize_s8.hpp"

#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include "octet/core/random.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

// clamp(round(real) + z, lo, hi), ties to even, by comparing the distances to both neighbours.
int round_exactly(long double real, int z, int lo, int hi) {
  if (real > 1000) return hi;
  if (real < -1000) return lo;
  const long double below = std::floor(real), fraction = real - below;
  auto result = static_cast<int>(below);
  if (fraction > 0.5L || (fraction == 0.5L && result % 2 != 0)) ++result;
  return std::clamp(result + z, lo, hi);
}

// A product of two float32 numbers has at most 48 bits: exact in double. One rounding to float32.
int requantize_exactly(std::int32_t acc, float m, int z, int lo, int hi) {
  const auto as_float = static_cast<float>(static_cast<long double>(acc));
  const auto product = static_cast<float>(static_cast<double>(as_float) * static_cast<double>(m));
  return round_exactly(product, z, lo, hi);
}

std::vector<float> edge_numbers() {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> x = {0.0f,      -0.0f,     infinity, -infinity, std::nanf(""), 1e-45f,
                          -1e-45f,   3.4e38f,   -3.4e38f, 0.25f,     -0.25f,        0.75f,
                          0.249999f, 0.250001f, 63.75f,   64.0f,     -64.0f,        -64.25f};
  for (int i = -300; i <= 300; ++i) x.push_back(0.25f * static_cast<float>(i));
  const Random random(11);
  for (std::uint64_t i = 0; i < 2000; ++i)
    x.push_back(static_cast<float>(random.uniform(i, -100, 100)));
  return x;
}

}  // namespace

TEST_CASE("requantize rounds ties to even") {
  const struct {
    std::int32_t acc;
    int expected;
  } ties[] = {{1, 0},       {3, 2},       {5, 2},         {7, 4},          {-1, 0},
              {-3, -2},     {-5, -2},     {-7, -4},       {255, 127},      {253, 126},
              {-257, -128}, {-255, -128}, {1000000, 127}, {-1000000, -128}};
  for (const auto& tie : ties) {
    CAPTURE(tie.acc);
    CHECK(requantize(tie.acc, 0.5f, 0, -128, 127) == tie.expected);
  }
  // The tie is between integers before the zero point is added, so an odd zero point shifts it.
  CHECK(requantize(1, 0.5f, 3, -128, 127) == 3);
  CHECK(requantize(3, 0.5f, 3, -128, 127) == 5);
}

TEST_CASE("requantize agrees with exact arithmetic") {
  const Random random(1);
  const std::int32_t edges[] = {0, 1, -1, INT32_MAX, INT32_MIN, 16777217, -16777217, 33554435};
  const float multipliers[] = {0.5f, 0.25f, 1.0f, 0.1f, 1e-9f, 3e38f, 1e-40f, 0.00390625f};
  int cases = 0;
  for (const int z : {-128, -1, 0, 5, 127})
    for (std::uint64_t i = 0; i < 20000; ++i) {
      const std::int32_t acc =
          i < 64 ? edges[i % 8]
                 : static_cast<std::int32_t>(random.bits(2 * i)) >> random.below(4 * i + 9, 24);
      const float m = i < 10000 ? multipliers[i / 8 % 8]
                                : static_cast<float>(std::exp2(random.uniform(2 * i + 1, -24, 2)));
      const int lo = i % 3 == 0 ? z : -128, hi = i % 5 == 0 ? std::max(lo, 100) : 127;
      if (requantize(acc, m, z, lo, hi) != requantize_exactly(acc, m, z, lo, hi)) {
        CAPTURE(acc);
        CAPTURE(m);
        CAPTURE(z);
        CHECK(requantize(acc, m, z, lo, hi) == requantize_exactly(acc, m, z, lo, hi));
      }
      ++cases;
    }
  CHECK(cases == 100000);
}

TEST_CASE("quantize and dequantize: known values") {
  CHECK(quantize(0.0f, 0.1f, -7) == -7);
  CHECK(quantize(0.25f, 0.5f, 0) == 0);
  CHECK(quantize(0.75f, 0.5f, 0) == 2);
  CHECK(quantize(1e30f, 0.5f, 0) == 127);
  CHECK(quantize(-1e30f, 0.5f, 0) == -128);
  CHECK(quantize(std::numeric_limits<float>::infinity(), 1.0f, 100) == 127);
  CHECK(quantize(-std::numeric_limits<float>::infinity(), 1.0f, 100) == -128);
  CHECK(quantize(std::nanf(""), 1.0f, 42) == 42);
  CHECK(dequantize(-128, 0.5f, 127) == -127.5f);
  // What int8 can express comes back as it was.
  for (int q = -128; q <= 127; ++q)
    CHECK(quantize(dequantize(static_cast<std::int8_t>(q), 0.037f, 9), 0.037f, 9) == q);
}

TEST_CASE("quantize_f32: every implementation gives the reference's bits") {
  const std::vector<float> x = edge_numbers();
  int ran = 0;
  for (const auto& row : quantize_f32_table()) {
    if (!cpu_supports(row.isa)) continue;
    CAPTURE(row.name);
    for (const int z : {-128, 0, 127})
      for (const float scale : {0.5f, 0.1f, 1e-30f})
        for (const std::int64_t count : {0, 1, 7, 15, 16, 17, 31, 33, static_cast<int>(x.size())}) {
          std::vector<std::int8_t> y(static_cast<std::size_t>(count)), expected(y.size());
          for (std::size_t i = 0; i < y.size(); ++i) {
            const float quotient = x[i] / scale;
            expected[i] = static_cast<std::int8_t>(
                std::isnan(quotient) ? z : round_exactly(quotient, z, -128, 127));
          }
          row.run(count, x.data(), scale, z, y.data());
          CHECK(y == expected);
          ++ran;
        }
  }
  CHECK(ran >= 81);
}

TEST_CASE("dequantize_f32: every implementation gives the reference's bits") {
  std::vector<std::int8_t> x;
  for (int q = -128; q <= 127; ++q) x.push_back(static_cast<std::int8_t>(q));
  int ran = 0;
  for (const auto& row : dequantize_f32_table()) {
    if (!cpu_supports(row.isa)) continue;
    CAPTURE(row.name);
    for (const int z : {-128, 3, 127})
      for (const int count : {0, 1, 7, 8, 9, 15, 16, 17, 255, 256}) {
        std::vector<float> y(static_cast<std::size_t>(count)), expected(y.size());
        for (std::size_t i = 0; i < y.size(); ++i)
          expected[i] = static_cast<float>(static_cast<double>(x[i] - z) * double{0.037f});
        row.run(count, x.data(), 0.037f, z, y.data());
        CHECK(y == expected);
        ++ran;
      }
  }
  CHECK(ran >= 30);
}

TEST_CASE("quantize_f32 and dequantize_f32 with threads give the same bits") {
  const Random random(5);
  std::vector<float> x(200000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.uniform(i, -9, 9));
  const auto count = static_cast<std::int64_t>(x.size());
  std::vector<std::int8_t> expected(x.size()), y(x.size());
  std::vector<float> expected_back(x.size()), back(x.size());
  quantize_f32(count, x.data(), 0.05f, 3, expected.data());
  dequantize_f32(count, expected.data(), 0.05f, 3, expected_back.data());
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    quantize_f32(count, x.data(), 0.05f, 3, y.data(), &pool);
    dequantize_f32(count, y.data(), 0.05f, 3, back.data(), &pool);
    CHECK(y == expected);
    CHECK(back == expected_back);
  }
}
