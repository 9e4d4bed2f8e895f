// The arithmetic of int8, one value at a time, in plain C++17 without a library: the definitions
// that every int8 kernel reproduces bit by bit, and that an emitted header carries with it. What
// stands between the braces of the namespace is copied there word by word, see
// octet/program/emit/arithmetic_text.hpp.
#pragma once

#include <cstdint>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// What turns the int32 accumulators of OC channels into int8:
/// y = clamp(round(float(acc + bias[oc]) * multiplier[oc]) + zero_point, lo, hi).
struct Requantize {
  const float* multiplier = nullptr;   ///< [OC], s_x * s_w[oc] / s_y, each finite, at least 0
  const std::int32_t* bias = nullptr;  ///< [OC] in units of s_x * s_w[oc]; none when null
  std::int32_t zero_point = 0;         ///< of the output
  std::int8_t lo = -128;               ///< [lo, hi] holds a fused ReLU (lo = zero_point) or ReLU6
  std::int8_t hi = 127;
};

/// Its argument, a float32 that exists as such: the compiler can neither fuse the multiplication
/// that made it with an addition that uses it, nor reorder the operations before and after.
inline float rounded(float value) {
#if defined(__x86_64__)
  asm("" : "+x"(value));
  return value;
#elif defined(__aarch64__)
  asm("" : "+w"(value));
  return value;
#elif defined(__arm__) && defined(__ARM_FP)
  asm("" : "+t"(value));
  return value;
#else
  volatile float stored = value;
  return stored;
#endif
}

/// The nearest integer, of two the even one, for |value| < 2^22: beside 1.5 * 2^23 a float32 has no
/// room for a fraction.
inline std::int32_t round_to_integer(float value) {
  const float shifted = rounded(rounded(value) + 12582912.0f);
  return static_cast<std::int32_t>(shifted - 12582912.0f);
}

/// clamp(round(value) + zero_point, lo, hi): to nearest, ties to even, in float32. Clamping comes
/// first here, which changes nothing, as the limits are integers, and makes the conversion safe
/// for every value but NaN.
inline std::int8_t round_to_int8(float value, std::int32_t zero_point, std::int32_t lo,
                                 std::int32_t hi) {
  const float lowest = static_cast<float>(lo - zero_point);
  const float highest = static_cast<float>(hi - zero_point);
  value = value < lowest ? lowest : value;
  value = value > highest ? highest : value;
  return static_cast<std::int8_t>(round_to_integer(value) + zero_point);
}

/// y = clamp(round(float(acc) * multiplier) + zero_point, lo, hi), with one float32
/// multiplication. The multiplier must be finite, so that no NaN can come up.
inline std::int8_t requantize(std::int32_t acc, float multiplier, std::int32_t zero_point,
                              std::int32_t lo, std::int32_t hi) {
  return round_to_int8(rounded(static_cast<float>(acc) * multiplier), zero_point, lo, hi);
}

/// q = clamp(round(x / scale) + zero_point, -128, 127), a true division. Infinities saturate; NaN
/// becomes the zero point, that is 0.0.
inline std::int8_t quantize(float x, float scale, std::int32_t zero_point) {
  const float quotient = rounded(x / scale);
  return round_to_int8(quotient == quotient ? quotient : 0.0f, zero_point, -128, 127);
}

/// x = (q - zero_point) * scale.
inline float dequantize(std::int8_t q, float scale, std::int32_t zero_point) {
  return rounded(static_cast<float>(q - zero_point) * scale);
}

/// y = clamp(round((a * a_multiplier + b * b_multiplier) + constant) + zero_point, lo, hi): the sum
/// of two int8 tensors of any scales. Each product and each sum is rounded to float32, in this
/// order.
struct AddS8 {
  float a_multiplier = 1;  ///< s_a / s_y
  float b_multiplier = 1;  ///< s_b / s_y
  float constant = 0;      ///< -(z_a * s_a / s_y + z_b * s_b / s_y)
  std::int32_t zero_point = 0;
  std::int8_t lo = -128, hi = 127;
};

inline std::int8_t add(std::int8_t a, std::int8_t b, const AddS8& p) {
  const float a_part = rounded(static_cast<float>(a) * p.a_multiplier);
  const float b_part = rounded(static_cast<float>(b) * p.b_multiplier);
  return round_to_int8(rounded(a_part + b_part) + p.constant, p.zero_point, p.lo, p.hi);
}

/// y = clamp(round(float((a - z_a) * (b - z_b)) * multiplier) + zero_point, lo, hi).
struct MultiplyS8 {
  std::int32_t a_zero_point = 0;
  std::int32_t b_zero_point = 0;
  float multiplier = 1;  ///< s_a * s_b / s_y, computed in double and rounded once
  std::int32_t zero_point = 0;
  std::int8_t lo = -128, hi = 127;
};

inline std::int8_t multiply(std::int8_t a, std::int8_t b, const MultiplyS8& p) {
  return requantize((a - p.a_zero_point) * (b - p.b_zero_point), p.multiplier, p.zero_point, p.lo,
                    p.hi);
}

}  // namespace octet::inline OCTET_ABI::kernels
