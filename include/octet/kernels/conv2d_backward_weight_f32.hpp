// The gradient of a float convolution by its weights, as outer products of tiles.
#pragma once

#include <algorithm>

#include "octet/core/aligned.hpp"
#include "octet/core/cache.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_f32.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gemm.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Pixels that are summed in registers before they are added to dw: with 64 channels, 32 KiB of x.
inline constexpr std::int64_t outer_pixels = 128;
/// Filters of one job, at most: enough to pay for its list of pixels.
inline constexpr std::int64_t outer_filters = 48;

/// The pixels [begin, end) of the N * OH * OW of dy, up to outer_pixels at a time, that see the
/// image through a tap: where they are, and what they see.
struct OuterBlock {
  std::int64_t count;
  const float* x[outer_pixels];
  const float* dy[outer_pixels];

  /// Through tap kh, kw; padding is left out.
  void see(const Conv2dShape& s, const float* x_base, const float* dy_base, std::int64_t kh,
           std::int64_t kw, std::int64_t begin, std::int64_t end) {
    count = 0;
    std::int64_t ow = begin % s.OW, oh = begin / s.OW % s.OH, n = begin / s.OW / s.OH;
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
      const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
      if (ih >= 0 && ih < s.H && iw >= 0 && iw < s.W) {
        x[count] = x_base + ((n * s.H + ih) * s.W + iw) * s.C;
        dy[count++] = dy_base + p * s.OC;
      }
      if (++ow < s.OW) continue;
      ow = 0;
      if (++oh < s.OH) continue;
      oh = 0;
      ++n;
    }
  }
  /// Through the taps [tap, tap + taps), copied next to each other into strip, `depth` channels of
  /// each.
  void copy(const Conv2dShape& s, const float* x_base, const float* dy_base, std::int64_t tap,
            std::int64_t taps, std::int64_t depth, std::int64_t begin, std::int64_t end,
            float* strip) {
    const GatherAxis h = forward_axis(s.H, s.OH, s.KH, s.stride_h, s.dilation_h, s.pad_top);
    const GatherAxis w = forward_axis(s.W, s.OW, s.KW, s.stride_w, s.dilation_w, s.pad_left);
    count = end - begin;
    std::int64_t ow = begin % s.OW, oh = begin / s.OW % s.OH, n = begin / s.OW / s.OH;
    for (std::int64_t i = 0; i < count; ++i, strip += strip_floats) {
      x[i] = strip;
      dy[i] = dy_base + (begin + i) * s.OC;
      copy_taps(h, w, x_base + n * s.H * s.W * s.C, s.C, depth, oh * h.step + h.start,
                ow * w.step + w.start, tap, taps, strip);
      if (++ow < s.OW) continue;
      ow = 0;
      if (++oh < s.OH) continue;
      oh = 0;
      ++n;
    }
  }
};

/// Pixels that are walked at once: x and dy of so many fill three eighths of the second cache.
inline std::int64_t outer_chunk(const Conv2dShape& s) {
  const std::int64_t bytes = 4 * (s.OC + s.C * s.stride_h * s.stride_w);
  const std::int64_t fit = second_cache_bytes() * 3 / 8 / bytes;
  return round_up((std::clamp)(fit, 2 * outer_pixels, 64 * outer_pixels), outer_pixels);
}

