// Batch normalization, written once in the words of <isa>/vector.hpp; see vector/gemm_f32.hpp for
// how it is included. A strip of V vectors of channels goes down the rows of a block, its sums and
// parameters in registers; with 4 vectors of AVX-512 every read is four whole cache lines.
#if defined(OCTET_VECTOR)

// Calls strip.run<V>(first channel, access) for strips of 4 vectors, then of two and of one.
template <class Strip>
OCTET_VECTOR_INLINE void strips(std::int64_t channels, const Strip& strip) {
  std::int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) strip.template run<4>(c, Whole{});
  for (; c + 2 * lanes <= channels; c += 2 * lanes) strip.template run<2>(c, Whole{});
  for (; c + lanes <= channels; c += lanes) strip.template run<1>(c, Whole{});
  if (c < channels) strip.template run<1>(c, Part{first_lanes(channels - c)});
}

// Rows that all strips of an elementwise loop go down before the next ones: 1 KiB, so that memory
// is read and written in its order, line by line.
inline std::int64_t rows_together(std::int64_t channels) {
  return channels < 256 ? 256 / channels : 1;
}
// Floats between what such a loop reads and what it fetches: 8 KiB. Memory is read 1.5 to 2 times
// as fast as when the processor alone guesses what is next.
inline constexpr std::int64_t fetched_ahead = 2048;

struct Moments {
  std::int64_t rows, channels;
  const float* x;
  float *mean, *squares;
  template <int V, class Access>
  OCTET_VECTOR_INLINE void run(std::int64_t c, Access at) const {
    Vector sum[V], center[V];
    OCTET_UNROLL for (int v = 0; v < V; ++v) sum[v] = zero();
    for (std::int64_t r = 0; r < rows; ++r) {
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        sum[v] = add(sum[v], at.load(x + r * channels + c + v * lanes));
      }
    }
    const Vector count = all(static_cast<float>(rows));
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      center[v] = divide(sum[v], count);
      at.store(mean + c + v * lanes, center[v]);
      sum[v] = zero();
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        const Vector difference = subtract(at.load(x + r * channels + c + v * lanes), center[v]);
        sum[v] = multiply_add(difference, difference, sum[v]);
      }
    }
    OCTET_UNROLL for (int v = 0; v < V; ++v) at.store(squares + c + v * lanes, sum[v]);
  }
};
template <class = WhenUsed>
OCTET_VECTOR void moments(std::int64_t rows, std::int64_t channels, const float* x, float* mean,
                          float* squares) {
  strips(channels, Moments{rows, channels, x, mean, squares});
}

struct Normalize {
  Normalization<float> n;
  std::int64_t rows;
  const float* x;
  Vector lo, hi;
  bool streams;
  float* y;
  template <int V, class Access>
  OCTET_VECTOR_INLINE void run(std::int64_t c, Access at) const {
    Vector center[V], factor[V], offset[V];
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      center[v] = at.load(n.mean + c + v * lanes);
      factor[v] = at.load(n.scale + c + v * lanes);
      offset[v] = at.load(n.shift + c + v * lanes);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        const std::int64_t i = r * n.channels + c + v * lanes;
        __builtin_prefetch(x + i + fetched_ahead);
        const Vector difference = subtract(at.load(x + i), center[v]);
        const Vector value = clamp(multiply_add(difference, factor[v], offset[v]), lo, hi);
        if (streams)
          stream(y + i, value);
        else
          at.store(y + i, value);
      }
    }
  }
};
template <class = WhenUsed>
OCTET_VECTOR void normalize(const Normalization<float>& n, std::int64_t rows, const float* x,
                            StoreThrough through, float* y) {
  const bool streams = streams_rows(through, y, n.channels);
  const std::int64_t step = rows_together(n.channels);
  for (std::int64_t r = 0; r < rows; r += step)
    strips(n.channels, Normalize{n, rows - r < step ? rows - r : step, x + r * n.channels,
                                 all(n.lo), all(n.hi), streams, y + r * n.channels});
  if (streams) stream_fence();
}

// dy, or zero where y = (x - mean) * scale + shift, which is computed again rather than read, is
// outside of the limits. `difference` is x - mean.
struct Passing {
  Normalization<float> n;
  const float* dy;
  Vector lo, hi;
  template <int V>
  struct Parameters {
    Vector factor[V], offset[V];
  };
  template <int V, class Access>
  OCTET_VECTOR_INLINE void load(std::int64_t c, Access at, Parameters<V>& p) const {
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      p.factor[v] = n.shift ? at.load(n.scale + c + v * lanes) : zero();
      p.offset[v] = n.shift ? at.load(n.shift + c + v * lanes) : zero();
    }
  }
  template <class Access>
  OCTET_VECTOR_INLINE Vector gradient(std::int64_t i, Access at, Vector difference, Vector factor,
                                      Vector offset) const {
    const Vector all_of_it = at.load(dy + i);
    if (!n.shift) return all_of_it;
    return inside(multiply_add(difference, factor, offset), lo, hi, all_of_it);
  }
};

