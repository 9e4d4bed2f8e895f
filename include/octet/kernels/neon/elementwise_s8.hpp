// int8 addition, multiplication and tables with NEON, 16 elements at a time.
#pragma once

#include "octet/kernels/neon/requantize_s8.hpp"
#include "octet/kernels/scalar/elementwise_s8.hpp"

#if OCTET_NEON

namespace octet::inline OCTET_ABI::kernels::neon {

inline void add_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b, const AddS8& p,
                   std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const float32x4_t a_multiplier = vdupq_n_f32(p.a_multiplier);
  const float32x4_t b_multiplier = vdupq_n_f32(p.b_multiplier);
  const float32x4_t constant = vdupq_n_f32(p.constant);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Float32x16 sum = scaled_16(widen_16(vld1q_s8(a + i)), a_multiplier);
    Float32x16 b_part = scaled_16(widen_16(vld1q_s8(b + i)), b_multiplier);
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      // A product that must exist as a float32 cannot be fused with the sum.
      asm("" : "+w"(sum.part[j]), "+w"(b_part.part[j]));
      sum.part[j] = vaddq_f32(vaddq_f32(sum.part[j], b_part.part[j]), constant);
    }
    vst1q_s8(y + i, round_16(sum, limits));
  }
  scalar::add_s8(count - i, a + i, b + i, p, y + i);
}

inline void multiply_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b,
                        const MultiplyS8& p, std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const float32x4_t multiplier = vdupq_n_f32(p.multiplier);
  const int32x4_t a_zero = vdupq_n_s32(p.a_zero_point), b_zero = vdupq_n_s32(p.b_zero_point);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Int32x16 product = widen_16(vld1q_s8(a + i));
    const Int32x16 factor = widen_16(vld1q_s8(b + i));
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      product.part[j] =
          vmulq_s32(vsubq_s32(product.part[j], a_zero), vsubq_s32(factor.part[j], b_zero));
    }
    vst1q_s8(y + i, round_16(scaled_16(product, multiplier), limits));
  }
  scalar::multiply_s8(count - i, a + i, b + i, p, y + i);
}

/// The table is 16 registers; each quarter of it answers for the bytes that it holds, and leaves
/// the others as they are.
inline void lookup_s8(std::int64_t count, const std::int8_t* x, const TableS8& table,
                      std::int8_t* y) noexcept {
  int8x16x4_t quarter[4];
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 4; ++j) quarter[k].val[j] = vld1q_s8(table.data() + 64 * k + 16 * j);
  const uint8x16_t top = vdupq_n_u8(128), step = vdupq_n_u8(64);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    uint8x16_t index = veorq_u8(vreinterpretq_u8_s8(vld1q_s8(x + i)), top);
    int8x16_t result = vqtbl4q_s8(quarter[0], index);
    OCTET_UNROLL for (int k = 1; k < 4; ++k) {
      index = vsubq_u8(index, step);
      result = vqtbx4q_s8(result, quarter[k], index);
    }
    vst1q_s8(y + i, result);
  }
  scalar::lookup_s8(count - i, x + i, table, y + i);
}

}  // namespace octet::inline OCTET_ABI::kernels::neon

#endif
