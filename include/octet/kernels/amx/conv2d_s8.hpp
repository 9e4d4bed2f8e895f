// The int8 convolution by tdpbssd: 16384 multiplications and additions in one instruction, signed
// times signed, so that images which need no border are read where they are.
#pragma once

#include "octet/kernels/amx/panels_s8.hpp"
#include "octet/kernels/amx/sums_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::amx {

/// The panels [begin, end) of the images at x times the blocks of channels [first, last).
template <AfterConv2dS8 AFTER>
OCTET_TARGET_AMX_S8 void run_panels(const TilesS8& t, const std::byte* x,
                                    const PackedConv2dS8& packed, const ChannelsS8& channels,
                                    const ResultsS8& results, std::int8_t* y,
                                    const std::int8_t* addend, std::int64_t begin, std::int64_t end,
                                    std::int64_t first, std::int64_t last) noexcept {
  constexpr bool pooled = AFTER == AfterConv2dS8::max_pool_2x2;
  alignas(64) std::int32_t sums[most_tiles * 256];
  SumsS8 before;
  PanelS8 panels[2];
  FactorsS8 factors;
  configure(t);
  for (std::int64_t panel = begin; panel < end; ++panel) {
    PanelS8& pixels = panels[panel % 2];
    if constexpr (pooled)
      place_pooled_panel(t, panel, x, pixels);
    else
      place_panel(t, panel, x, pixels);
    factors.first = panel == 0;
    for (std::int64_t i = 0; i < most_tiles; ++i) {
      const std::int64_t block = i / pixels.tiles;
      factors.x[i] = pixels.x[i - block * pixels.tiles];
      factors.w_at[i] = block * t.block_bytes, factors.start_at[i] = block * 16;
    }
    for (std::int64_t block = first; block < last; block += t.panel_blocks) {
      const std::int64_t group = block / t.blocks, in_group = block % t.blocks * 16;
      const std::int64_t blocks = (std::min)(t.panel_blocks, last - block);
      factors.w = packed.weights.data() + block * t.block_bytes;
      factors.start = channels.start + block * 16;
      factors.blocks = blocks;
      if (t.groups > 1)
        for (std::int64_t i = 0; i < pixels.tiles; ++i)
          factors.x[i] = pixels.x[i] + group * t.group_C;
      if constexpr (pooled)
        sum_panel<1, 2, AFTER>(t, factors, pixels.tiles, before, sums, results);
      else if (t.panel_blocks > 1)
        sum_panel<most_tiles, 2, AFTER>(t, factors, blocks * pixels.tiles, before, sums, results);
      else if (t.steps * t.rows * t.columns > 1)
        sum_panel<1, 2, AFTER>(t, factors, pixels.tiles, before, sums, results);
      else
        sum_panel<1, 1, AFTER>(t, factors, pixels.tiles, before, sums, results);
      const std::int64_t channel = group * t.group_OC + in_group;
      before = {pixels.place,
                y + channel,
                addend ? addend + channel : nullptr,
                channels.multiplier + block * 16,
                t.group_OC - in_group,
                pixels.tiles,
                blocks * pixels.tiles,
                channels.fits_int32};
    }
  }
  finish<AFTER>(t, before, sums, results);
}

/// A tile of 256 sums takes 16 cycles a product and about 75 for moving and requantizing it;
/// vectors take 8 for 4 bytes of depth and 50. First layers and very narrow ones are theirs.
inline bool suits_conv2d_s8(const Conv2dShape& s) noexcept {
  const TilesS8 t(s);
  const TapsS8 taps(s, 1);
  return 16 * t.steps * t.rows * t.columns + 75 < 8 * taps.steps * taps.rows * taps.columns + 50;
}

inline void pack_conv2d_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  pack_tiles_s8(s, w, packed);
}

inline std::int64_t conv2d_s8_scratch_bytes(const Conv2dShape& s) noexcept {
  const TilesS8 t(s);
  return t.channel_bytes() + t.scratch_bytes();
}

