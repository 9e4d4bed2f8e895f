#include "octet/core/float16.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "octet/core/random.hpp"

using octet::Float16;
using octet::to_float;
using octet::to_float16;

namespace {

// The definition, by arithmetic in double: the nearest multiple of the spacing of halves there.
double nearest_half(double value) {
  if (value == 0) return value;
  const int exponent = std::max(std::ilogb(value), -14);
  const double spacing = std::ldexp(1.0, exponent - 10);
  const double rounded = std::nearbyint(value / spacing) * spacing;
  return std::abs(rounded) > 65504 ? std::copysign(std::numeric_limits<double>::infinity(), value)
                                   : rounded;
}

}  // namespace

TEST_CASE("float16: every half survives the way to float and back") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const Float16 half{static_cast<std::uint16_t>(bits)};
    const float value = to_float(half);
    CAPTURE(bits);
    if (std::isnan(value)) {
      REQUIRE((bits & 0x7FFF) > 0x7C00);
      REQUIRE(std::isnan(to_float(to_float16(value))));
    } else {
      REQUIRE(to_float16(value) == half);
    }
  }
}

TEST_CASE("float16: known values") {
  CHECK(to_float(Float16{0x3C00}) == 1.0f);
  CHECK(to_float(Float16{0xC000}) == -2.0f);
  CHECK(to_float(Float16{0x7BFF}) == 65504.0f);
  CHECK(to_float(Float16{0x0400}) == 0x1p-14f);
  CHECK(to_float(Float16{0x0001}) == 0x1p-24f);
  CHECK(to_float(Float16{0x03FF}) == 1023 * 0x1p-24f);
  CHECK(to_float(Float16{0xFC00}) == -std::numeric_limits<float>::infinity());
  CHECK(std::signbit(to_float(Float16{0x8000})));
}

TEST_CASE("float16: rounds to nearest, ties to even") {
  CHECK(to_float16(1 + 0x1p-11f).bits == 0x3C00);
  CHECK(to_float16(1 + 0x3p-11f).bits == 0x3C02);
  CHECK(to_float16(std::nextafter(1 + 0x1p-11f, 2.0f)).bits == 0x3C01);
  CHECK(to_float16(0x1p-25f).bits == 0);
  CHECK(to_float16(std::nextafter(0x1p-25f, 1.0f)).bits == 1);
  CHECK(to_float16(0x3p-25f).bits == 2);
  CHECK(to_float16(65519.996f).bits == 0x7BFF);
  CHECK(to_float16(65520.0f).bits == 0x7C00);
  CHECK(to_float16(std::numeric_limits<float>::max()).bits == 0x7C00);
  CHECK(to_float16(-std::numeric_limits<float>::infinity()).bits == 0xFC00);
  CHECK(to_float16(std::numeric_limits<float>::denorm_min()).bits == 0);
  CHECK(std::isnan(to_float(to_float16(std::bit_cast<float>(0x7F800001u)))));
}

TEST_CASE("float16: agrees with rounding by arithmetic on floats of every exponent") {
  const octet::Random random(1);
  for (std::uint64_t i = 0; i < 50000; ++i) {
    const float value = std::bit_cast<float>(random.bits(i));
    if (std::isnan(value)) continue;
    CAPTURE(value);
    REQUIRE(to_float(to_float16(value)) == nearest_half(value));
    const float close = static_cast<float>(random.uniform(i, -70000, 70000));
    REQUIRE(to_float(to_float16(close)) == nearest_half(close));
    const float tiny = static_cast<float>(random.uniform(i, -0x1p-13, 0x1p-13));
    REQUIRE(to_float(to_float16(tiny)) == nearest_half(tiny));
  }
}
