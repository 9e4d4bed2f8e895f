// Pooling windows for AVX-512; included by kernels/pooling.hpp.
#pragma once

#include "octet/kernels/avx512/vector.hpp"
#include "octet/kernels/scalar/pooling.hpp"
#include "octet/kernels/vector/unroll.hpp"

#define OCTET_VECTOR OCTET_AVX512 inline
#define OCTET_VECTOR_INLINE OCTET_AVX512_INLINE
namespace octet::inline OCTET_ABI::kernels::avx512 {
#include "octet/kernels/vector/pooling_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::avx512
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
