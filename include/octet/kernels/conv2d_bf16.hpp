// Convolution of float images in bf16, and its gradients: operands are rounded to the nearest bf16
// while they are laid out for the tiles, products are summed as floats. One job takes a few images,
// or a few lines of one, as much as fits in the second cache; which ones never depends on the
// number of threads.
#pragma once

#include <algorithm>
#include <concepts>
#include <vector>

#include "octet/core/cache.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_bf16_plane.hpp"
#include "octet/kernels/conv2d_f32.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/thread_memory.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// How the work is cut into jobs: so many images, or so many lines of one image.
struct Bf16Cut {
  std::int64_t images, lines;

  /// Of images whose planes have `elements` bf16 numbers in `positions` positions, so that a job
  /// has about `budget` elements, but no fewer than `enough` positions.
  Bf16Cut(std::int64_t all_images, std::int64_t all_lines, std::int64_t elements,
          std::int64_t positions, std::int64_t budget, std::int64_t enough)
      : images(1), lines(all_lines) {
    const std::int64_t needed =
        (std::max)((std::min)(all_images, pieces(enough, positions)), std::int64_t{1});
    if (elements * needed > budget && positions > enough) {
      lines = (std::clamp)(all_lines * budget / elements, pieces(enough * all_lines, positions),
                           all_lines);
      lines = pieces(all_lines, pieces(all_lines, lines));
      return;
    }
    const std::int64_t fit = (std::max)(budget / elements, needed);
    images = (std::clamp)(pieces(all_images, 8), needed, (std::max)(fit, needed));
    if (positions == 1 && images > bf16_block) images = images / bf16_block * bf16_block;
  }
  std::int64_t strips(std::int64_t all_lines) const { return pieces(all_lines, lines); }
};

/// Elements of packed weights: [32 columns][32 of the depth][tap][two tiles].
inline std::int64_t packed_bf16_size(std::int64_t taps, std::int64_t depth, std::int64_t columns) {
  return pieces(columns, bf16_block) * pieces(depth, bf16_depth) * taps * 2 * bf16_tile_size;
}

/// Whether the sum runs over the last index of the weights, as forward, or over the filters.
enum class Bf16Sum { over_channels, over_filters };

/// Packs weights [OC][tap][C] of one group, tap by tap as tap_index(tap) says. `stride` is from
/// filter to filter.
template <class TapIndex>
void pack_bf16(const Bf16Implementation& row, Bf16Sum sum, std::int64_t taps, std::int64_t depth,
               std::int64_t columns, const float* w, std::int64_t stride, const TapIndex& tap_index,
               Bfloat16* packed, ThreadPool& pool) {
  const std::int64_t depth_blocks = pieces(depth, bf16_depth);
  pool.parallel_for(pieces(columns, bf16_block), 1, [&](std::int64_t block, std::int64_t) {
    alignas(64) Bfloat16 lines[bf16_block * bf16_depth];
    const std::int64_t column = block * bf16_block;
    Bfloat16* to = packed + block * depth_blocks * taps * 2 * bf16_tile_size;
    for (std::int64_t k = 0; k < depth; k += bf16_depth)
      for (std::int64_t tap = 0; tap < taps; ++tap, to += 2 * bf16_tile_size) {
        const bool forward = sum == Bf16Sum::over_channels;
        const std::int64_t channels = forward ? depth : columns;
        const std::int64_t filter = forward ? column : k, c = forward ? k : column;
        const std::int64_t filters = (std::min)(bf16_block, (forward ? columns : depth) - filter);
        std::fill(lines + filters * bf16_depth, lines + bf16_block * bf16_depth, Bfloat16{});
        row.convert(filters, (std::min)(bf16_depth, channels - c),
                    w + filter * stride + tap_index(tap) * channels + c, stride, lines, 0);
        if (forward) {
          row.turn(lines, to);
          row.turn(lines + bf16_tile_size, to + bf16_tile_size);
        } else {
          row.interleave(lines, to, bf16_tile_size);
        }
      }
  });
}

/// Elements of planes in one job: three eighths of the second cache.
inline std::int64_t bf16_budget() { return second_cache_bytes() * 3 / 16; }
/// The same where a job's elements are summed: the order of sums is that of every machine.
inline constexpr std::int64_t bf16_sum_budget = 384 * 1024;

