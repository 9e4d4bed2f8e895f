// The tiles of float products, written once in the words of <isa>/vector.hpp. Included by
// <isa>/gemm_f32.hpp inside of its namespace, with OCTET_VECTOR the function attribute of that
// instruction set; alone it is empty.
//
// A tile of R pixels x V vectors of channels stays in registers for a whole pass over the depth: of
// every 6 x 4 multiply-adds, only 6 broadcasts and 4 loads touch memory, and the six pixel pointers
// stay in registers too, which a taller tile's would not. Measured: 0.77 to 0.83 of the peak of a
// core at products of 250 and more a side, 0.80 at 3x3 convolutions of 64 and more channels, with
// AVX-512, which has a second way for few channels (shallow_product_f32.hpp); 0.87 to 0.93 with
// AVX2.
#if defined(OCTET_VECTOR)

// Floats that a tile of V vectors fetches ahead for each k: whole lines, with four vectors of
// AVX-512 half as many as it reads of b, which the second cache has time for.
template <int V>
inline constexpr std::int64_t fetched = V > 2 ? 32 : 16;

// A single row reads each weight once: they come straight into the first cache, 4 KiB ahead. From
// the third cache that is 1.25 times as fast as fetching the next slice (120 GB/s on a Zen 5).
template <int V>
OCTET_VECTOR_INLINE void fetch_ahead(const float* weights) {
  OCTET_UNROLL for (int i = 0; i < V * lanes; i += 16) __builtin_prefetch(weights + 1024 + i, 0, 3);
}

// Sends the sums of rows [first, first + R) past the caches, too, if they are streamed.
template <int R, int V>
OCTET_VECTOR_INLINE void stream_sums(const ProductTile& t, std::int64_t first, std::int64_t column,
                                     const Vector (&sum)[R][V]) {
  const std::ptrdiff_t offset = streamed(t.traffic);
  if (!offset) return;
  OCTET_UNROLL for (int r = 0; r < R; ++r) {
    float* const c = t.c[first + r] + column + offset;
    OCTET_UNROLL for (int v = 0; v < V; ++v) stream(c + v * lanes, sum[r][v]);
  }
}

// The tile of rows [first, first + R). Meanwhile more than one row fetch lines of 16 floats at
// `next`, if that is not null: to fetch what is there already would cost a twelfth of the time.
template <int R, int V>
OCTET_VECTOR void product_tile(const ProductTile& t, std::int64_t first, const float* next) {
  const Mask last = first_lanes(t.columns - (V - 1) * lanes);
  Vector sum[R][V];
  OCTET_UNROLL for (int v = 0; v < V; ++v) {
    const Mask mask = v == V - 1 ? last : first_lanes(lanes);
    const Vector bias = t.starts && t.bias ? load(t.bias + v * lanes, mask) : zero();
    OCTET_UNROLL for (int r = 0; r < R; ++r) sum[r][v] = bias;
  }
  if (!t.starts) {
    OCTET_UNROLL for (int r = 0; r < R; ++r) {
      const float* const c = t.c[first + r] + t.column;
      OCTET_UNROLL for (int v = 0; v < V - 1; ++v) {
        sum[r][v] = add(sum[r][v], load(c + v * lanes));
      }
      sum[r][V - 1] = add(sum[r][V - 1], load(c + (V - 1) * lanes, last));
    }
  }
  // One vector of channels alone would wait for its own last addition: two sums take turns.
  [[maybe_unused]] Vector odd[R];
  OCTET_UNROLL for (int r = 0; r < R; ++r) odd[r] = zero();
  for (std::int64_t tap = 0; tap < t.taps; ++tap) {
    const float* a[R];
    OCTET_UNROLL for (int r = 0; r < R; ++r) {
      const float* const pixel = t.a[tap * t.a_stride + first + r];
      a[r] = pixel == zero_pixel ? pixel : pixel + t.offset;
    }
    const float* b = t.b + tap * t.b_stride;
    std::int64_t k = 0;
    if constexpr (V == 1) {
      for (; k + 2 <= t.depth; k += 2, b += 2 * lanes) {
        if constexpr (R == 1) {
          fetch_ahead<2>(b);
        } else if (next) {
          __builtin_prefetch(next, 0, 2);
          __builtin_prefetch(next + 16, 0, 2);
          next += 32;
        }
        const Vector first = load(b), second = load(b + lanes);
        OCTET_UNROLL for (int r = 0; r < R; ++r) {
          sum[r][0] = multiply_add(all(a[r][k]), first, sum[r][0]);
          odd[r] = multiply_add(all(a[r][k + 1]), second, odd[r]);
        }
      }
    }
    OCTET_UNROLL_BY_4 for (const std::int64_t depth = t.depth; k < depth; ++k, b += V * lanes) {
      if constexpr (R == 1) {
        fetch_ahead<V>(b);
      } else if (next) {
        __builtin_prefetch(next, 0, 2);
        if constexpr (V > 2) __builtin_prefetch(next + 16, 0, 2);
        next += fetched<V>;
      }
      Vector weights[V];
      OCTET_UNROLL for (int v = 0; v < V; ++v) weights[v] = load(b + v * lanes);
      OCTET_UNROLL for (int r = 0; r < R; ++r) {
        const Vector value = all(a[r][k]);
        OCTET_UNROLL for (int v = 0; v < V; ++v) {
          sum[r][v] = multiply_add(value, weights[v], sum[r][v]);
        }
        load_in_turn();
      }
    }
  }
  if constexpr (V == 1) {
    OCTET_UNROLL for (int r = 0; r < R; ++r) sum[r][0] = add(sum[r][0], odd[r]);
  }
  if (t.limits) {
    const Vector lo = all(t.lo), hi = all(t.hi);
    OCTET_UNROLL for (int r = 0; r < R; ++r) {
      OCTET_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = clamp(sum[r][v], lo, hi);
    }
  }
  OCTET_UNROLL for (int r = 0; r < R; ++r) {
    float* const c = t.c[first + r] + t.column;
    OCTET_UNROLL for (int v = 0; v < V - 1; ++v) store(c + v * lanes, sum[r][v]);
    store(c + (V - 1) * lanes, sum[r][V - 1], last);
  }
  stream_sums(t, first, t.column, sum);
}

