// 16 bytes and four integers: what kernels/vector/requantize_s8.hpp and the texts after it are
// written in, next to the words for floats in vector.hpp.
#pragma once

#include "octet/kernels/vector/unroll.hpp"
#include "octet/kernels/wasm_simd128/vector.hpp"

#if OCTET_WASM_SIMD128
namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {

using Bytes = v128_t;
using Int32 = v128_t;

OCTET_WASM_INLINE Bytes load_s8(const std::int8_t* p) { return wasm_v128_load(p); }
OCTET_WASM_INLINE void store_s8(std::int8_t* p, Bytes bytes) { wasm_v128_store(p, bytes); }
OCTET_WASM_INLINE Bytes all_s8(std::int8_t value) { return wasm_i8x16_splat(value); }
OCTET_WASM_INLINE Bytes larger_s8(Bytes a, Bytes b) { return wasm_i8x16_max(a, b); }

OCTET_WASM_INLINE Int32 load_s32(const std::int32_t* p) { return wasm_v128_load(p); }
OCTET_WASM_INLINE Int32 all_s32(int value) { return wasm_i32x4_splat(value); }
OCTET_WASM_INLINE Int32 add_s32(Int32 a, Int32 b) { return wasm_i32x4_add(a, b); }
OCTET_WASM_INLINE Int32 subtract_s32(Int32 a, Int32 b) { return wasm_i32x4_sub(a, b); }
OCTET_WASM_INLINE Int32 multiply_s32(Int32 a, Int32 b) { return wasm_i32x4_mul(a, b); }
OCTET_WASM_INLINE Vector to_f32(Int32 a) { return wasm_f32x4_convert_i32x4(a); }
/// The nearest integers, of two equally near ones the even one.
OCTET_WASM_INLINE Int32 round_s32(Vector v) {
  return wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(v));
}
/// v. WebAssembly fuses no product with a sum.
OCTET_WASM_INLINE Vector rounded(Vector v) { return v; }

OCTET_WASM_INLINE void widen(Bytes bytes, Int32 (&wide)[4]) {
  const v128_t low = wasm_i16x8_extend_low_i8x16(bytes);
  const v128_t high = wasm_i16x8_extend_high_i8x16(bytes);
  wide[0] = wasm_i32x4_extend_low_i16x8(low);
  wide[1] = wasm_i32x4_extend_high_i16x8(low);
  wide[2] = wasm_i32x4_extend_low_i16x8(high);
  wide[3] = wasm_i32x4_extend_high_i16x8(high);
}
OCTET_WASM_INLINE void add_widened(Int32 (&sum)[4], Bytes bytes) {
  Int32 wide[4];
  widen(bytes, wide);
  OCTET_UNROLL for (int j = 0; j < 4; ++j) sum[j] = wasm_i32x4_add(sum[j], wide[j]);
}
/// Integers that fit into 8 bits.
OCTET_WASM_INLINE Bytes narrow(const Int32 (&q)[4]) {
  return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(q[0], q[1]),
                                 wasm_i16x8_narrow_i32x4(q[2], q[3]));
}

}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128
#endif
