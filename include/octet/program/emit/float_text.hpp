// The float32 layers of emitted headers, and exp without a library.
#pragma once

#include <string_view>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::emission {

inline constexpr std::string_view infinity_text = R"text(
inline float infinity() { return __builtin_huge_valf(); }

/// min(max(x, lo), hi)
inline float clamp(float x, float lo, float hi) { return x < lo ? lo : x > hi ? hi : x; }
)text";

// The series of e^r up to r^7 / 7!: |r| <= ln(2) / 2 leaves a remainder below 6e-9.
inline constexpr std::string_view exponential_text = R"text(
/// 2^n for n in [-64, 64].
inline float power_of_two(std::int32_t n) {
  float power = 1, factor = n < 0 ? 0.5f : 2.0f;
  for (std::int32_t bits = n < 0 ? -n : n; bits > 0; bits >>= 1, factor *= factor)
    if (bits & 1) power *= factor;
  return power;
}

/// e^x with a relative error below 1.5e-7, by e^x = 2^n * e^r; 0 below -87, infinity above 88.7.
/// Every operation is rounded, so that the bits are the same everywhere.
inline float exponential(float x) {
  if (!(x >= -87.0f)) return x == x ? 0.0f : x;
  if (x > 88.7228f) return __builtin_huge_valf();
  const std::int32_t n = round_to_integer(x * 1.44269502f);
  const float steps = static_cast<float>(n);
  float r = rounded(x - rounded(steps * 0x1.62e4p-1f));
  r = rounded(r - rounded(steps * 0x1.7f7d1cp-20f));
  float sum = 1.0f / 5040;
  sum = rounded(sum * r) + 1.0f / 720;
  sum = rounded(sum * r) + 1.0f / 120;
  sum = rounded(sum * r) + 1.0f / 24;
  sum = rounded(sum * r) + 1.0f / 6;
  sum = rounded(sum * r) + 0.5f;
  sum = rounded(sum * r) + 1.0f;
  sum = rounded(sum * r) + 1.0f;
  return sum * power_of_two(n / 2) * power_of_two(n - n / 2);
}
)text";

inline constexpr std::string_view softmax_text = R"text(
/// y[i] = e^x[i] / sum over j of e^x[j], row by row.
inline void softmax(std::int32_t rows, std::int32_t columns, const float* x, float* y) {
  for (std::int32_t row = 0; row < rows; ++row, x += columns, y += columns) {
    float highest = x[0], sum = 0;
    for (std::int32_t i = 1; i < columns; ++i) highest = x[i] > highest ? x[i] : highest;
    for (std::int32_t i = 0; i < columns; ++i) {
      y[i] = exponential(x[i] - highest);
      sum = rounded(sum + y[i]);
    }
    for (std::int32_t i = 0; i < columns; ++i) y[i] = y[i] / sum;
  }
}
)text";

inline constexpr std::string_view functions_text = R"text(
inline float hard_sigmoid(float x) { return clamp(x / 6 + 0.5f, 0.0f, 1.0f); }
inline float hard_swish(float x) { return x * hard_sigmoid(x); }
inline float sigmoid(float x) {
  if (x >= 0) return 1 / (1 + exponential(-x));
  const float power = exponential(x);
  return power / (1 + power);
}
inline float silu(float x) { return x * sigmoid(x); }

/// Near 0 by its series, where 1 - 2 / (1 + e^2x) would cancel.
inline float tanh(float x) {
  const float magnitude = x < 0 ? -x : x;
  if (magnitude < 0.25f) {
    const float square = x * x;
    return x + x * square * (-1.0f / 3 + square * (2.0f / 15 + square * (-17.0f / 315 +
                                                                        square * (62.0f / 2835))));
  }
  const float result = 1 - 2 / (1 + exponential(2 * magnitude));
  return x < 0 ? -result : result;
}

/// erf within 6e-7: 1.5e-7 by formula 7.1.26 of Abramowitz and Stegun, the rest by rounding.
inline float error_function(float x) {
  const float magnitude = x < 0 ? -x : x, t = 1 / (1 + 0.3275911f * magnitude);
  const float polynomial =
      t * (0.254829592f +
           t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float result = 1 - polynomial * exponential(-magnitude * magnitude);
  return x < 0 ? -result : result;
}
inline float gelu(float x) { return x * 0.5f * (1 + error_function(x * 0.70710678f)); }

inline void map(std::int32_t count, float (*function)(float), const float* x, float* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = function(x[i]);
}
inline void clamp_f32(std::int32_t count, const float* x, float lo, float hi, float* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = clamp(x[i], lo, hi);
}
inline void leaky_relu_f32(std::int32_t count, const float* x, float slope, float* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = x[i] > 0 ? x[i] : x[i] * slope;
}
)text";

