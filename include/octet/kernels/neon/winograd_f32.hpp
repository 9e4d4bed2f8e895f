// The transforms of Winograd's convolution for NEON; included by kernels/winograd.hpp.
#pragma once

#include "octet/kernels/neon/vector.hpp"
#include "octet/kernels/vector/unroll.hpp"
#include "octet/kernels/winograd_tile.hpp"

#if OCTET_NEON
#define OCTET_VECTOR inline
#define OCTET_VECTOR_INLINE OCTET_NEON_INLINE
namespace octet::inline OCTET_ABI::kernels::neon {
#include "octet/kernels/vector/winograd_1d_f32.hpp"
#include "octet/kernels/vector/winograd_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::neon
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
#endif
