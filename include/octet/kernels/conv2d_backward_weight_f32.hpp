// The gradient of a float convolution by its weights, as outer products of tiles.
#pragma once

#include <algorithm>

#include "octet/core/aligned.hpp"
#include "octet/core/thread_pool.hpp"
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
  alignas(64) float strip[outer_pixels * tile_depth];

  /// Through tap kh, kw, from channel c on; padding is left out.
  void see(const Conv2dShape& s, const float* x_base, const float* dy_base, std::int64_t kh,
           std::int64_t kw, std::int64_t c, std::int64_t begin, std::int64_t end) {
    count = 0;
    std::int64_t ow = begin % s.OW, oh = begin / s.OW % s.OH, n = begin / s.OW / s.OH;
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
      const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
      if (ih >= 0 && ih < s.H && iw >= 0 && iw < s.W) {
        x[count] = x_base + ((n * s.H + ih) * s.W + iw) * s.C + c;
        dy[count++] = dy_base + p * s.OC;
      }
      if (++ow < s.OW) continue;
      ow = 0;
      if (++oh < s.OH) continue;
      oh = 0;
      ++n;
    }
  }
  /// Through the taps [tap, tap + taps), copied next to each other, `depth` channels of each.
  void copy(const Conv2dShape& s, const float* x_base, const float* dy_base, std::int64_t tap,
            std::int64_t taps, std::int64_t depth, std::int64_t begin, std::int64_t end) {
    count = end - begin;
    std::int64_t ow = begin % s.OW, oh = begin / s.OW % s.OH, n = begin / s.OW / s.OH;
    const std::int64_t tap_h = tap / s.KW, tap_w = tap % s.KW;
    for (std::int64_t i = 0; i < count; ++i) {
      float* out = strip + i * tile_depth;
      x[i] = out;
      dy[i] = dy_base + (begin + i) * s.OC;
      std::int64_t kh = tap_h, kw = tap_w;
      for (std::int64_t t = 0; t < taps; ++t, out += depth) {
        const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
        const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
        const bool inside = ih >= 0 && ih < s.H && iw >= 0 && iw < s.W;
        const float* const in = inside ? x_base + ((n * s.H + ih) * s.W + iw) * s.C : zero_pixel;
        for (std::int64_t k = 0; k < depth; ++k) out[k] = in[k];
        if (++kw == s.KW) {
          kw = 0;
          ++kh;
        }
      }
      if (++ow < s.OW) continue;
      ow = 0;
      if (++oh < s.OH) continue;
      oh = 0;
      ++n;
    }
  }
};

/// Adds to dw. The batch is walked in chunks of pixels that fit in the second cache; the jobs of a
/// chunk are disjoint tiles of dw, (tap or taps) x input channels x filters, so every weight's sum
/// has one order, whatever the threads.
inline void backward_weight_product(const GemmImplementation& row, const Conv2dShape& s,
                                    const float* x, const float* dy, float* dw, ThreadPool& pool) {
  const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups, taps = s.KH * s.KW;
  const bool strip = C < 8 && taps > 1;
  const std::int64_t together = strip ? (std::min)(tile_depth / C, taps) : 1;
  const std::int64_t depth = C * together;
  const std::int64_t tap_jobs = pieces(taps, together), c_jobs = pieces(depth, row.columns);
  const std::int64_t filter_jobs = pieces(OC, outer_filters);
  const std::int64_t filters = round_up(pieces(OC, filter_jobs), tile_rows);
  const std::int64_t pixels = s.N * s.OH * s.OW;
  const std::int64_t pixel_bytes = 4 * (s.OC + s.C * s.stride_h * s.stride_w);
  const std::int64_t chunk = round_up(
      (std::clamp)(std::int64_t(768 * 1024) / pixel_bytes, 2 * outer_pixels, 64 * outer_pixels),
      outer_pixels);
  for (std::int64_t begin = 0; begin < pixels; begin += chunk) {
    const std::int64_t end = (std::min)(begin + chunk, pixels);
    const std::int64_t jobs = s.groups * tap_jobs * c_jobs * filter_jobs;
    pool.parallel_for(jobs, 1, [&](std::int64_t job, std::int64_t) {
      const std::int64_t filter = job % filter_jobs * filters;
      const std::int64_t c = job / filter_jobs % c_jobs * row.columns;
      const std::int64_t tap = job / filter_jobs / c_jobs % tap_jobs * together;
      const std::int64_t group = job / filter_jobs / c_jobs / tap_jobs;
      const std::int64_t present = (std::min)(together, taps - tap);
      const float* const x_group = x + group * C;
      const float* const dy_group = dy + group * OC;
      float* const dw_group = dw + group * OC * taps * C;
      if (c >= C * present || filter >= OC) return;
      OuterBlock block;
      OuterTile tile{};
      tile.x = block.x;
      tile.dy = block.dy;
      tile.dw_stride = taps * C;
      tile.columns = static_cast<int>((std::min)(C * present - c, std::int64_t(row.columns)));
      for (std::int64_t p = begin; p < end; p += outer_pixels) {
        const std::int64_t stop = (std::min)(p + outer_pixels, end);
        if (strip) {
          block.copy(s, x_group, dy_group, tap, present, C, p, stop);
          for (std::int64_t i = 0; i < block.count; ++i) block.x[i] += c;
        } else {
          block.see(s, x_group, dy_group, tap / s.KW, tap % s.KW, c, p, stop);
        }
        tile.pixels = block.count;
        for (std::int64_t oc = filter; oc < (std::min)(filter + filters, OC); oc += tile_rows) {
          tile.rows = static_cast<int>(
              (std::min)((std::min)(filter + filters, OC) - oc, std::int64_t(tile_rows)));
          tile.dy_offset = oc;
          tile.dw = dw_group + (oc * taps + tap) * C + c;
          row.outer(tile);
        }
      }
    });
  }
}

}  // namespace octet::inline OCTET_ABI::kernels
