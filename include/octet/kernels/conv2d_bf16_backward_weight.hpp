// The gradient of a bf16 convolution by its weights: the pixels are what is summed over, so pairs
// of them lie next to each other, in x as in dy.
#pragma once

#include <algorithm>
#include <concepts>
#include <vector>

#include "octet/kernels/conv2d_bf16.hpp"
#include "octet/kernels/thread_memory.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// What is summed at once: images [image, image + images), of which all lines or those from `line`
/// on, and blocks of 32 channels of x.
struct Bf16Part {
  std::int64_t image, images, line, lines, channel_block, channel_blocks;
};

/// What a sum starts from.
enum class Bf16Start { zero, what_is_there };

/// What one job sums: dw of one group as blocks [32 channels][32 filters][tap][32][32].
struct Bf16WeightGradient {
  const Bf16Implementation& row;
  const Conv2dShape& s;
  GatherAxis h = forward_axis(s.H, s.OH, s.KH, s.stride_h, s.dilation_h, s.pad_top);
  GatherAxis w = forward_axis(s.W, s.OW, s.KW, s.stride_w, s.dilation_w, s.pad_left);
  std::int64_t C = s.C / s.groups, OC = s.OC / s.groups, taps = s.KH * s.KW;
  std::int64_t filter_blocks = pieces(OC, bf16_block), channel_blocks = pieces(C, bf16_block);

  std::int64_t size() const {
    return filter_blocks * channel_blocks * taps * bf16_block * bf16_block;
  }

  /// dy as rows of a product: [16 filters][32 pixels][filter][pixel], from planes of it.
  Bfloat16* filters_by_pixels(const Bfloat16* planes, const PlaneLayout& layout,
                              std::int64_t steps) const {
    Bfloat16* const tiles =
        thread_memory<Bf16Memory::tiles, Bfloat16>(filter_blocks * 2 * steps * bf16_tile_size);
    alignas(64) Bfloat16 pair[2 * bf16_tile_size];
    for (std::int64_t block = 0; block < filter_blocks; ++block)
      for (std::int64_t step = 0; step < steps; ++step) {
        row.interleave(planes + block * layout.block() + step * bf16_block * bf16_depth, pair,
                       bf16_tile_size);
        for (std::int64_t half = 0; half < 2; ++half)
          row.turn(pair + half * bf16_tile_size,
                   tiles + ((2 * block + half) * steps + step) * bf16_tile_size);
      }
    return tiles;
  }

  /// x as columns of a product: [phase][odd][16 channels][pair of pixels][channel][pixel]. Pairs
  /// start at even pixels, and once more at odd ones, for taps that look an odd way further.
  Bfloat16* pixels_by_channels(const Bfloat16* planes, const PlaneLayout& layout) const {
    const std::int64_t half = layout.positions * bf16_tile;
    Bfloat16* const tiles = thread_memory<Bf16Memory::second_tiles, Bfloat16>(2 * layout.size());
    for (std::int64_t i = 0; i < layout.phases() * layout.blocks; ++i)
      for (std::int64_t odd = 0; odd < 2; ++odd)
        for (std::int64_t at = 0; at < layout.positions; at += bf16_block)
          row.interleave(planes + i * layout.block() + (at + odd) * bf16_depth,
                         tiles + (i / layout.blocks * 2 + odd) * layout.plane() +
                             i % layout.blocks * 2 * half + at * bf16_tile,
                         half);
    return tiles;
  }

  /// Sums the gradient by the weights of some channels over some images, or some lines of one.
  void add(Bf16Start start, const Bf16Part& part, const float* x, const float* dy,
           float* sums) const {
    x += part.image * s.H * s.W * s.C + part.channel_block * bf16_block;
    dy += part.image * s.OH * s.OW * s.OC;
    sums += part.channel_block * filter_blocks * taps * bf16_block * bf16_block;
    const std::int64_t images = part.images, first_line = part.line, lines = part.lines;
    const std::int64_t channels =
        (std::min)(part.channel_blocks * bf16_block, C - part.channel_block * bf16_block);
    const PlaneLayout in(images, plane_axis(h, first_line, lines), plane_axis(w, 0, s.OW),
                         channels);
    // dy lies in the same positions; where it has no pixel, it is zero and x does not matter.
    const PlaneLayout out(images, {first_line + lines, 1, first_line, in.h.pitch, in.h.pitch},
                          {s.OW, 1, 0, in.w.pitch, in.w.pitch}, OC);
    const std::int64_t steps = pieces(in.used(lines, s.OW), bf16_block);
    Bfloat16* const planes =
        thread_memory<Bf16Memory::planes, Bfloat16>((std::max)(in.size() + bf16_depth, out.size()));
    fill_planes(row, out, PlaneSource{dy, s.OC}, OC, planes);
    const Bfloat16* const filters = filters_by_pixels(planes, out, steps);
    fill_planes(row, in, PlaneSource{x, s.C}, channels, planes);
    std::fill(planes + in.size(), planes + in.size() + bf16_depth, Bfloat16{});
    const Bfloat16* const pixels = pixels_by_channels(planes, in);
    add_products(start, in, filters, pixels, steps, channels, sums);
  }

