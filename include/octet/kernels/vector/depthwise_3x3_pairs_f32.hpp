// Depthwise convolution of few channels: where they are half a vector, two neighbouring pixels fill
// one. See vector/depthwise_f32.hpp, which chooses. Measured, with AVX-512, on 48x48 images of 8
// channels: twice as fast as vectors of one pixel.
#if defined(OCTET_VECTOR)

/// Whether these can be the pixels: 3x3 of stride 1 with as many results as pixels in a row.
inline bool is_depthwise_of_pairs(const Conv2dShape& s) {
  return depthwise_3x3_stride(s) == 1 && 2 * s.C == lanes && s.pad_left == 1 && s.OW == s.W &&
         s.W % 2 == 0;
}

// R rows of outputs at once. Each row is pairs of pixels; those of its left and right taps begin
// one pixel off.
template <int R>
OCTET_VECTOR void depthwise_rows_of_pairs(const Conv2dShape& s, const float* x,
                                          const Vector (&weights)[9], Vector bias,
                                          const Epilogue<float>& epilogue, float* y, std::int64_t n,
                                          std::int64_t oh) {
  constexpr int rows = R + 2;
  constexpr std::int64_t C = lanes / 2;
  const Vector lo = all(epilogue.lo), hi = all(epilogue.hi);
  const std::int64_t line = s.W * C;
  // Copies stay in registers.
  Vector weight[9];
  OCTET_UNROLL for (int tap = 0; tap < 9; ++tap) weight[tap] = weights[tap];
  alignas(64) static constexpr float zeros[2 * lanes] = {};
  const float* pixels[rows];
  std::ptrdiff_t step[rows];
  Vector left[rows];
  OCTET_UNROLL for (int i = 0; i < rows; ++i) {
    const float* const row = depthwise_row(s, x, n, oh - s.pad_top + i, 0);
    pixels[i] = row ? row : zeros;
    step[i] = row ? lanes : 0;
    alignas(64) float first[lanes] = {};
    std::copy(pixels[i], pixels[i] + C, first + C);
    left[i] = load(first);
  }
  const std::int64_t to = (n * s.OH + oh) * line;
  for (std::int64_t at = 0; at < line; at += lanes) {
    const Mask inside = first_lanes(at + lanes < line ? lanes : C);
    Vector middle[rows], right[rows];
    OCTET_UNROLL for (int i = 0; i < rows; ++i) {
      middle[i] = load(pixels[i]);
      right[i] = load(pixels[i] + C, inside);
      pixels[i] += step[i];
    }
    OCTET_UNROLL for (int r = 0; r < R; ++r) {
      Vector sum = bias;
      OCTET_UNROLL for (int kh = 0; kh < 3; ++kh) {
        sum = multiply_add(left[r + kh], weight[3 * kh], sum);
        sum = multiply_add(middle[r + kh], weight[3 * kh + 1], sum);
        sum = multiply_add(right[r + kh], weight[3 * kh + 2], sum);
      }
      const std::int64_t i = to + r * line + at;
      if (epilogue.residual) sum = add(sum, load(epilogue.residual + i));
      store(y + i, clamp(sum, lo, hi));
    }
    OCTET_UNROLL for (int i = 0; i < rows; ++i) left[i] = right[i];
  }
}

// Half a vector, in both halves.
OCTET_VECTOR_INLINE Vector load_twice(const float* half) {
  alignas(64) float whole[lanes];
  for (int i = 0; i < lanes; ++i) whole[i] = half[i % (lanes / 2)];
  return load(whole);
}

// Rows [begin, end) of all images' rows, two at a time where they belong to one image.
template <class = WhenUsed>
OCTET_VECTOR void depthwise_of_pairs(const Conv2dShape& s, const float* x, const float* w,
                                     const Epilogue<float>& epilogue, float* y, std::int64_t begin,
                                     std::int64_t end) {
  Vector weight[9];
  OCTET_UNROLL for (int tap = 0; tap < 9; ++tap) weight[tap] = load_twice(w + tap * s.C);
  const Vector bias = epilogue.bias ? load_twice(epilogue.bias) : zero();
  while (begin < end) {
    const std::int64_t n = begin / s.OH, oh = begin % s.OH;
    const int rows = oh + 1 < s.OH && begin + 1 < end ? 2 : 1;
    (rows == 2 ? depthwise_rows_of_pairs<2> : depthwise_rows_of_pairs<1>)(s, x, weight, bias,
                                                                          epilogue, y, n, oh);
    begin += rows;
  }
}

#endif
