// How the 1x1 convolution of AMX lays out its channels.
#pragma once

#include "octet/kernels/amx/tiles_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::amx {

/// Blocks of 16 channels that are summed and written together: four, behind the last four two or
/// one.
struct ColumnS8 {
  std::int64_t first, blocks;
};

inline std::int64_t columns_of(std::int64_t blocks) noexcept {
  return blocks / 4 + (blocks % 4 + 1) / 2;
}
inline ColumnS8 column_of(std::int64_t blocks, std::int64_t column) noexcept {
  const std::int64_t fours = blocks / 4, left = blocks % 4;
  if (column < fours) return {4 * column, 4};
  if (column == fours) return {4 * fours, left == 1 ? 1 : 2};
  return {4 * fours + 2, 1};
}

/// Packs w [OC, C] as [columns, steps, blocks of the column, k_bytes / 4, 16, 4]; zeros fill up.
/// Channels are dealt to the blocks of a column by fours, so that narrowing four vectors of sums to
/// bytes puts them in order.
inline void pack_pointwise_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  const TilesS8 t(s);
  packed.weights.assign(static_cast<std::size_t>(t.blocks * t.block_bytes), std::byte{0});
  packed.correction.assign(static_cast<std::size_t>(t.blocks * 16), 0);
  for (std::int64_t i = 0; i < columns_of(t.blocks); ++i) {
    const auto [first, blocks] = column_of(t.blocks, i);
    std::byte* const to = packed.weights.data() + first * t.block_bytes;
    for (std::int64_t oc = 16 * first; oc < (std::min)(s.OC, 16 * (first + blocks)); ++oc) {
      const std::int64_t four = oc / 4 - 4 * first, block = four % blocks;
      const std::int64_t lane = four / blocks * 4 + oc % 4;
      const std::int8_t* const channel = w + oc * s.C;
      for (std::int64_t step = 0, at = 0; at < s.C; ++step, at += t.k_bytes)
        spread_over_lines<std::int8_t>(channel + at, (std::min)(t.k_bytes, s.C - at),
                                       at - (std::min)(at, t.last_step),
                                       to + (step * blocks + block) * 16 * t.k_bytes + lane * 4);
      const std::uint32_t sum = sum_of_weights(channel, s.C);
      packed.correction[static_cast<std::size_t>(16 * (first + block) + lane)] =
          static_cast<std::int32_t>(0u - static_cast<std::uint32_t>(packed.x_zero_point) * sum);
    }
  }
}

/// Deals the int32 or float32 of `channels` channels out to the lanes of 4 vectors, as packing
/// does; of two blocks in turns, of one four times.
template <int BLOCKS>
OCTET_TARGET_AMX_S8 inline void deal(const void* from, std::int64_t channels,
                                     __m512i (&lanes)[4]) noexcept {
  const auto* const values = static_cast<const std::int32_t*>(from);
  __m512i v[BLOCKS];
#pragma GCC unroll 4
  for (int i = 0; i < BLOCKS; ++i) {
    const std::int64_t left = (std::max)(channels - 16 * i, std::int64_t{0});
    v[i] = _mm512_maskz_loadu_epi32(avx512::mask_16(left), values + (left > 0 ? 16 * i : 0));
  }
  if constexpr (BLOCKS == 4) {
    avx512::deal_64(v, lanes);
  } else if constexpr (BLOCKS == 2) {
    lanes[0] = lanes[2] = _mm512_shuffle_i32x4(v[0], v[1], 0x88);
    lanes[1] = lanes[3] = _mm512_shuffle_i32x4(v[0], v[1], 0xdd);
  } else {
    lanes[0] = lanes[1] = lanes[2] = lanes[3] = v[0];
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::amx

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
