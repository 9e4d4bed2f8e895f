// Four floats: the words in which the shared texts in kernels/vector/ are written.
#pragma once

#include <cstdint>

#include "octet/core/config.hpp"

#if OCTET_NEON
#include <arm_neon.h>

// Every 64-bit ARM has NEON: no target attribute is needed.
#define OCTET_NEON_INLINE __attribute__((always_inline)) inline

namespace octet::inline OCTET_ABI::kernels::neon {

using Vector = float32x4_t;
/// All bits of the lanes that count.
using Mask = uint32x4_t;
inline constexpr int lanes = 4;
/// Tiles have up to so many vectors of channels: 6 x 4 accumulators, 4 vectors of weights and the
/// broadcast pixel fill 29 of 32 registers.
inline constexpr int tile_vectors = 4;

OCTET_NEON_INLINE Mask first_lanes(std::int64_t count) {
  const std::uint32_t numbers[] = {0, 1, 2, 3};
  const std::int64_t most = count < 0 ? 0 : count < lanes ? count : lanes;
  return vcltq_u32(vld1q_u32(numbers), vdupq_n_u32(static_cast<std::uint32_t>(most)));
}
/// How many lanes a mask of first_lanes() has.
OCTET_NEON_INLINE int count_of(Mask m) { return -static_cast<int>(vaddvq_u32(m)); }

OCTET_NEON_INLINE Vector load(const float* p) { return vld1q_f32(p); }
/// There are no masked loads: two lanes and one, so that nothing outside is touched.
OCTET_NEON_INLINE Vector load(const float* p, Mask m) {
  const int count = count_of(m);
  if (count == 4) return vld1q_f32(p);
  Vector v = vdupq_n_f32(0);
  if (count >= 2) v = vcombine_f32(vld1_f32(p), vget_low_f32(v));
  if (count == 1) v = vld1q_lane_f32(p, v, 0);
  if (count == 3) v = vld1q_lane_f32(p + 2, v, 2);
  return v;
}
OCTET_NEON_INLINE void store(float* p, Vector v) { vst1q_f32(p, v); }
OCTET_NEON_INLINE void store(float* p, Vector v, Mask m) {
  const int count = count_of(m);
  if (count == 4) return vst1q_f32(p, v);
  if (count >= 2) vst1_f32(p, vget_low_f32(v));
  if (count == 1) vst1q_lane_f32(p, v, 0);
  if (count == 3) vst1q_lane_f32(p + 2, v, 2);
}
/// Through the caches: processors notice long runs of stores by themselves.
OCTET_NEON_INLINE void stream(float* p, Vector v) { vst1q_f32(p, v); }
OCTET_NEON_INLINE Vector all(float value) { return vdupq_n_f32(value); }
OCTET_NEON_INLINE Vector zero() { return vdupq_n_f32(0); }
OCTET_NEON_INLINE Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
OCTET_NEON_INLINE Vector subtract(Vector a, Vector b) { return vsubq_f32(a, b); }
OCTET_NEON_INLINE Vector multiply(Vector a, Vector b) { return vmulq_f32(a, b); }
OCTET_NEON_INLINE Vector divide(Vector a, Vector b) { return vdivq_f32(a, b); }
OCTET_NEON_INLINE Vector square_root(Vector a) { return vsqrtq_f32(a); }
/// a * b + c, rounded once.
OCTET_NEON_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
/// 2^n of a whole number n from -126 to 127, given n + 1.5 * 2^23, whose last bits are n's.
OCTET_NEON_INLINE Vector power_of_two(Vector shifted) {
  const uint32x4_t bits = vshlq_n_u32(vreinterpretq_u32_f32(shifted), 23);
  return vreinterpretq_f32_u32(vaddq_u32(bits, vreinterpretq_u32_f32(all(1))));
}
/// v limited to [lo, hi]; NaN passes.
OCTET_NEON_INLINE Vector clamp(Vector v, Vector lo, Vector hi) {
  return vminq_f32(vmaxq_f32(v, lo), hi);
}
OCTET_NEON_INLINE Vector keep(Mask m, Vector v) {
  return vreinterpretq_f32_u32(vandq_u32(m, vreinterpretq_u32_f32(v)));
}
/// v where lo < y < hi, else 0.
OCTET_NEON_INLINE Vector inside(Vector y, Vector lo, Vector hi, Vector v) {
  return keep(vandq_u32(vcgtq_f32(y, lo), vcltq_f32(y, hi)), v);
}
/// a where x > 0, else b.
OCTET_NEON_INLINE Vector positive(Vector x, Vector a, Vector b) {
  return vbslq_f32(vcgtzq_f32(x), a, b);
}
/// b where it is larger or NaN, else a.
OCTET_NEON_INLINE Vector larger(Vector a, Vector b) {
  return vbslq_f32(vornq_u32(vcgtq_f32(b, a), vceqq_f32(b, b)), b, a);
}
/// The lanes of `open` where a equals b.
OCTET_NEON_INLINE Mask equal(Mask open, Vector a, Vector b) {
  return vandq_u32(open, vceqq_f32(a, b));
}
/// What comes later in the text is loaded later: GCC would load the pixels of a whole tile at once
/// and spill sums for that.
OCTET_NEON_INLINE void load_in_turn() { asm volatile("" ::: "memory"); }
OCTET_NEON_INLINE Mask without(Mask a, Mask b) { return vbicq_u32(a, b); }

/// How a step of a loop reads and writes: whole vectors, or the lanes that are left at the end.
struct Whole {
  OCTET_NEON_INLINE Vector load(const float* p) const { return neon::load(p); }
  OCTET_NEON_INLINE void store(float* p, Vector v) const { neon::store(p, v); }
};
struct Part {
  Mask mask;
  OCTET_NEON_INLINE Vector load(const float* p) const { return neon::load(p, mask); }
  /// The other lanes are those of `other`.
  OCTET_NEON_INLINE Vector load_or(const float* p, Vector other) const {
    return vbslq_f32(mask, neon::load(p, mask), other);
  }
  OCTET_NEON_INLINE void store(float* p, Vector v) const { neon::store(p, v, mask); }
};

/// step(i, access) for i = 0, lanes, 2 * lanes, ... below count.
template <class Step>
OCTET_NEON_INLINE void each(std::int64_t count, const Step& step) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) step(i, Whole{});
  if (i < count) step(i, Part{first_lanes(count - i)});
}

}  // namespace octet::inline OCTET_ABI::kernels::neon
#endif