// Chooses the tile of `count` rows, which are at most R.
template <int R, int V>
OCTET_VECTOR void product_some(const ProductTile& t, std::int64_t first, std::int64_t count,
                               const float* next) {
  if constexpr (R > 1)
    if (count < R) return product_some<R - 1, V>(t, first, count, next);
  product_tile<R, V>(t, first, next);
}
// As few tiles as can be, and as equal ones: five rows and four keep more sums in registers than
// six and three.
template <int V>
OCTET_VECTOR void product_rows(const ProductTile& t) {
  const std::int64_t share = t.taps * t.depth * fetched<V>;
  const std::int64_t tiles = (t.rows + tile_rows - 1) / tile_rows;
  const std::int64_t height = t.rows / tiles, taller = t.rows % tiles;
  std::int64_t first = 0;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t count = tile < taller ? height + 1 : height;
    product_some<tile_rows, V>(t, first, count, take(t.traffic, share));
    first += count;
  }
}

template <int R, int V>
OCTET_VECTOR void outer_tile(const OuterTile& t) {
  const Mask last = first_lanes(t.columns - (V - 1) * lanes);
  Vector sum[R][V];
  OCTET_UNROLL for (int r = 0; r < R; ++r) {
    OCTET_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = zero();
  }
  const float* next = take(t.traffic, t.pixels * MemoryTraffic::line);
  for (std::int64_t p = 0; p < t.pixels; ++p) {
    next = fetch_lines<1>(next);
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

// Chooses tiles with as many vectors as the columns need.
template <int V>
OCTET_VECTOR void product_columns(const ProductTile& t) {
  if constexpr (V < tile_vectors)
    if (t.columns > V * lanes) return product_columns<V + 1>(t);
  product_rows<V>(t);
}
template <int R, int V>
OCTET_VECTOR void outer_columns(const OuterTile& t) {
  if constexpr (V < tile_vectors)
    if (t.columns > V * lanes) return outer_columns<R, V + 1>(t);
  outer_tile<R, V>(t);
}
template <int R>
OCTET_VECTOR void outer_rows(const OuterTile& t) {
  if constexpr (R > 1)
    if (t.rows < R) return outer_rows<R - 1>(t);
  outer_columns<R, 1>(t);
}

// A pass of its own over what the first cache holds: in the many tiles it would be much code.
struct AddResidual {
  float* c;
  std::ptrdiff_t residual;
  Vector lo, hi;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t i, Access at) const {
    at.store(c + i, clamp(add(at.load(c + i), at.load(c + i + residual)), lo, hi));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void add_residual(const ProductTile& t) {
  for (std::int64_t r = 0; r < t.rows; ++r)
    each(t.columns, AddResidual{t.c[r] + t.column, t.residual, all(t.lo), all(t.hi)});
}

template <class = WhenUsed>
void product(const ProductTile& t) {
  product_columns<1>(t);
  if (t.has_residual) add_residual(t);
}
template <class = WhenUsed>
void outer(const OuterTile& t) {
  outer_rows<tile_rows>(t);
}

#endif
