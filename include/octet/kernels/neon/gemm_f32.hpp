// The tiles of float products for NEON; included by kernels/gemm.hpp.
#pragma once

#include "octet/kernels/gemm_tile.hpp"
#include "octet/kernels/neon/vector.hpp"
#include "octet/kernels/vector/unroll.hpp"

#if OCTET_NEON
#define OCTET_VECTOR inline
#define OCTET_VECTOR_INLINE OCTET_NEON_INLINE
namespace octet::inline OCTET_ABI::kernels::neon {
#include "octet/kernels/vector/gemm_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::neon
#undef OCTET_VECTOR_INLINE
#undef OCTET_VECTOR
#endif
