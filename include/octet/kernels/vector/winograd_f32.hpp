// The transforms of whole tiles, made of the one-dimensional ones of vector/winograd_1d_f32.hpp,
// after which it is included.
#if defined(OCTET_VECTOR)

// Where the elements of a matrix of `width` columns lie: each behind a pointer of its own, or one
// `stride` after the other.
template <int width, class Access>
struct WinogradPixels {
  const float* const* pixels;
  std::int64_t c;
  Access at;
  OCTET_VECTOR_INLINE Vector get(int i, int j) const { return at.load(pixels[i * width + j] + c); }
};
template <int width, class Access>
struct WinogradPoints {
  float* first;
  std::int64_t stride;
  Access at;
  OCTET_VECTOR_INLINE Vector get(int i, int j) const {
    return at.load(first + (i * width + j) * stride);
  }
  OCTET_VECTOR_INLINE void set(int i, int j, Vector v) const {
    at.store(first + (i * width + j) * stride, v);
  }
};
template <int width, class Access>
struct WinogradWeights {
  const float* first;
  std::int64_t stride_h, stride_w;
  Access at;
  OCTET_VECTOR_INLINE Vector get(int i, int j) const {
    return at.load(first + i * stride_h + j * stride_w);
  }
};
template <int width, class Access>
struct WinogradSums {
  float* first;
  std::int64_t stride;
  Access at;
  OCTET_VECTOR_INLINE void set(int i, int j, Vector v) const {
    float* const sum = first + (i * width + j) * stride;
    at.store(sum, add(at.load(sum), v));
  }
};
template <int width, class Access>
struct WinogradOutputs {
  const WinogradOutput& o;
  std::int64_t c;
  Access at;
  Vector bias, lo, hi;
  OCTET_VECTOR_INLINE void set(int i, int j, Vector v) const {
    if (i >= o.rows || j >= o.columns) return;
    float* const y = o.y + i * o.row_stride + j * o.pixel_stride + c;
    v = add(v, bias);
    if (o.has_residual) v = add(v, at.load(y + o.residual));
    at.store(y, clamp(v, lo, hi));
  }
};

template <int m>
struct WinogradInputStep {
  const float* const* pixels;
  float* points;
  std::int64_t stride;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    winograd_transform<WinogradInputLine<m>>(WinogradPixels<m + 2, Access>{pixels, c, at},
                                             WinogradPoints<m + 2, Access>{points + c, stride, at});
  }
};
template <int m>
struct WinogradGradientStep {
  const float* const* pixels;
  float* points;
  std::int64_t stride;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    winograd_transform<WinogradGradientLine<m>>(
        WinogradPixels<m, Access>{pixels, c, at},
        WinogradPoints<m + 2, Access>{points + c, stride, at});
  }
};
template <int m>
struct WinogradOutputStep {
  const WinogradOutput& o;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    winograd_transform<WinogradOutputLine<m>>(
        WinogradPoints<m + 2, Access>{o.points + c, o.stride, at},
        WinogradOutputs<m, Access>{o, c, at, o.bias ? at.load(o.bias + c) : zero(), all(o.lo),
                                   all(o.hi)});
  }
};
template <int m>
struct WinogradFilterStep {
  const float* w;
  std::int64_t stride_h, stride_w;
  float* points;
  std::int64_t stride;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    winograd_transform<WinogradFilterLine<m>>(
        WinogradWeights<3, Access>{w + c, stride_h, stride_w, at},
        WinogradPoints<m + 2, Access>{points + c, stride, at});
  }
};
template <int m>
struct WinogradFilterGradientStep {
  float* points;
  std::int64_t stride;
  float* dw;
  std::int64_t tap_stride;
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    winograd_transform<WinogradFilterGradientLine<m>>(
        WinogradPoints<m + 2, Access>{points + c, stride, at},
        WinogradSums<3, Access>{dw + c, tap_stride, at});
  }
};

template <int m>
OCTET_VECTOR void winograd_input(const float* const* pixels, std::int64_t channels, float* points,
                                 std::int64_t stride) {
  each(channels, WinogradInputStep<m>{pixels, points, stride});
}
template <int m>
OCTET_VECTOR void winograd_gradient(const float* const* pixels, std::int64_t channels,
                                    float* points, std::int64_t stride) {
  each(channels, WinogradGradientStep<m>{pixels, points, stride});
}
template <int m>
OCTET_VECTOR void winograd_output(const WinogradOutput& o) {
  each(o.channels, WinogradOutputStep<m>{o});
}
template <int m>
OCTET_VECTOR void winograd_filter(const float* w, std::int64_t stride_h, std::int64_t stride_w,
                                  std::int64_t channels, float* points, std::int64_t stride) {
  each(channels, WinogradFilterStep<m>{w, stride_h, stride_w, points, stride});
}
template <int m>
OCTET_VECTOR void winograd_filter_gradient(float* points, std::int64_t stride,
                                           std::int64_t channels, float* dw,
                                           std::int64_t tap_stride) {
  each(channels, WinogradFilterGradientStep<m>{points, stride, dw, tap_stride});
}

#endif