inline constexpr std::string_view conv2d_f32_text = R"text(
/// Weights are [OC, KH, KW, C / groups].
inline void conv2d_f32(const ConvolutionShape& s, const float* x, const float* w,
                       const float* bias, float lo, float hi, float* y) {
  const std::int32_t C = s.C / s.groups, OC = s.OC / s.groups;
  for (std::int32_t oh = 0; oh < s.OH; ++oh)
    for (std::int32_t ow = 0; ow < s.OW; ++ow)
      for (std::int32_t oc = 0; oc < s.OC; ++oc) {
        float sum = 0;
        for (std::int32_t kh = 0; kh < s.KH; ++kh)
          for (std::int32_t kw = 0; kw < s.KW; ++kw) {
            const std::int32_t h = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
            const std::int32_t v = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
            if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
            const float* const pixel = x + (h * s.W + v) * s.C + oc / OC * C;
            const float* const tap = w + ((oc * s.KH + kh) * s.KW + kw) * C;
            for (std::int32_t c = 0; c < C; ++c) sum += pixel[c] * tap[c];
          }
        y[(oh * s.OW + ow) * s.OC + oc] = clamp(sum + bias[oc], lo, hi);
      }
}
)text";

inline constexpr std::string_view depthwise_f32_text = R"text(
/// Weights are [KH, KW, OC]; output channel oc sees input channel oc / (OC / C).
inline void depthwise_f32(const ConvolutionShape& s, const float* x, const float* w,
                          const float* bias, float lo, float hi, float* y) {
  for (std::int32_t oh = 0; oh < s.OH; ++oh)
    for (std::int32_t ow = 0; ow < s.OW; ++ow)
      for (std::int32_t oc = 0; oc < s.OC; ++oc) {
        float sum = 0;
        for (std::int32_t kh = 0; kh < s.KH; ++kh)
          for (std::int32_t kw = 0; kw < s.KW; ++kw) {
            const std::int32_t h = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
            const std::int32_t v = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
            if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
            sum += x[(h * s.W + v) * s.C + oc / (s.OC / s.C)] * w[(kh * s.KW + kw) * s.OC + oc];
          }
        y[(oh * s.OW + ow) * s.OC + oc] = clamp(sum + bias[oc], lo, hi);
      }
}
)text";

inline constexpr std::string_view average_pool_f32_text = R"text(
/// The mean of each window; see average_pool_s8.
inline void average_pool_f32(const PoolShape& s, const float* x, const float* multiplier,
                             std::int32_t least, float* y) {
  for (std::int32_t oh = 0; oh < s.OH; ++oh)
    for (std::int32_t ow = 0; ow < s.OW; ++ow) {
      const WindowSide rows = window_side(oh, s.H, s.OH, s.KH, s.stride_h, s.pad_top);
      const WindowSide columns = window_side(ow, s.W, s.OW, s.KW, s.stride_w, s.pad_left);
      const float factor = multiplier[least == 0 ? 0 : pixel_count(rows, columns) - least];
      for (std::int32_t c = 0; c < s.C; ++c) {
        float sum = 0;
        for (std::int32_t h = rows.begin; h < rows.end; ++h)
          for (std::int32_t w = columns.begin; w < columns.end; ++w)
            sum += x[(h * s.W + w) * s.C + c];
        y[(oh * s.OW + ow) * s.C + c] = sum * factor;
      }
    }
}
)text";

inline constexpr std::string_view add_f32_text = R"text(
inline void add_f32(std::int32_t count, const float* a, const float* b, float lo, float hi,
                    float* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = clamp(a[i] + b[i], lo, hi);
}
)text";

inline constexpr std::string_view multiply_f32_text = R"text(
/// b has `factors` elements, which repeat: as many as a, or one for each channel.
inline void multiply_f32(std::int32_t count, std::int32_t factors, const float* a, const float* b,
                         float* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = a[i] * b[i % factors];
}
)text";

}  // namespace octet::inline OCTET_ABI::emission