/// What the products of a gather need besides the planes: weights by pack_bf16, the bias or null,
/// and the image of the results.
struct Bf16Target {
  const Bfloat16* packed;
  const float* bias;
  float* target;
  StoreThrough through;
};

/// The sums of gather for the images [n, n + layout.images), lines [first_line, first_line +
/// lines), whose planes are filled.
inline void sum_planes(const Bf16Implementation& row, const Gather& gather,
                       const PlaneLayout& layout, const Bfloat16* planes, std::int64_t n,
                       std::int64_t first_line, std::int64_t lines, const Bf16Target& to) {
  std::vector<std::int64_t> offsets;
  for (std::int64_t block = 0; block < layout.blocks; ++block)
    for (std::int64_t tap = 0; tap < gather.taps(); ++tap) {
      const TapPosition h = tap_position(gather.h, tap / gather.w.taps);
      const TapPosition w = tap_position(gather.w, tap % gather.w.taps);
      offsets.push_back((h.phase * layout.w.step + w.phase) * layout.plane() +
                        block * layout.block() + (h.shift * layout.w.pitch + w.shift) * bf16_depth);
    }
  alignas(64) float sum[bf16_block * bf16_block];
  Bf16Product product{};
  product.a_offset = offsets.data();
  product.a_tile = bf16_tile_size;
  product.b_step = 2 * bf16_tile_size;
  product.b_tile = bf16_tile_size;
  product.steps = static_cast<std::int64_t>(offsets.size());
  product.sum = sum;
  const std::int64_t used = layout.used(lines, gather.w.grid);
  std::vector<float*> targets(static_cast<std::size_t>(used));
  for (std::int64_t image = 0; image < layout.images; ++image)
    for (std::int64_t i = 0; i < lines; ++i)
      for (std::int64_t j = 0; j < gather.w.grid; ++j) {
        const std::int64_t h = gather.h.first + (first_line + i) * gather.h.target_step;
        const std::int64_t w = gather.w.first + j * gather.w.target_step;
        targets[static_cast<std::size_t>((image * layout.h.pitch + i) * layout.w.pitch + j)] =
            to.target +
            (((n + image) * gather.h.target + h) * gather.w.target + w) * gather.target_channels;
      }
  // Weights that fit in the second cache go by for every 32 positions, so that results are written
  // pixel by pixel; of larger ones, 32 columns at a time serve all positions: with 512 channels
  // that is 1.8 times as fast.
  const std::int64_t weights = gather.columns * product.steps * bf16_depth;
  const std::int64_t together = weights > bf16_budget() ? used : bf16_block;
  for (std::int64_t begin = 0; begin < used; begin += together)
    for (std::int64_t column = 0; column < gather.columns; column += bf16_block) {
      const std::int64_t end = (std::min)(begin + together, used);
      product.columns = static_cast<int>((std::min)(bf16_block, gather.columns - column));
      product.b = to.packed + column / bf16_block * product.steps * 2 * bf16_tile_size;
      for (std::int64_t position = begin; position < end; position += bf16_block) {
        product.rows = static_cast<int>((std::min)(bf16_block, used - position));
        product.a = planes + position * bf16_depth;
        row.product(product);
        row.store(product.rows, product.columns, column, sum, to.bias, to.through,
                  targets.data() + position);
      }
    }
}

