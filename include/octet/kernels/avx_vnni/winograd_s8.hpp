// Winograd's int8 convolution by vpdpwssd on vectors of 256 bits; its transforms are those of AVX2.
#pragma once

#include "octet/kernels/avx2/winograd_s8.hpp"
#include "octet/kernels/avx_vnni/conv2d_s8.hpp"

#if OCTET_X86
namespace octet::inline OCTET_ABI::kernels::avx_vnni {

OCTET_TARGET_AVX_VNNI inline __m256i multiply_pairs(__m256i sums, __m256i a, __m256i b) noexcept {
  return _mm256_dpwssd_avx_epi32(sums, a, b);
}
#define OCTET_VECTOR OCTET_TARGET_AVX_VNNI
#include "octet/kernels/vector/winograd_products_s8.hpp"
#undef OCTET_VECTOR

using WinogradKernelS8 = avx2::BasicWinogradKernelS8<WinogradProductsS8>;

/// Measured at 12x12 to 48x48 pixels and 32 to 256 channels: 1.3 to 1.75 times as fast as sums of
/// all products by vpdpbusd, which multiplies twice as many numbers at once; 0.6 to 0.95 times at
/// 6x6, where few tiles share the weights.
inline bool suits_winograd_s8(const Conv2dShape& s) noexcept {
  return winograd_s8_tiles(s) >= 9 && winograd_s8_weight_bytes(s) <= 20 << 20;
}

}  // namespace octet::inline OCTET_ABI::kernels::avx_vnni

#endif
