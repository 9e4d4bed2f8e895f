// How the AMX convolution cuts images and weights into tiles.
#pragma once

#include "octet/kernels/avx512/requantize_s8.hpp"
#include "octet/kernels/conv2d_s8_packing.hpp"

#if OCTET_X86
#include <immintrin.h>

#include "octet/kernels/amx/tiles.hpp"

#define OCTET_TARGET_AMX_S8 \
  __attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512dq,avx512vl")))

namespace octet::inline OCTET_ABI::kernels::amx {

/// The most tiles of pixels whose sums are held at once; two more tiles hold what is multiplied.
inline constexpr int most_tiles = 6;

/// A convolution as products of tiles. A tile of the image has `pixels` rows of k_bytes channels;
/// the pixels of a line lie at one stride. With stride 1 an image is a single line: rows share
/// their border, so the pixels between the end of a row and the next are at most that border, and
/// their sums are thrown away. An image of 12 x 12 so takes 155 pixels, where rows of 16 take 192.
struct TilesS8 {
  std::int64_t N, OC, groups, group_OC, group_C;
  std::int64_t blocks;  ///< of 16 channels, in each group
  // Every tap is `run` bytes, read in `steps` of k_bytes; the last begins last_step bytes in, so
  // that nothing beyond the tap is read but the up to 3 bytes that make up a multiple of 4.
  std::int64_t rows, row_step, columns, column_step, run, steps, k_bytes, last_step;
  std::int64_t block_bytes;  ///< of the weights of 16 channels
  bool in_place;             ///< the image is read as it is, not from scratch
  std::int64_t padded_H, padded_W, row_pixels, row_bytes, image_bytes, images;
  std::int64_t pixel_stride, line_step;
  // Of each image: its lines of `positions` pixels, of which those with a column below OW count;
  // there is a column for each of `pitch` pixels.
  std::int64_t lines, positions, pitch, OH, OW, pixels, tiles, panel_tiles, panels;
  std::int64_t panel_blocks;  ///< of 16 channels, summed at once
  std::int64_t strips = 0;    ///< of a pair of rows that are pooled

