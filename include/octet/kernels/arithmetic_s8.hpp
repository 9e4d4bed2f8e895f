// The arithmetic of int8, one value at a time: the definitions that every int8 kernel reproduces
// bit by bit. A real number r is stored as q with r = (q - zero_point) * scale.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "octet/core/config.hpp"
#include "octet/kernels/conv2d_shape.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// What turns the int32 accumulators of OC channels into int8:
/// y = clamp(round(float(acc + bias[oc]) * multiplier[oc]) + zero_point, lo, hi).
struct Requantize {
  const float* multiplier = nullptr;   ///< [OC], s_x * s_w[oc] / s_y, each finite and positive
  const std::int32_t* bias = nullptr;  ///< [OC] in units of s_x * s_w[oc]; none when null
  std::int32_t zero_point = 0;         ///< of the output
  std::int8_t lo = -128;               ///< [lo, hi] holds a fused ReLU (lo = zero_point) or ReLU6
  std::int8_t hi = 127;
};

/// clamp(round(value) + zero_point, lo, hi): to nearest, ties to even, in float32. Clamping comes
/// first here, which changes nothing, as the limits are integers, and makes the conversion safe
/// for every value but NaN.
inline std::int8_t round_to_int8(float value, int zero_point, int lo, int hi) {
  value = (std::max)(value, static_cast<float>(lo - zero_point));
  value = (std::min)(value, static_cast<float>(hi - zero_point));
  return static_cast<std::int8_t>(static_cast<int>(std::nearbyint(value)) + zero_point);
}

/// y = clamp(round(float(acc) * multiplier) + zero_point, lo, hi), with one float32
/// multiplication. The multiplier must be finite, so that no NaN can come up.
inline std::int8_t requantize(std::int32_t acc, float multiplier, int zero_point, int lo, int hi) {
  return round_to_int8(static_cast<float>(acc) * multiplier, zero_point, lo, hi);
}

/// q = clamp(round(x / scale) + zero_point, -128, 127), a true division. Infinities saturate; NaN
/// becomes the zero point, that is 0.0.
inline std::int8_t quantize(float x, float scale, int zero_point) {
  const float quotient = x / scale;
  return round_to_int8(quotient == quotient ? quotient : 0.0f, zero_point, -128, 127);
}

/// x = (q - zero_point) * scale.
inline float dequantize(std::int8_t q, float scale, int zero_point) {
  return static_cast<float>(q - zero_point) * scale;
}

/// Its argument, a float32 that exists as such: the compiler cannot fuse the multiplication that
/// made it with an addition that uses it.
inline float rounded_product(float value) {
#if OCTET_X86
  asm("" : "+x"(value));
  return value;
#else
  volatile float stored = value;
  return stored;
#endif
}

/// y = clamp(round((a * a_multiplier + b * b_multiplier) + constant) + zero_point, lo, hi): the sum
/// of two int8 tensors of any scales. Each product and each sum is rounded to float32, in this
/// order.
struct AddS8 {
  float a_multiplier = 1;  ///< s_a / s_y
  float b_multiplier = 1;  ///< s_b / s_y
  float constant = 0;      ///< -(z_a * s_a / s_y + z_b * s_b / s_y)
  int zero_point = 0;
  std::int8_t lo = -128, hi = 127;
};

/// The constants of AddS8, computed in double and rounded once.
inline AddS8 add_parameters_s8(float a_scale, int a_zero_point, float b_scale, int b_zero_point,
                               float y_scale, int y_zero_point) {
  const double a = static_cast<double>(a_scale) / static_cast<double>(y_scale);
  const double b = static_cast<double>(b_scale) / static_cast<double>(y_scale);
  AddS8 add;
  add.a_multiplier = static_cast<float>(a);
  add.b_multiplier = static_cast<float>(b);
  // Two products and a sum of doubles, none of which may be fused either.
  volatile double a_part = a_zero_point * a, b_part = b_zero_point * b;
  add.constant = static_cast<float>(-(a_part + b_part));
  add.zero_point = y_zero_point;
  return add;
}

inline std::int8_t add(std::int8_t a, std::int8_t b, const AddS8& p) {
  const float a_part = rounded_product(static_cast<float>(a) * p.a_multiplier);
  const float b_part = rounded_product(static_cast<float>(b) * p.b_multiplier);
  return round_to_int8((a_part + b_part) + p.constant, p.zero_point, p.lo, p.hi);
}

/// y = clamp(round(float((a - z_a) * (b - z_b)) * multiplier) + zero_point, lo, hi).
struct MultiplyS8 {
  int a_zero_point = 0;
  int b_zero_point = 0;
  float multiplier = 1;  ///< s_a * s_b / s_y, computed in double and rounded once
  int zero_point = 0;
  std::int8_t lo = -128, hi = 127;
};

inline std::int8_t multiply(std::int8_t a, std::int8_t b, const MultiplyS8& p) {
  return requantize((a - p.a_zero_point) * (b - p.b_zero_point), p.multiplier, p.zero_point, p.lo,
                    p.hi);
}

/// y = clamp(round(float(sum of (x - x_zero_point)) * m) + zero_point, lo, hi), where
/// m = float(scale_ratio / count), the quotient in double.
struct AverageS8 {
  int x_zero_point = 0;
  double scale_ratio = 1;  ///< s_x / s_y
  int zero_point = 0;
  std::int8_t lo = -128, hi = 127;
  AverageOver over = AverageOver::window;
};

inline float average_multiplier(const AverageS8& p, std::int64_t count) {
  return static_cast<float>(p.scale_ratio / static_cast<double>(count));
}

/// A function of one int8 value: entry q + 128 is the result for q.
using TableS8 = std::array<std::int8_t, 256>;

/// The table of f, a function of real numbers: q -> quantize(f(dequantize(q))).
template <class Function>
TableS8 table_of(Function&& f, float x_scale, int x_zero_point, float y_scale, int y_zero_point) {
  TableS8 table;
  for (int q = -128; q < 128; ++q)
    table[static_cast<std::size_t>(q + 128)] = quantize(
        static_cast<float>(f(dequantize(static_cast<std::int8_t>(q), x_scale, x_zero_point))),
        y_scale, y_zero_point);
  return table;
}

/// The table that expresses the same real numbers in another scale and zero point.
inline TableS8 rescale_table_s8(float x_scale, int x_zero_point, float y_scale, int y_zero_point) {
  return table_of([](float x) { return x; }, x_scale, x_zero_point, y_scale, y_zero_point);
}

}  // namespace octet::inline OCTET_ABI::kernels
