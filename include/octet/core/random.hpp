// Random numbers that are a function of (seed, stream, index) and of nothing else: any thread may
// ask for any of them in any order. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"
// (SC 2011), Philox4x32-10.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <span>
#include <utility>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI {

/// One block of Philox4x32-10: 128 random bits for a 128-bit counter under a 64-bit key.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// A stream of random numbers, addressed by index. Copying it is free; it has no state to advance.
class Random {
 public:
  constexpr explicit Random(std::uint64_t seed, std::uint64_t stream = 0)
      : seed_(seed), stream_(stream) {}

  /// A stream of its own below this one: one for each layer, epoch, image ...
  constexpr Random substream(std::uint64_t number) const {
    const auto block =
        philox4x32({low(number), high(number), low(stream_), high(stream_) ^ 0x80000000u}, key());
    return Random(seed_, std::uint64_t{block[1]} << 32 | block[0]);
  }
  /// Four times 32 uniform bits: bits(4 * number) to bits(4 * number + 3) at the price of one.
  constexpr std::array<std::uint32_t, 4> block(std::uint64_t number) const {
    return philox4x32({low(number), high(number), low(stream_), high(stream_)}, key());
  }
  /// 32 uniform bits.
  constexpr std::uint32_t bits(std::uint64_t index) const { return block(index / 4)[index % 4]; }
  /// Uniform in (0, 1).
  constexpr double uniform(std::uint64_t index) const {
    return (bits(index) + 0.5) * (1.0 / 4294967296.0);
  }
  /// Uniform in (low, high).
  constexpr double uniform(std::uint64_t index, double low, double high) const {
    return low + (high - low) * uniform(index);
  }
  /// Normal with mean 0 and standard deviation 1 (Box and Muller, 1958).
  double normal(std::uint64_t index) const {
    const double radius = std::sqrt(-2.0 * std::log(uniform(index & ~std::uint64_t{1})));
    const double angle = 2.0 * std::numbers::pi * uniform(index | 1);
    return radius * (index & 1 ? std::sin(angle) : std::cos(angle));
  }
  /// Uniform in {0, ..., count - 1}, for a count below 2^32.
  constexpr std::uint32_t below(std::uint64_t index, std::uint32_t count) const {
    return static_cast<std::uint32_t>(std::uint64_t{bits(index)} * count >> 32);
  }
  /// Puts the values into random order (Fisher and Yates).
  template <class T>
  void shuffle(std::span<T> values) const {
    for (std::size_t last = values.size(); last > 1; --last)
      std::swap(values[last - 1], values[below(last, static_cast<std::uint32_t>(last))]);
  }

 private:
  static constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  static constexpr std::uint32_t high(std::uint64_t x) {
    return static_cast<std::uint32_t>(x >> 32);
  }
  constexpr std::array<std::uint32_t, 2> key() const { return {low(seed_), high(seed_)}; }

  std::uint64_t seed_;
  std::uint64_t stream_;
};

}  // namespace octet::inline OCTET_ABI