/// target = the sums of gather + bias, for one group; `packed` by pack_bf16.
inline void gather_product_bf16(const Bf16Implementation& row, const Gather& gather,
                                const float* source, const Bfloat16* packed, const float* bias,
                                float* target, ThreadPool& pool) {
  const PlaneLayout whole(1, plane_axis(gather.h, 0, gather.h.grid),
                          plane_axis(gather.w, 0, gather.w.grid), gather.depth);
  const Bf16Cut cut(gather.images, gather.h.grid,
                    whole.image() * whole.phases() * whole.blocks * bf16_depth, whole.image(),
                    bf16_budget(), 256);
  const std::int64_t strips = cut.strips(gather.h.grid);
  const std::int64_t jobs = pieces(gather.images, cut.images) * strips;
  const Bf16Target to{
      packed, bias, target,
      stores_through(gather.images * gather.h.target * gather.w.target * gather.target_channels)};
  for_each_bf16_job(row, jobs, pool, [&](std::int64_t job) {
    const std::int64_t n = job / strips * cut.images, first_line = job % strips * cut.lines;
    const std::int64_t lines = (std::min)(cut.lines, gather.h.grid - first_line);
    const PlaneLayout layout((std::min)(cut.images, gather.images - n),
                             plane_axis(gather.h, first_line, lines), whole.w, gather.depth);
    Bfloat16* const planes = thread_memory<Bf16Memory::planes, Bfloat16>(layout.size());
    fill_planes(row, layout,
                PlaneSource{source + n * gather.h.source * gather.w.source * gather.source_channels,
                            gather.source_channels},
                gather.depth, planes);
    sum_planes(row, gather, layout, planes, n, first_line, lines, to);
  });
}

/// A convolution that sees one pixel at a time has as many images of one pixel.
inline Conv2dShape pixels_as_images(const Conv2dShape& s) {
  if (!is_pointwise(s)) return s;
  return {.N = s.N * s.H * s.W, .C = s.C, .OC = s.OC, .groups = s.groups};
}

/// y = x * w + bias, the formula of Conv2dShape, in bf16; bias may be null.
template <std::same_as<float> T>
void conv2d_forward_bf16(const Bf16Implementation& row, const Conv2dShape& shape, const T* x,
                         const T* w, const T* bias, T* y, ThreadPool& pool) {
  const Conv2dShape s = pixels_as_images(shape);
  const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups, taps = s.KH * s.KW;
  const Gather gather{s.N,
                      forward_axis(s.H, s.OH, s.KH, s.stride_h, s.dilation_h, s.pad_top),
                      forward_axis(s.W, s.OW, s.KW, s.stride_w, s.dilation_w, s.pad_left),
                      s.C,
                      C,
                      s.OC,
                      OC};
  Bfloat16* const packed =
      thread_memory<Bf16Memory::weights, Bfloat16>(packed_bf16_size(taps, C, OC));
  for (std::int64_t g = 0; g < s.groups; ++g) {
    pack_bf16(
        row, Bf16Sum::over_channels, taps, C, OC, w + g * OC * taps * C, taps * C,
        [](std::int64_t tap) { return tap; }, packed, pool);
    gather_product_bf16(row, gather, x + g * C, packed, bias ? bias + g * OC : nullptr, y + g * OC,
                        pool);
  }
}

/// The gradient by x: assigns dx, [N, H, W, C]. It is the convolution of dy with the flipped
/// weights, one for each phase of the stride.
template <std::same_as<float> T>
void conv2d_backward_input_bf16(const Bf16Implementation& row, const Conv2dShape& shape,
                                const T* dy, const T* w, T* dx, ThreadPool& pool) {
  const Conv2dShape s = pixels_as_images(shape);
  const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups, taps = s.KH * s.KW;
  Bfloat16* const packed =
      thread_memory<Bf16Memory::weights, Bfloat16>(packed_bf16_size(taps, OC, C));
  for (std::int64_t phase = 0; phase < s.stride_h * s.stride_w; ++phase) {
    const auto h =
        backward_axis(s.H, s.OH, s.KH, s.stride_h, s.dilation_h, s.pad_top, phase / s.stride_w);
    const auto v =
        backward_axis(s.W, s.OW, s.KW, s.stride_w, s.dilation_w, s.pad_left, phase % s.stride_w);
    const Gather gather{s.N, h.axis, v.axis, s.OC, OC, s.C, C};
    if (gather.pixels() <= 0) continue;
    for (std::int64_t g = 0; g < s.groups; ++g) {
      pack_bf16(
          row, Bf16Sum::over_filters, gather.taps(), OC, C, w + g * OC * taps * C, taps * C,
          [&](std::int64_t tap) {
            return (h.first_tap + tap / v.axis.taps * h.tap_stride) * s.KW + v.first_tap +
                   tap % v.axis.taps * v.tap_stride;
          },
          packed, pool);
      gather_product_bf16(row, gather, dy + g * OC, packed, nullptr, dx + g * C, pool);
    }
  }
}

}  // namespace octet::inline OCTET_ABI::kernels
