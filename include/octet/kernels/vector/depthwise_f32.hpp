// Depthwise convolution, written once in the words of <isa>/vector.hpp; see vector/gemm_f32.hpp for
// how it is included. Channels are the vector; four output pixels of a row share each load of a
// weight. Channel multipliers above 1 take the scalar loops.
#if defined(OCTET_VECTOR)

struct DepthwiseForward {
  const Conv2dShape& s;
  const float *x, *w;
  const Epilogue<float>& epilogue;
  Vector lo, hi;
  float* y;
  std::int64_t n, oh;
  std::ptrdiff_t streamed;

  // P outputs from ow on, whose taps [kw0, kw1) all lie in the image.
  template <int P, class Access>
  OCTET_VECTOR_INLINE void pixels(std::int64_t c, Access at, std::int64_t ow, std::int64_t kw0,
                                  std::int64_t kw1) const {
    Vector sum[P];
    OCTET_UNROLL for (int p = 0; p < P; ++p) sum[p] = zero();
    for (std::int64_t kh = 0; kh < s.KH; ++kh) {
      const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
      if (ih < 0 || ih >= s.H) continue;
      for (std::int64_t kw = kw0; kw < kw1; ++kw) {
        const Vector weight = at.load(w + (kh * s.KW + kw) * s.C + c);
        const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
        const float* const pixel = x + ((n * s.H + ih) * s.W + iw) * s.C + c;
        OCTET_UNROLL for (int p = 0; p < P; ++p) {
          sum[p] = multiply_add(at.load(pixel + p * s.stride_w * s.C), weight, sum[p]);
        }
      }
    }
    OCTET_UNROLL for (int p = 0; p < P; ++p) {
      const std::int64_t i = ((n * s.OH + oh) * s.OW + ow + p) * s.C + c;
      if (epilogue.bias) sum[p] = add(sum[p], at.load(epilogue.bias + c));
      if (epilogue.residual) sum[p] = add(sum[p], at.load(epilogue.residual + i));
      sum[p] = clamp(sum[p], lo, hi);
      at.store(y + i, sum[p]);
      if (streamed) stream(y + i + streamed, sum[p]);
    }
  }
  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    const Reach first = reach(s.W, s.OW, s.stride_w, -s.pad_left);
    const Reach last = reach(s.W, s.OW, s.stride_w, (s.KW - 1) * s.dilation_w - s.pad_left);
    for (std::int64_t ow = 0; ow < s.OW;) {
      if (ow >= first.begin && ow + 4 <= last.end) {
        pixels<4>(c, at, ow, 0, s.KW);
        ow += 4;
        continue;
      }
      std::int64_t kw0 = 0, kw1 = s.KW;
      const std::int64_t iw = ow * s.stride_w - s.pad_left;
      while (kw0 < kw1 && iw + kw0 * s.dilation_w < 0) ++kw0;
      while (kw1 > kw0 && iw + (kw1 - 1) * s.dilation_w >= s.W) --kw1;
      pixels<1>(c, at, ow++, kw0, kw1);
    }
  }
};
inline DepthwiseWay depthwise_way(const Conv2dShape& s) {
  if (s.OC != s.C) return DepthwiseWay::one_by_one;
  if (is_depthwise_of_pairs(s)) return DepthwiseWay::pairs_3x3;
  return depthwise_3x3_stride(s) ? DepthwiseWay::rows_3x3 : DepthwiseWay::any_window;
}
template <class = WhenUsed>
OCTET_VECTOR void depthwise_forward(const Conv2dShape& s, const float* x, const float* w,
                                    const Epilogue<float>& epilogue, float* y, std::int64_t begin,
                                    std::int64_t end, MemoryTraffic* traffic) {
  const DepthwiseWay way = depthwise_way(s);
  if (way == DepthwiseWay::one_by_one)
    return scalar::depthwise_forward(s, x, w, epilogue, y, begin, end, traffic);
  if (way == DepthwiseWay::pairs_3x3 && !traffic)
    return depthwise_of_pairs(s, x, w, epilogue, y, begin, end);
  const int stride = depthwise_3x3_stride(s);
  if (stride == 1) return depthwise_3x3<1>(s, x, w, s.C, epilogue, y, begin, end, traffic);
  if (stride == 2) return depthwise_3x3<2>(s, x, w, s.C, epilogue, y, begin, end, traffic);
  for (std::int64_t row = begin; row < end; ++row)
    each(s.C, DepthwiseForward{s, x, w, epilogue, all(epilogue.lo), all(epilogue.hi), y, row / s.OH,
                               row % s.OH, streamed(traffic)});
}