/// With a few input channels: all taps are one long pixel, and the filters are the vector, so that
/// dw is summed transposed, [group][tap and channel][filter], and turned at the end.
inline void backward_weight_strips(const GemmImplementation& row, const Conv2dShape& s,
                                   const float* x, const float* dy, float* dw, ThreadPool& pool) {
  const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups, taps = s.KH * s.KW;
  const std::int64_t together = (std::min)(strip_floats / C, taps);
  const std::int64_t tap_jobs = pieces(taps, together), panels = pieces(OC, row.columns);
  const std::int64_t pixels = s.N * s.OH * s.OW, chunk = outer_chunk(s);
  OuterProduct* const outer = outer_product(row);
  AlignedVector<float> turned(static_cast<std::size_t>(s.groups * taps * C * OC));
  for (std::int64_t begin = 0; begin < pixels; begin += chunk) {
    const std::int64_t end = (std::min)(begin + chunk, pixels);
    pool.parallel_for(s.groups * tap_jobs * panels, 1, [&](std::int64_t job, std::int64_t) {
      const std::int64_t first = job % panels * row.columns;
      const std::int64_t tap = job / panels % tap_jobs * together;
      const std::int64_t group = job / panels / tap_jobs;
      const std::int64_t present = (std::min)(together, taps - tap), depth = present * C;
      alignas(64) float strip[outer_pixels * strip_floats];
      OuterBlock block;
      OuterTile tile{};
      tile.x = block.dy;
      tile.dy = block.x;
      tile.dw_stride = OC;
      tile.columns = static_cast<int>((std::min)(OC - first, std::int64_t(row.columns)));
      for (std::int64_t p = begin; p < end; p += outer_pixels) {
        block.copy(s, x + group * C, dy + group * OC + first, tap, present, C, p,
                   (std::min)(p + outer_pixels, end), strip);
        tile.pixels = block.count;
        for (std::int64_t k = 0; k < depth; k += tile_rows) {
          tile.rows = static_cast<int>((std::min)(depth - k, std::int64_t(tile_rows)));
          tile.dy_offset = k;
          tile.dw = turned.data() + ((group * taps + tap) * C + k) * OC + first;
          outer(tile);
        }
      }
    });
  }
  for (std::int64_t oc = 0; oc < s.OC; ++oc)
    for (std::int64_t k = 0; k < taps * C; ++k)
      dw[oc * taps * C + k] +=
          turned[static_cast<std::size_t>((oc / OC * taps * C + k) * OC + oc % OC)];
}

/// Adds to dw. The batch is walked in chunks; the jobs of a chunk are disjoint tiles of dw, tap x
/// input channels x filters, so every weight's sum has one order, whatever the threads.
inline void backward_weight_product(const GemmImplementation& row, const Conv2dShape& s,
                                    const float* x, const float* dy, float* dw, ThreadPool& pool) {
  const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups, taps = s.KH * s.KW;
  if (C < gather_strip_depth && taps > 1) return backward_weight_strips(row, s, x, dy, dw, pool);
  const std::int64_t panels = pieces(C, row.columns), filter_jobs = pieces(OC, outer_filters);
  const std::int64_t filters = round_up(pieces(OC, filter_jobs), tile_rows);
  const std::int64_t pixels = s.N * s.OH * s.OW, chunk = outer_chunk(s);
  OuterProduct* const outer = outer_product(row);
  for (std::int64_t begin = 0; begin < pixels; begin += chunk) {
    const std::int64_t end = (std::min)(begin + chunk, pixels);
    const std::int64_t jobs = s.groups * taps * panels * filter_jobs;
    pool.parallel_for(jobs, 1, [&](std::int64_t job, std::int64_t) {
      const std::int64_t filter = job % filter_jobs * filters;
      const std::int64_t c = job / filter_jobs % panels * row.columns;
      const std::int64_t tap = job / filter_jobs / panels % taps;
      const std::int64_t group = job / filter_jobs / panels / taps;
      const std::int64_t end_filter = (std::min)(filter + filters, OC);
      OuterBlock block;
      OuterTile tile{};
      tile.x = block.x;
      tile.dy = block.dy;
      tile.dw_stride = taps * C;
      tile.columns = static_cast<int>((std::min)(C - c, std::int64_t(row.columns)));
      for (std::int64_t p = begin; p < end; p += outer_pixels) {
        block.see(s, x + group * C + c, dy + group * OC, tap / s.KW, tap % s.KW, p,
                  (std::min)(p + outer_pixels, end));
        tile.pixels = block.count;
        for (std::int64_t oc = filter; oc < end_filter; oc += tile_rows) {
          tile.rows = static_cast<int>((std::min)(end_filter - oc, std::int64_t(tile_rows)));
          tile.dy_offset = oc;
          tile.dw = dw + ((group * OC + oc) * taps + tap) * C + c;
          outer(tile);
        }
      }
    });
  }
}

}  // namespace octet::inline OCTET_ABI::kernels
