// Batch normalization for NEON; included by kernels/normalization_table.hpp.
#pragma once

#include "octet/kernels/neon/vector.hpp"
#include "octet/kernels/scalar/normalization.hpp"
#include "octet/kernels/vector/unroll.hpp"

#if OCTET_NEON
#define OCTET_VECTOR inline
#define OCTET_VECTOR_INLINE OCTET_NEON_INLINE
namespace octet::inline OCTET_ABI::kernels::neon {
#include "octet/kernels/vector/normalization_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::neon
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
#endif
