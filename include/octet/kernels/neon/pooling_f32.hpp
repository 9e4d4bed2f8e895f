// Pooling windows for NEON; included by kernels/pooling.hpp.
#pragma once

#include "octet/kernels/neon/vector.hpp"
#include "octet/kernels/scalar/pooling.hpp"
#include "octet/kernels/vector/unroll.hpp"

#if OCTET_NEON
#define OCTET_VECTOR inline
#define OCTET_VECTOR_INLINE OCTET_NEON_INLINE
namespace octet::inline OCTET_ABI::kernels::neon {
#include "octet/kernels/vector/pooling_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::neon
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
#endif
