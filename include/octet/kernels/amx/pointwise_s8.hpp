// The int8 convolution of 1x1 by tdpbssd, and linear layers with it.
#pragma once

#include "octet/kernels/amx/columns_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::amx {

/// The sums of one tile of pixels and what becomes of them, a few pixels after the other.
struct PixelsS8 {
  const std::int32_t* sums;
  std::int8_t* y;
  std::int64_t left = 0;  ///< pixels
  std::int64_t y_stride;
  std::int64_t channels;  ///< of a pixel, from the column's first on
  __m512 factor[4];
  avx512::Limits64S8 limits;
  bool narrow;  ///< some int8 is beyond the limits, or sums need them before they are int32
};

/// Finishes `turns` times 64 sums: of 1, 2 or 4 pixels.
template <int BLOCKS>
OCTET_TARGET_AMX_S8 __attribute__((always_inline)) inline void finish_pixels(
    PixelsS8& p, std::int64_t turns) noexcept {
  constexpr int pixels = 4 / BLOCKS;
  for (; turns > 0 && p.left > 0; --turns) {
    __m512i sum[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k)
      sum[k] = _mm512_load_si512(p.sums + 256 * (k % BLOCKS) + 16 * (k / BLOCKS));
    __m512 value[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) value[k] = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[k]), p.factor[k]);
    __m512i bytes = p.narrow ? avx512::round_64(value, p.limits)
                             : avx512::saturate_64(value, p.limits.zero_point);
    if constexpr (BLOCKS == 2)
      bytes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes);
    if constexpr (BLOCKS == 1) bytes = avx512::in_order_64(bytes);
    avx512::store_pixels<BLOCKS>(bytes, p.y, p.y_stride, p.left, p.channels);
    p.sums += 16 * pixels, p.y += pixels * p.y_stride, p.left -= pixels;
  }
}

/// Where a tile begins: in the images, in bytes, and among the pixels of the results. The last tile
/// of a line begins where it is as long as the others; what it repeats is done.
struct PlaceS8 {
  std::int64_t x, pixel, done;
};
inline PlaceS8 place_of(const TilesS8& t, std::int64_t tile) noexcept {
  const std::int64_t line = tile / t.tiles, n = line / t.lines;
  const std::int64_t wanted = (tile - line * t.tiles) * t.pixels;
  const std::int64_t first = (std::min)(wanted, t.positions - t.pixels);
  return {n * t.image_bytes + (line - n * t.lines) * t.line_step + first * t.pixel_stride,
          line * t.positions + wanted, wanted - first};
}

/// One column of channels of the tiles [begin, end) of pixels. The latencies of three tiles
/// overlap: one is summed while the sums of the last one are stored and those of the one before
/// finished.
template <int BLOCKS>
OCTET_TARGET_AMX_S8 void run_column(const TilesS8& t, const std::byte* x,
                                    const PackedConv2dS8& packed, const Requantize& q,
                                    bool fits_int32, std::int8_t* y, std::int64_t first_block,
                                    std::int64_t begin, std::int64_t end) noexcept {
  const std::int64_t channel = 16 * first_block, channels = t.OC - channel;
  PixelsS8 finishing;
  finishing.y_stride = t.OC;
  finishing.channels = channels;
  finishing.limits = avx512::limits_64_s8(q.zero_point, q.lo, q.hi);
  finishing.narrow = !fits_int32 || q.lo > -128 || q.hi < 127;
  __m512i lanes[4];
  deal<BLOCKS>(q.multiplier + channel, channels, lanes);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) finishing.factor[i] = _mm512_castsi512_ps(lanes[i]);
  __m512i bias[4] = {};
  if (q.bias) deal<BLOCKS>(q.bias + channel, channels, bias);
  alignas(64) std::int32_t start[16 * BLOCKS];
  for (int i = 0; i < BLOCKS; ++i)
    _mm512_store_si512(
        start + 16 * i,
        _mm512_add_epi32(bias[i], _mm512_loadu_si512(packed.correction.data() + channel + 16 * i)));

  // Rows that fill up the last pixels' vectors are read beyond a block's sums, never written.
  alignas(64) std::int32_t sums[2][1024 + 64];
  const std::int64_t tile_bytes = 16 * t.k_bytes;
  const std::byte* const weights_end = packed.weights.data() + packed.weights.size();
  constexpr std::int64_t ahead = 8 << 10;
  const std::int64_t share = pieces(pieces(t.pixels * BLOCKS, 4), BLOCKS + t.steps - 1);
  PlaceS8 summed = {}, stored = {};
  for (std::int64_t tile = begin; tile < end + 2; ++tile) {
    std::int32_t* const last = tile > begin && tile <= end ? sums[tile % 2] : nullptr;
    if (tile > begin + 1) {
      finishing.sums = sums[(tile - 1) % 2] + 16 * stored.done;
      finishing.y = y + stored.pixel * t.OC + channel;
      finishing.left = t.pixels - stored.done;
    }
    stored = summed;
    const std::byte* w = nullptr;
    const std::byte* from = x;
    if (tile < end) {
      summed = place_of(t, tile);
      from += summed.x;
      w = packed.weights.data() + first_block * t.block_bytes;
      if (tile == 0 && weights_end - w > ahead) prefetch(w + ahead, BLOCKS * tile_bytes);
      _tile_loadd(4, from, t.pixel_stride);
    }
    // Each sum of this tile takes the place of the last one's, which are stored. A loop would do,
    // but the numbers of tiles have to be literals.
    if (last) _tile_stored(0, last, 64);
    if (w) {
      _tile_loadd(0, start, 0);
      _tile_loadd(5, w, 64);
      _tile_dpbssd(0, 4, 5);
    }
    finish_pixels<BLOCKS>(finishing, share);
    if constexpr (BLOCKS > 1) {
      if (last) _tile_stored(1, last + 256, 64);
      if (w) {
        _tile_loadd(1, start + 16, 0);
        _tile_loadd(5, w + tile_bytes, 64);
        _tile_dpbssd(1, 4, 5);
      }
      finish_pixels<BLOCKS>(finishing, share);
    }
    if constexpr (BLOCKS > 2) {
      if (last) _tile_stored(2, last + 512, 64);
      if (w) {
        _tile_loadd(2, start + 32, 0);
        _tile_loadd(5, w + 2 * tile_bytes, 64);
        _tile_dpbssd(2, 4, 5);
      }
      finish_pixels<BLOCKS>(finishing, share);
      if (last) _tile_stored(3, last + 768, 64);
      if (w) {
        _tile_loadd(3, start + 48, 0);
        _tile_loadd(5, w + 3 * tile_bytes, 64);
        _tile_dpbssd(3, 4, 5);
      }
      finish_pixels<BLOCKS>(finishing, share);
    }
    for (std::int64_t step = 1; w && step < t.steps; ++step) {
      w += BLOCKS * tile_bytes;
      if (tile == 0 && weights_end - w > ahead) prefetch(w + ahead, BLOCKS * tile_bytes);
      _tile_loadd(4, from + (std::min)(step * t.k_bytes, t.last_step), t.pixel_stride);
      _tile_loadd(5, w, 64);
      _tile_dpbssd(0, 4, 5);
      if constexpr (BLOCKS > 1) {
        _tile_loadd(5, w + tile_bytes, 64);
        _tile_dpbssd(1, 4, 5);
      }
      if constexpr (BLOCKS > 2) {
        _tile_loadd(5, w + 2 * tile_bytes, 64);
        _tile_dpbssd(2, 4, 5);
        _tile_loadd(5, w + 3 * tile_bytes, 64);
        _tile_dpbssd(3, 4, 5);
      }
      finish_pixels<BLOCKS>(finishing, share);
    }
    finish_pixels<BLOCKS>(finishing, t.pixels);
  }
}