// A row of dx takes from every row of dy that read it, tap by tap.
struct DepthwiseBackwardInput {
  const Conv2dShape& s;
  const float *dy, *w;
  float* dx;
  std::int64_t n, ih;
  std::ptrdiff_t streamed;

  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    float* const line = dx + (n * s.H + ih) * s.W * s.C + c;
    for (std::int64_t iw = 0; iw < s.W; ++iw) at.store(line + iw * s.C, zero());
    for (std::int64_t kh = 0; kh < s.KH; ++kh) {
      const std::int64_t h = ih + s.pad_top - kh * s.dilation_h;
      if (h < 0 || h % s.stride_h || h / s.stride_h >= s.OH) continue;
      const float* const gradient = dy + (n * s.OH + h / s.stride_h) * s.OW * s.C + c;
      for (std::int64_t kw = 0; kw < s.KW; ++kw) {
        const Vector weight = at.load(w + (kh * s.KW + kw) * s.C + c);
        const std::int64_t offset = kw * s.dilation_w - s.pad_left;
        const Reach inside_image = reach(s.W, s.OW, s.stride_w, offset);
        for (std::int64_t ow = inside_image.begin; ow < inside_image.end; ++ow) {
          float* const pixel = line + (ow * s.stride_w + offset) * s.C;
          at.store(pixel, multiply_add(at.load(gradient + ow * s.C), weight, at.load(pixel)));
        }
      }
    }
    if (!streamed) return;
    for (std::int64_t iw = 0; iw < s.W; ++iw)
      stream(line + iw * s.C + streamed, at.load(line + iw * s.C));
  }
};
template <class = WhenUsed>
OCTET_VECTOR void depthwise_backward_input(const Conv2dShape& s, const float* dy, const float* w,
                                           float* dx, std::int64_t begin, std::int64_t end,
                                           MemoryTraffic* traffic) {
  if (s.OC != s.C) return scalar::depthwise_backward_input(s, dy, w, dx, begin, end, traffic);
  if (depthwise_3x3_stride(s) == 1) {
    Conv2dShape turned = s;
    turned.H = s.OH, turned.W = s.OW, turned.OH = s.H, turned.OW = s.W;
    turned.pad_top = 2 - s.pad_top, turned.pad_left = 2 - s.pad_left;
    return depthwise_3x3<1>(turned, dy, w + 8 * s.C, -s.C, {}, dx, begin, end, traffic);
  }
  if (depthwise_3x3_stride(s) == 2) {
    for (std::int64_t row = begin; row < end; ++row)
      each(s.C, Depthwise3x3Stride2BackwardInput{s, dy, w, dx, row / s.H, row % s.H, traffic});
    return;
  }
  for (std::int64_t row = begin; row < end; ++row)
    each(s.C, DepthwiseBackwardInput{s, dy, w, dx, row / s.H, row % s.H, streamed(traffic)});
}

// The sum of a row of dy, pixel by pixel times x, for each tap; four sums run side by side, since
// one alone would wait for its own last addition.
struct DepthwiseBackwardWeight {
  const Conv2dShape& s;
  const float *x, *dy;
  float* dw;
  std::int64_t n, oh;

  template <class Access>
  OCTET_VECTOR_INLINE void operator()(std::int64_t c, Access at) const {
    const float* const gradient = dy + (n * s.OH + oh) * s.OW * s.C + c;
    for (std::int64_t kh = 0; kh < s.KH; ++kh) {
      const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
      if (ih < 0 || ih >= s.H) continue;
      const float* const line = x + (n * s.H + ih) * s.W * s.C + c;
      for (std::int64_t kw = 0; kw < s.KW; ++kw) {
        const std::int64_t offset = kw * s.dilation_w - s.pad_left, step = s.stride_w * s.C;
        const Reach seen = reach(s.W, s.OW, s.stride_w, offset);
        const float* pixel = line + (seen.begin * s.stride_w + offset) * s.C;
        Vector sum[4];
        OCTET_UNROLL for (int p = 0; p < 4; ++p) sum[p] = zero();
        std::int64_t ow = seen.begin;
        for (; ow + 4 <= seen.end; ow += 4, pixel += 4 * step) {
          OCTET_UNROLL for (int p = 0; p < 4; ++p) {
            sum[p] =
                multiply_add(at.load(pixel + p * step), at.load(gradient + (ow + p) * s.C), sum[p]);
          }
        }
        for (; ow < seen.end; ++ow, pixel += step)
          sum[0] = multiply_add(at.load(pixel), at.load(gradient + ow * s.C), sum[0]);
        float* const tap = dw + (kh * s.KW + kw) * s.C + c;
        const Vector total = add(add(sum[0], sum[1]), add(sum[2], sum[3]));
        at.store(tap, add(at.load(tap), total));
      }
    }
  }
};
template <class = WhenUsed>
OCTET_VECTOR void depthwise_backward_weight(const Conv2dShape& s, const float* x, const float* dy,
                                            float* dw, std::int64_t begin, std::int64_t end,
                                            MemoryTraffic* traffic) {
  if (s.OC != s.C) return scalar::depthwise_backward_weight(s, x, dy, dw, begin, end, traffic);
  const int stride = depthwise_3x3_stride(s);
  if (stride == 1) return depthwise_3x3_backward_weight<1>(s, x, dy, dw, begin, end, traffic);
  if (stride == 2) return depthwise_3x3_backward_weight<2>(s, x, dy, dw, begin, end, traffic);
  for (std::int64_t row = begin; row < end; ++row)
    each(s.C, DepthwiseBackwardWeight{s, x, dy, dw, row / s.OH, row % s.OH});
}

#endif
