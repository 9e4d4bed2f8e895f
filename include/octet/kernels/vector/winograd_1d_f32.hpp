// The transforms of Winograd's convolution, written once in the words of <isa>/vector.hpp; see
// vector/gemm_f32.hpp for how it is included. Channels are the vector, so a transform of a tile is
// the same few additions for 16, 8 or 4 channels at once. Each ...Line is one of the matrices times
// a vector, written out; winograd_tile.hpp has the points that they belong to.
#if defined(OCTET_VECTOR)

// B^T d.
template <int m>
struct WinogradInputLine {
  static constexpr int from = m + 2, to = m + 2;
  OCTET_VECTOR_INLINE static void run(const Vector (&d)[m + 2], Vector (&v)[m + 2]) {
    if constexpr (m == 2) {
      v[0] = subtract(d[0], d[2]);
      v[1] = add(d[1], d[2]);
      v[2] = subtract(d[2], d[1]);
      v[3] = subtract(d[1], d[3]);
    } else {
      const Vector fifth = all(-2.5f);
      v[0] = multiply_add(d[2], fifth, add(d[0], d[4]));
      v[5] = multiply_add(d[3], fifth, add(d[1], d[5]));
      const Vector even_a = multiply_add(d[2], all(-2), d[4]);
      const Vector odd_a = multiply_add(d[1], all(-2), d[3]);
      v[1] = multiply_add(odd_a, all(winograd_a), even_a);
      v[2] = multiply_add(odd_a, all(-winograd_a), even_a);
      const Vector even_b = multiply_add(d[2], all(-0.5f), d[4]);
      const Vector odd_b = multiply_add(d[1], all(-0.5f), d[3]);
      v[3] = multiply_add(odd_b, all(winograd_b), even_b);
      v[4] = multiply_add(odd_b, all(-winograd_b), even_b);
    }
  }
};

// A^T v.
template <int m>
struct WinogradOutputLine {
  static constexpr int from = m + 2, to = m;
  OCTET_VECTOR_INLINE static void run(const Vector (&v)[m + 2], Vector (&y)[m]) {
    const Vector sum_a = add(v[1], v[2]), difference_a = subtract(v[1], v[2]);
    if constexpr (m == 2) {
      y[0] = add(v[0], sum_a);
      y[1] = subtract(difference_a, v[3]);
    } else {
      const Vector sum_b = add(v[3], v[4]), difference_b = subtract(v[3], v[4]);
      y[0] = add(v[0], add(sum_a, sum_b));
      y[1] = multiply_add(difference_a, all(winograd_a), multiply(difference_b, all(winograd_b)));
      y[2] = multiply_add(sum_a, all(0.5f), add(sum_b, sum_b));
      y[3] = multiply_add(difference_a, all(0.5f * winograd_a),
                          multiply_add(difference_b, all(2 * winograd_b), v[5]));
    }
  }
};

// A y, the transposed of the above.
template <int m>
struct WinogradGradientLine {
  static constexpr int from = m, to = m + 2;
  OCTET_VECTOR_INLINE static void run(const Vector (&y)[m], Vector (&v)[m + 2]) {
    if constexpr (m == 2) {
      v[0] = y[0];
      v[1] = add(y[0], y[1]);
      v[2] = subtract(y[0], y[1]);
      v[3] = subtract(zero(), y[1]);
    } else {
      const Vector even_a = multiply_add(y[2], all(0.5f), y[0]);
      const Vector odd_a = multiply_add(y[3], all(0.5f), y[1]);
      const Vector even_b = multiply_add(y[2], all(2), y[0]);
      const Vector odd_b = multiply_add(y[3], all(2), y[1]);
      v[0] = y[0];
      v[1] = multiply_add(odd_a, all(winograd_a), even_a);
      v[2] = multiply_add(odd_a, all(-winograd_a), even_a);
      v[3] = multiply_add(odd_b, all(winograd_b), even_b);
      v[4] = multiply_add(odd_b, all(-winograd_b), even_b);
      v[5] = y[3];
    }
  }
};

// G g.
template <int m>
struct WinogradFilterLine {
  static constexpr int from = 3, to = m + 2;
  OCTET_VECTOR_INLINE static void run(const Vector (&g)[3], Vector (&u)[m + 2]) {
    u[0] = g[0];
    u[m + 1] = g[2];
    if constexpr (m == 2) {
      const Vector even = multiply(add(g[0], g[2]), all(0.5f)), odd = multiply(g[1], all(0.5f));
      u[1] = add(even, odd);
      u[2] = subtract(even, odd);
    } else {
      const Vector even_a = multiply(multiply_add(g[2], all(0.5f), g[0]), all(-2.0f / 3));
      u[1] = multiply_add(g[1], all(-2.0f / 3 * winograd_a), even_a);
      u[2] = multiply_add(g[1], all(2.0f / 3 * winograd_a), even_a);
      const Vector even_b = multiply(multiply_add(g[2], all(2), g[0]), all(1.0f / 6));
      u[3] = multiply_add(g[1], all(1.0f / 6 * winograd_b), even_b);
      u[4] = multiply_add(g[1], all(-1.0f / 6 * winograd_b), even_b);
    }
  }
};

// G^T u.
template <int m>
struct WinogradFilterGradientLine {
  static constexpr int from = m + 2, to = 3;
  OCTET_VECTOR_INLINE static void run(const Vector (&u)[m + 2], Vector (&g)[3]) {
    const Vector sum_a = add(u[1], u[2]), difference_a = subtract(u[1], u[2]);
    if constexpr (m == 2) {
      const Vector half = all(0.5f);
      g[0] = multiply_add(sum_a, half, u[0]);
      g[1] = multiply(difference_a, half);
      g[2] = multiply_add(sum_a, half, u[3]);
    } else {
      const Vector sum_b = add(u[3], u[4]), difference_b = subtract(u[3], u[4]);
      g[0] = multiply_add(sum_a, all(-2.0f / 3), multiply_add(sum_b, all(1.0f / 6), u[0]));
      g[1] = multiply_add(difference_a, all(-2.0f / 3 * winograd_a),
                          multiply(difference_b, all(1.0f / 6 * winograd_b)));
      g[2] = multiply_add(sum_a, all(-1.0f / 3), multiply_add(sum_b, all(1.0f / 3), u[5]));
    }
  }
};

// Line along the columns of a matrix, read element by element, then along the rows of what comes
// out, written element by element.
template <class Line, class Read, class Write>
OCTET_VECTOR_INLINE void winograd_transform(const Read& read, const Write& write) {
  constexpr int from = Line::from, to = Line::to;
  Vector half[to][from];
  OCTET_UNROLL for (int j = 0; j < from; ++j) {
    Vector in[from], out[to];
    OCTET_UNROLL for (int i = 0; i < from; ++i) in[i] = read.get(i, j);
    Line::run(in, out);
    OCTET_UNROLL for (int i = 0; i < to; ++i) half[i][j] = out[i];
  }
  OCTET_UNROLL for (int i = 0; i < to; ++i) {
    Vector out[to];
    Line::run(half[i], out);
    OCTET_UNROLL for (int j = 0; j < to; ++j) write.set(i, j, out[j]);
  }
}

#endif
