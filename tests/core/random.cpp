#include "octet/core/random.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <set>
#include <vector>

using octet::philox4x32;
using octet::Random;

TEST_CASE("philox4x32: the known answers of its authors") {
  using Block = std::array<std::uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t ones = 0xffffffff;
  CHECK(philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: the same seed, stream and index give the same bits, in any order") {
  const Random a(7, 3), b(7, 3);
  std::vector<std::uint32_t> forward, backward;
  for (std::uint64_t i = 0; i < 100; ++i) forward.push_back(a.bits(i));
  for (std::uint64_t i = 100; i-- > 0;) backward.push_back(b.bits(i));
  std::reverse(backward.begin(), backward.end());
  CHECK(forward == backward);
}

TEST_CASE("random: seeds, streams and substreams differ") {
  std::set<std::uint64_t> seen;
  const auto add = [&seen](const Random& random) {
    seen.insert(std::uint64_t{random.bits(0)} << 32 | random.bits(1));
  };
  std::size_t count = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::uint64_t stream = 0; stream < 20; ++stream)
      for (std::uint64_t number = 0; number < 20; ++number, ++count)
        add(Random(seed, stream).substream(number));
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::uint64_t stream = 0; stream < 20; ++stream, ++count) add(Random(seed, stream));
  CHECK(seen.size() == count);
}

TEST_CASE("random: uniform and normal have their moments") {
  const Random random(11);
  const std::uint64_t count = 100000;
  double sum = 0, square = 0, normal = 0, normal_square = 0, normal_fourth = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const double u = random.uniform(i);
    REQUIRE(u > 0);
    REQUIRE(u < 1);
    sum += u, square += u * u;
    const double z = random.normal(i);
    normal += z, normal_square += z * z, normal_fourth += z * z * z * z;
  }
  // Five standard errors each.
  CHECK(std::abs(sum / count - 0.5) < 5 * std::sqrt(1.0 / 12 / count));
  CHECK(std::abs(square / count - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / count));
  CHECK(std::abs(normal / count) < 5 * std::sqrt(1.0 / count));
  CHECK(std::abs(normal_square / count - 1) < 5 * std::sqrt(2.0 / count));
  CHECK(std::abs(normal_fourth / count - 3) < 5 * std::sqrt(96.0 / count));
  CHECK(random.uniform(5, -2, 6) == -2 + 8 * random.uniform(5));
}

TEST_CASE("random: below stays below and reaches everything") {
  const Random random(5);
  std::array<int, 7> histogram{};
  for (std::uint64_t i = 0; i < 7000; ++i) ++histogram.at(random.below(i, 7));
  for (const int count : histogram) CHECK(std::abs(count - 1000) < 5 * std::sqrt(1000.0 * 6 / 7));
  CHECK(random.below(3, 1) == 0);
}

TEST_CASE("random: shuffle permutes, and each order is as likely") {
  std::vector<int> orders(6);
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    std::vector<int> values{0, 1, 2};
    Random(seed).shuffle(std::span(values));
    ++orders.at(static_cast<std::size_t>(values[0] * 2 + (values[1] > values[2] ? 1 : 0)));
    std::sort(values.begin(), values.end());
    REQUIRE(values == std::vector<int>{0, 1, 2});
  }
  for (const int count : orders) CHECK(std::abs(count - 1000) < 5 * std::sqrt(1000.0 * 5 / 6));
  std::vector<int> nothing;
  Random(1).shuffle(std::span(nothing));
}
