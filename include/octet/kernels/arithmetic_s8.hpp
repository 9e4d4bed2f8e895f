// The arithmetic of int8. A real number r is stored as q with r = (q - zero_point) * scale. The
// definitions of one value are in portable/arithmetic_s8.hpp; here is what prepares them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "octet/core/config.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/portable/arithmetic_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

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
