// The softmax of rows, written once in the words of <isa>/vector.hpp; see vector/gemm_f32.hpp for
// how it is included, and activation_f32.hpp, which is included before, for e^x. A row that is
// wider than a vector is read three times, from the first level of the cache.
#if defined(OCTET_VECTOR)

// The sum and the largest of the lanes that a row of so many columns fills.
template <class = WhenUsed>
OCTET_VECTOR_INLINE float sum_of(Vector v, std::int64_t columns) {
  float numbers[lanes], sum = 0;
  store(numbers, v);
  for (std::int64_t i = 0; i < lanes && i < columns; ++i) sum += numbers[i];
  return sum;
}
template <class = WhenUsed>
OCTET_VECTOR_INLINE float largest_of(Vector v, std::int64_t columns) {
  float numbers[lanes];
  store(numbers, v);
  float largest = numbers[0];
  for (std::int64_t i = 1; i < lanes && i < columns; ++i) largest = (std::max)(largest, numbers[i]);
  return largest;
}

// What a vector has past the end of a row is -infinity, whose power is 0.
struct LargestOfRow {
  const float* x;
  Vector* largest;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    *largest = larger(*largest, at.load_or(x + c, all(-std::numeric_limits<float>::infinity())));
  }
};
struct ExponentialOfRow {
  const float* x;
  Vector top;
  float* y;
  Vector* sum;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    const Vector minus_infinity = all(-std::numeric_limits<float>::infinity());
    const Vector power = exponential(subtract(at.load_or(x + c, minus_infinity), top));
    *sum = add(*sum, power);
    at.store(y + c, power);
  }
};
struct DivideRow {
  float* y;
  Vector sum;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    at.store(y + c, divide(at.load(y + c), sum));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void softmax_forward(std::int64_t rows, std::int64_t columns, const float* x,
                                  float* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    Vector largest = all(-std::numeric_limits<float>::infinity()), sum = zero();
    each_by_one_text(columns, LargestOfRow{x, &largest});
    each_by_one_text(columns, ExponentialOfRow{x, all(largest_of(largest, columns)), y, &sum});
    each(columns, DivideRow{y, all(sum_of(sum, columns))});
  }
}

struct DotOfRow {
  const float *y, *dy;
  Vector* sum;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    *sum = multiply_add(at.load(y + c), at.load(dy + c), *sum);
  }
};
struct GradientOfRow {
  const float *y, *dy;
  Vector sum;
  float* dx;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    at.store(dx + c, multiply(at.load(y + c), subtract(at.load(dy + c), sum)));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void softmax_backward(std::int64_t rows, std::int64_t columns, const float* y,
                                   const float* dy, float* dx) {
  for (std::int64_t row = 0; row < rows; ++row, y += columns, dy += columns, dx += columns) {
    Vector sum = zero();
    each(columns, DotOfRow{y, dy, &sum});
    each(columns, GradientOfRow{y, dy, all(sum_of(sum, columns)), dx});
  }
}

#endif
