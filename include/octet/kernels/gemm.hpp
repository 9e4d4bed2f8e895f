// The table of float products: each row computes the two tiles of gemm_tile.hpp.
#pragma once

#include <string_view>

#include "octet/core/cpu.hpp"
#include "octet/kernels/gemm_tile.hpp"
#include "octet/kernels/table.hpp"
#if OCTET_X86
#include "octet/kernels/avx2/gemm_f32.hpp"
#include "octet/kernels/avx512/gemm_f32.hpp"
#elif OCTET_NEON
#include "octet/kernels/neon/gemm_f32.hpp"
#elif OCTET_WASM_SIMD128
#include "octet/kernels/wasm_simd128/gemm_f32.hpp"
#endif

namespace octet::inline OCTET_ABI::kernels {

/// One row of the table. A row without functions stands for the loops in scalar/conv2d.hpp.
struct GemmImplementation {
  std::string_view name;
  Isa isa;
  int lanes = 0;    ///< floats of a vector
  int columns = 0;  ///< the most channels of a tile
  void (*product)(const ProductTile&) = nullptr;
  void (*outer)(const OuterTile&) = nullptr;
};

/// The implementations of float products, best first.
template <class = WhenUsed>
Table<GemmImplementation> gemm_table() {
  static constexpr GemmImplementation table[] = {
#if OCTET_X86
    {"gemm_f32_6x64_avx512", Isa::avx512, 16, 64, &avx512::shallow_or_deep_product, &avx512::outer},
    {"gemm_f32_6x16_avx2", Isa::avx2, 8, 16, &avx2::product, &avx2::outer},
#elif OCTET_NEON
    {"gemm_f32_6x16_neon", Isa::neon, 4, 16, &neon::product, &neon::outer},
#elif OCTET_WASM_SIMD128
    {"gemm_f32_6x8_wasm_simd128", Isa::wasm_simd128, 4, 8, &wasm_simd128::product,
     &wasm_simd128::outer},
#endif
    {"gemm_f32_scalar", Isa::scalar},
  };
  return table;
}

/// The first row that `isa` allows.
template <class = WhenUsed>
const GemmImplementation& select_gemm(Isa isa = active_isa()) {
  return best_row(gemm_table(), isa);
}

}  // namespace octet::inline OCTET_ABI::kernels