  explicit TilesS8(const Conv2dShape& s, AfterConv2dS8 after = AfterConv2dS8::nothing) {
    group_OC = s.OC / s.groups, group_C = s.C / s.groups, OC = s.OC, groups = s.groups;
    blocks = pieces(group_OC, 16);
    // Few channels: the taps of a row are one run. Many: a step goes through all taps before the
    // next 64 channels, so that what the taps share is in L1.
    rows = s.KH, columns = s.groups == 1 && s.dilation_w == 1 && s.C < 64 ? 1 : s.KW;
    run = s.KW / columns * group_C, steps = pieces(run, 64);
    k_bytes = round_up(pieces(run, steps), 4);
    last_step = (std::max)(run - k_bytes, std::int64_t{0});
    block_bytes = rows * columns * steps * k_bytes * 16;

    const PaddedS8 padded(s, 1);
    padded_H = padded.H, padded_W = padded.W;
    in_place =
        run >= k_bytes && s.pad_top == 0 && s.pad_left == 0 && padded.H <= s.H && padded.W <= s.W;
    const std::int64_t left = (std::min)(s.pad_left, padded.W);
    const std::int64_t right = padded.W - left - (std::min)(s.W, padded.W - left);
    const bool one_line = s.stride_h == 1 && s.stride_w == 1;
    // In one line the border between two rows is that of both, but each result has its column.
    row_pixels = in_place   ? s.W
                 : one_line ? (std::max)(s.OW, padded.W - (std::min)(left, right))
                            : padded.W;
    row_bytes = row_pixels * s.C;
    image_bytes = in_place
                      ? s.H * row_bytes
                      : round_up(padded.H * row_bytes + (padded.W - row_pixels) * s.C, alignment);
    N = s.N, OH = s.OH, OW = s.OW;
    images = in_place ? N : (std::min)(N, (std::max)((512 << 10) / image_bytes, std::int64_t{1}));
    pixel_stride = s.stride_w * s.C, line_step = s.stride_h * row_bytes;
    row_step = s.dilation_h * row_bytes, column_step = s.dilation_w * s.C;
    lines = one_line ? 1 : OH;
    pitch = one_line ? row_pixels : OW;
    positions = one_line ? (OH - 1) * pitch + OW : OW;
    if (is_pointwise(s) && in_place) positions *= N, N = images = 1;
    positions = (std::max)(positions, std::int64_t{1});  // There may be no images.
    if (one_line && pitch == OW) OH = 1, OW = pitch = positions;
    if (after == AfterConv2dS8::max_pool_2x2) {
      cut_pairs_of_rows(s);
      return;
    }
    pixels = pieces(positions, pieces(positions, 16));
    tiles = pieces(positions, pixels);
    // A 1x1 convolution uses its pixels again only for the next channels: a panel is what fits
    // into L1 beside the weights of 16 channels. If that is less than five tiles, three tiles of
    // pixels times two blocks of channels ask L2 for the least: measured, 1.15 to 1.2 times as fast
    // at 512 channels, 1.6 to 1.8 times from 1152 on. A single tile gets three blocks at once: 1.1
    // to 1.25 times as fast.
    const std::int64_t fits =
        rows * columns == 1 ? (46 << 10) / (16 * steps * k_bytes) - 1 : most_tiles;
    const bool single = rows * columns == 1 && tiles == 1;
    const bool shares = s.groups == 1 && (fits < 5 || single);
    panel_tiles = shares ? (std::min)(tiles, std::int64_t{3})
                         : (std::clamp)(fits, std::int64_t{1}, std::int64_t{most_tiles});
    panels = pieces(tiles, panel_tiles);
    panel_tiles = pieces(tiles, panels);
    panel_blocks = single && shares ? 3 : shares ? most_tiles / panel_tiles : 1;
  }
  /// For pooling, the image is strips: a tile of one row and below it that of the next.
  void cut_pairs_of_rows(const Conv2dShape& s) {
    N = s.N, OH = s.OH, OW = s.OW;
    strips = pieces(OW, 16), pixels = round_up(pieces(OW, strips), 2);
    lines = 1, tiles = OH * strips;
    panels = pieces(tiles, most_tiles), panel_tiles = round_up(pieces(tiles, panels), 2);
    panels = pieces(tiles, panel_tiles), panel_blocks = 1;
  }
  std::int64_t scratch_bytes() const { return in_place ? 0 : images * image_bytes + 64; }
  std::int64_t channel_bytes() const { return 2 * OC / group_OC * blocks * 64; }
};

/// Start values and multipliers of all channels, filled up to whole blocks.
struct ChannelsS8 {
  std::int32_t* start;
  float* multiplier;
  bool fits_int32;  ///< all multipliers are below 1
  ChannelsS8(const TilesS8& t, const PackedConv2dS8& packed, const Requantize& q, std::byte* to)
      : start(reinterpret_cast<std::int32_t*>(to)),
        multiplier(reinterpret_cast<float*>(to + t.channel_bytes() / 2)),
        fits_int32(avx512::below_one(t.OC, q.multiplier)) {
    std::memset(to, 0, static_cast<std::size_t>(t.channel_bytes()));
    for (std::int64_t first = 0, lane = 0; first < t.OC;
         first += t.group_OC, lane += t.blocks * 16) {
      for (std::int64_t i = 0; i < t.group_OC; ++i) {
        const auto sum =
            static_cast<std::uint32_t>(packed.correction[static_cast<std::size_t>(lane + i)]) +
            static_cast<std::uint32_t>(q.bias ? q.bias[first + i] : 0);
        start[lane + i] = static_cast<std::int32_t>(sum);
      }
      std::memcpy(multiplier + lane, q.multiplier + first,
                  static_cast<std::size_t>(t.group_OC) * sizeof(float));
    }
  }
};

/// Packs w [OC, KH, KW, C / groups] as [groups, blocks of 16 channels, steps, taps, k_bytes / 4,
/// 16, 4]; zeros fill up. The correction takes x_zero_point * sum(w) off each accumulator.
inline void pack_tiles_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  const TilesS8 t(s);
  const std::int64_t depth = s.KH * s.KW * t.group_C;
  packed.weights.assign(static_cast<std::size_t>(s.groups * t.blocks * t.block_bytes),
                        std::byte{0});
  packed.correction.assign(static_cast<std::size_t>(s.groups * t.blocks * 16), 0);
  for (std::int64_t oc = 0; oc < s.OC; ++oc) {
    const std::int64_t lane = oc / t.group_OC * t.blocks * 16 + oc % t.group_OC;
    std::byte* const block = packed.weights.data() + lane / 16 * t.block_bytes;
    const std::int8_t* const channel = w + oc * depth;
    for (std::int64_t tap = 0; tap < s.KH * t.columns; ++tap)
      for (std::int64_t step = 0, at = 0; at < t.run; ++step, at += t.k_bytes)
        spread_over_lines<std::int8_t>(
            channel + tap * t.run + at, (std::min)(t.k_bytes, t.run - at),
            at - (std::min)(at, t.last_step),
            block + (step * s.KH * t.columns + tap) * t.k_bytes * 16 + lane % 16 * 4);
    const std::uint32_t sum = sum_of_weights(channel, depth);
    packed.correction[static_cast<std::size_t>(lane)] =
        static_cast<std::int32_t>(0u - static_cast<std::uint32_t>(packed.x_zero_point) * sum);
  }
}

