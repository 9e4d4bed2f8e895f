// Batch normalization for WebAssembly; included by kernels/normalization_table.hpp.
#pragma once

#include "octet/kernels/scalar/normalization.hpp"
#include "octet/kernels/vector/unroll.hpp"
#include "octet/kernels/wasm_simd128/vector.hpp"

#if OCTET_WASM_SIMD128
#define OCTET_VECTOR inline
#define OCTET_VECTOR_INLINE OCTET_WASM_INLINE
namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {
#include "octet/kernels/vector/normalization_f32.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128
#undef OCTET_VECTOR
#undef OCTET_VECTOR_INLINE
#endif
