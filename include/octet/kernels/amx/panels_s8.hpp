// Where the pixels of the AMX convolution lie, and where their results go.
#pragma once

#include "octet/kernels/amx/tiles_s8.hpp"

#if OCTET_X86
namespace octet::inline OCTET_ABI::kernels::amx {

/// A panel of pixels: where its tiles begin, and where in y the result of each pixel's channel 0
/// goes, as an index; -1 if the pixel's results go nowhere.
struct PanelS8 {
  const std::byte* x[most_tiles];
  alignas(64) std::int64_t place[most_tiles * 16];
  std::int64_t tiles;
};

/// Finds panel number `panel` of the images at x. The last tile of a line is moved back to where
/// the line ends; what it repeats goes nowhere.
OCTET_TARGET_AMX_S8 inline void place_panel(const TilesS8& t, std::int64_t panel,
                                            const std::byte* x, PanelS8& to) noexcept {
  const std::int64_t line = panel / t.panels, n = line / t.lines, oh = line % t.lines;
  const std::int64_t first_tile = panel % t.panels * t.panel_tiles;
  to.tiles = (std::min)(t.panel_tiles, t.tiles - first_tile);
  x += n * t.image_bytes + oh * t.line_step;
  const std::int64_t y_row = n * t.OH + oh;
  const __m512i lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  const __m512i pitch = _mm512_set1_epi64(t.pitch), width = _mm512_set1_epi64(t.OW);
  for (std::int64_t i = 0; i < to.tiles; ++i) {
    const std::int64_t wanted = (first_tile + i) * t.pixels;
    const std::int64_t first = (std::min)(wanted, t.positions - t.pixels);
    to.x[i] = x + first * t.pixel_stride;
    for (std::int64_t half = 0; half < 16; half += 8) {
      const std::int64_t position = first + half, row = position / t.pitch;
      __m512i rows = _mm512_set1_epi64(y_row + row);
      __m512i columns = _mm512_add_epi64(_mm512_set1_epi64(position - row * t.pitch), lanes);
      for (__mmask8 over; (over = _mm512_cmpge_epi64_mask(columns, pitch)) != 0;) {
        columns = _mm512_mask_sub_epi64(columns, over, columns, pitch);
        rows = _mm512_mask_add_epi64(rows, over, rows, _mm512_set1_epi64(1));
      }
      const __m512i at = _mm512_mullo_epi64(
          _mm512_add_epi64(_mm512_mullo_epi64(rows, width), columns), _mm512_set1_epi64(t.OC));
      const std::uint32_t skipped = (1u << (wanted - first)) - 1;
      const std::uint32_t kept = ((1u << t.pixels) - 1) & ~skipped;
      const auto inside = static_cast<__mmask8>(_mm512_cmplt_epi64_mask(columns, width) &
                                                static_cast<__mmask8>(kept >> half));
      _mm512_storeu_si512(to.place + 16 * i + half,
                          _mm512_mask_mov_epi64(_mm512_set1_epi64(-1), inside, at));
    }
  }
  for (std::int64_t i = to.tiles; i < most_tiles; ++i) to.x[i] = x;
}

/// The same of an image that is pooled: three strips, and the places of pixels after pooling.
inline void place_pooled_panel(const TilesS8& t, std::int64_t panel, const std::byte* x,
                               PanelS8& to) noexcept {
  const std::int64_t n = panel / t.panels, first = panel % t.panels * (t.panel_tiles / 2);
  const std::int64_t rows = t.OH / 2, columns = t.OW / 2;
  to.tiles = (std::min)(t.panel_tiles, t.tiles - 2 * first);
  x += n * t.image_bytes;
  for (std::int64_t i = 0; i < most_tiles / 2; ++i) {
    // Behind the last strip stands that one again, for nobody.
    const std::int64_t strip = first + (std::min)(i, to.tiles / 2 - 1);
    const std::int64_t row = strip / t.strips, wanted = strip % t.strips * t.pixels;
    const std::int64_t begin = (std::min)(wanted, t.OW - t.pixels);
    to.x[2 * i] = x + 2 * row * t.line_step + begin * t.pixel_stride;
    to.x[2 * i + 1] = to.x[2 * i] + t.line_step;
    for (std::int64_t k = 0; k < 8; ++k) {
      const bool kept = 2 * k >= wanted - begin && 2 * k < t.pixels;
      to.place[16 * i + k] = kept ? ((n * rows + row) * columns + begin / 2 + k) * t.OC : -1;
    }
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::amx

#endif
