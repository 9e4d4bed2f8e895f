// Batch normalization whose result is pooled at once, written once in the words of
// <isa>/vector.hpp; included by vector/normalization_f32.hpp, which has strips(). Which pixel of a
// window was the largest is found again in the backward pass: that costs no access to memory, as
// storing would.
#if defined(OCTET_VECTOR)

// Fetches into the second cache what lies below a pixel, in the next line of windows: 0.93 of the
// time of a step of shallow_cnn.
OCTET_VECTOR_INLINE void fetch_below(const NormalizedWindows<float>& w, const float* pixel) {
  __builtin_prefetch(pixel + w.rows * w.line(), 0, 2);
}

// The channels' parameters of V vectors, in registers.
template <int V>
struct WindowParameters {
  Vector mean[V], scale[V], shift[V];
  template <class Access>
  OCTET_VECTOR_INLINE WindowParameters(const NormalizedWindows<float>& w, std::int64_t c,
                                       Access at) {
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      mean[v] = at.load(w.mean + c + v * lanes);
      scale[v] = at.load(w.scale + c + v * lanes);
      shift[v] = at.load(w.shift + c + v * lanes);
    }
  }
};

struct NormalizeWindows {
  const NormalizedWindows<float>& w;
  const float* x;
  Vector lo, hi;
  float* y;
  template <int V, class Access>
  OCTET_VECTOR_INLINE void run(std::int64_t c, Access at) const {
    const WindowParameters<V> p(w, c, at);
    for (std::int64_t window = 0; window < w.count; ++window) {
      Vector best[V];
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        best[v] = all(-std::numeric_limits<float>::infinity());
      }
      for (std::int64_t h = 0; h < w.rows; ++h)
        for (std::int64_t k = 0; k < w.columns; ++k) {
          const float* const pixel = x + h * w.line() + (window * w.columns + k) * w.channels + c;
          OCTET_UNROLL for (int v = 0; v < V; ++v) {
            fetch_below(w, pixel + v * lanes);
            const Vector difference = subtract(at.load(pixel + v * lanes), p.mean[v]);
            best[v] =
                larger(best[v], clamp(multiply_add(difference, p.scale[v], p.shift[v]), lo, hi));
          }
        }
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        at.store(y + window * w.channels + c + v * lanes, best[v]);
      }
    }
  }
};
template <class = WhenUsed>
OCTET_VECTOR void normalize_windows(const NormalizedWindows<float>& w, const float* x, float* y) {
  strips(w.channels, NormalizeWindows{w, x, all(w.lo), all(w.hi), y});
}

struct WindowSums {
  const NormalizedWindows<float>& w;
  const float *x, *dy;
  Vector lo, hi;
  float *sum_dy, *sum_dy_x;
  template <int V, class Access>
  OCTET_VECTOR_INLINE void run(std::int64_t c, Access at) const {
    const WindowParameters<V> p(w, c, at);
    Vector sum[V], product[V];
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      sum[v] = at.load(sum_dy + c + v * lanes);
      product[v] = at.load(sum_dy_x + c + v * lanes);
    }
    for (std::int64_t window = 0; window < w.count; ++window) {
      Vector best[V], difference[V];
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        best[v] = all(-std::numeric_limits<float>::infinity());
        difference[v] = zero();
      }
      for (std::int64_t h = 0; h < w.rows; ++h)
        for (std::int64_t k = 0; k < w.columns; ++k) {
          const float* const pixel = x + h * w.line() + (window * w.columns + k) * w.channels + c;
          OCTET_UNROLL for (int v = 0; v < V; ++v) {
            fetch_below(w, pixel + v * lanes);
            const Vector d = subtract(at.load(pixel + v * lanes), p.mean[v]);
            const Vector value = clamp(multiply_add(d, p.scale[v], p.shift[v]), lo, hi);
            difference[v] = positive(subtract(value, best[v]), d, difference[v]);
            best[v] = larger(best[v], value);
          }
        }
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        const Vector gradient =
            inside(best[v], lo, hi, at.load(dy + window * w.channels + c + v * lanes));
        sum[v] = add(sum[v], gradient);
        product[v] = multiply_add(gradient, difference[v], product[v]);
      }
    }
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      at.store(sum_dy + c + v * lanes, sum[v]);
      at.store(sum_dy_x + c + v * lanes, product[v]);
    }
  }
};
template <class = WhenUsed>
OCTET_VECTOR void window_sums(const NormalizedWindows<float>& w, const float* x, const float* dy,
                              float* sum_dy, float* sum_dy_x) {
  strips(w.channels, WindowSums{w, x, dy, all(w.lo), all(w.hi), sum_dy, sum_dy_x});
}

struct WindowGradient {
  const NormalizedWindows<float>& w;
  const float *x, *dy, *slope, *offset;
  Vector lo, hi;
  bool streams;
  float* dx;
  template <int V, class Access>
  OCTET_VECTOR_INLINE void run(std::int64_t c, Access at) const {
    const WindowParameters<V> p(w, c, at);
    Vector tilt[V], constant[V];
    OCTET_UNROLL for (int v = 0; v < V; ++v) {
      tilt[v] = at.load(slope + c + v * lanes);
      constant[v] = at.load(offset + c + v * lanes);
    }
    for (std::int64_t window = 0; window < w.count; ++window) {
      const std::int64_t first = window * w.columns * w.channels + c;
      Vector best[V], gradient[V];
      Mask open[V];
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        best[v] = all(-std::numeric_limits<float>::infinity());
        open[v] = first_lanes(lanes);
      }
      for (std::int64_t h = 0; h < w.rows; ++h)
        for (std::int64_t k = 0; k < w.columns; ++k) {
          const float* const pixel = x + first + h * w.line() + k * w.channels;
          OCTET_UNROLL for (int v = 0; v < V; ++v) {
            fetch_below(w, pixel + v * lanes);
            const Vector d = subtract(at.load(pixel + v * lanes), p.mean[v]);
            best[v] = larger(best[v], clamp(multiply_add(d, p.scale[v], p.shift[v]), lo, hi));
          }
        }
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        gradient[v] = multiply(
            p.scale[v], inside(best[v], lo, hi, at.load(dy + window * w.channels + c + v * lanes)));
      }
      for (std::int64_t h = 0; h < w.rows; ++h)
        for (std::int64_t k = 0; k < w.columns; ++k) {
          const std::int64_t i = first + h * w.line() + k * w.channels;
          OCTET_UNROLL for (int v = 0; v < V; ++v) {
            const Vector d = subtract(at.load(x + i + v * lanes), p.mean[v]);
            const Vector value = clamp(multiply_add(d, p.scale[v], p.shift[v]), lo, hi);
            const Mask hit = equal(open[v], value, best[v]);
            open[v] = without(open[v], hit);
            const Vector rest = multiply_add(d, tilt[v], constant[v]);
            const Vector result = add(keep(hit, gradient[v]), rest);
            if (streams)
              stream(dx + i + v * lanes, result);
            else
              at.store(dx + i + v * lanes, result);
          }
        }
    }
  }
};
template <class = WhenUsed>
OCTET_VECTOR void window_gradient(const NormalizedWindows<float>& w, const float* x,
                                  const float* dy, const float* slope, const float* offset,
                                  StoreThrough through, float* dx) {
  const bool streams = streams_rows(through, dx, w.channels);
  strips(w.channels, WindowGradient{w, x, dy, slope, offset, all(w.lo), all(w.hi), streams, dx});
  if (streams) stream_fence();
}

#endif
