// Between float32 and int8 with WebAssembly's SIMD, and the requantization that the other kernels
// of this folder share.
#pragma once

#include "octet/kernels/scalar/requantize_s8.hpp"

#if OCTET_WASM_SIMD128
#include <cstring>
#include <wasm_simd128.h>

#include "octet/kernels/vector/unroll.hpp"

namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {

/// 16 lanes of 32 bits.
struct Int32x16 {
  v128_t part[4];
};
struct Float32x16 {
  v128_t part[4];
};

/// The limits of an output, before and after its zero point is added.
struct LimitsS8 {
  v128_t lowest, highest;
  v128_t zero_point;
};

inline LimitsS8 limits_s8(int zero_point, int lo, int hi) noexcept {
  return {wasm_f32x4_splat(static_cast<float>(lo - zero_point)),
          wasm_f32x4_splat(static_cast<float>(hi - zero_point)), wasm_i32x4_splat(zero_point)};
}

/// clamp(round(value) + zero_point) of 16 lanes, as int8.
inline v128_t round_16(const Float32x16& value, const LimitsS8& limits) noexcept {
  v128_t q[4];
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    const v128_t inside =
        wasm_f32x4_pmin(wasm_f32x4_pmax(value.part[j], limits.lowest), limits.highest);
    q[j] =
        wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(inside)), limits.zero_point);
  }
  return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(q[0], q[1]),
                                 wasm_i16x8_narrow_i32x4(q[2], q[3]));
}

inline Int32x16 widen_16(v128_t bytes) noexcept {
  const v128_t low = wasm_i16x8_extend_low_i8x16(bytes);
  const v128_t high = wasm_i16x8_extend_high_i8x16(bytes);
  return {{wasm_i32x4_extend_low_i16x8(low), wasm_i32x4_extend_high_i16x8(low),
           wasm_i32x4_extend_low_i16x8(high), wasm_i32x4_extend_high_i16x8(high)}};
}

/// float(value) * multiplier.
inline Float32x16 scaled_16(const Int32x16& value, v128_t multiplier) noexcept {
  Float32x16 result;
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    result.part[j] = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(value.part[j]), multiplier);
  }
  return result;
}

/// The first `count` of 16 bytes.
inline void store_bytes(std::int8_t* y, v128_t bytes, std::int64_t count) noexcept {
  if (count >= 16) return wasm_v128_store(y, bytes);
  std::int8_t all[16];
  wasm_v128_store(all, bytes);
  std::memcpy(y, all, static_cast<std::size_t>(count));
}

/// The first `count` of 16 bytes, zeros behind.
inline v128_t load_bytes(const std::int8_t* x, std::int64_t count) noexcept {
  if (count >= 16) return wasm_v128_load(x);
  std::int8_t all[16] = {};
  std::memcpy(all, x, static_cast<std::size_t>(count));
  return wasm_v128_load(all);
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
    channels.start.part[j] = wasm_v128_load(correction + 4 * j);
    if (bias)
      channels.start.part[j] = wasm_i32x4_add(channels.start.part[j], wasm_v128_load(bias + 4 * j));
    channels.multiplier.part[j] = wasm_v128_load(multiplier + 4 * j);
  }
  return channels;
}

/// The sums of 16 channels as int8.
inline v128_t requantize_16(const v128_t (&sum)[4], const Channels16& channels,
                            const LimitsS8& limits) noexcept {
  Float32x16 value;
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    value.part[j] =
        wasm_f32x4_mul(wasm_f32x4_convert_i32x4(wasm_i32x4_add(sum[j], channels.start.part[j])),
                       channels.multiplier.part[j]);
  }
  return round_16(value, limits);
}

inline void quantize_f32(std::int64_t count, const float* x, float scale, int zero_point,
                         std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(zero_point, -128, 127);
  const v128_t divisor = wasm_f32x4_splat(scale);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Float32x16 value;
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      const v128_t quotient = wasm_f32x4_div(wasm_v128_load(x + i + 4 * j), divisor);
      value.part[j] = wasm_v128_and(quotient, wasm_f32x4_eq(quotient, quotient));
    }
    wasm_v128_store(y + i, round_16(value, limits));
  }
  scalar::quantize_f32(count - i, x + i, scale, zero_point, y + i);
}

inline void dequantize_f32(std::int64_t count, const std::int8_t* x, float scale, int zero_point,
                           float* y) noexcept {
  const v128_t zero = wasm_i32x4_splat(zero_point);
  const v128_t factor = wasm_f32x4_splat(scale);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Int32x16 q = widen_16(wasm_v128_load(x + i));
    OCTET_UNROLL for (int j = 0; j < 4; ++j) q.part[j] = wasm_i32x4_sub(q.part[j], zero);
    const Float32x16 value = scaled_16(q, factor);
    OCTET_UNROLL for (int j = 0; j < 4; ++j) wasm_v128_store(y + i + 4 * j, value.part[j]);
  }
  scalar::dequantize_f32(count - i, x + i, scale, zero_point, y + i);
}

}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128

#endif
