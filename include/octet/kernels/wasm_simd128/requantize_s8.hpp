// Between float32 and int8 with WebAssembly's SIMD, and the requantization that the other kernels
// of this folder share.
#pragma once

#include <cstring>

#include "octet/kernels/scalar/requantize_s8.hpp"
#include "octet/kernels/vector/unroll.hpp"
#include "octet/kernels/wasm_simd128/vector_s8.hpp"

#if OCTET_WASM_SIMD128
#define OCTET_VECTOR inline
namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {
#include "octet/kernels/vector/requantize_s8.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128
#undef OCTET_VECTOR
#endif
