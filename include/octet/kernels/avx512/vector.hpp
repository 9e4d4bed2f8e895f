// Sixteen floats: the words in which the shared texts in kernels/vector/ are written.
#pragma once

#include <cstdint>
#include <immintrin.h>

#include "octet/core/config.hpp"

#define OCTET_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define OCTET_AVX512_INLINE OCTET_AVX512 __attribute__((always_inline)) inline

namespace octet::inline OCTET_ABI::kernels::avx512 {

// Some functions below are the zero-masked ones with a full mask: GCC 12 warns that the plain ones
// read an uninitialised register.
using Vector = __m512;
using Mask = __mmask16;
inline constexpr int lanes = 16;
/// Tiles have up to so many vectors of channels: 6 x 4 accumulators, 4 vectors of weights and the
/// broadcast pixel fill 29 of 32 registers.
inline constexpr int tile_vectors = 4;

OCTET_AVX512_INLINE Mask first_lanes(std::int64_t count) {
  return static_cast<Mask>(count >= lanes ? 0xffff : (1u << count) - 1);
}
OCTET_AVX512_INLINE Vector load(const float* p) { return _mm512_loadu_ps(p); }
OCTET_AVX512_INLINE Vector load(const float* p, Mask m) { return _mm512_maskz_loadu_ps(m, p); }
OCTET_AVX512_INLINE void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }
OCTET_AVX512_INLINE void store(float* p, Vector v, Mask m) { _mm512_mask_storeu_ps(p, m, v); }
/// Past the caches; p must lie on a whole vector. stream_fence() orders such stores.
OCTET_AVX512_INLINE void stream(float* p, Vector v) { _mm512_stream_ps(p, v); }
OCTET_AVX512_INLINE Vector all(float value) { return _mm512_set1_ps(value); }
OCTET_AVX512_INLINE Vector zero() { return _mm512_setzero_ps(); }
OCTET_AVX512_INLINE Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
OCTET_AVX512_INLINE Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
OCTET_AVX512_INLINE Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
OCTET_AVX512_INLINE Vector divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
OCTET_AVX512_INLINE Vector square_root(Vector a) { return _mm512_maskz_sqrt_ps(0xffff, a); }
/// a * b + c, rounded once.
OCTET_AVX512_INLINE Vector multiply_add(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
/// 2^n of a whole number n from -126 to 127, given n + 1.5 * 2^23, whose last bits are n's.
OCTET_AVX512_INLINE Vector power_of_two(Vector shifted) {
  const __m512i bits = _mm512_maskz_slli_epi32(0xffff, _mm512_castps_si512(shifted), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(bits, _mm512_castps_si512(all(1))));
}
/// v limited to [lo, hi]; the order of the operands lets NaN pass.
OCTET_AVX512_INLINE Vector clamp(Vector v, Vector lo, Vector hi) {
  return _mm512_maskz_min_ps(0xffff, hi, _mm512_maskz_max_ps(0xffff, lo, v));
}
/// v where lo < y < hi, else 0.
OCTET_AVX512_INLINE Vector inside(Vector y, Vector lo, Vector hi, Vector v) {
  const Mask above = _mm512_cmp_ps_mask(y, lo, _CMP_GT_OQ);
  return _mm512_maskz_mov_ps(_mm512_mask_cmp_ps_mask(above, y, hi, _CMP_LT_OQ), v);
}
/// a where x > 0, else b.
OCTET_AVX512_INLINE Vector positive(Vector x, Vector a, Vector b) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, zero(), _CMP_GT_OQ), b, a);
}
/// b where it is larger or NaN, else a.
OCTET_AVX512_INLINE Vector larger(Vector a, Vector b) {
  const int b_wins = _mm512_cmp_ps_mask(b, a, _CMP_GT_OQ) | _mm512_cmp_ps_mask(b, b, _CMP_UNORD_Q);
  return _mm512_mask_blend_ps(static_cast<Mask>(b_wins), a, b);
}
/// The lanes of `open` where a equals b.
OCTET_AVX512_INLINE Mask equal(Mask open, Vector a, Vector b) {
  return _mm512_mask_cmp_ps_mask(open, a, b, _CMP_EQ_OQ);
}
/// What comes later in the text may be loaded before.
OCTET_AVX512_INLINE void load_in_turn() {}
/// Lane i is v[from[i]].
using Lanes = __m512i;
OCTET_AVX512_INLINE Vector permute(Vector v, Lanes from) {
  return _mm512_maskz_permutexvar_ps(0xffff, from, v);
}
/// From lane i of each half: low + i * step, and high + i * step.
OCTET_AVX512_INLINE Lanes halves(int low, int high, int step) {
  const Lanes i = _mm512_set_epi32(7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0);
  const Lanes first = _mm512_mask_set1_epi32(_mm512_set1_epi32(low), 0xff00, high);
  return _mm512_add_epi32(first, _mm512_mullo_epi32(i, _mm512_set1_epi32(step)));
}
OCTET_AVX512_INLINE Mask without(Mask a, Mask b) { return static_cast<Mask>(a & ~b); }
OCTET_AVX512_INLINE Vector keep(Mask m, Vector v) { return _mm512_maskz_mov_ps(m, v); }

/// How a step of a loop reads and writes: whole vectors, or the lanes that are left at the end.
struct Whole {
  OCTET_AVX512_INLINE Vector load(const float* p) const { return avx512::load(p); }
  OCTET_AVX512_INLINE void store(float* p, Vector v) const { avx512::store(p, v); }
};
struct Part {
  Mask mask;
  OCTET_AVX512_INLINE Vector load(const float* p) const { return avx512::load(p, mask); }
  /// The other lanes are those of `other`.
  OCTET_AVX512_INLINE Vector load_or(const float* p, Vector other) const {
    return _mm512_mask_loadu_ps(other, mask, p);
  }
  OCTET_AVX512_INLINE void store(float* p, Vector v) const { avx512::store(p, v, mask); }
};

/// step(i, access) for i = 0, lanes, 2 * lanes, ... below count.
template <class Step>
OCTET_AVX512_INLINE void each(std::int64_t count, const Step& step) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) step(i, Whole{});
  if (i < count) step(i, Part{first_lanes(count - i)});
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512
