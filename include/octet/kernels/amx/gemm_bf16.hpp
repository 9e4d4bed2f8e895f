// The bf16 product in AMX's tiles; included by kernels/gemm_bf16.hpp.
#pragma once

#include "octet/kernels/amx/tiles.hpp"
#include "octet/kernels/gemm_tile_bf16.hpp"

namespace octet::inline OCTET_ABI::kernels::amx {

// Tiles 0 to 3 hold the sums, 4 and 5 rows of a, 6 and 7 columns of b: of two tiles of each, every
// one serves two multiplications, so that a load from the first cache hides behind them.
template <int RowTiles, int ColumnTiles>
OCTET_AMX void product_tiles(const Bf16Product& p) {
  constexpr int row = 64, sum_row = 4 * bf16_block;
  float* const lower = p.sum + bf16_tile * bf16_block;
  if (p.adds) {
    _tile_loadd(0, p.sum, sum_row);
    if constexpr (ColumnTiles == 2) _tile_loadd(1, p.sum + bf16_tile, sum_row);
    if constexpr (RowTiles == 2) _tile_loadd(2, lower, sum_row);
    if constexpr (RowTiles * ColumnTiles == 4) _tile_loadd(3, lower + bf16_tile, sum_row);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const Bfloat16* b = p.b;
  for (std::int64_t s = 0; s < p.steps; ++s, b += p.b_step) {
    const Bfloat16* const a = p.a + p.a_offset[s];
    _tile_loadd(4, a, row);
    _tile_loadd(6, b, row);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (ColumnTiles == 2) {
      _tile_loadd(7, b + p.b_tile, row);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (RowTiles == 2) {
      _tile_loadd(5, a + p.a_tile, row);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (RowTiles * ColumnTiles == 4) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, p.sum, sum_row);
  if constexpr (ColumnTiles == 2) _tile_stored(1, p.sum + bf16_tile, sum_row);
  if constexpr (RowTiles == 2) _tile_stored(2, lower, sum_row);
  if constexpr (RowTiles * ColumnTiles == 4) _tile_stored(3, lower + bf16_tile, sum_row);
}

/// Needs configured Tiles.
template <class = WhenUsed>
void product_bf16(const Bf16Product& p) {
  if (p.rows > bf16_tile)
    p.columns > bf16_tile ? product_tiles<2, 2>(p) : product_tiles<2, 1>(p);
  else
    p.columns > bf16_tile ? product_tiles<1, 2>(p) : product_tiles<1, 1>(p);
}

}  // namespace octet::inline OCTET_ABI::kernels::amx
