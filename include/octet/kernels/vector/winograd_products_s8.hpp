// The products of Winograd's int8 convolution with vectors of 256 bits, for each instruction set
// that has multiply_pairs(sums, a, b): sums of pairs of int16 products. Included as
// vector/gemm_f32.hpp is; alone it is empty.
#if defined(OCTET_VECTOR)

// The products of MR tiles and 16 channels at one point, as conv2d_s8_tile() does them. Weights,
// which no other point needs, come straight into the first cache: see winograd_s8_ahead.
template <int MR>
OCTET_VECTOR void winograd_s8_products(const std::int16_t* x, const std::int16_t* w, std::int64_t C,
                                       std::int32_t* products) noexcept {
  __m256i acc[MR][2];
  OCTET_UNROLL for (int i = 0; i < MR; ++i) acc[i][0] = acc[i][1] = _mm256_setzero_si256();
  for (std::int64_t c = 0; c < C; c += 2, w += 32) {
    const __m256i w0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w));
    const __m256i w1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + 16));
    __builtin_prefetch(w + winograd_s8_ahead, 0, 3);
    OCTET_UNROLL for (int i = 0; i < MR; ++i) {
      std::int32_t two;
      std::memcpy(&two, x + i * C + c, 4);
      const __m256i both = _mm256_set1_epi32(two);
      acc[i][0] = multiply_pairs(acc[i][0], both, w0);
      acc[i][1] = multiply_pairs(acc[i][1], both, w1);
      // One tile after the other, see avx2/conv2d_s8.hpp.
      asm volatile("" : "+x"(acc[i][0]), "+x"(acc[i][1])::"memory");
    }
  }
  OCTET_UNROLL for (int i = 0; i < MR; ++i) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(products + 16 * i), acc[i][0]);
    _mm256_store_si256(reinterpret_cast<__m256i*>(products + 16 * i + 8), acc[i][1]);
  }
}

/// Those of up to six tiles.
struct WinogradProductsS8 {
  static void run(std::int64_t tiles, const std::int16_t* x, const std::int16_t* w, std::int64_t C,
                  std::int32_t* to) noexcept {
    using Products =
        void(const std::int16_t*, const std::int16_t*, std::int64_t, std::int32_t*) noexcept;
    static Products* const of[] = {&winograd_s8_products<1>, &winograd_s8_products<2>,
                                   &winograd_s8_products<3>, &winograd_s8_products<4>,
                                   &winograd_s8_products<5>, &winograd_s8_products<6>};
    of[tiles - 1](x, w, C, to);
  }
};

#endif
