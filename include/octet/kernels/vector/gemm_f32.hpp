// The tiles of float products, written once in the words of <isa>/vector.hpp. Included by
// avx2/gemm_f32.hpp and avx512/gemm_f32.hpp inside of their namespace, with OCTET_VECTOR the
// function attribute of that instruction set; alone it is empty.
//
// A tile of R pixels x V vectors of channels stays in registers for a whole pass over the depth: of
// every 6 x 4 multiply-adds, only 6 broadcasts and 4 loads touch memory, and the six pixel pointers
// stay in registers too, which a taller tile's would not. Measured on a 3x3 convolution of 64 to
// 128 channels: 150 GFLOP/s a core with AVX-512, about three quarters of its peak, and 97 with
// AVX2.
#if defined(OCTET_VECTOR)

template <int R, int V>
OCTET_VECTOR void product_tile(const ProductTile& t) {
  const Mask last = first_lanes(t.columns - (V - 1) * lanes);
  Vector sum[R][V];
  OCTET_UNROLL for (int v = 0; v < V; ++v) {
    const Mask mask = v == V - 1 ? last : first_lanes(lanes);
    const Vector bias = t.starts && t.bias ? load(t.bias + v * lanes, mask) : zero();
    OCTET_UNROLL for (int r = 0; r < R; ++r) sum[r][v] = bias;
  }
  if (!t.starts || t.has_residual) {
    const std::ptrdiff_t before = t.starts ? t.residual : 0;
    OCTET_UNROLL for (int r = 0; r < R; ++r) {
      const float* const c = t.c[r] + before;
      OCTET_UNROLL for (int v = 0; v < V - 1; ++v) {
        sum[r][v] = add(sum[r][v], load(c + v * lanes));
      }
      sum[r][V - 1] = add(sum[r][V - 1], load(c + (V - 1) * lanes, last));
    }
  }
  const float* next = t.next;
  for (std::int64_t tap = 0; tap < t.taps; ++tap) {
    const float* a[R];
    OCTET_UNROLL for (int r = 0; r < R; ++r) {
      const float* const pixel = t.a[tap * t.a_stride + r];
      a[r] = pixel == zero_pixel ? pixel : pixel + t.offset;
    }
    const float* b = t.b + tap * t.b_stride;
    for (std::int64_t k = 0; k < t.depth; ++k, b += V * lanes) {
      __builtin_prefetch(next, 0, 2);
      if constexpr (fetched_lines(V) > 1) __builtin_prefetch(next + 16, 0, 2);
      next += 16 * fetched_lines(V);
      Vector weights[V];
      OCTET_UNROLL for (int v = 0; v < V; ++v) weights[v] = load(b + v * lanes);
      OCTET_UNROLL for (int r = 0; r < R; ++r) {
        const Vector value = all(a[r][k]);
        OCTET_UNROLL for (int v = 0; v < V; ++v) {
          sum[r][v] = multiply_add(value, weights[v], sum[r][v]);
        }
      }
    }
  }
  if (t.ends) {
    const Vector lo = all(t.lo), hi = all(t.hi);
    OCTET_UNROLL for (int r = 0; r < R; ++r) {
      OCTET_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = clamp(sum[r][v], lo, hi);
    }
  }
  OCTET_UNROLL for (int r = 0; r < R; ++r) {
    OCTET_UNROLL for (int v = 0; v < V - 1; ++v) store(t.c[r] + v * lanes, sum[r][v]);
    store(t.c[r] + (V - 1) * lanes, sum[r][V - 1], last);
  }
}

template <int R, int V>
OCTET_VECTOR void outer_tile(const OuterTile& t) {
  const Mask last = first_lanes(t.columns - (V - 1) * lanes);
  Vector sum[R][V];
  OCTET_UNROLL for (int r = 0; r < R; ++r) {
    OCTET_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = zero();
  }
  for (std::int64_t p = 0; p < t.pixels; ++p) {
    const float* const x = t.x[p];
    const float* const dy = t.dy[p] + t.dy_offset;
    Vector pixel[V];
    OCTET_UNROLL for (int v = 0; v < V - 1; ++v) pixel[v] = load(x + v * lanes);
    pixel[V - 1] = load(x + (V - 1) * lanes, last);
    OCTET_UNROLL for (int r = 0; r < R; ++r) {
      const Vector gradient = all(dy[r]);
      OCTET_UNROLL for (int v = 0; v < V; ++v) {
        sum[r][v] = multiply_add(gradient, pixel[v], sum[r][v]);
      }
    }
  }
  OCTET_UNROLL for (int r = 0; r < R; ++r) {
    float* const dw = t.dw + r * t.dw_stride;
    OCTET_UNROLL for (int v = 0; v < V - 1; ++v) {
      store(dw + v * lanes, add(load(dw + v * lanes), sum[r][v]));
    }
    float* const end = dw + (V - 1) * lanes;
    store(end, add(load(end, last), sum[r][V - 1]), last);
  }
}

// Chooses the tile of R rows that has as many vectors as the columns need.
template <int R, int V>
OCTET_VECTOR void product_columns(const ProductTile& t) {
  if constexpr (V < tile_vectors)
    if (t.columns > V * lanes) return product_columns<R, V + 1>(t);
  product_tile<R, V>(t);
}
template <int R, int V>
OCTET_VECTOR void outer_columns(const OuterTile& t) {
  if constexpr (V < tile_vectors)
    if (t.columns > V * lanes) return outer_columns<R, V + 1>(t);
  outer_tile<R, V>(t);
}
template <int R>
OCTET_VECTOR void product_rows(const ProductTile& t) {
  if constexpr (R > 1)
    if (t.rows < R) return product_rows<R - 1>(t);
  product_columns<R, 1>(t);
}
template <int R>
OCTET_VECTOR void outer_rows(const OuterTile& t) {
  if constexpr (R > 1)
    if (t.rows < R) return outer_rows<R - 1>(t);
  outer_columns<R, 1>(t);
}

inline void product(const ProductTile& t) { product_rows<tile_rows>(t); }
inline void outer(const OuterTile& t) { outer_rows<tile_rows>(t); }

#endif
