// Sums in AMX's tiles.
#pragma once

#include "octet/kernels/amx/epilogue_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::amx {

/// What sum_panel multiplies: sum i is that of the pixels at x[i] times the weights at w + w_at[i],
/// on top of start[start_at[i]].
struct FactorsS8 {
  const std::byte* x[most_tiles];
  const std::byte* w;
  const std::int32_t* start;
  std::int64_t w_at[most_tiles], start_at[most_tiles];
  std::int64_t blocks;
  bool first;  ///< of the panels that use these weights
};

/// Sums these factors. The tiles that hold the sums before are stored one by one, each before it is
/// needed again, and those sums are finished in between: tiles and vectors are busy at the same
/// time. BLOCKS: of channels, 1 or at most that many; TAPS: 1 or more than that. Measured: storing
/// one by one and finishing between products takes 7 to 8 per cent off 3x3 convolutions, 15 off 256
/// x 256 x 256. Weights pass by, so they are loaded as what need not stay in L1, where the pixels
/// are: another 2 to 9 per cent.
template <int BLOCKS, int TAPS, AfterConv2dS8 AFTER>
OCTET_TARGET_AMX_S8 void sum_panel(const TilesS8& t, const FactorsS8& f, std::int64_t tiles,
                                   const SumsS8& before, std::int32_t* sums,
                                   const ResultsS8& results) noexcept {
  EpilogueS8<AFTER> e = epilogue_of<AFTER>(before, sums, results, t.pixels);
  std::int8_t nowhere[16];
  const std::int64_t stride = t.pixel_stride, w_bytes = 16 * t.k_bytes;
  // A single tap leaves no other time to finish a tile than after the next one is stored.
  const std::int64_t taps = t.steps * t.rows * t.columns, early = TAPS == 1 ? e.pieces_of_tile : 0;
  const std::int64_t share = pieces(e.left, (std::max)(taps - 1, std::int64_t{1}));
  const std::byte* w = f.w;
  constexpr std::int64_t w_ahead = BLOCKS > 1 ? 4 << 10 : 8 << 10;
  if (f.first)
    for (int i = 0; i < BLOCKS && i < f.blocks; ++i)
      prefetch(w + i * t.block_bytes + w_ahead, w_bytes);
  _tile_stream_loadd(7, w, 64);
  if (before.tiles > 0) _tile_stored(0, sums, 64);
  _tile_loadd(0, f.start + f.start_at[0], 0);
  _tile_loadd(6, f.x[0], stride);
  _tile_dpbssd(0, 6, 7);
  if (before.tiles > 1) _tile_stored(1, sums + 256, 64);
  if (tiles > 1) {
    if (BLOCKS > 1 && f.w_at[1] != f.w_at[0]) _tile_stream_loadd(7, w + f.w_at[1], 64);
    _tile_loadd(1, f.start + f.start_at[1], 0);
    _tile_loadd(6, f.x[1], stride);
    _tile_dpbssd(1, 6, 7);
  }
  for (std::int64_t i = 0; i < early && e.left > 0; ++i) finish_piece<AFTER>(e, nowhere);
  if (before.tiles > 2) _tile_stored(2, sums + 512, 64);
  if (tiles > 2) {
    if (BLOCKS > 1 && f.w_at[2] != f.w_at[1]) _tile_stream_loadd(7, w + f.w_at[2], 64);
    _tile_loadd(2, f.start + f.start_at[2], 0);
    _tile_loadd(6, f.x[2], stride);
    _tile_dpbssd(2, 6, 7);
  }
  for (std::int64_t i = 0; i < early && e.left > 0; ++i) finish_piece<AFTER>(e, nowhere);
  if (before.tiles > 3) _tile_stored(3, sums + 768, 64);
  if (tiles > 3) {
    if (BLOCKS > 1 && f.w_at[3] != f.w_at[2]) _tile_stream_loadd(7, w + f.w_at[3], 64);
    _tile_loadd(3, f.start + f.start_at[3], 0);
    _tile_loadd(6, f.x[3], stride);
    _tile_dpbssd(3, 6, 7);
  }
  for (std::int64_t i = 0; i < early && e.left > 0; ++i) finish_piece<AFTER>(e, nowhere);
  if (before.tiles > 4) _tile_stored(4, sums + 1024, 64);
  if (tiles > 4) {
    if (BLOCKS > 1 && f.w_at[4] != f.w_at[3]) _tile_stream_loadd(7, w + f.w_at[4], 64);
    _tile_loadd(4, f.start + f.start_at[4], 0);
    _tile_loadd(6, f.x[4], stride);
    _tile_dpbssd(4, 6, 7);
  }
  for (std::int64_t i = 0; i < early && e.left > 0; ++i) finish_piece<AFTER>(e, nowhere);
  if (before.tiles > 5) _tile_stored(5, sums + 1280, 64);
  if (tiles > 5) {
    if (BLOCKS > 1 && f.w_at[5] != f.w_at[4]) _tile_stream_loadd(7, w + f.w_at[5], 64);
    _tile_loadd(5, f.start + f.start_at[5], 0);
    _tile_loadd(6, f.x[5], stride);
    _tile_dpbssd(5, 6, 7);
  }
  for (std::int64_t i = 0; i < early && e.left > 0; ++i) finish_piece<AFTER>(e, nowhere);
  w += w_bytes;
  std::int64_t column = 1;  // The first tap is done.
  for (std::int64_t step = 0; step < t.steps; ++step)
    for (std::int64_t row = 0; row < t.rows; ++row, column = 0)
      for (; column < t.columns; ++column, w += w_bytes) {
        const std::int64_t at =
            row * t.row_step + column * t.column_step + (std::min)(step * t.k_bytes, t.last_step);
        if (f.first)
          for (int i = 0; i < BLOCKS && i < f.blocks; ++i)
            prefetch(w + i * t.block_bytes + w_ahead, w_bytes);
        for (std::int64_t i = 2; i < share && e.left > 0; ++i) finish_piece<AFTER>(e, nowhere);
        _tile_stream_loadd(7, w, 64);
        _tile_loadd(6, f.x[0] + at, stride);
        _tile_dpbssd(0, 6, 7);
        if (tiles > 1) {
          if (BLOCKS > 1 && f.w_at[1] != f.w_at[0]) _tile_stream_loadd(7, w + f.w_at[1], 64);
          _tile_loadd(6, f.x[1] + at, stride);
          _tile_dpbssd(1, 6, 7);
        }
        if (tiles > 2) {
          if (BLOCKS > 1 && f.w_at[2] != f.w_at[1]) _tile_stream_loadd(7, w + f.w_at[2], 64);
          _tile_loadd(6, f.x[2] + at, stride);
          _tile_dpbssd(2, 6, 7);
        }
        if (e.left > 0) finish_piece<AFTER>(e, nowhere);
        if (tiles > 3) {
          if (BLOCKS > 1 && f.w_at[3] != f.w_at[2]) _tile_stream_loadd(7, w + f.w_at[3], 64);
          _tile_loadd(6, f.x[3] + at, stride);
          _tile_dpbssd(3, 6, 7);
        }
        if (tiles > 4) {
          if (BLOCKS > 1 && f.w_at[4] != f.w_at[3]) _tile_stream_loadd(7, w + f.w_at[4], 64);
          _tile_loadd(6, f.x[4] + at, stride);
          _tile_dpbssd(4, 6, 7);
        }
        if (tiles > 5) {
          if (BLOCKS > 1 && f.w_at[5] != f.w_at[4]) _tile_stream_loadd(7, w + f.w_at[5], 64);
          _tile_loadd(6, f.x[5] + at, stride);
          _tile_dpbssd(5, 6, 7);
        }
        if (share > 1 && e.left > 0) finish_piece<AFTER>(e, nowhere);
      }
  while (e.left > 0) finish_piece<AFTER>(e, nowhere);
}

/// Stores and finishes the sums of the last panel.
template <AfterConv2dS8 AFTER>
OCTET_TARGET_AMX_S8 void finish(const TilesS8& t, const SumsS8& last, std::int32_t* sums,
                                const ResultsS8& results) noexcept {
  if (last.tiles > 0) _tile_stored(0, sums, 64);
  if (last.tiles > 1) _tile_stored(1, sums + 256, 64);
  if (last.tiles > 2) _tile_stored(2, sums + 512, 64);
  if (last.tiles > 3) _tile_stored(3, sums + 768, 64);
  if (last.tiles > 4) _tile_stored(4, sums + 1024, 64);
  if (last.tiles > 5) _tile_stored(5, sums + 1280, 64);
  _tile_release();
  std::int8_t nowhere[16];
  EpilogueS8<AFTER> e = epilogue_of<AFTER>(last, sums, results, t.pixels);
  while (e.left > 0) finish_piece<AFTER>(e, nowhere);
}

}  // namespace octet::inline OCTET_ABI::kernels::amx

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
