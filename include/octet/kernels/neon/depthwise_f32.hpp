// Depthwise convolution for NEON; included by kernels/depthwise.hpp.
#pragma once

#include "octet/kernels/gather_axis.hpp"
#include "octet/kernels/neon/vector.hpp"
#include "octet/kernels/scalar/depthwise.hpp"
#include "octet/kernels/vector/unroll.hpp"

#if OCTET_NEON
#define OCTET_VECTOR inline
#define OCTET_VECTOR_INLINE OCTET_NEON_INLINE
namespace octet::inline OCTET_ABI::kernels::neon {
#include "octet/kernels/vector/depthwise_3x3_f32.hpp"
#include "octet/kernels/vector/depthwise_3x3_pairs_f32.hpp"
#include "octet/kernels/vector/depthwise_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::neon
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
#endif
