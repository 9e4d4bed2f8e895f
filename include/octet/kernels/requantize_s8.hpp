// Between float32 and int8; the definitions of one value are in
// portable/arithmetic_s8.hpp.
#pragma once

#include "octet/kernels/arithmetic_s8.hpp"
#include "octet/kernels/avx2/requantize_s8.hpp"
#include "octet/kernels/avx512/requantize_s8.hpp"
#include "octet/kernels/neon/requantize_s8.hpp"
#include "octet/kernels/ranges.hpp"
#include "octet/kernels/scalar/requantize_s8.hpp"
#include "octet/kernels/table.hpp"
#include "octet/kernels/wasm_simd128/requantize_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

using QuantizeF32 = void(std::int64_t count, const float* x, float scale, int zero_point,
                         std::int8_t* y) noexcept;
using DequantizeF32 = void(std::int64_t count, const std::int8_t* x, float scale, int zero_point,
                           float* y) noexcept;

inline Table<Implementation<QuantizeF32>> quantize_f32_table() {
  static constexpr Implementation<QuantizeF32> table[] = {
#if OCTET_X86
    {"quantize_f32s8_avx512", Isa::avx512, &avx512::quantize_f32},
    {"quantize_f32s8_avx2", Isa::avx2, &avx2::quantize_f32},
#elif OCTET_NEON
    {"quantize_f32s8_neon", Isa::neon, &neon::quantize_f32},
#elif OCTET_WASM_SIMD128
    {"quantize_f32s8_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::quantize_f32},
#endif
    {"quantize_f32s8_scalar", Isa::scalar, &scalar::quantize_f32},
  };
  return table;
}

inline Table<Implementation<DequantizeF32>> dequantize_f32_table() {
  static constexpr Implementation<DequantizeF32> table[] = {
#if OCTET_X86
    {"dequantize_s8f32_avx512", Isa::avx512, &avx512::dequantize_f32},
    {"dequantize_s8f32_avx2", Isa::avx2, &avx2::dequantize_f32},
#elif OCTET_NEON
    {"dequantize_s8f32_neon", Isa::neon, &neon::dequantize_f32},
#elif OCTET_WASM_SIMD128
    {"dequantize_s8f32_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::dequantize_f32},
#endif
    {"dequantize_s8f32_scalar", Isa::scalar, &scalar::dequantize_f32},
  };
  return table;
}

/// y[i] = clamp(round(x[i] / scale) + zero_point, -128, 127); infinities saturate, NaN becomes the
/// zero point. scale > 0, zero_point in [-128, 127].
inline void quantize_f32(std::int64_t count, const float* x, float scale, int zero_point,
                         std::int8_t* y, ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(quantize_f32_table());
  over_ranges(pool, count, 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    chosen.run(end - begin, x + begin, scale, zero_point, y + begin);
  });
}

/// y[i] = (x[i] - zero_point) * scale.
inline void dequantize_f32(std::int64_t count, const std::int8_t* x, float scale, int zero_point,
                           float* y, ThreadPool* pool = nullptr) noexcept {
  static const auto& chosen = best_row(dequantize_f32_table());
  over_ranges(pool, count, 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    chosen.run(end - begin, x + begin, scale, zero_point, y + begin);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
