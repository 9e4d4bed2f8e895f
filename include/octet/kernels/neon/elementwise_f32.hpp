// Element by element, and the softmax of rows, for NEON; included by
// kernels/elementwise.hpp.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "octet/kernels/neon/vector.hpp"
#include "octet/kernels/scalar/activation.hpp"
#include "octet/kernels/scalar/elementwise.hpp"
#include "octet/kernels/vector/unroll.hpp"

#if OCTET_NEON
#define OCTET_VECTOR inline
#define OCTET_VECTOR_INLINE OCTET_NEON_INLINE
namespace octet::inline OCTET_ABI::kernels::neon {
#include "octet/kernels/vector/activation_f32.hpp"
#include "octet/kernels/vector/elementwise_f32.hpp"
#include "octet/kernels/vector/softmax_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::neon
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
#endif
