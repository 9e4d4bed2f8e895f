// Eight floats: the words in which the shared texts in kernels/vector/ are written.
#pragma once

#include <cstdint>
#include <immintrin.h>

#include "octet/core/config.hpp"

#define OCTET_AVX2 __attribute__((target("avx2,fma")))
#define OCTET_AVX2_INLINE OCTET_AVX2 __attribute__((always_inline)) inline

namespace octet::inline OCTET_ABI::kernels::avx2 {

using Vector = __m256;
using Mask = __m256i;
inline constexpr int lanes = 8;
/// Tiles have up to so many vectors of channels: 6 x 2 accumulators, 2 vectors of weights and the
/// broadcast pixel fill 15 of 16 registers.
inline constexpr int tile_vectors = 2;

OCTET_AVX2_INLINE Mask first_lanes(std::int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count < lanes ? count : lanes)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
OCTET_AVX2_INLINE Vector load(const float* p) { return _mm256_loadu_ps(p); }
OCTET_AVX2_INLINE Vector load(const float* p, Mask m) { return _mm256_maskload_ps(p, m); }
OCTET_AVX2_INLINE void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }
/// A mask is often full, and a Zen 3 takes a dozen cycles for a masked store, whatever the mask:
/// float products are 1.8 times as fast at a depth of 9 with the branch, 1.6 times at 16.
OCTET_AVX2_INLINE void store(float* p, Vector v, Mask m) {
  if (_mm256_movemask_ps(_mm256_castsi256_ps(m)) == 0xff)
    _mm256_storeu_ps(p, v);
  else
    _mm256_maskstore_ps(p, m, v);
}
/// Past the caches; p must lie on a whole vector. stream_fence() orders such stores.
OCTET_AVX2_INLINE void stream(float* p, Vector v) { _mm256_stream_ps(p, v); }
OCTET_AVX2_INLINE Vector all(float value) { return _mm256_set1_ps(value); }
OCTET_AVX2_INLINE Vector zero() { return _mm256_setzero_ps(); }
OCTET_AVX2_INLINE Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
OCTET_AVX2_INLINE Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
OCTET_AVX2_INLINE Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
OCTET_AVX2_INLINE Vector divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
OCTET_AVX2_INLINE Vector square_root(Vector a) { return _mm256_sqrt_ps(a); }
/// a * b + c, rounded once.
OCTET_AVX2_INLINE Vector multiply_add(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
/// 2^n of a whole number n from -126 to 127, given n + 1.5 * 2^23, whose last bits are n's.
OCTET_AVX2_INLINE Vector power_of_two(Vector shifted) {
  const __m256i bits = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(bits, _mm256_castps_si256(all(1))));
}
/// v limited to [lo, hi]; the order of the operands lets NaN pass.
OCTET_AVX2_INLINE Vector clamp(Vector v, Vector lo, Vector hi) {
  return _mm256_min_ps(hi, _mm256_max_ps(lo, v));
}
/// v where lo < y < hi, else 0.
OCTET_AVX2_INLINE Vector inside(Vector y, Vector lo, Vector hi, Vector v) {
  return _mm256_and_ps(
      _mm256_and_ps(_mm256_cmp_ps(y, lo, _CMP_GT_OQ), _mm256_cmp_ps(y, hi, _CMP_LT_OQ)), v);
}
/// a where x > 0, else b.
OCTET_AVX2_INLINE Vector positive(Vector x, Vector a, Vector b) {
  return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, zero(), _CMP_GT_OQ));
}
/// b where it is larger or NaN, else a.
OCTET_AVX2_INLINE Vector larger(Vector a, Vector b) {
  const Vector b_wins =
      _mm256_or_ps(_mm256_cmp_ps(b, a, _CMP_GT_OQ), _mm256_cmp_ps(b, b, _CMP_UNORD_Q));
  return _mm256_blendv_ps(a, b, b_wins);
}
/// The lanes of `open` where a equals b.
OCTET_AVX2_INLINE Mask equal(Mask open, Vector a, Vector b) {
  return _mm256_and_si256(open, _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)));
}
/// What comes later in the text may be loaded before.
OCTET_AVX2_INLINE void load_in_turn() {}
OCTET_AVX2_INLINE Mask without(Mask a, Mask b) { return _mm256_andnot_si256(b, a); }
OCTET_AVX2_INLINE Vector keep(Mask m, Vector v) { return _mm256_and_ps(_mm256_castsi256_ps(m), v); }

/// How a step of a loop reads and writes: whole vectors, or the lanes that are left at the end.
struct Whole {
  OCTET_AVX2_INLINE Vector load(const float* p) const { return avx2::load(p); }
  OCTET_AVX2_INLINE void store(float* p, Vector v) const { avx2::store(p, v); }
};
struct Part {
  Mask mask;
  OCTET_AVX2_INLINE Vector load(const float* p) const { return avx2::load(p, mask); }
  /// The other lanes are those of `other`.
  OCTET_AVX2_INLINE Vector load_or(const float* p, Vector other) const {
    return _mm256_blendv_ps(other, avx2::load(p, mask), _mm256_castsi256_ps(mask));
  }
  OCTET_AVX2_INLINE void store(float* p, Vector v) const { avx2::store(p, v, mask); }
};

/// step(i, access) for i = 0, lanes, 2 * lanes, ... below count.
template <class Step>
OCTET_AVX2_INLINE void each(std::int64_t count, const Step& step) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) step(i, Whole{});
  if (i < count) step(i, Part{first_lanes(count - i)});
}

}  // namespace octet::inline OCTET_ABI::kernels::avx2
