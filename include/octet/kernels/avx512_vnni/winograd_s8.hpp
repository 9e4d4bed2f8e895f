// Winograd's int8 convolution by vpdpwssd: 32 multiplications and additions in one instruction.
#pragma once

#include "octet/kernels/avx512_vnni/conv2d_s8.hpp"
#include "octet/kernels/winograd_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::avx512_vnni {

/// B^T d in int16.
OCTET_TARGET_AVX512_VNNI inline void winograd_s8_input(const __m512i (&d)[6],
                                                       __m512i (&t)[6]) noexcept {
  const __m512i even = _mm512_sub_epi16(d[4], _mm512_slli_epi16(d[2], 2));
  const __m512i odd = _mm512_sub_epi16(d[3], _mm512_slli_epi16(d[1], 2));
  const __m512i even_2 = _mm512_sub_epi16(d[4], d[2]);
  const __m512i odd_2 = _mm512_slli_epi16(_mm512_sub_epi16(d[3], d[1]), 1);
  t[0] = _mm512_add_epi16(_mm512_slli_epi16(_mm512_sub_epi16(d[0], d[2]), 2), even_2);
  t[1] = _mm512_add_epi16(even, odd);
  t[2] = _mm512_sub_epi16(even, odd);
  t[3] = _mm512_add_epi16(even_2, odd_2);
  t[4] = _mm512_sub_epi16(even_2, odd_2);
  t[5] = _mm512_add_epi16(_mm512_slli_epi16(_mm512_sub_epi16(d[1], d[3]), 2),
                          _mm512_sub_epi16(d[5], d[3]));
}

/// A'^T m in int32.
OCTET_TARGET_AVX512_VNNI inline void winograd_s8_output(const __m512i (&m)[6],
                                                        __m512i (&o)[4]) noexcept {
  const __m512i s12 = _mm512_add_epi32(m[1], m[2]), q12 = _mm512_sub_epi32(m[2], m[1]);
  const __m512i s34 = _mm512_add_epi32(m[3], m[4]), q34 = _mm512_sub_epi32(m[3], m[4]);
  const __m512i m0 = _mm512_add_epi32(_mm512_slli_epi32(m[0], 1), m[0]);
  const __m512i m5 = _mm512_add_epi32(_mm512_slli_epi32(m[5], 1), m[5]);
  o[0] =
      _mm512_add_epi32(_mm512_slli_epi32(_mm512_sub_epi32(m0, _mm512_slli_epi32(s12, 1)), 1), s34);
  o[1] = _mm512_add_epi32(_mm512_slli_epi32(q12, 1), q34);
  o[2] = _mm512_sub_epi32(s34, s12);
  o[3] = _mm512_add_epi32(q12, _mm512_slli_epi32(_mm512_add_epi32(q34, m5), 1));
}

/// The products of MR tiles and 32 channels at one point.
template <int MR>
OCTET_TARGET_AVX512_VNNI void winograd_s8_products(const std::int16_t* x, const std::int16_t* w,
                                                   std::int64_t C,
                                                   std::int32_t* products) noexcept {
  __m512i acc[MR][2];
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i) acc[i][0] = acc[i][1] = _mm512_setzero_si512();
  for (std::int64_t c = 0; c < C; c += 2, w += 64) {
    __m512i w0 = _mm512_load_si512(w), w1 = _mm512_load_si512(w + 32);
    asm("" : "+v"(w0), "+v"(w1));
    __builtin_prefetch(w + winograd_s8_ahead, 0, 3);
    __builtin_prefetch(w + winograd_s8_ahead + 32, 0, 3);
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) {
      std::int32_t two;
      std::memcpy(&two, x + i * C + c, 4);
      const __m512i both = _mm512_set1_epi32(two);
      acc[i][0] = _mm512_dpwssd_epi32(acc[i][0], both, w0);
      acc[i][1] = _mm512_dpwssd_epi32(acc[i][1], both, w1);
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i) {
    _mm512_store_si512(products + 32 * i, acc[i][0]);
    _mm512_store_si512(products + 32 * i + 16, acc[i][1]);
  }
}

/// See winograd_s8().
template <class = WhenUsed>
class BasicWinogradKernelS8 {
 public:
  static constexpr int width = 32, most_tiles = 12;

  BasicWinogradKernelS8(const Conv2dShape& s, const Requantize& q, int x_zero_point) noexcept
      : C_(s.C),
        q_(q),
        x_zero_point_(x_zero_point),
        fits_int32_(avx512::below_one(s.OC, q.multiplier)) {}

