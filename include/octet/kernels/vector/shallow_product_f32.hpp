// Float products over few channels, in the words of <isa>/vector.hpp, for instruction sets with 32
// registers; see gemm_f32.hpp, which is included before, for how it is included.
//
// The tile of gemm_f32.hpp is turned around: not the sums stay in registers but all weights of one
// or two vectors of channels, and the job's pixels pass by, up to eight sums at a time. A sum over
// nine channels is too short to pay for a tile's beginning and end; one over 16 or 24 is where the
// tile would be a single vector wide. Measured, with AVX-512: 1.1 to 1.25 times the tile at a depth
// of 9, 1.45 times at 16 to 16 channels (0.9 times at 16 to 96, which is left to the tile); the
// first layer of mobilenet_v1 1.4 times, and 1.4 times again where it has eight channels and two
// pixels share a vector.
#if defined(OCTET_VECTOR)

// The sums of the pixels [first, first + R), in the order of the tile.
template <int R, int Taps, int Depth, int V>
OCTET_VECTOR_INLINE void shallow_pixels(const ProductTile& t, std::int64_t first,
                                        std::int64_t column, const Vector (&bias)[V],
                                        const Vector (&weights)[Taps][Depth][V], Mask last) {
  Vector sum[R][V];
  OCTET_UNROLL for (int r = 0; r < R; ++r) {
    OCTET_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = bias[v];
  }
  OCTET_UNROLL for (int tap = 0; tap < Taps; ++tap) {
    const float* const* const a = t.a + tap * t.a_stride + first;
    OCTET_UNROLL for (int k = 0; k < Depth; ++k) {
      OCTET_UNROLL for (int r = 0; r < R; ++r) {
        const Vector value = all(a[r][t.offset + k]);
        OCTET_UNROLL for (int v = 0; v < V; ++v) {
          sum[r][v] = multiply_add(value, weights[tap][k][v], sum[r][v]);
        }
      }
    }
  }
  if (t.limits) {
    const Vector lo = all(t.lo), hi = all(t.hi);
    OCTET_UNROLL for (int r = 0; r < R; ++r) {
      OCTET_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = clamp(sum[r][v], lo, hi);
    }
  }
  OCTET_UNROLL for (int r = 0; r < R; ++r) {
    float* const c = t.c[first + r] + column;
    OCTET_UNROLL for (int v = 0; v < V - 1; ++v) store(c + v * lanes, sum[r][v]);
    store(c + (V - 1) * lanes, sum[r][V - 1], last);
  }
  stream_sums(t, first, column, sum);
}

// V vectors of channels of all rows, from channel `first` of the panel.
template <int Taps, int Depth, int V>
OCTET_VECTOR void shallow_columns(const ProductTile& t, int first) {
  const std::int64_t width = (t.columns + lanes - 1) / lanes * lanes;
  const Mask last = first_lanes(t.columns - first - (V - 1) * lanes);
  Vector bias[V], weights[Taps][Depth][V];
  OCTET_UNROLL for (int v = 0; v < V; ++v) {
    const Mask mask = v == V - 1 ? last : first_lanes(lanes);
    bias[v] = t.bias ? load(t.bias + first + v * lanes, mask) : zero();
    OCTET_UNROLL for (int tap = 0; tap < Taps; ++tap) {
      OCTET_UNROLL for (int k = 0; k < Depth; ++k) {
        weights[tap][k][v] = load(t.b + tap * t.b_stride + k * width + first + v * lanes);
      }
    }
  }
  // With the weights and the bias, they fill 31 registers at most.
  constexpr int sums = 31 - (Taps * Depth + 1) * V, R = (sums < 8 ? sums : 8) / V;
  const std::int64_t column = t.column + first;
  std::int64_t r = 0;
  for (; r + R <= t.rows; r += R) shallow_pixels<R>(t, r, column, bias, weights, last);
  for (; r < t.rows; ++r) shallow_pixels<1>(t, r, column, bias, weights, last);
}

