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
    count = end - begin;
    point_in_steps(x, static_cast<const float*>(strip), taps * depth, count);
    point_in_steps(dy, dy_base + begin * s.OC, s.OC, count);
    for (std::int64_t run; begin < end; begin += run, strip += run * taps * depth) {
      const std::int64_t ow = begin % s.OW, oh = begin / s.OW % s.OH, n = begin / s.OW / s.OH;
      run = (std::min)(end - begin, s.OW - ow);
      for (std::int64_t t = 0; t < taps; ++t) {
        const std::int64_t ih = oh * s.stride_h - s.pad_top + (tap + t) / s.KW * s.dilation_h;
        const std::int64_t iw = ow * s.stride_w - s.pad_left + (tap + t) % s.KW * s.dilation_w;
        const bool row_inside = ih >= 0 && ih < s.H;
        const Reach seen = row_inside ? reach(s.W, run, s.stride_w, iw) : Reach{0, 0};
        const float* const from = row_inside ? x_base + ((n * s.H + ih) * s.W + iw) * s.C : x_base;
        for (std::int64_t k = 0; k < depth; ++k) {
          float* const to = strip + t * depth + k;
          for (std::int64_t i = 0; i < seen.begin; ++i) to[i * taps * depth] = 0;
          for (std::int64_t i = seen.begin; i < seen.end; ++i)
            to[i * taps * depth] = from[i * s.stride_w * s.C + k];
          for (std::int64_t i = (std::max)(seen.begin, seen.end); i < run; ++i)
            to[i * taps * depth] = 0;
        }
      }
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
/// dw is summed transposed, [group][tap and channel][filter], and turned at the end. Threads share
/// the pixels, as there may be one tile of filters only; the sums of blocks are added in order.
inline void backward_weight_strips(const GemmImplementation& row, const Conv2dShape& s,
                                   const float* x, const float* dy, float* dw, ThreadPool& pool) {
  constexpr std::int64_t blocks_together = 256;
  const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups, taps = s.KH * s.KW;
  const std::int64_t together = (std::min)(strip_floats / C, taps), size = taps * C * s.OC;
  const std::int64_t pixels = s.N * s.OH * s.OW, chunk = blocks_together * outer_pixels;
  OuterProduct* const outer = outer_product(row);
  AlignedVector<float> turned(static_cast<std::size_t>(size));
  AlignedVector<float> sums;
  // What the pixels [begin, end) add.
  const auto add_block = [&](std::int64_t begin, std::int64_t end, MemoryTraffic traffic,
                             float* sum) {
    alignas(64) float strip[outer_pixels * strip_floats];
    OuterBlock block;
    OuterTile tile{};
    tile.x = block.dy;
    tile.dy = block.x;
    tile.dw_stride = OC;
    tile.traffic = &traffic;
    for (std::int64_t group = 0; group < s.groups; ++group)
      for (std::int64_t tap = 0; tap < taps; tap += together) {
        const std::int64_t present = (std::min)(together, taps - tap), depth = present * C;
        block.copy(s, x + group * C, dy + group * OC, tap, present, C, begin, end, strip);
        tile.pixels = block.count;
        for (std::int64_t first = 0; first < OC; first += row.columns) {
          tile.columns = static_cast<int>((std::min)(OC - first, std::int64_t(row.columns)));
          for (std::int64_t k = 0; k < depth; k += tile_rows) {
            tile.rows = static_cast<int>((std::min)(depth - k, std::int64_t(tile_rows)));
            tile.dy_offset = k;
            tile.dw = sum + ((group * taps + tap) * C + k) * OC + first;
            outer(tile);
          }
          for (std::int64_t i = 0; i < block.count; ++i) block.dy[i] += row.columns;
        }
      }
  };
  for (std::int64_t begin = 0; begin < pixels; begin += chunk) {
    const std::int64_t blocks = pieces((std::min)(chunk, pixels - begin), outer_pixels);
    sums.assign(static_cast<std::size_t>(blocks * size), 0.0f);
    pool.parallel_for(blocks, 8, [&](std::int64_t block, std::int64_t end) {
      for (; block < end; ++block) {
        const std::int64_t first = begin + block * outer_pixels;
        const std::int64_t next = (std::min)(first + outer_pixels, pixels);
        MemoryTraffic traffic;
        traffic.want(dy + next * s.OC, ((std::min)(next + outer_pixels, pixels) - next) * s.OC);
        add_block(first, next, traffic, sums.data() + block * size);
      }
    });
    for (std::int64_t block = 0; block < blocks; ++block)
      for (std::int64_t k = 0; k < size; ++k)
        turned[static_cast<std::size_t>(k)] += sums[static_cast<std::size_t>(block * size + k)];
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
