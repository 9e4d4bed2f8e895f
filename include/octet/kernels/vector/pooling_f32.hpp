// The window of a pooling, written once in the words of <isa>/vector.hpp; see vector/gemm_f32.hpp
// for how it is included. Channels are the vector, so a window is a walk over whole pixels.
#if defined(OCTET_VECTOR)

struct MaxWindow {
  const float* x;
  Patch patch;
  float* y;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    Vector best = all(-std::numeric_limits<float>::infinity());
    for (std::int64_t h = 0; h < patch.rows; ++h)
      for (std::int64_t w = 0; w < patch.columns; ++w)
        best = larger(best, at.load(x + h * patch.stride + w * patch.channels + c));
    at.store(y + c, best);
  }
};
template <class = WhenUsed>
OCTET_VECTOR void max_window(const Patch& patch, const float* x, float* y) {
  each(patch.channels, MaxWindow{x, patch, y});
}

struct MaxWindowBackward {
  const float *x, *y, *dy;
  Patch patch;
  float* dx;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    const Vector best = at.load(y + c), gradient = at.load(dy + c);
    Mask open = first_lanes(lanes);
    for (std::int64_t h = 0; h < patch.rows; ++h)
      for (std::int64_t w = 0; w < patch.columns; ++w) {
        const std::int64_t i = h * patch.stride + w * patch.channels + c;
        const Mask hit = equal(open, at.load(x + i), best);
        at.store(dx + i, add(at.load(dx + i), keep(hit, gradient)));
        open = without(open, hit);
      }
  }
};
template <class = WhenUsed>
OCTET_VECTOR void max_window_backward(const Patch& patch, const float* x, const float* y,
                                      const float* dy, float* dx) {
  each(patch.channels, MaxWindowBackward{x, y, dy, patch, dx});
}

struct SumWindow {
  const float* x;
  Patch patch;
  Vector factor;
  float* y;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    Vector sum = zero();
    for (std::int64_t h = 0; h < patch.rows; ++h)
      for (std::int64_t w = 0; w < patch.columns; ++w)
        sum = add(sum, at.load(x + h * patch.stride + w * patch.channels + c));
    at.store(y + c, multiply(sum, factor));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void sum_window(const Patch& patch, const float* x, float factor, float* y) {
  each(patch.channels, SumWindow{x, patch, all(factor), y});
}

struct SumWindowBackward {
  const float* dy;
  Patch patch;
  Vector factor;
  float* dx;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    const Vector gradient = multiply(at.load(dy + c), factor);
    for (std::int64_t h = 0; h < patch.rows; ++h)
      for (std::int64_t w = 0; w < patch.columns; ++w) {
        float* const pixel = dx + h * patch.stride + w * patch.channels + c;
        at.store(pixel, add(at.load(pixel), gradient));
      }
  }
};
template <class = WhenUsed>
OCTET_VECTOR void sum_window_backward(const Patch& patch, const float* dy, float factor,
                                      float* dx) {
  each(patch.channels, SumWindowBackward{dy, patch, all(factor), dx});
}

#endif
