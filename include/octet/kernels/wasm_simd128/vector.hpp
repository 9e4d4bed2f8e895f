// Four floats: the words in which the shared texts in kernels/vector/ are written.
#pragma once

#include <cstdint>

#include "octet/core/config.hpp"

#if OCTET_WASM_SIMD128
#include <wasm_simd128.h>

#define OCTET_WASM_INLINE __attribute__((always_inline)) inline

namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {

using Vector = v128_t;
/// All bits of the lanes that count.
using Mask = v128_t;
inline constexpr int lanes = 4;
/// Tiles have up to so many vectors of channels: 6 x 2 accumulators, 2 vectors of weights and the
/// broadcast pixel fill 15 of the 16 registers that x86 has for WebAssembly.
inline constexpr int tile_vectors = 2;

OCTET_WASM_INLINE Mask first_lanes(std::int64_t count) {
  const auto most = static_cast<std::int32_t>(count < lanes ? count : lanes);
  return wasm_i32x4_lt(wasm_i32x4_const(0, 1, 2, 3), wasm_i32x4_splat(most));
}
/// How many lanes a mask of first_lanes() has.
OCTET_WASM_INLINE int count_of(Mask m) { return __builtin_popcount(wasm_i32x4_bitmask(m)); }

OCTET_WASM_INLINE Vector load(const float* p) { return wasm_v128_load(p); }
/// There are no masked loads: two lanes and one, so that nothing outside is touched.
OCTET_WASM_INLINE Vector load(const float* p, Mask m) {
  switch (count_of(m)) {
    case 0:
      return wasm_f32x4_const_splat(0);
    case 1:
      return wasm_v128_load32_zero(p);
    case 2:
      return wasm_v128_load64_zero(p);
    case 3:
      return wasm_v128_load32_lane(p + 2, wasm_v128_load64_zero(p), 2);
    default:
      return wasm_v128_load(p);
  }
}
OCTET_WASM_INLINE void store(float* p, Vector v) { wasm_v128_store(p, v); }
OCTET_WASM_INLINE void store(float* p, Vector v, Mask m) {
  const int count = count_of(m);
  if (count == 4) return wasm_v128_store(p, v);
  if (count >= 2) wasm_v128_store64_lane(p, v, 0);
  if (count == 1) wasm_v128_store32_lane(p, v, 0);
  if (count == 3) wasm_v128_store32_lane(p + 2, v, 2);
}
/// Through the caches: WebAssembly has no other way.
OCTET_WASM_INLINE void stream(float* p, Vector v) { wasm_v128_store(p, v); }
OCTET_WASM_INLINE Vector all(float value) { return wasm_f32x4_splat(value); }
OCTET_WASM_INLINE Vector zero() { return wasm_f32x4_const_splat(0); }
OCTET_WASM_INLINE Vector add(Vector a, Vector b) { return wasm_f32x4_add(a, b); }
OCTET_WASM_INLINE Vector subtract(Vector a, Vector b) { return wasm_f32x4_sub(a, b); }
OCTET_WASM_INLINE Vector multiply(Vector a, Vector b) { return wasm_f32x4_mul(a, b); }
OCTET_WASM_INLINE Vector divide(Vector a, Vector b) { return wasm_f32x4_div(a, b); }
OCTET_WASM_INLINE Vector square_root(Vector a) { return wasm_f32x4_sqrt(a); }
/// a * b + c, rounded twice: WebAssembly has no fused form.
OCTET_WASM_INLINE Vector multiply_add(Vector a, Vector b, Vector c) {
  return wasm_f32x4_add(wasm_f32x4_mul(a, b), c);
}
/// 2^n of a whole number n from -126 to 127, given n + 1.5 * 2^23, whose last bits are n's.
OCTET_WASM_INLINE Vector power_of_two(Vector shifted) {
  return wasm_i32x4_add(wasm_i32x4_shl(shifted, 23), all(1));
}
/// v limited to [lo, hi]; NaN passes.
OCTET_WASM_INLINE Vector clamp(Vector v, Vector lo, Vector hi) {
  return wasm_f32x4_pmin(wasm_f32x4_pmax(v, lo), hi);
}
OCTET_WASM_INLINE Vector keep(Mask m, Vector v) { return wasm_v128_and(m, v); }
/// v where lo < y < hi, else 0.
OCTET_WASM_INLINE Vector inside(Vector y, Vector lo, Vector hi, Vector v) {
  return keep(wasm_v128_and(wasm_f32x4_gt(y, lo), wasm_f32x4_lt(y, hi)), v);
}
/// a where x > 0, else b.
OCTET_WASM_INLINE Vector positive(Vector x, Vector a, Vector b) {
  return wasm_v128_bitselect(a, b, wasm_f32x4_gt(x, zero()));
}
/// b where it is larger or NaN, else a.
OCTET_WASM_INLINE Vector larger(Vector a, Vector b) {
  return wasm_v128_bitselect(b, a, wasm_v128_or(wasm_f32x4_gt(b, a), wasm_f32x4_ne(b, b)));
}
/// The lanes of `open` where a equals b.
OCTET_WASM_INLINE Mask equal(Mask open, Vector a, Vector b) {
  return wasm_v128_and(open, wasm_f32x4_eq(a, b));
}
/// What comes later in the text may be loaded before.
OCTET_WASM_INLINE void load_in_turn() {}
OCTET_WASM_INLINE Mask without(Mask a, Mask b) { return wasm_v128_andnot(a, b); }

/// How a step of a loop reads and writes: whole vectors, or the lanes that are left at the end.
struct Whole {
  OCTET_WASM_INLINE Vector load(const float* p) const { return wasm_simd128::load(p); }
  OCTET_WASM_INLINE void store(float* p, Vector v) const { wasm_simd128::store(p, v); }
};
struct Part {
  Mask mask;
  OCTET_WASM_INLINE Vector load(const float* p) const { return wasm_simd128::load(p, mask); }
  /// The other lanes are those of `other`.
  OCTET_WASM_INLINE Vector load_or(const float* p, Vector other) const {
    return wasm_v128_bitselect(wasm_simd128::load(p, mask), other, mask);
  }
  OCTET_WASM_INLINE void store(float* p, Vector v) const { wasm_simd128::store(p, v, mask); }
};

/// step(i, access) for i = 0, lanes, 2 * lanes, ... below count.
template <class Step>
OCTET_WASM_INLINE void each(std::int64_t count, const Step& step) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) step(i, Whole{});
  if (i < count) step(i, Part{first_lanes(count - i)});
}

}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128

#endif
