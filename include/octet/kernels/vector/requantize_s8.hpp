// Between float32 and int8, and the requantization that the int8 kernels share, 16 lanes of four
// vectors at a time; written once in the words of <isa>/vector_s8.hpp, for instruction sets whose
// vectors hold four lanes of 32 bits. Included as vector/gemm_f32.hpp is; alone it is empty.
#if defined(OCTET_VECTOR)

/// 16 lanes of 32 bits.
struct Int32x16 {
  Int32 part[4];
};
struct Float32x16 {
  Vector part[4];
};

/// The limits of an output, before and after its zero point is added.
struct LimitsS8 {
  Vector lowest, highest;
  Int32 zero_point;
};

OCTET_VECTOR LimitsS8 limits_s8(int zero_point, int lo, int hi) noexcept {
  return {all(static_cast<float>(lo - zero_point)), all(static_cast<float>(hi - zero_point)),
          all_s32(zero_point)};
}

/// clamp(round(value) + zero_point) of 16 lanes, as int8.
OCTET_VECTOR Bytes round_16(const Float32x16& value, const LimitsS8& limits) noexcept {
  Int32 q[4];
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    q[j] =
        add_s32(round_s32(clamp(value.part[j], limits.lowest, limits.highest)), limits.zero_point);
  }
  return narrow(q);
}

OCTET_VECTOR Int32x16 widen_16(Bytes bytes) noexcept {
  Int32x16 wide;
  widen(bytes, wide.part);
  return wide;
}

/// float(value) * multiplier.
OCTET_VECTOR Float32x16 scaled_16(const Int32x16& value, Vector multiplier) noexcept {
  Float32x16 result;
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    result.part[j] = multiply(to_f32(value.part[j]), multiplier);
  }
  return result;
}

/// The first `count` of 16 bytes.
OCTET_VECTOR void store_bytes(std::int8_t* y, Bytes bytes, std::int64_t count) noexcept {
  if (count >= 16) return store_s8(y, bytes);
  std::int8_t some[16];
  store_s8(some, bytes);
  std::memcpy(y, some, static_cast<std::size_t>(count));
}

/// The first `count` of 16 bytes, zeros behind.
OCTET_VECTOR Bytes load_bytes(const std::int8_t* x, std::int64_t count) noexcept {
  if (count >= 16) return load_s8(x);
  std::int8_t some[16] = {};
  std::memcpy(some, x, static_cast<std::size_t>(count));
  return load_s8(some);
}

/// correction + bias and the multipliers of 16 channels, of which `left` exist.
struct Channels16 {
  Int32x16 start;
  Float32x16 multiplier;
};

OCTET_VECTOR Channels16 channels_16(const std::int32_t* correction, const std::int32_t* bias,
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
    Int32& start = channels.start.part[j];
    start = load_s32(correction + 4 * j);
    if (bias) start = add_s32(start, load_s32(bias + 4 * j));
    channels.multiplier.part[j] = load(multiplier + 4 * j);
  }
  return channels;
}

/// The sums of 16 channels as int8.
OCTET_VECTOR Bytes requantize_16(const Int32 (&sum)[4], const Channels16& channels,
                                 const LimitsS8& limits) noexcept {
  Float32x16 value;
  OCTET_UNROLL for (int j = 0; j < 4; ++j) {
    value.part[j] =
        multiply(to_f32(add_s32(sum[j], channels.start.part[j])), channels.multiplier.part[j]);
  }
  return round_16(value, limits);
}

OCTET_VECTOR void quantize_f32(std::int64_t count, const float* x, float scale, int zero_point,
                               std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(zero_point, -128, 127);
  const Vector divisor = all(scale);
  const Mask everywhere = first_lanes(lanes);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Float32x16 value;
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      const Vector quotient = divide(load(x + i + 4 * j), divisor);
      // NaN, which equals nothing, becomes 0.
      value.part[j] = keep(equal(everywhere, quotient, quotient), quotient);
    }
    store_s8(y + i, round_16(value, limits));
  }
  scalar::quantize_f32(count - i, x + i, scale, zero_point, y + i);
}

OCTET_VECTOR void dequantize_f32(std::int64_t count, const std::int8_t* x, float scale,
                                 int zero_point, float* y) noexcept {
  const Int32 zero_s32 = all_s32(zero_point);
  const Vector factor = all(scale);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Int32x16 q = widen_16(load_s8(x + i));
    OCTET_UNROLL for (int j = 0; j < 4; ++j) q.part[j] = subtract_s32(q.part[j], zero_s32);
    const Float32x16 value = scaled_16(q, factor);
    OCTET_UNROLL for (int j = 0; j < 4; ++j) store(y + i + 4 * j, value.part[j]);
  }
  scalar::dequantize_f32(count - i, x + i, scale, zero_point, y + i);
}

#endif
