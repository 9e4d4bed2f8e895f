// IEEE 754 half precision as a storage format: 1 sign, 5 exponent and 10 fraction bits.
#pragma once

#include <bit>
#include <cstdint>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI {

/// A half-precision number, by its bits. It is stored and converted, never computed with.
struct Float16 {
  std::uint16_t bits = 0;
  friend constexpr bool operator==(Float16, Float16) = default;
};

/// The nearest half, ties to even; beyond 65504 (from 65520 on) infinity; a NaN stays a NaN.
constexpr Float16 to_float16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  std::uint32_t half = 0;
  if (magnitude > 0x7F800000u) {
    // The quiet bit is set, so that a payload in the lost bits cannot turn into infinity.
    half = 0x7E00u | (magnitude >> 13 & 0x3FFu);
  } else if (magnitude >= 0x477FF000u) {
    half = 0x7C00u;
  } else if (magnitude >= 0x38800000u) {
    // A carry out of the fraction moves into the exponent, which is just what rounding up means.
    const std::uint32_t rebased = magnitude - (112u << 23);
    half = (rebased + 0xFFFu + (rebased >> 13 & 1u)) >> 13;
  } else if (magnitude > 0x33000000u) {
    // Subnormal: a multiple of 2^-24, found by shifting the 24-bit significand right.
    const std::uint32_t significand = (magnitude & 0x7FFFFFu) | 0x800000u;
    const std::uint32_t shift = 126u - (magnitude >> 23);
    const std::uint32_t whole = significand >> shift;
    const std::uint32_t rest = significand & ((1u << shift) - 1u);
    const std::uint32_t middle = 1u << (shift - 1u);
    half = whole + (rest > middle || (rest == middle && (whole & 1u)) ? 1u : 0u);
  }
  return {static_cast<std::uint16_t>(sign | half)};
}

/// The same number as a float; exact.
constexpr float to_float(Float16 half) {
  const std::uint32_t sign = std::uint32_t{half.bits & 0x8000u} << 16;
  const std::uint32_t exponent = half.bits >> 10 & 31u;
  std::uint32_t fraction = half.bits & 0x3FFu;
  std::uint32_t bits = 0;
  if (exponent == 31u) {
    bits = 0x7F800000u | fraction << 13;
  } else if (exponent != 0u) {
    bits = (exponent + 112u) << 23 | fraction << 13;
  } else if (fraction != 0u) {
    const auto shift = static_cast<std::uint32_t>(std::countl_zero(fraction)) - 21u;
    fraction = fraction << shift & 0x3FFu;
    bits = (113u - shift) << 23 | fraction << 13;
  }
  return std::bit_cast<float>(sign | bits);
}

}  // namespace octet::inline OCTET_ABI
