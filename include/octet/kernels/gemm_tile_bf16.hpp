// The product that every bf16 matrix product and convolution is made of.
#pragma once

#include <cstdint>

#include "octet/core/bfloat16.hpp"
#include "octet/kernels/store_through.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Rows, columns and depth of one step of a product: a block of 32 x 32 sums is four tiles of 16 x
/// 16, which AMX holds in half of its registers.
inline constexpr std::int64_t bf16_block = 32, bf16_tile = 16, bf16_depth = 32;
/// Elements of a tile of operands: 16 rows of 64 bytes.
inline constexpr std::int64_t bf16_tile_size = bf16_tile * bf16_depth;

/// sum[r][j] (+)= sum over steps s and k < 32 of a[s][r][k] * b[s][k][j] for r < rows, j < columns;
/// what else of sum is written is of no account. Products and sums are float. Row r of step s
/// starts at a + a_offset[s] + r / 16 * a_tile + r % 16 * 32. b holds pairs of rows: the elements k
/// and k + 1 of column j lie next to each other at b + s * b_step + j / 16 * b_tile + k / 2 * 32 +
/// j % 16 * 2.
struct Bf16Product {
  const Bfloat16* a;
  const std::int64_t* a_offset;
  std::int64_t a_tile;
  const Bfloat16* b;
  std::int64_t b_step, b_tile;
  std::int64_t steps;
  int rows, columns;  ///< at most 32; AMX leaves out half of the work where one is at most 16
  float* sum;         ///< [32][32]
  bool adds;          ///< to what sum holds
};

}  // namespace octet::inline OCTET_ABI::kernels
