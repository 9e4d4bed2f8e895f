// The table of float products: each row computes the first of the two tiles of gemm_tile.hpp;
// outer_product() is the second.
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

/// One row of the table. A row without a product stands for the loops in scalar/conv2d.hpp.
struct GemmImplementation {
  std::string_view name;
  Isa isa;
  int lanes = 0;    ///< floats of a vector
  int columns = 0;  ///< the most channels of a tile
  void (*product)(const ProductTile&) = nullptr;
  /// Whether the product of so many taps and channels into so many columns has a way of its own,
  /// and that one's name; null where none has.
  bool (*is_shallow)(std::int64_t taps, std::int64_t depth, std::int64_t columns) = nullptr;
  std::string_view shallow_name = {};
};

/// The implementations of float products, best first.
template <class = WhenUsed>
Table<GemmImplementation> gemm_table() {
  static constexpr GemmImplementation table[] = {
#if OCTET_X86
    {"gemm_f32_6x64_avx512", Isa::avx512, 16, 64, &avx512::shallow_or_deep_product,
     &avx512::is_shallow, "shallow_f32_x16_avx512"},
    {"gemm_f32_6x16_avx2", Isa::avx2, 8, 16, &avx2::product},
#elif OCTET_NEON
    {"gemm_f32_6x16_neon", Isa::neon, 4, 16, &neon::product},
#elif OCTET_WASM_SIMD128
    {"gemm_f32_6x8_wasm_simd128", Isa::wasm_simd128, 4, 8, &wasm_simd128::product},
#endif
    {"gemm_f32_scalar", Isa::scalar},
  };
  return table;
}

using OuterProduct = void(const OuterTile&);

/// The sums of outer products that belong to a row of products, or nullptr; apart from it, so that
/// programs that never learn do not contain them.
template <class = WhenUsed>
OuterProduct* outer_product([[maybe_unused]] const GemmImplementation& row) {
#if OCTET_X86
  if (row.isa == Isa::avx512) return &avx512::outer;
  if (row.isa == Isa::avx2) return &avx2::outer;
#elif OCTET_NEON
  if (row.isa == Isa::neon) return &neon::outer;
#elif OCTET_WASM_SIMD128
  if (row.isa == Isa::wasm_simd128) return &wasm_simd128::outer;
#endif
  return nullptr;
}

/// The first row that `isa` allows.
template <class = WhenUsed>
const GemmImplementation& select_gemm(Isa isa = active_isa()) {
  return best_row(gemm_table(), isa);
}

}  // namespace octet::inline OCTET_ABI::kernels
