// Batch normalization for AVX2; included by kernels/normalization_table.hpp.
#pragma once

#include "octet/kernels/avx2/vector.hpp"
#include "octet/kernels/scalar/normalization.hpp"
#include "octet/kernels/vector/unroll.hpp"

#define OCTET_VECTOR OCTET_AVX2 inline
#define OCTET_VECTOR_INLINE OCTET_AVX2_INLINE
namespace octet::inline OCTET_ABI::kernels::avx2 {
#include "octet/kernels/vector/normalization_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::avx2
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
