// int8 pooling, 16 channels at a time, written once in the words of <isa>/vector_s8.hpp; see
// vector/requantize_s8.hpp.
#if defined(OCTET_VECTOR)

OCTET_VECTOR void max_pool_s8_row(const Pool2dShape& s, const std::int8_t* x, std::int8_t* y,
                                  std::int64_t n, std::int64_t oh) noexcept {
  const std::int8_t* const image = x + n * s.H * s.W * s.C;
  for (std::int64_t ow = 0; ow < s.OW; ++ow) {
    const WindowS8 window(s, oh, ow);
    std::int8_t* const to = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
    for (std::int64_t c = 0; c < s.C; c += 16) {
      Bytes best = all_s8(-128);
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          best = larger_s8(best, load_bytes(image + (h * s.W + w) * s.C + c, s.C - c));
      store_bytes(to + c, best, s.C - c);
    }
  }
}

OCTET_VECTOR void average_pool_s8_row(const Pool2dShape& s, const std::int8_t* x,
                                      const AverageS8& p, std::int8_t* y, std::int64_t n,
                                      std::int64_t oh) noexcept {
  const LimitsS8 limits = limits_s8(p.zero_point, p.lo, p.hi);
  const std::int8_t* const image = x + n * s.H * s.W * s.C;
  for (std::int64_t ow = 0; ow < s.OW; ++ow) {
    const WindowS8 window(s, oh, ow);
    std::int8_t* const to = y + ((n * s.OH + oh) * s.OW + ow) * s.C;
    const Int32 zeros = all_s32(static_cast<int>(-window.taps() * p.x_zero_point));
    const Vector multiplier = all(average_multiplier(p, window.count(s, p)));
    for (std::int64_t c = 0; c < s.C; c += 16) {
      Int32x16 sum{{zeros, zeros, zeros, zeros}};
      for (std::int64_t h = window.h_begin; h < window.h_end; ++h)
        for (std::int64_t w = window.w_begin; w < window.w_end; ++w)
          add_widened(sum.part, load_bytes(image + (h * s.W + w) * s.C + c, s.C - c));
      store_bytes(to + c, round_16(scaled_16(sum, multiplier), limits), s.C - c);
    }
  }
}

#endif
