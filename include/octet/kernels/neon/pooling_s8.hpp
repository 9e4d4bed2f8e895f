// int8 pooling with NEON, 16 channels at a time.
#pragma once

#include "octet/kernels/neon/requantize_s8.hpp"
#include "octet/kernels/scalar/pooling_s8.hpp"

#if OCTET_NEON
#define OCTET_VECTOR inline
namespace octet::inline OCTET_ABI::kernels::neon {
#include "octet/kernels/vector/pooling_s8.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::neon
#undef OCTET_VECTOR
#endif
