// The int8 convolution by tdpbssd: 16384 multiplications and additions in one instruction, signed
// times signed, so that images which need no border are read where they are.
#pragma once

#include "octet/kernels/amx/tiles_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::amx {

/// The sums of a panel of pixels for 16 channels, and where their results go.
struct SumsS8 {
  alignas(64) std::int32_t sums[most_tiles][256];
  const std::int64_t* place;  ///< of each pixel's results, see PanelS8
  std::int8_t* y;
  const float* multiplier;
  __mmask16 channels;
  std::int64_t tiles = 0;
  bool first;  ///< of the panels that use these weights
};

/// The epilogue of a panel, piece by piece, with all that it needs in registers.
struct EpilogueS8 {
  avx512::Limits64S8 limits;
  __m512 multiplier;
  const std::int32_t* from;
  const std::int64_t* place;
  std::int8_t* y;
  __mmask16 channels;
  std::int64_t pieces_of_tile, piece, left;
};

OCTET_TARGET_AMX_S8 inline EpilogueS8 epilogue_of(const SumsS8& s, const Requantize& q,
                                                  std::int64_t pixels) noexcept {
  EpilogueS8 e;
  e.limits = avx512::limits_64_s8(q.zero_point, q.lo, q.hi);
  e.pieces_of_tile = pieces(pixels, 4);
  e.piece = 0, e.left = s.tiles * e.pieces_of_tile;
  e.multiplier = e.left ? _mm512_loadu_ps(s.multiplier) : _mm512_setzero_ps();
  e.from = s.sums[0], e.place = s.place, e.y = s.y, e.channels = s.channels;
  return e;
}

/// Four rows of sums become four pixels of 16 bytes.
OCTET_TARGET_AMX_S8 __attribute__((always_inline)) inline void finish_piece(
    EpilogueS8& e, std::int8_t* nowhere) noexcept {
  const __m512i sum[4] = {_mm512_load_si512(e.from), _mm512_load_si512(e.from + 16),
                          _mm512_load_si512(e.from + 32), _mm512_load_si512(e.from + 48)};
  const __m512 multiplier[4] = {e.multiplier, e.multiplier, e.multiplier, e.multiplier};
  const __m512i bytes = avx512::in_order_64(avx512::requantize_64(sum, multiplier, e.limits));
  std::int8_t* to[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) to[k] = e.place[k] < 0 ? nowhere : e.y + e.place[k];
  _mm_mask_storeu_epi8(to[0], e.channels, _mm512_castsi512_si128(bytes));
  _mm_mask_storeu_epi8(to[1], e.channels, _mm512_extracti32x4_epi32(bytes, 1));
  _mm_mask_storeu_epi8(to[2], e.channels, _mm512_extracti32x4_epi32(bytes, 2));
  _mm_mask_storeu_epi8(to[3], e.channels, _mm512_extracti32x4_epi32(bytes, 3));
  e.from += 64, e.place += 4;
  if (++e.piece == e.pieces_of_tile) {
    e.from += (4 - e.piece) * 64, e.place += (4 - e.piece) * 4;
    e.piece = 0;
  }
}

/// The first panel finds the weights in memory, where asking for them 8 KiB ahead makes 36 pixels
/// of 512 channels 1.2 times as fast; those that follow find them in a cache.
inline constexpr std::int64_t w_ahead = 8 << 10;
OCTET_TARGET_AMX_S8 inline void prefetch(const std::byte* from, std::int64_t bytes) noexcept {
  for (std::int64_t i = 0; i < bytes; i += 64)
    _mm_prefetch(reinterpret_cast<const char*>(from + i), _MM_HINT_T0);
}

/// Sums the tiles of pixels at x[] times the 16 channels whose weights are w, each beginning with
/// start[channel], and in between finishes what was summed before, so that tiles and vectors are
/// busy at the same time.
OCTET_TARGET_AMX_S8 inline void sum_panel(const TilesS8& t, const std::byte* const* x,
                                          const std::byte* w, const std::int32_t* start, SumsS8& to,
                                          const SumsS8& before, const Requantize& q) noexcept {
  EpilogueS8 e = epilogue_of(before, q, t.pixels);
  std::int8_t nowhere[16];
  const std::int64_t tiles = to.tiles, stride = t.pixel_stride, w_bytes = 16 * t.k_bytes;
  const std::int64_t share = pieces(e.left, t.steps * t.rows * t.columns);
  _tile_loadd(0, start, 0);
  if (tiles > 1) _tile_loadd(1, start, 0);
  if (tiles > 2) _tile_loadd(2, start, 0);
  if (tiles > 3) _tile_loadd(3, start, 0);
  if (tiles > 4) _tile_loadd(4, start, 0);
  if (tiles > 5) _tile_loadd(5, start, 0);
  for (std::int64_t step = 0; step < t.steps; ++step)
    for (std::int64_t row = 0; row < t.rows; ++row)
      for (std::int64_t column = 0; column < t.columns; ++column, w += w_bytes) {
        const std::int64_t at =
            row * t.row_step + column * t.column_step + (std::min)(step * t.k_bytes, t.last_step);
        if (to.first) prefetch(w + w_ahead, w_bytes);
        _tile_loadd(7, w, 64);
        _tile_loadd(6, x[0] + at, stride);
        _tile_dpbssd(0, 6, 7);
        if (tiles > 1) {
          _tile_loadd(6, x[1] + at, stride);
          _tile_dpbssd(1, 6, 7);
        }
        if (tiles > 2) {
          _tile_loadd(6, x[2] + at, stride);
          _tile_dpbssd(2, 6, 7);
        }
        if (tiles > 3) {
          _tile_loadd(6, x[3] + at, stride);
          _tile_dpbssd(3, 6, 7);
        }
        if (tiles > 4) {
          _tile_loadd(6, x[4] + at, stride);
          _tile_dpbssd(4, 6, 7);
        }
        if (tiles > 5) {
          _tile_loadd(6, x[5] + at, stride);
          _tile_dpbssd(5, 6, 7);
        }
        std::int64_t now = (std::min)(share, e.left);
        for (e.left -= now; now > 0; --now) finish_piece(e, nowhere);
      }
  _tile_stored(0, to.sums[0], 64);
  if (tiles > 1) _tile_stored(1, to.sums[1], 64);
  if (tiles > 2) _tile_stored(2, to.sums[2], 64);
  if (tiles > 3) _tile_stored(3, to.sums[3], 64);
  if (tiles > 4) _tile_stored(4, to.sums[4], 64);
  if (tiles > 5) _tile_stored(5, to.sums[5], 64);
}

