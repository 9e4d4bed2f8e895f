// Element by element, and the softmax of rows, for AVX-512; included by
// kernels/elementwise.hpp.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "octet/kernels/avx512/vector.hpp"
#include "octet/kernels/scalar/activation.hpp"
#include "octet/kernels/scalar/elementwise.hpp"
#include "octet/kernels/vector/unroll.hpp"

#define OCTET_VECTOR OCTET_AVX512 inline
#define OCTET_VECTOR_INLINE OCTET_AVX512_INLINE
namespace octet::inline OCTET_ABI::kernels::avx512 {
#include "octet/kernels/vector/activation_f32.hpp"
#include "octet/kernels/vector/elementwise_f32.hpp"
#include "octet/kernels/vector/softmax_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::avx512
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
