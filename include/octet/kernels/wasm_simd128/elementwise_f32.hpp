// Element by element, and the softmax of rows, for WebAssembly; included by
// kernels/elementwise.hpp.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "octet/kernels/scalar/activation.hpp"
#include "octet/kernels/scalar/elementwise.hpp"
#include "octet/kernels/vector/unroll.hpp"
#include "octet/kernels/wasm_simd128/vector.hpp"

#if OCTET_WASM_SIMD128
#define OCTET_VECTOR inline
#define OCTET_VECTOR_INLINE OCTET_WASM_INLINE
namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {
#include "octet/kernels/vector/activation_f32.hpp"
#include "octet/kernels/vector/elementwise_f32.hpp"
#include "octet/kernels/vector/softmax_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
#endif