/// Copies `images` images into scratch, with their border.
inline void copy_padded(const TilesS8& t, const Conv2dShape& s, int x_zero_point,
                        const std::int8_t* x, std::int64_t images, std::byte* scratch,
                        ThreadPool* pool) noexcept {
  over_ranges(pool, images * t.padded_H, 1 + (64 << 10) / (1 + t.row_bytes),
              [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t row = begin; row < end; ++row) {
                  const std::int64_t n = row / t.padded_H, h = row % t.padded_H,
                                     from = h - s.pad_top;
                  std::byte* const to = scratch + n * t.image_bytes + h * t.row_bytes;
                  // The last row has its own right border.
                  const std::int64_t width = h + 1 == t.padded_H ? t.padded_W : t.row_pixels;
                  std::int64_t left = (std::min)(s.pad_left, t.padded_W);
                  std::int64_t inside = (std::min)(s.W, t.padded_W - left);
                  if (from < 0 || from >= s.H) left = width, inside = 0;
                  std::memset(to, x_zero_point, static_cast<std::size_t>(left * s.C));
                  if (inside > 0)
                    std::memcpy(to + left * s.C, x + (n * s.H + from) * s.W * s.C,
                                static_cast<std::size_t>(inside * s.C));
                  std::memset(to + (left + inside) * s.C, x_zero_point,
                              static_cast<std::size_t>((width - left - inside) * s.C));
                }
              });
}

/// The first panel finds the weights in memory, where asking for them 8 KiB ahead makes 36 pixels
/// of 512 channels 1.2 times as fast; those that follow find them in a cache. Two blocks at once
/// are asked for 4 KiB ahead each.
OCTET_TARGET_AMX_S8 inline void prefetch(const std::byte* from, std::int64_t bytes) noexcept {
  for (std::int64_t i = 0; i < bytes; i += 64)
    _mm_prefetch(reinterpret_cast<const char*>(from + i), _MM_HINT_T0);
}

/// Tells this thread's tiles their extents: 6 of sums, one of pixels, one of weights.
OCTET_AMX inline void configure(const TilesS8& t) noexcept {
  TileConfiguration tiles;
  for (int i = 0; i < 8; ++i) {
    tiles.rows[i] = static_cast<std::uint8_t>(i < 7 ? t.pixels : t.k_bytes / 4);
    tiles.row_bytes[i] = static_cast<std::uint16_t>(i == 6 ? t.k_bytes : 64);
  }
  configure(tiles);
}

}  // namespace octet::inline OCTET_ABI::kernels::amx

#endif