/// Tile: 16 pixels x 64 channels, whose results leave as whole lines. While it multiplies tiles, a
/// processor computes with half as many vectors as otherwise, so it is what is done to a sum that
/// counts: 17 operations for 64 sums. Measured: 1.3 to 1.6 times as fast as by conv2d_s8() from 24
/// to 192 channels, 1.3 at 256, as fast at 512.
template <class = WhenUsed>
void pointwise_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                  const Requantize& q, std::int8_t* y, std::byte*, ThreadPool* pool) noexcept {
  if (s.N * s.OH * s.OW == 0) return;
  const TilesS8 t(s);
  const bool fits_int32 = avx512::below_one(s.OC, q.multiplier);
  const std::int64_t tiles = t.N * t.lines * t.tiles, columns = columns_of(t.blocks);
  // A job of eight million multiplications takes a few microseconds.
  const std::int64_t work = t.pixels * 4 * t.block_bytes;
  const std::int64_t job_tiles = (std::min)(tiles, 1 + (8 << 20) / work);
  const std::int64_t job_columns = 1 + (8 << 20) / (work * job_tiles);
  const std::int64_t parts = pieces(tiles, job_tiles);
  over_ranges(pool, parts * pieces(columns, job_columns), 1, [&](std::int64_t job, std::int64_t) {
    const std::int64_t begin = job % parts * job_tiles, end = (std::min)(begin + job_tiles, tiles);
    const std::int64_t first = job / parts * job_columns;
    TileConfiguration shapes;
    for (int i = 0; i < 6; ++i) {
      shapes.rows[i] = static_cast<std::uint8_t>(i < 5 ? t.pixels : t.k_bytes / 4);
      shapes.row_bytes[i] = static_cast<std::uint16_t>(i == 4 ? t.k_bytes : 64);
    }
    configure(shapes);
    for (std::int64_t i = first; i < (std::min)(first + job_columns, columns); ++i) {
      const auto [block, blocks] = column_of(t.blocks, i);
      const auto run = blocks == 4 ? run_column<4> : blocks == 2 ? run_column<2> : run_column<1>;
      run(t, reinterpret_cast<const std::byte*>(x), packed, q, fits_int32, y, block, begin, end);
    }
    release();
  });
}

inline std::int64_t pointwise_s8_scratch_bytes(const Conv2dShape&) noexcept { return 0; }

/// Pixels are read where they are, with any strides.
inline bool pointwise_s8_fits(const Conv2dShape& s, const std::int8_t*, int) noexcept {
  const TilesS8 t(s);
  return s.KH == 1 && s.KW == 1 && s.groups == 1 && t.in_place && t.pitch == t.OW;
}

/// A tile of 256 sums takes 16 cycles a product and about 70 to be moved and requantized; vectors
/// take 8 for 4 bytes of depth and 50. More than 512 channels are faster by conv2d_s8(), where
/// three tiles of pixels share the weights.
inline bool suits_pointwise_s8(const Conv2dShape& s) noexcept {
  return s.C <= 512 && 16 * pieces(s.C, 64) + 70 < 8 * pieces(s.C, 4) + 50;
}

}  // namespace octet::inline OCTET_ABI::kernels::amx

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
