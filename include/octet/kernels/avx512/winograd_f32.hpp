// The transforms of Winograd's convolution for AVX-512; included by kernels/winograd.hpp.
#pragma once

#include "octet/kernels/avx512/vector.hpp"
#include "octet/kernels/vector/unroll.hpp"
#include "octet/kernels/winograd_tile.hpp"

#define OCTET_VECTOR OCTET_AVX512 inline
#define OCTET_VECTOR_INLINE OCTET_AVX512_INLINE
namespace octet::inline OCTET_ABI::kernels::avx512 {
#include "octet/kernels/vector/winograd_1d_f32.hpp"
#include "octet/kernels/vector/winograd_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::avx512
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
