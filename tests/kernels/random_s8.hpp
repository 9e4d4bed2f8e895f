// Test data for the int8 kernels: the same numbers for the same seed.
#pragma once

#include <cstdint>
#include <vector>

#include "octet/core/random.hpp"

inline std::vector<std::int8_t> random_s8(std::int64_t count, std::uint64_t seed, int lo = -128,
                                          int hi = 127) {
  const octet::Random random(seed);
  std::vector<std::int8_t> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int8_t>(
        lo + static_cast<int>(random.below(i, static_cast<std::uint32_t>(hi - lo + 1))));
  return values;
}