struct NormalizeSums {
  Passing passing;
  std::int64_t rows;
  const float* x;
  float *sum_dy, *sum_dy_x;
  template <int V, class Access>
  OCTET_VECTOR_INLINE void run(std::int64_t c, Access at) const {
    const Normalization<float>& n = passing.n;
    Vector center[V], sum[V], product[V];
    Passing::Parameters<V> p;
    passing.load(c, at, p);
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      center[v] = at.load(n.mean + c + v * lanes);
      sum[v] = at.load(sum_dy + c + v * lanes);
      product[v] = at.load(sum_dy_x + c + v * lanes);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        const std::int64_t i = r * n.channels + c + v * lanes;
        const Vector difference = subtract(at.load(x + i), center[v]);
        const Vector gradient = passing.gradient(i, at, difference, p.factor[v], p.offset[v]);
        sum[v] = add(sum[v], gradient);
        product[v] = multiply_add(gradient, difference, product[v]);
      }
    }
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      at.store(sum_dy + c + v * lanes, sum[v]);
      at.store(sum_dy_x + c + v * lanes, product[v]);
    }
  }
};
template <class = WhenUsed>
OCTET_VECTOR void normalize_sums(const Normalization<float>& n, std::int64_t rows, const float* x,
                                 const float* dy, float* sum_dy, float* sum_dy_x) {
  strips(n.channels,
         NormalizeSums{Passing{n, dy, all(n.lo), all(n.hi)}, rows, x, sum_dy, sum_dy_x});
}

struct NormalizeGradient {
  Passing passing;
  std::int64_t rows;
  const float *x, *slope, *offset;
  float* dx;
  template <int V, class Access>
  OCTET_VECTOR_INLINE void run(std::int64_t c, Access at) const {
    const Normalization<float>& n = passing.n;
    Vector center[V], factor[V], tilt[V], constant[V];
    Passing::Parameters<V> p;
    passing.load(c, at, p);
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      center[v] = at.load(n.mean + c + v * lanes);
      factor[v] = at.load(n.scale + c + v * lanes);
      tilt[v] = at.load(slope + c + v * lanes);
      constant[v] = at.load(offset + c + v * lanes);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        const std::int64_t i = r * n.channels + c + v * lanes;
        __builtin_prefetch(x + i + fetched_ahead);
        __builtin_prefetch(passing.dy + i + fetched_ahead);
        const Vector difference = subtract(at.load(x + i), center[v]);
        const Vector gradient = passing.gradient(i, at, difference, p.factor[v], p.offset[v]);
        const Vector rest = multiply_add(difference, tilt[v], constant[v]);
        at.store(dx + i, multiply_add(gradient, factor[v], rest));
      }
    }
  }
};
template <class = WhenUsed>
OCTET_VECTOR void normalize_gradient(const Normalization<float>& n, std::int64_t rows,
                                     const float* x, const float* dy, const float* slope,
                                     const float* offset, float* dx) {
  const std::int64_t step = rows_together(n.channels);
  for (std::int64_t r = 0; r < rows; r += step) {
    const std::int64_t at = r * n.channels;
    strips(n.channels,
           NormalizeGradient{Passing{n, dy + at, all(n.lo), all(n.hi)},
                             rows - r < step ? rows - r : step, x + at, slope, offset, dx + at});
  }
}

struct ColumnSum {
  std::int64_t rows, columns;
  const float* x;
  float* sum;
  template <int V, class Access>
  OCTET_VECTOR_INLINE void run(std::int64_t c, Access at) const {
    Vector total[V];
    OCTET_UNROLL for (int v = 0; v < V; ++v) total[v] = zero();
    for (std::int64_t r = 0; r < rows; ++r) {
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        total[v] = add(total[v], at.load(x + r * columns + c + v * lanes));
      }
    }
    OCTET_UNROLL for (int v = 0; v < V; ++v) at.store(sum + c + v * lanes, total[v]);
  }
};
template <class = WhenUsed>
OCTET_VECTOR void column_sum(std::int64_t rows, std::int64_t columns, const float* x, float* sum) {
  strips(columns, ColumnSum{rows, columns, x, sum});
}

#include "octet/kernels/vector/pooled_normalization_f32.hpp"

#endif
