// The references of quantize_f32 and dequantize_f32.
#pragma once

#include "octet/kernels/arithmetic_s8.hpp"

namespace octet::inline OCTET_ABI::kernels::scalar {

inline void quantize_f32(std::int64_t count, const float* x, float scale, int zero_point,
                         std::int8_t* y) noexcept {
  for (std::int64_t i = 0; i < count; ++i) y[i] = quantize(x[i], scale, zero_point);
}

inline void dequantize_f32(std::int64_t count, const std::int8_t* x, float scale, int zero_point,
                           float* y) noexcept {
  for (std::int64_t i = 0; i < count; ++i) y[i] = dequantize(x[i], scale, zero_point);
}

}  // namespace octet::inline OCTET_ABI::kernels::scalar