/// Panels of up to 6 tiles of 16 pixels stay in L1, with their sums in tiles, while the weights of
/// 16 channels after the other go by. Measured: 3x3 at 24x24 from 64 to 128 channels 4.5 times as
/// fast as with VNNI, two thirds of the rate of tdpbssd alone on the same numbers.
template <AfterConv2dS8 AFTER>
void conv2d_s8_with(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                    const Requantize& q, const Conv2dS8Fusion& fusion, std::int8_t* y,
                    std::byte* scratch, ThreadPool* pool) noexcept {
  if (s.N * s.OH * s.OW == 0) return;
  const TilesS8 t(s, AFTER);
  const ResultsS8 results = {q, fusion};
  const std::int64_t image = s.OH * s.OW * s.OC / (AFTER == AfterConv2dS8::max_pool_2x2 ? 4 : 1);
  const ChannelsS8 channels(t, packed, q, scratch);
  scratch += t.channel_bytes();
  // A job of eight million multiplications takes a few microseconds. Its weights stay in L2.
  const std::int64_t blocks = s.groups * t.blocks;
  const std::int64_t work = t.panel_tiles * t.pixels * t.block_bytes;
  const std::int64_t job_blocks =
      round_up((std::min)({blocks, 1 + (8 << 20) / work,
                           (std::max)((1 << 20) / t.block_bytes, std::int64_t{1})}),
               t.panel_blocks);
  const std::int64_t job_panels = 1 + (8 << 20) / (work * job_blocks);
  const std::int64_t parts = pieces(blocks, job_blocks);
  for (std::int64_t n = 0; n < t.N; n += t.images) {
    const std::int64_t images = (std::min)(t.images, t.N - n);
    const std::int8_t* const from = x + n * s.H * s.W * s.C;
    if (!t.in_place) copy_padded(t, s, packed.x_zero_point, from, images, scratch, pool);
    const auto* const images_at = t.in_place ? reinterpret_cast<const std::byte*>(from) : scratch;
    const std::int64_t panels = images * t.lines * t.panels, groups = pieces(panels, job_panels);
    over_ranges(pool, parts * groups, 1, [&](std::int64_t job, std::int64_t) {
      const std::int64_t begin = job % groups * job_panels, first = job / groups * job_blocks;
      run_panels<AFTER>(t, images_at, packed, channels, results, y + n * image,
                        fusion.addend ? fusion.addend + n * image : nullptr, begin,
                        (std::min)(begin + job_panels, panels), first,
                        (std::min)(first + job_blocks, blocks));
    });
  }
}

template <class = WhenUsed>
void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
               const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept {
  conv2d_s8_with<AfterConv2dS8::nothing>(s, x, packed, q, {}, y, scratch, pool);
}

/// A sum is added to any convolution. Pooling wants several products to each tile, between which
/// there is time for it.
inline bool conv2d_s8_can_fuse(const Conv2dShape& s, AfterConv2dS8 after) noexcept {
  if (after != AfterConv2dS8::max_pool_2x2) return true;
  const TilesS8 t(s);
  return s.OH % 2 == 0 && s.OW % 2 == 0 && t.steps * t.rows * t.columns > 1;
}

/// Measured: 3x3 at 48x48 from 64 to 128 channels and its pooling 1.15 times as fast as one after
/// the other, as a quarter of the sums is requantized; 64 images of resnet9 and of deep_cnn 1.05 to
/// 1.09 times. A sum takes as long as in a step of its own while everything is in L2.
template <class = WhenUsed>
void conv2d_s8_fused(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                     const Requantize& q, const Conv2dS8Fusion& fusion, std::int8_t* y,
                     std::byte* scratch, ThreadPool* pool) noexcept {
  if (fusion.after == AfterConv2dS8::add)
    conv2d_s8_with<AfterConv2dS8::add>(s, x, packed, q, fusion, y, scratch, pool);
  else if (fusion.after == AfterConv2dS8::max_pool_2x2)
    conv2d_s8_with<AfterConv2dS8::max_pool_2x2>(s, x, packed, q, fusion, y, scratch, pool);
  else
    conv2d_s8(s, x, packed, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels::amx

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
