// The upper half of a float: 1 sign, 8 exponent and 7 fraction bits, as matrix units multiply it.
#pragma once

#include <bit>
#include <cstdint>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI {

/// A bf16 number, by its bits. It is stored and converted; kernels multiply pairs of them.
struct Bfloat16 {
  std::uint16_t bits = 0;
  friend constexpr bool operator==(Bfloat16, Bfloat16) = default;
};

/// The nearest bf16, ties to even, as the processors' instructions round: a subnormal counts as
/// zero, a NaN stays a NaN.
constexpr Bfloat16 to_bfloat16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  std::uint32_t rounded = bits;
  if (magnitude > 0x7F800000u)
    rounded |= 0x00400000u;
  else if (magnitude < 0x00800000u)
    rounded &= 0x80000000u;
  else
    rounded += 0x7FFFu + (bits >> 16 & 1u);
  return {static_cast<std::uint16_t>(rounded >> 16)};
}

constexpr float to_float(Bfloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

}  // namespace octet::inline OCTET_ABI
