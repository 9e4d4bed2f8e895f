// Winograd's int8 convolution by vpdpwssd on vectors of 256 bits: what avx2/winograd_s8.hpp does
// in two instructions in one.
#pragma once

#include "octet/kernels/avx2/winograd_s8.hpp"
#include "octet/kernels/avx_vnni/conv2d_s8.hpp"

#if OCTET_X86
namespace octet::inline OCTET_ABI::kernels::avx_vnni {

/// The products of MR tiles and 16 channels at one point.
template <int MR>
OCTET_TARGET_AVX_VNNI void winograd_s8_products(const std::int16_t* x, const std::int16_t* w,
                                                std::int64_t C, std::int32_t* products) noexcept {
  __m256i acc[MR][2];
#pragma GCC unroll 6
  for (int i = 0; i < MR; ++i) acc[i][0] = acc[i][1] = _mm256_setzero_si256();
  for (std::int64_t c = 0; c < C; c += 2, w += 32) {
    const __m256i w0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w));
    const __m256i w1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + 16));
#pragma GCC unroll 6
    for (int i = 0; i < MR; ++i) {
      std::int32_t two;
      std::memcpy(&two, x + i * C + c, 4);
      const __m256i both = _mm256_set1_epi32(two);
      acc[i][0] = _mm256_dpwssd_avx_epi32(acc[i][0], both, w0);
      acc[i][1] = _mm256_dpwssd_avx_epi32(acc[i][1], both, w1);
      // One tile after the other, see avx2/conv2d_s8.hpp.
      asm volatile("" : "+x"(acc[i][0]), "+x"(acc[i][1])::"memory");
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < MR; ++i) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(products + 16 * i), acc[i][0]);
    _mm256_store_si256(reinterpret_cast<__m256i*>(products + 16 * i + 8), acc[i][1]);
  }
}

/// See winograd_s8(); its transforms are those of AVX2.
template <class = WhenUsed>
class BasicWinogradKernelS8 : public avx2::WinogradKernelS8 {
 public:
  BasicWinogradKernelS8(const Conv2dShape& s, const Requantize& q, int x_zero_point) noexcept
      : avx2::WinogradKernelS8(s, q, x_zero_point), C_(s.C) {}

  void products(std::int64_t tiles, const std::int16_t* x, const std::int16_t* w,
                std::int32_t* to) const noexcept {
    using Products =
        void(const std::int16_t*, const std::int16_t*, std::int64_t, std::int32_t*) noexcept;
    static Products* const of[] = {&winograd_s8_products<1>, &winograd_s8_products<2>,
                                   &winograd_s8_products<3>, &winograd_s8_products<4>,
                                   &winograd_s8_products<5>, &winograd_s8_products<6>};
    of[tiles - 1](x, w, C_, to);
  }

 private:
  std::int64_t C_;
};
using WinogradKernelS8 = BasicWinogradKernelS8<>;

/// Measured at 12x12 to 48x48 pixels and 32 to 256 channels: 1.3 to 1.75 times as fast as sums of
/// all products by vpdpbusd, which multiplies twice as many numbers at once; 0.6 to 0.95 times at
/// 6x6, where few tiles share the weights.
inline bool suits_winograd_s8(const Conv2dShape& s) noexcept {
  return winograd_s8_tiles(s) >= 9 && winograd_s8_weight_bytes(s) <= 20 << 20;
}
template <class = WhenUsed>
void winograd_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                 const Requantize& q, std::int8_t* y, std::byte* scratch,
                 ThreadPool* pool) noexcept {
  kernels::winograd_s8<WinogradKernelS8>(s, x, packed, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels::avx_vnni

#endif
