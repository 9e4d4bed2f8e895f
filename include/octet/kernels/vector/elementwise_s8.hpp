// int8 addition and multiplication, 16 elements at a time, written once in the words of
// <isa>/vector_s8.hpp; see vector/requantize_s8.hpp.
#if defined(OCTET_VECTOR)

OCTET_VECTOR void add_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b,
                         const AddS8& p, std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const Vector a_multiplier = all(p.a_multiplier), b_multiplier = all(p.b_multiplier);
  const Vector constant = all(p.constant);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Float32x16 sum = scaled_16(widen_16(load_s8(a + i)), a_multiplier);
    const Float32x16 b_part = scaled_16(widen_16(load_s8(b + i)), b_multiplier);
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      sum.part[j] = add(add(rounded(sum.part[j]), rounded(b_part.part[j])), constant);
    }
    store_s8(y + i, round_16(sum, limits));
  }
  scalar::add_s8(count - i, a + i, b + i, p, y + i);
}

OCTET_VECTOR void multiply_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b,
                              const MultiplyS8& p, std::int8_t* y) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const Vector multiplier = all(p.multiplier);
  const Int32 a_zero = all_s32(p.a_zero_point), b_zero = all_s32(p.b_zero_point);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    Int32x16 product = widen_16(load_s8(a + i));
    const Int32x16 factor = widen_16(load_s8(b + i));
    OCTET_UNROLL for (int j = 0; j < 4; ++j) {
      product.part[j] =
          multiply_s32(subtract_s32(product.part[j], a_zero), subtract_s32(factor.part[j], b_zero));
    }
    store_s8(y + i, round_16(scaled_16(product, multiplier), limits));
  }
  scalar::multiply_s8(count - i, a + i, b + i, p, y + i);
}

#endif
