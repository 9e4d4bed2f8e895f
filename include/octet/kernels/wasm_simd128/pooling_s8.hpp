// int8 pooling with WebAssembly's SIMD, 16 channels at a time.
#pragma once

#include "octet/kernels/scalar/pooling_s8.hpp"
#include "octet/kernels/wasm_simd128/requantize_s8.hpp"

#if OCTET_WASM_SIMD128
#define OCTET_VECTOR inline
namespace octet::inline OCTET_ABI::kernels::wasm_simd128 {
#include "octet/kernels/vector/pooling_s8.hpp"
}  // namespace octet::inline OCTET_ABI::kernels::wasm_simd128
#undef OCTET_VECTOR
#endif
