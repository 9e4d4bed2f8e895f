// What an int8 number means: real = scale * (q - zero_point).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "octet/core/error.hpp"
#include "octet/kernels/arithmetic_s8.hpp"

namespace octet::inline OCTET_ABI {

/// The scale and zero point of an int8 tensor. 0.0 is exactly representable, as zero_point.
struct QuantizationParameters {
  float scale = 1;
  std::int32_t zero_point = 0;
  friend bool operator==(const QuantizationParameters&, const QuantizationParameters&) = default;

  /// The ends of what [-128, 127] can express.
  float lowest() const { return scale * static_cast<float>(-128 - zero_point); }
  float highest() const { return scale * static_cast<float>(127 - zero_point); }
};

/// q = clamp(round(x / scale) + zero_point, -128, 127): the one definition of quantization, that of
/// the kernels.
inline std::int8_t quantize_value(float x, const QuantizationParameters& parameters) {
  return kernels::quantize(x, parameters.scale, parameters.zero_point);
}
/// x = (q - zero_point) * scale
inline float dequantize_value(std::int8_t q, const QuantizationParameters& parameters) {
  return kernels::dequantize(q, parameters.scale, parameters.zero_point);
}

/// The smallest scale that is chosen: below it, 1 / scale and products of two scales would leave
/// the range of normal floats.
inline constexpr float smallest_scale = 1e-18f;

/// The parameters with which [low, high], widened so that it contains 0, just fits into
/// [-128, 127]. The scale is computed in double and rounded once; a range without extent, such as
/// that of a tensor that is always 0, gets scale 1.
inline QuantizationParameters parameters_of_range(float low, float high) {
  if (!std::isfinite(low) || !std::isfinite(high) || low > high)
    fail("quantization: expected a finite range, got from ", low, " to ", high);
  const double from = (std::min)(low, 0.0f), to = (std::max)(high, 0.0f);
  if (to - from <= 255 * double{smallest_scale}) return {1.0f, 0};
  const auto scale = static_cast<float>((to - from) / 255);
  const double zero_point = std::nearbyint(-128 - from / double{scale});
  return {scale, static_cast<std::int32_t>((std::min)((std::max)(zero_point, -128.0), 127.0))};
}

/// The scale of a symmetric range: the weights of one output channel fit into [-127, 127]; 1 where
/// all of them are 0.
inline float symmetric_scale(float largest_magnitude) {
  if (!std::isfinite(largest_magnitude))
    fail("quantization: expected finite weights, got ", largest_magnitude);
  const auto scale = static_cast<float>(double{largest_magnitude} / 127);
  return scale < smallest_scale ? 1.0f : scale;
}

/// clamp(round(w / scale), -127, 127); ties to even.
inline std::int8_t quantize_weight(float weight, float scale) {
  const float rounded = std::nearbyint(weight / scale);
  return static_cast<std::int8_t>((std::min)((std::max)(rounded, -127.0f), 127.0f));
}

}  // namespace octet::inline OCTET_ABI
