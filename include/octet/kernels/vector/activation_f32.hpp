// Functions of one number, written once in the words of <isa>/vector.hpp; see vector/gemm_f32.hpp
// for how it is included.
#if defined(OCTET_VECTOR)

// e^x = power + power * rest for x <= 0: power = 2^n with n the whole number next to x / ln 2, and
// rest = e^r - 1 for r = x - n ln 2, which is at most ln(2) / 2 either way. The series of e^r up to
// r^7 / 7! then leaves a remainder below 6e-9. Below -87 it is e^-87; NaN passes.
struct Exponential {
  Vector power, rest;
};
template <class = WhenUsed>
OCTET_VECTOR_INLINE Exponential exponential_parts(Vector x) {
  const Vector limited = clamp(x, all(-87.0f), zero());
  const Vector shifted = multiply_add(limited, all(1.44269504f), all(0x1.8p23f));
  const Vector n = subtract(shifted, all(0x1.8p23f));
  // ln 2 in two pieces: the product with the first one is exact.
  Vector r = multiply_add(n, all(-0x1.62e4p-1f), limited);
  r = multiply_add(n, all(-0x1.7f7d1cp-20f), r);
  Vector sum = multiply_add(r, all(1.0f / 5040), all(1.0f / 720));
  OCTET_UNROLL
  for (const float term : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f})
    sum = multiply_add(sum, r, all(term));
  return {power_of_two(shifted), multiply(sum, r)};
}

// e^x for x <= 0, with a relative error below 2e-7; 0 below -87.
template <class = WhenUsed>
OCTET_VECTOR_INLINE Vector exponential(Vector x) {
  const Exponential e = exponential_parts(x);
  return positive(subtract(all(-87.0f), x), zero(), multiply_add(e.power, e.rest, e.power));
}

OCTET_VECTOR_INLINE Vector magnitude(Vector x) { return larger(x, subtract(zero(), x)); }

// The exponent is never above 0, so that nothing overflows.
OCTET_VECTOR_INLINE Vector value(Sigmoid, Vector x) {
  const Vector e = exponential(subtract(zero(), magnitude(x)));
  return divide(positive(x, all(1), e), add(all(1), e));
}
OCTET_VECTOR_INLINE Vector derivative(Sigmoid, Vector y) {
  return multiply(y, subtract(all(1), y));
}

// tanh |x| = -m / (m + 2) with m = e^(-2 |x|) - 1, which does not cancel near 0.
OCTET_VECTOR_INLINE Vector value(Tanh, Vector x) {
  const Exponential e = exponential_parts(multiply(all(-2), magnitude(x)));
  const Vector m = multiply_add(e.power, e.rest, subtract(e.power, all(1)));
  const Vector y = divide(m, add(m, all(2)));
  return positive(x, subtract(zero(), y), y);
}
OCTET_VECTOR_INLINE Vector derivative(Tanh, Vector y) { return subtract(all(1), multiply(y, y)); }

OCTET_VECTOR_INLINE Vector value(HardSigmoid, Vector x) {
  return clamp(multiply_add(x, all(1.0f / 6), all(0.5f)), zero(), all(1));
}
OCTET_VECTOR_INLINE Vector derivative(HardSigmoid, Vector x) {
  return inside(x, all(-3), all(3), all(1.0f / 6));
}

OCTET_VECTOR_INLINE Vector value(HardSwish, Vector x) {
  return multiply(x, value(HardSigmoid{}, x));
}
OCTET_VECTOR_INLINE Vector derivative(HardSwish, Vector x) {
  const Vector between = multiply_add(x, all(1.0f / 3), all(0.5f));
  const Vector up_to_3 = positive(subtract(all(-3), x), zero(), between);
  return positive(subtract(x, all(3)), all(1), up_to_3);
}

OCTET_VECTOR_INLINE Vector value(Silu, Vector x) { return multiply(x, value(Sigmoid{}, x)); }
OCTET_VECTOR_INLINE Vector derivative(Silu, Vector x) {
  const Vector s = value(Sigmoid{}, x);
  return multiply(s, multiply_add(x, subtract(all(1), s), all(1)));
}

// The probability that a standard normal number is at most x, within 1e-7, and e^(-x^2 / 2).
// Formula 7.1.26 of Abramowitz and Stegun, for erf(x / sqrt(2)), whose two halves it gives without
// a difference.
struct Normal {
  Vector below, density;
};
OCTET_VECTOR_INLINE Normal normal(Vector x) {
  const Vector z = multiply(magnitude(x), all(0.707106781f));
  const Vector density = exponential(multiply(subtract(zero(), z), z));
  const Vector t = divide(all(1), multiply_add(z, all(0.3275911f), all(1)));
  Vector sum = all(1.061405429f);
  OCTET_UNROLL
  for (const float term : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f})
    sum = multiply_add(sum, t, all(term));
  const Vector tail = multiply(multiply(multiply(sum, t), density), all(0.5f));
  return {positive(x, subtract(all(1), tail), tail), density};
}
OCTET_VECTOR_INLINE Vector value(Gelu, Vector x) { return multiply(x, normal(x).below); }
OCTET_VECTOR_INLINE Vector derivative(Gelu, Vector x) {
  const Normal at = normal(x);
  return multiply_add(multiply(x, all(0.398942280f)), at.density, at.below);
}

// What is left at the end goes through the same text as whole vectors: the functions are long.
struct WholeOrPart {
  bool whole;
  Part part;
  OCTET_VECTOR_INLINE Vector load(const float* p) const {
    return whole ? Whole{}.load(p) : part.load(p);
  }
  OCTET_VECTOR_INLINE Vector load_or(const float* p, Vector other) const {
    return whole ? Whole{}.load(p) : part.load_or(p, other);
  }
  OCTET_VECTOR_INLINE void store(float* p, Vector v) const {
    if (whole)
      Whole{}.store(p, v);
    else
      part.store(p, v);
  }
};
template <class Step>
OCTET_VECTOR_INLINE void each_by_one_text(std::int64_t count, const Step& step) {
  for (std::int64_t i = 0; i < count; i += lanes)
    step(i, WholeOrPart{i + lanes <= count, {first_lanes(count - i)}});
}

template <class Function>
struct MapForward {
  const float* x;
  float* y;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    at.store(y + i, value(Function{}, at.load(x + i)));
  }
};
template <class Function>
OCTET_VECTOR void map_forward(std::int64_t count, const float* x, float* y) {
  each_by_one_text(count, MapForward<Function>{x, y});
}

template <class Function>
struct MapBackward {
  const float *kept, *dy;
  float* dx;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    at.store(dx + i, multiply(at.load(dy + i), derivative(Function{}, at.load(kept + i))));
  }
};
template <class Function>
OCTET_VECTOR void map_backward(std::int64_t count, const float* kept, const float* dy, float* dx) {
  each_by_one_text(count, MapBackward<Function>{kept, dy, dx});
}

#endif
