// The operations of bf16 products: the loops that define them.
#pragma once

#include "octet/kernels/gemm_tile_bf16.hpp"

namespace octet::inline OCTET_ABI::kernels::scalar {

/// The product of gemm_tile_bf16.hpp.
inline void product_bf16(const Bf16Product& p) {
  for (std::int64_t r = 0; r < p.rows; ++r)
    for (std::int64_t j = 0; j < p.columns; ++j) {
      float sum = p.adds ? p.sum[r * bf16_block + j] : 0.0f;
      for (std::int64_t s = 0; s < p.steps; ++s) {
        const Bfloat16* const a =
            p.a + p.a_offset[s] + r / bf16_tile * p.a_tile + r % bf16_tile * bf16_depth;
        const Bfloat16* const b = p.b + s * p.b_step + j / bf16_tile * p.b_tile + j % bf16_tile * 2;
        for (std::int64_t k = 0; k < bf16_depth; ++k)
          sum += to_float(a[k]) * to_float(b[k / 2 * bf16_depth + k % 2]);
      }
      p.sum[r * bf16_block + j] = sum;
    }
}

/// `count` pixels of `depth` channels, `stride` floats apart, as bf16 in blocks of 32 channels:
/// to[c / 32][pixel][c % 32], blocks block_stride apart. The last block is filled up with zeros.
inline void convert_bf16(std::int64_t count, std::int64_t depth, const float* from,
                         std::int64_t stride, Bfloat16* to, std::int64_t block_stride) {
  for (std::int64_t p = 0; p < count; ++p)
    for (std::int64_t c = 0; c < (depth + bf16_depth - 1) / bf16_depth * bf16_depth; ++c)
      to[c / bf16_depth * block_stride + p * bf16_depth + c % bf16_depth] =
          c < depth ? to_bfloat16(from[p * stride + c]) : Bfloat16{};
}

/// Rows 2 k and 2 k + 1 of from, [32][32], column by column next to each other, in two tiles:
/// to[c / 16][k][c % 16][row % 2], tiles tile_stride apart.
inline void interleave_bf16(const Bfloat16* from, Bfloat16* to, std::int64_t tile_stride) {
  for (std::int64_t row = 0; row < bf16_depth; ++row)
    for (std::int64_t c = 0; c < bf16_depth; ++c)
      to[c / bf16_tile * tile_stride + row / 2 * bf16_depth + c % bf16_tile * 2 + row % 2] =
          from[row * bf16_depth + c];
}

/// A tile of 16 x 16 pairs transposed; `to` must not be `from`.
inline void turn_bf16(const Bfloat16* from, Bfloat16* to) {
  for (std::int64_t row = 0; row < bf16_tile; ++row)
    for (std::int64_t pair = 0; pair < bf16_tile; ++pair)
      for (std::int64_t k = 0; k < 2; ++k)
        to[pair * bf16_depth + row * 2 + k] = from[row * bf16_depth + pair * 2 + k];
}

/// c[r][first + j] = sum[r][j] + bias[first + j] for those r < rows where c[r] is not null, j <
/// columns; bias may be null.
inline void store_bf16(std::int64_t rows, std::int64_t columns, std::int64_t first,
                       const float* sum, const float* bias, StoreThrough, float* const* c) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; c[r] && j < columns; ++j)
      c[r][first + j] = sum[r * bf16_block + j] + (bias ? bias[first + j] : 0.0f);
}

}  // namespace octet::inline OCTET_ABI::kernels::scalar
