// Element by element, written once in the words of <isa>/vector.hpp; see vector/gemm_f32.hpp for
// how it is included. Every pass reads and writes memory once; nothing else limits it.
#if defined(OCTET_VECTOR)

struct ClampForward {
  const float* x;
  Vector lo, hi;
  float* y;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    at.store(y + i, clamp(at.load(x + i), lo, hi));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void clamp_forward(std::int64_t count, const float* x, float lo, float hi, float* y) {
  each(count, ClampForward{x, all(lo), all(hi), y});
}

struct ClampBackward {
  const float *y, *dy;
  Vector lo, hi;
  float* dx;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    at.store(dx + i, inside(at.load(y + i), lo, hi, at.load(dy + i)));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void clamp_backward(std::int64_t count, const float* y, const float* dy, float lo,
                                 float hi, float* dx) {
  each(count, ClampBackward{y, dy, all(lo), all(hi), dx});
}

// result = sign > 0 ? value : slope * value: leaky ReLU and, with the gradient as value, its
// gradient.
struct Leak {
  const float *sign, *value;
  Vector slope;
  float* result;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    const Vector v = at.load(value + i);
    at.store(result + i, positive(at.load(sign + i), v, multiply(v, slope)));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void leaky_relu_forward(std::int64_t count, const float* x, float slope, float* y) {
  each(count, Leak{x, x, all(slope), y});
}
template <class = WhenUsed>
OCTET_VECTOR void leaky_relu_backward(std::int64_t count, const float* x, const float* dy,
                                      float slope, float* dx) {
  each(count, Leak{x, dy, all(slope), dx});
}

struct Add {
  const float *a, *b;
  float* y;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    at.store(y + i, add(at.load(a + i), at.load(b + i)));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void add(std::int64_t count, const float* a, const float* b, float* y) {
  each(count, Add{a, b, y});
}

struct Multiply {
  const float *a, *b;
  float* y;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    at.store(y + i, multiply(at.load(a + i), at.load(b + i)));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void multiply(std::int64_t count, const float* a, const float* b, float* y) {
  each(count, Multiply{a, b, y});
}

struct Scale {
  Vector factor;
  const float* x;
  float* y;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    at.store(y + i, multiply(factor, at.load(x + i)));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void scale(std::int64_t count, float factor, const float* x, float* y) {
  each(count, Scale{all(factor), x, y});
}

struct Adam {
  Vector beta1, one_minus_beta1, beta2, one_minus_beta2, rate, inverse_root, epsilon, decay, keep;
  const float* gradient;
  float *p, *m, *v;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    const Vector before = at.load(p + i);
    const Vector g = multiply_add(decay, before, at.load(gradient + i));
    const Vector mean = multiply_add(beta1, at.load(m + i), multiply(one_minus_beta1, g));
    const Vector square =
        multiply_add(beta2, at.load(v + i), multiply(multiply(one_minus_beta2, g), g));
    const Vector root = multiply_add(square_root(square), inverse_root, epsilon);
    at.store(m + i, mean);
    at.store(v + i, square);
    at.store(p + i, subtract(multiply(keep, before), divide(multiply(rate, mean), root)));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void adam(std::int64_t count, const AdamStep& step, const float* gradient, float* p,
                       float* m, float* v) {
  const scalar::AdamCoefficients<float> k(step);
  each(count,
       Adam{all(k.beta1), all(k.one_minus_beta1), all(k.beta2), all(k.one_minus_beta2), all(k.rate),
            all(k.inverse_root), all(k.epsilon), all(k.decay), all(k.keep), gradient, p, m, v});
}

struct Sgd {
  Vector rate, momentum, decay, keep;
  bool nesterov;
  const float* gradient;
  float *p, *m;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    const Vector before = at.load(p + i);
    Vector g = multiply_add(decay, before, at.load(gradient + i));
    if (m) {
      const Vector mean = multiply_add(momentum, at.load(m + i), g);
      at.store(m + i, mean);
      g = nesterov ? multiply_add(momentum, mean, g) : mean;
    }
    at.store(p + i, subtract(multiply(keep, before), multiply(rate, g)));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void sgd(std::int64_t count, const SgdStep& step, const float* gradient, float* p,
                      float* m) {
  const float keep = static_cast<float>(1 - step.learning_rate * step.decoupled_weight_decay);
  each(count,
       Sgd{all(static_cast<float>(step.learning_rate)), all(static_cast<float>(step.momentum)),
           all(static_cast<float>(step.coupled_weight_decay)), all(keep),
           step.kind == Momentum::nesterov, gradient, p, m});
}

#endif
