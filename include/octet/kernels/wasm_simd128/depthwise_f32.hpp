// Depthwise convolution for WebAssembly; included by kernels/depthwise.hpp.
#pragma once

#include "octet/kernels/gather_axis.hpp"
#include "octet/kernels/scalar/depthwise.hpp"
#include "octet/kernels/vector/unroll.hpp"
#include "octet/kernels/wasm_simd128/vector.hpp"

#if OCTET_WASM_SIMD128
#define OCTET_VECTOR inline
#define OCTET_VECTOR_INLINE OCTET_WASM_INLINE
namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {
#include "octet/kernels/vector/depthwise_3x3_f32.hpp"
#include "octet/kernels/vector/depthwise_3x3_pairs_f32.hpp"
#include "octet/kernels/vector/depthwise_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
#endif