  OCTET_TARGET_AVX512_VNNI void input(const std::int8_t* const* pixels, std::int16_t* to,
                                      std::int64_t stride) const noexcept {
    const __m512i zero_point = _mm512_set1_epi16(static_cast<short>(x_zero_point_));
    for (std::int64_t c = 0; c < C_; c += 32) {
      __m512i columns[6][6], d[6], t[6];
      for (int j = 0; j < 6; ++j) {
        for (int i = 0; i < 6; ++i)
          d[i] = _mm512_sub_epi16(_mm512_cvtepi8_epi16(_mm256_loadu_si256(
                                      reinterpret_cast<const __m256i*>(pixels[i * 6 + j] + c))),
                                  zero_point);
        winograd_s8_input(d, t);
        for (int i = 0; i < 6; ++i) columns[i][j] = t[i];
      }
      for (int i = 0; i < 6; ++i) {
        winograd_s8_input(columns[i], t);
        for (int j = 0; j < 6; ++j) _mm512_storeu_si512(to + (i * 6 + j) * stride + c, t[j]);
      }
    }
  }

  void products(std::int64_t tiles, const std::int16_t* x, const std::int16_t* w,
                std::int32_t* to) const noexcept {
    using Products =
        void(const std::int16_t*, const std::int16_t*, std::int64_t, std::int32_t*) noexcept;
    static Products* const of[] = {
        &winograd_s8_products<1>,  &winograd_s8_products<2>,  &winograd_s8_products<3>,
        &winograd_s8_products<4>,  &winograd_s8_products<5>,  &winograd_s8_products<6>,
        &winograd_s8_products<7>,  &winograd_s8_products<8>,  &winograd_s8_products<9>,
        &winograd_s8_products<10>, &winograd_s8_products<11>, &winograd_s8_products<12>};
    of[tiles - 1](x, w, C_, to);
  }

  OCTET_TARGET_AVX512_VNNI void output(const std::int32_t* products, std::int64_t stride,
                                       std::int64_t channel,
                                       const WinogradOutputS8& to) const noexcept {
    avx512::Limits64S8 limits = avx512::limits_64_s8(q_.zero_point, q_.lo, q_.hi);
    limits.fits_int32 = fits_int32_;
    const __m512i inverse = _mm512_set1_epi32(winograd_s8_inverse_of_9);
    __m512i sums[4][4][2];
    __m512 multiplier[4];
    for (int half = 0; half < 2; ++half) {
      const std::int64_t oc = channel + 16 * half;
      multiplier[half] = multiplier[2 + half] = _mm512_loadu_ps(q_.multiplier + oc);
      const __m512i bias = q_.bias ? _mm512_loadu_si512(q_.bias + oc) : _mm512_setzero_si512();
      __m512i rows[4][6], m[6], o[4];
      for (int j = 0; j < 6; ++j) {
        for (int i = 0; i < 6; ++i)
          m[i] = _mm512_load_si512(products + (i * 6 + j) * stride + 16 * half);
        winograd_s8_output(m, o);
        for (int r = 0; r < 4; ++r) rows[r][j] = o[r];
      }
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) {
        winograd_s8_output(rows[r], o);
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c)
          sums[r][c][half] =
              _mm512_add_epi32(_mm512_srai_epi32(_mm512_mullo_epi32(o[c], inverse),
                                                 static_cast<unsigned>(winograd_s8_shift(r, c))),
                               bias);
      }
    }
    for (std::int64_t r = 0; r < to.rows; ++r)
      for (std::int64_t c = 0; c < to.columns; c += 2) {
        const __m512i both[4] = {sums[r][c][0], sums[r][c][1], sums[r][c + 1][0],
                                 sums[r][c + 1][1]};
        const __m512i bytes = avx512::in_order_64(avx512::requantize_64(both, multiplier, limits));
        std::int8_t* const y = to.y + r * to.row_stride + c * to.pixel_stride;
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm512_castsi512_si256(bytes));
        if (c + 1 < to.columns)
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + to.pixel_stride),
                              _mm512_extracti64x4_epi64(bytes, 1));
      }
  }

 private:
  std::int64_t C_;
  Requantize q_;
  int x_zero_point_;
  bool fits_int32_;
};
using WinogradKernelS8 = BasicWinogradKernelS8<>;

/// A product takes twice as long as by vpdpbusd, so that less is left of the gain. Measured at 64
/// to 256 channels: 1.16 to 1.46 times as fast as sums of all products; 0.93 at 32 channels. Inside
/// of resnet9, where weights come from L3, 1.2 to 1.3 times, and nothing is gained with fewer tiles
/// to the weights than here. With a fast third cache (Zen 5) 1.15 times at 32 channels, 1.4 to 1.8
/// at 64 to 256, down to 12x12 pixels.
inline bool suits_winograd_s8(const Conv2dShape& s) noexcept {
  const std::int64_t bytes = winograd_s8_weight_bytes(s), tiles = winograd_s8_tiles(s);
  if (third_cache() == ThirdCache::fast) return tiles >= 9 && bytes <= tiles * (512 << 10);
  return s.C >= 64 && bytes <= tiles * (64 << 10) && bytes <= 4 << 20;
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512_vnni

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
