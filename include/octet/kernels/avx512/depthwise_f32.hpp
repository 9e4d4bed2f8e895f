// Depthwise convolution for AVX-512; included by kernels/depthwise.hpp.
#pragma once

#include "octet/kernels/avx512/vector.hpp"
#include "octet/kernels/gather_axis.hpp"
#include "octet/kernels/scalar/depthwise.hpp"
#include "octet/kernels/vector/unroll.hpp"

#define OCTET_VECTOR OCTET_AVX512 inline
#define OCTET_VECTOR_INLINE OCTET_AVX512_INLINE
namespace octet::inline OCTET_ABI::kernels::avx512 {
#include "octet/kernels/vector/depthwise_3x3_f32.hpp"
#include "octet/kernels/vector/depthwise_3x3_pairs_f32.hpp"
#include "octet/kernels/vector/depthwise_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::avx512
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
