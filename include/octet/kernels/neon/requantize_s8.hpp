// Between float32 and int8 with NEON, and the requantization that the other NEON kernels share.
#pragma once

#include <cstring>

#include "octet/kernels/neon/vector_s8.hpp"
#include "octet/kernels/scalar/requantize_s8.hpp"
#include "octet/kernels/vector/unroll.hpp"

#if OCTET_NEON
#define OCTET_VECTOR inline
namespace octet::inline OCTET_ABI::kernels::neon {
#include "octet/kernels/vector/requantize_s8.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::neon
#undef OCTET_VECTOR
#endif