// The sums of P pairs of pixels into half a vector of channels each: a load of what both see, and
// for each weight a permutation of it in place of two broadcasts.
template <int P, int Taps, int Depth>
OCTET_VECTOR_INLINE void shallow_pairs(const ProductTile& t, std::int64_t first, Vector bias,
                                       const Vector (&weights)[Taps][Depth],
                                       const Lanes (&seen)[Depth]) {
  Vector sum[P];
  OCTET_UNROLL for (int p = 0; p < P; ++p) sum[p] = bias;
  OCTET_UNROLL for (int tap = 0; tap < Taps; ++tap) {
    const float* const* const a = t.a + tap * t.a_stride + first;
    Vector pixels[P];
    OCTET_UNROLL for (int p = 0; p < P; ++p) pixels[p] = load(a[2 * p] + t.offset);
    OCTET_UNROLL for (int k = 0; k < Depth; ++k) {
      OCTET_UNROLL for (int p = 0; p < P; ++p) {
        sum[p] = multiply_add(permute(pixels[p], seen[k]), weights[tap][k], sum[p]);
      }
    }
  }
  if (t.limits) {
    const Vector lo = all(t.lo), hi = all(t.hi);
    OCTET_UNROLL for (int p = 0; p < P; ++p) sum[p] = clamp(sum[p], lo, hi);
  }
  float* const c = t.c[first] + t.column;
  const std::int64_t floats = (t.rows - first) * (lanes / 2);
  OCTET_UNROLL for (int p = 0; p < P; ++p) {
    store(c + p * lanes, sum[p], first_lanes(floats - p * lanes));
  }
}

template <int Taps, int Depth>
OCTET_VECTOR bool shallow_pairs(const ProductTile& t) {
  if (t.columns != lanes / 2 || t.traffic || !t.pair_step || t.pair_step + Depth > lanes)
    return false;
  const Lanes twice = halves(0, 0, 1);
  const Vector bias = t.bias ? permute(load(t.bias, first_lanes(lanes / 2)), twice) : zero();
  Vector weights[Taps][Depth];
  Lanes seen[Depth];
  OCTET_UNROLL for (int k = 0; k < Depth; ++k) {
    seen[k] = halves(k, k + static_cast<int>(t.pair_step), 0);
    OCTET_UNROLL for (int tap = 0; tap < Taps; ++tap) {
      weights[tap][k] = permute(load(t.b + tap * t.b_stride + k * lanes), twice);
    }
  }
  std::int64_t r = 0;
  for (; r + 8 <= t.rows; r += 8) shallow_pairs<4>(t, r, bias, weights, seen);
  for (; r < t.rows; r += 2) shallow_pairs<1>(t, r, bias, weights, seen);
  return true;
}

template <int Taps, int Depth>
OCTET_VECTOR void shallow(const ProductTile& t) {
  int first = 0;
  if constexpr (Taps * Depth <= 9)
    for (; first + lanes < t.columns; first += 2 * lanes) shallow_columns<Taps, Depth, 2>(t, first);
  for (; first < t.columns; first += lanes) shallow_columns<Taps, Depth, 1>(t, first);
}

// Whether a sum over so much is short enough: over the channels of a narrow 1x1 convolution, one
// line of taps, or the three lines of a 3x3 window of an image with one channel.
inline bool is_shallow(std::int64_t taps, std::int64_t depth, std::int64_t columns) {
  if (taps == 3) return depth == 3;
  return taps == 1 &&
         (depth == 8 || depth == 9 || ((depth == 16 || depth == 24) && columns <= lanes));
}

// The product of any depth.
template <class = WhenUsed>
OCTET_VECTOR void shallow_or_deep_product(const ProductTile& t) {
  if (!t.starts || !is_shallow(t.taps, t.depth, t.columns)) return product(t);
  if (t.taps == 3) {
    if (!shallow_pairs<3, 3>(t)) shallow<3, 3>(t);
  } else {
    (t.depth == 8    ? shallow<1, 8>
     : t.depth == 9  ? shallow<1, 9>
     : t.depth == 16 ? shallow<1, 16>
                     : shallow<1, 24>)(t);
  }
  if (t.has_residual) add_residual(t);
}

#endif
