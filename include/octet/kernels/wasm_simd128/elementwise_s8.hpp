// int8 addition and multiplication with WebAssembly's SIMD, 16 elements at a time.
#pragma once

#include "octet/kernels/scalar/elementwise_s8.hpp"
#include "octet/kernels/wasm_simd128/requantize_s8.hpp"

#if OCTET_WASM_SIMD128

namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {

inline void add_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b, const AddS8& p,
                   std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const v128_t a_multiplier = wasm_f32x4_splat(p.a_multiplier);
  const v128_t b_multiplier = wasm_f32x4_splat(p.b_multiplier);
  const v128_t constant = wasm_f32x4_splat(p.constant);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Float32x16 sum = scaled_16(widen_16(wasm_v128_load(a + i)), a_multiplier);
    const Float32x16 b_part = scaled_16(widen_16(wasm_v128_load(b + i)), b_multiplier);
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      sum.part[j] = wasm_f32x4_add(wasm_f32x4_add(sum.part[j], b_part.part[j]), constant);
    }
    wasm_v128_store(y + i, round_16(sum, limits));
  }
  scalar::add_s8(count - i, a + i, b + i, p, y + i);
}

inline void multiply_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b,
                        const MultiplyS8& p, std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const v128_t multiplier = wasm_f32x4_splat(p.multiplier);
  const v128_t a_zero = wasm_i32x4_splat(p.a_zero_point), b_zero = wasm_i32x4_splat(p.b_zero_point);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Int32x16 product = widen_16(wasm_v128_load(a + i));
    const Int32x16 factor = widen_16(wasm_v128_load(b + i));
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      product.part[j] = wasm_i32x4_mul(wasm_i32x4_sub(product.part[j], a_zero),
                                       wasm_i32x4_sub(factor.part[j], b_zero));
    }
    wasm_v128_store(y + i, round_16(scaled_16(product, multiplier), limits));
  }
  scalar::multiply_s8(count - i, a + i, b + i, p, y + i);
}

}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128

#endif