  /// Sums the products of filters_by_pixels() and pixels_by_channels().
  void add_products(Bf16Start start, const PlaneLayout& in, const Bfloat16* filters,
                    const Bfloat16* pixels, std::int64_t steps, std::int64_t channels,
                    float* sums) const {
    std::vector<std::int64_t> offsets(static_cast<std::size_t>(steps));
    for (std::int64_t step = 0; step < steps; ++step)
      offsets[static_cast<std::size_t>(step)] = step * bf16_tile_size;
    Bf16Product product{};
    product.a_offset = offsets.data();
    product.a_tile = steps * bf16_tile_size;
    product.b_step = bf16_tile_size;
    product.b_tile = in.positions * bf16_tile;
    product.steps = steps;
    product.adds = start == Bf16Start::what_is_there;
    product.sum = sums;
    // 32 channels of x, which all taps share, meet all filters while they are in the second cache.
    for (std::int64_t channel = 0; channel < in.blocks; ++channel)
      for (std::int64_t filter = 0; filter < filter_blocks; ++filter)
        for (std::int64_t tap = 0; tap < taps; ++tap, product.sum += bf16_block * bf16_block) {
          const TapPosition tap_h = tap_position(h, tap / s.KW),
                            tap_w = tap_position(w, tap % s.KW);
          const std::int64_t shift = tap_h.shift * in.w.pitch + tap_w.shift;
          const std::int64_t copy = (tap_h.phase * w.step + tap_w.phase) * 2 + shift % 2;
          product.rows = static_cast<int>((std::min)(bf16_block, OC - filter * bf16_block));
          product.columns =
              static_cast<int>((std::min)(bf16_block, channels - channel * bf16_block));
          product.a = filters + 2 * filter * product.a_tile;
          product.b =
              pixels + copy * in.plane() + 2 * channel * product.b_tile + shift / 2 * bf16_depth;
          row.product(product);
        }
  }

  /// Adds the sums of all segments, in their order, to dw.
  void finish(const float* sums, std::int64_t segments, float* dw, ThreadPool& pool) const {
    if (segments == 0) return;  // of no images there need not even be memory
    pool.parallel_for(OC, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t oc = begin; oc < end; ++oc)
        for (std::int64_t c = 0; c < C; c += bf16_block)
          for (std::int64_t tap = 0; tap < taps; ++tap) {
            const std::int64_t count = (std::min)(bf16_block, C - c);
            const float* from = sums +
                                ((c / bf16_block * filter_blocks + oc / bf16_block) * taps + tap) *
                                    bf16_block * bf16_block +
                                oc % bf16_block * bf16_block;
            float* const to = dw + (oc * taps + tap) * C + c;
            for (std::int64_t segment = 0; segment < segments; ++segment, from += size())
              for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
          }
    });
  }
};

/// The gradient by w: adds to dw, [OC, KH, KW, C / groups]. The batch is cut into a few segments,
/// each summed by one thread; their number depends on the shape alone.
template <std::same_as<float> T>
void conv2d_backward_weight_bf16(const Bf16Implementation& row, const Conv2dShape& shape,
                                 const T* x, const T* dy, T* dw, ThreadPool& pool) {
  const Conv2dShape s = pixels_as_images(shape);
  const Bf16WeightGradient gradient{row, s};
  const PlaneLayout whole(1, plane_axis(gradient.h, 0, s.OH), plane_axis(gradient.w, 0, s.OW),
                          gradient.C);
  // Every part reads and writes all sums, so large ones want large parts and few segments; where
  // that leaves little to share, each job takes some of the channels alone.
  const std::int64_t positions = s.N * whole.image(), size = gradient.size();
  const std::int64_t most_segments =
      size <= 1 << 18 ? 16 : (std::clamp)(positions / 1024, std::int64_t(1), std::int64_t(4));
  const std::int64_t enough =
      (std::min)((std::max<std::int64_t>)(s.N / most_segments, 1) * whole.image(),
                 (std::clamp)(size / 512, std::int64_t(256), std::int64_t(4096)));
  const Bf16Cut cut(s.N, s.OH, whole.image() * (whole.phases() * gradient.C + gradient.OC),
                    whole.image(), bf16_sum_budget / 2, enough);
  const std::int64_t strips = cut.strips(s.OH), parts = pieces(s.N, cut.images) * strips;
  const std::int64_t segments = (std::min)(parts, most_segments);
  const std::int64_t shares =
      segments >= 4 ? 1 : (std::min)(gradient.channel_blocks, std::int64_t(8));
  float* const sums = thread_memory<Bf16Memory::sums, float>(segments * size);
  for (std::int64_t g = 0; g < s.groups; ++g) {
    for_each_bf16_job(row, segments * shares, pool, [&](std::int64_t job) {
      const std::int64_t segment = job / shares, share = job % shares;
      const std::int64_t first = parts * segment / segments;
      const std::int64_t block = gradient.channel_blocks * share / shares;
      for (std::int64_t part = first; part < parts * (segment + 1) / segments; ++part) {
        const std::int64_t n = part / strips * cut.images, line = part % strips * cut.lines;
        gradient.add(part == first ? Bf16Start::zero : Bf16Start::what_is_there,
                     {n, (std::min)(cut.images, s.N - n), line, (std::min)(cut.lines, s.OH - line),
                      block, gradient.channel_blocks * (share + 1) / shares - block},
                     x + g * gradient.C, dy + g * gradient.OC, sums + segment * size);
      }
    });
    gradient.finish(sums, segments, dw + g * gradient.OC * gradient.taps * gradient.C, pool);
  }
}

}  // namespace octet::inline OCTET_ABI::kernels
