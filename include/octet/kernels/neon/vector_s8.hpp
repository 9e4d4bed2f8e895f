// 16 bytes and four integers: what kernels/vector/requantize_s8.hpp and the texts after it are
// written in, next to the words for floats in vector.hpp.
#pragma once

#include "octet/kernels/neon/vector.hpp"

#if OCTET_NEON
namespace octet::inline OCTET_ABI::kernels::neon {

using Bytes = int8x16_t;
using Int32 = int32x4_t;

OCTET_NEON_INLINE Bytes load_s8(const std::int8_t* p) { return vld1q_s8(p); }
OCTET_NEON_INLINE void store_s8(std::int8_t* p, Bytes bytes) { vst1q_s8(p, bytes); }
OCTET_NEON_INLINE Bytes all_s8(std::int8_t value) { return vdupq_n_s8(value); }
OCTET_NEON_INLINE Bytes larger_s8(Bytes a, Bytes b) { return vmaxq_s8(a, b); }

OCTET_NEON_INLINE Int32 load_s32(const std::int32_t* p) { return vld1q_s32(p); }
OCTET_NEON_INLINE Int32 all_s32(int value) { return vdupq_n_s32(value); }
OCTET_NEON_INLINE Int32 add_s32(Int32 a, Int32 b) { return vaddq_s32(a, b); }
OCTET_NEON_INLINE Int32 subtract_s32(Int32 a, Int32 b) { return vsubq_s32(a, b); }
OCTET_NEON_INLINE Int32 multiply_s32(Int32 a, Int32 b) { return vmulq_s32(a, b); }
OCTET_NEON_INLINE Vector to_f32(Int32 a) { return vcvtq_f32_s32(a); }
/// The nearest integers, of two equally near ones the even one.
OCTET_NEON_INLINE Int32 round_s32(Vector v) { return vcvtnq_s32_f32(v); }
/// v. A product that must exist as a float32 cannot be fused with a sum.
OCTET_NEON_INLINE Vector rounded(Vector v) {
  asm("" : "+w"(v));
  return v;
}

OCTET_NEON_INLINE void widen(Bytes bytes, Int32 (&wide)[4]) {
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
  wide[0] = vmovl_s16(vget_low_s16(low));
  wide[1] = vmovl_high_s16(low);
  wide[2] = vmovl_s16(vget_low_s16(high));
  wide[3] = vmovl_high_s16(high);
}
OCTET_NEON_INLINE void add_widened(Int32 (&sum)[4], Bytes bytes) {
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
  sum[0] = vaddw_s16(sum[0], vget_low_s16(low));
  sum[1] = vaddw_high_s16(sum[1], low);
  sum[2] = vaddw_s16(sum[2], vget_low_s16(high));
  sum[3] = vaddw_high_s16(sum[3], high);
}
/// Integers that fit into 8 bits: every fourth byte is the value.
OCTET_NEON_INLINE Bytes narrow(const Int32 (&q)[4]) {
  const int16x8_t low = vuzp1q_s16(vreinterpretq_s16_s32(q[0]), vreinterpretq_s16_s32(q[1]));
  const int16x8_t high = vuzp1q_s16(vreinterpretq_s16_s32(q[2]), vreinterpretq_s16_s32(q[3]));
  return vuzp1q_s8(vreinterpretq_s8_s16(low), vreinterpretq_s8_s16(high));
}

}  // namespace octet::inline OCTET_ABI::kernels::neon
#endif