/// The panels [begin, end) of the images at x times the blocks of channels [first, last).
OCTET_TARGET_AMX_S8 inline void run_panels(const TilesS8& t, const std::byte* x,
                                           const PackedConv2dS8& packed, const ChannelsS8& channels,
                                           const Requantize& q, std::int8_t* y, std::int64_t begin,
                                           std::int64_t end, std::int64_t first,
                                           std::int64_t last) noexcept {
  SumsS8 sums[2];
  PanelS8 panels[2];
  int number = 0;
  configure(t);
  for (std::int64_t panel = begin; panel < end; ++panel) {
    PanelS8& pixels = panels[panel % 2];
    place_panel(t, panel, x, pixels);
    for (std::int64_t block = first; block < last; ++block, number ^= 1) {
      const std::int64_t group = block / t.blocks, in_group = block % t.blocks * 16;
      SumsS8& to = sums[number];
      to.place = pixels.place;
      to.y = y + group * t.group_OC + in_group;
      to.multiplier = channels.multiplier + block * 16;
      to.channels =
          static_cast<__mmask16>((1u << (std::min)(t.group_OC - in_group, std::int64_t{16})) - 1);
      to.tiles = pixels.tiles;
      to.first = panel == 0;
      const std::byte* from[most_tiles];
      for (int i = 0; i < most_tiles; ++i) from[i] = pixels.x[i] + group * t.group_C;
      sum_panel(t, from, packed.weights.data() + block * t.block_bytes, channels.start + block * 16,
                to, sums[number ^ 1], q);
    }
  }
  _tile_release();
  std::int8_t nowhere[16];
  EpilogueS8 rest = epilogue_of(sums[number ^ 1], q, t.pixels);
  for (; rest.left > 0; --rest.left) finish_piece(rest, nowhere);
}

/// A tile of 256 sums takes 16 cycles a product and about 85 for moving and requantizing it;
/// vectors take 8 for 4 bytes of depth and 50. First layers and very narrow ones are theirs.
inline bool suits_conv2d_s8(const Conv2dShape& s) noexcept {
  const TilesS8 t(s);
  const TapsS8 taps(s, 1);
  return 16 * t.steps * t.rows * t.columns + 85 < 8 * taps.steps * taps.rows * taps.columns + 50;
}

inline void pack_conv2d_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  pack_tiles_s8(s, w, packed);
}

inline std::int64_t conv2d_s8_scratch_bytes(const Conv2dShape& s) noexcept {
  const TilesS8 t(s);
  return t.channel_bytes() + t.scratch_bytes();
}

/// Panels of up to 6 tiles of 16 pixels stay in L1, with their sums in tiles, while the weights of
/// 16 channels after the other go by. Measured: 3x3 at 24x24 from 64 to 128 channels 4.2 times as
/// fast as with VNNI, two thirds of the rate of tdpbssd alone on the same numbers.
inline void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                      const Requantize& q, std::int8_t* y, std::byte* scratch,
                      ThreadPool* pool) noexcept {
  if (s.N * s.OH * s.OW == 0) return;
  const TilesS8 t(s);
  const ChannelsS8 channels(t, packed, q, scratch);
  scratch += t.channel_bytes();
  // A job of eight million multiplications takes a few microseconds. Its weights stay in L2.
  const std::int64_t blocks = s.groups * t.blocks;
  const std::int64_t work = t.panel_tiles * t.pixels * t.block_bytes;
  const std::int64_t job_blocks = (std::min)(
      {blocks, 1 + (8 << 20) / work, (std::max)((1 << 20) / t.block_bytes, std::int64_t{1})});
  const std::int64_t job_panels = 1 + (8 << 20) / (work * job_blocks);
  const std::int64_t parts = pieces(blocks, job_blocks);
  for (std::int64_t n = 0; n < t.N; n += t.images) {
    const std::int64_t images = (std::min)(t.images, t.N - n);
    const std::int8_t* const from = x + n * s.H * s.W * s.C;
    if (!t.in_place) copy_padded(t, s, packed.x_zero_point, from, images, scratch, pool);
    const auto* const image = t.in_place ? reinterpret_cast<const std::byte*>(from) : scratch;
    const std::int64_t panels = images * t.lines * t.panels, groups = pieces(panels, job_panels);
    over_ranges(pool, parts * groups, 1, [&](std::int64_t job, std::int64_t) {
      const std::int64_t begin = job % groups * job_panels, first = job / groups * job_blocks;
      run_panels(t, image, packed, channels, q, y + n * s.OH * s.OW * s.OC, begin,
                 (std::min)(begin + job_panels, panels), first,
                 (std::min)(first + job_blocks, blocks));
    });
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::amx

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
