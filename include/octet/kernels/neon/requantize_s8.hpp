// Between float32 and int8 with NEON, and the requantization that the other NEON kernels share.
#pragma once

#include "octet/kernels/scalar/requantize_s8.hpp"

#if OCTET_NEON
#include <arm_neon.h>
#include <cstring>

#include "octet/kernels/vector/unroll.hpp"

namespace octet::inline OCTET_ABI::kernels::neon {

/// 16 lanes of 32 bits.
struct Int32x16 {
  int32x4_t part[4];
};
struct Float32x16 {
  float32x4_t part[4];
};

/// The limits of an output, before and after its zero point is added.
struct LimitsS8 {
  float32x4_t lowest, highest;
  int32x4_t zero_point;
};

inline LimitsS8 limits_s8(int zero_point, int lo, int hi) noexcept {
  return {vdupq_n_f32(static_cast<float>(lo - zero_point)),
          vdupq_n_f32(static_cast<float>(hi - zero_point)), vdupq_n_s32(zero_point)};
}

/// clamp(round(value) + zero_point) of 16 lanes, as int8.
inline int8x16_t round_16(const Float32x16& value, const LimitsS8& limits) noexcept {
  int32x4_t q[4];
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    const float32x4_t inside = vminq_f32(vmaxq_f32(value.part[j], limits.lowest), limits.highest);
    q[j] = vaddq_s32(vcvtnq_s32_f32(inside), limits.zero_point);
  }
  // They fit into 8 bits: every fourth byte is the value.
  const int16x8_t low = vuzp1q_s16(vreinterpretq_s16_s32(q[0]), vreinterpretq_s16_s32(q[1]));
  const int16x8_t high = vuzp1q_s16(vreinterpretq_s16_s32(q[2]), vreinterpretq_s16_s32(q[3]));
  return vuzp1q_s8(vreinterpretq_s8_s16(low), vreinterpretq_s8_s16(high));
}

inline Int32x16 widen_16(int8x16_t bytes) noexcept {
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
  return {{vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)),
           vmovl_high_s16(high)}};
}

/// float(value) * multiplier.
inline Float32x16 scaled_16(const Int32x16& value, float32x4_t multiplier) noexcept {
  Float32x16 result;
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    result.part[j] = vmulq_f32(vcvtq_f32_s32(value.part[j]), multiplier);
  }
  return result;
}

/// The first `count` of 16 bytes.
inline void store_bytes(std::int8_t* y, int8x16_t bytes, std::int64_t count) noexcept {
  if (count >= 16) return vst1q_s8(y, bytes);
  std::int8_t all[16];
  vst1q_s8(all, bytes);
  std::memcpy(y, all, static_cast<std::size_t>(count));
}

/// The first `count` of 16 bytes, zeros behind.
inline int8x16_t load_bytes(const std::int8_t* x, std::int64_t count) noexcept {
  if (count >= 16) return vld1q_s8(x);
  std::int8_t all[16] = {};
  std::memcpy(all, x, static_cast<std::size_t>(count));
  return vld1q_s8(all);
}

/// correction + bias and the multipliers of 16 channels, of which `left` exist.
struct Channels16 {
  Int32x16 start;
  Float32x16 multiplier;
};

inline Channels16 channels_16(const std::int32_t* correction, const std::int32_t* bias,
                              const float* multiplier, std::int64_t left) noexcept {
  std::int32_t some_bias[16] = {};
  float some_multipliers[16] = {};
  if (left < 16) {
    const auto bytes = static_cast<std::size_t>(4 * left);
    if (bias) bias = static_cast<std::int32_t*>(std::memcpy(some_bias, bias, bytes));
    multiplier = static_cast<float*>(std::memcpy(some_multipliers, multiplier, bytes));
  }
  Channels16 channels;
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    channels.start.part[j] = vld1q_s32(correction + 4 * j);
    if (bias) channels.start.part[j] = vaddq_s32(channels.start.part[j], vld1q_s32(bias + 4 * j));
    channels.multiplier.part[j] = vld1q_f32(multiplier + 4 * j);
  }
  return channels;
}

/// The sums of 16 channels as int8.
inline int8x16_t requantize_16(const int32x4_t (&sum)[4], const Channels16& channels,
                               const LimitsS8& limits) noexcept {
  Float32x16 value;
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    value.part[j] = vmulq_f32(vcvtq_f32_s32(vaddq_s32(sum[j], channels.start.part[j])),
                              channels.multiplier.part[j]);
  }
  return round_16(value, limits);
}

inline void quantize_f32(std::int64_t count, const float* x, float scale, int zero_point,
                         std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(zero_point, -128, 127);
  const float32x4_t divisor = vdupq_n_f32(scale);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Float32x16 value;
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      const float32x4_t quotient = vdivq_f32(vld1q_f32(x + i + 4 * j), divisor);
      const uint32x4_t number = vceqq_f32(quotient, quotient);
      value.part[j] = vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(quotient), number));
    }
    vst1q_s8(y + i, round_16(value, limits));
  }
  scalar::quantize_f32(count - i, x + i, scale, zero_point, y + i);
}

inline void dequantize_f32(std::int64_t count, const std::int8_t* x, float scale, int zero_point,
                           float* y) noexcept {
  const int32x4_t zero = vdupq_n_s32(zero_point);
  const float32x4_t factor = vdupq_n_f32(scale);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Int32x16 q = widen_16(vld1q_s8(x + i));
    OCTET_UNROLL for (int j = 0; j < 4; ++j) q.part[j] = vsubq_s32(q.part[j], zero);
    const Float32x16 value = scaled_16(q, factor);
    OCTET_UNROLL for (int j = 0; j < 4; ++j) vst1q_f32(y + i + 4 * j, value.part[j]);
  }
  scalar::dequantize_f32(count - i, x + i, scale, zero_point, y + i);
}

}  // namespace octet::inline OCTET_ABI::kernels::neon

#endif
