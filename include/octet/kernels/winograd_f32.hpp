// Winograd's convolution at work, forward and backward by x: for blocks of tiles, transform the
// image, multiply by the transformed weights, one small matrix product for each point, and
// transform back. The products are the tiles of gemm.hpp.
#pragma once

#include <algorithm>
#include <iterator>

#include "octet/kernels/conv2d_f32.hpp"
#include "octet/kernels/ranges.hpp"
#include "octet/kernels/winograd.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Points at the size x size pixels from (h, w) on of an image [H, W, C]; at `zeros` outside.
inline void point_at_pixels(const float* image, std::int64_t H, std::int64_t W, std::int64_t C,
                            std::int64_t h, std::int64_t w, int size, const float* zeros,
                            const float** pixels) {
  for (int i = 0; i < size; ++i)
    for (int j = 0; j < size; ++j) {
      const bool inside = h + i >= 0 && h + i < H && w + j >= 0 && w + j < W;
      *pixels++ = inside ? image + ((h + i) * W + w + j) * C : zeros;
    }
}

/// Transforms the weights [OC, 3, 3, C] of a convolution for the panels [begin, end), as
/// [panel][point][c][column]. A few channels at a time are turned first, so that columns are the
/// vector, and only nine numbers for each pair of channels move one by one.
inline void pack_winograd(const Winograd& a, const float* w, float* packed, std::int64_t begin,
                          std::int64_t end) {
  constexpr std::int64_t some = 16, most_columns = 64;
  const std::int64_t C = a.s.C, columns = a.gemm->columns;
  alignas(64) float turned[9 * some * most_columns] = {};
  OCTET_ASSERT(columns <= most_columns);
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::int64_t first = panel * columns, count = (std::min)(a.s.OC - first, columns);
    const std::int64_t width = round_up(count, a.gemm->lanes);
    float* const to = packed + first * a.points() * C;
    std::fill(std::begin(turned), std::end(turned), 0.0f);
    for (std::int64_t c = 0; c < C; c += some) {
      const std::int64_t channels = (std::min)(some, C - c);
      for (std::int64_t tap = 0; tap < 9; ++tap)
        for (std::int64_t j = 0; j < count; ++j)
          for (std::int64_t k = 0; k < channels; ++k)
            turned[(tap * some + k) * most_columns + j] = w[((first + j) * 9 + tap) * C + c + k];
      for (std::int64_t k = 0; k < channels; ++k)
        a.transforms->filter(turned + k * most_columns, 3 * some * most_columns,
                             some * most_columns, width, to + (c + k) * width, C * width);
    }
  }
}
/// The same for the gradient by x: w is [C, 3, 3, OC] in the letters of `a`, turned over.
inline void pack_winograd_turned(const Winograd& a, const float* w, float* packed,
                                 std::int64_t begin, std::int64_t end) {
  const std::int64_t C = a.s.C, OC = a.s.OC, points = a.points(), columns = a.gemm->columns;
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::int64_t first = panel * columns, count = (std::min)(OC - first, columns);
    const std::int64_t width = round_up(count, a.gemm->lanes);
    for (std::int64_t c = 0; c < C; ++c)
      a.transforms->filter(w + (c * 9 + 8) * OC + first, -3 * OC, -OC, count,
                           packed + first * points * C + c * width, C * width);
  }
}

/// Transforms the tiles [begin, end) of x into points [tile][point][c].
inline void winograd_transform_tiles(const Winograd& a, const float* x, const float* zeros,
                                     std::int64_t begin, std::int64_t end, float* points) {
  const std::int64_t stride = Winograd::stride(a.s.C), rows = a.rows(), columns = a.columns();
  const int m = a.transforms->m;
  const float* pixels[36];
  for (std::int64_t tile = begin; tile < end; ++tile, points += a.points() * stride) {
    point_at_pixels(x + tile / (rows * columns) * a.s.H * a.s.W * a.s.C, a.s.H, a.s.W, a.s.C,
                    tile / columns % rows * m - a.s.pad_top, tile % columns * m - a.s.pad_left,
                    m + 2, zeros, pixels);
    a.transforms->input(pixels, a.s.C, points, stride);
  }
}

/// Wants the lines, `line` floats each, that the tiles [begin, end) take from images of so many;
/// where a line belongs to two rows of tiles, about those.
inline void want_tiles(const Winograd& a, std::int64_t begin, std::int64_t end, const float* images,
                       std::int64_t lines, std::int64_t line, MemoryTraffic& traffic) {
  if (begin >= end) return;
  const std::int64_t first = begin / a.columns() * lines / a.rows();
  const std::int64_t last = ((end - 1) / a.columns() + 1) * lines / a.rows();
  traffic.want(images + first * line, (last - first) * line);
}

/// The products of `count` tiles' points with the weights of one panel, and its channels of y. When
/// `traffic` wants nothing, the next weights are fetched meanwhile.
inline void winograd_panel(const Winograd& a, const float* points, const float* packed,
                           std::int64_t panel, std::int64_t first_tile, std::int64_t count,
                           const Epilogue<float>& epilogue, float* sums, float* y,
                           MemoryTraffic& traffic) {
  const std::int64_t C = a.s.C, stride = Winograd::stride(C), n2 = a.points();
  const std::int64_t first = panel * a.gemm->columns;
  const std::int64_t channels = (std::min)(a.s.OC - first, std::int64_t(a.gemm->columns));
  const std::int64_t width = round_up(channels, a.gemm->lanes);
  const std::int64_t sums_stride = Winograd::stride(channels);
  const std::int64_t slice = pieces(C, pieces(C, tile_depth));
  const float* from[Winograd::most_tiles];
  float* to[Winograd::most_tiles];
  ProductTile tile{};
  tile.a = from;
  tile.c = to;
  tile.taps = 1;
  tile.rows = count;
  tile.columns = static_cast<int>(channels);
  const float* const end = packed + a.packed_size();
  for (std::int64_t p = 0; p < n2; ++p) {
    for (std::int64_t t = 0; t < count; ++t) {
      from[t] = points + (t * n2 + p) * stride;
      to[t] = sums + (t * n2 + p) * sums_stride;
    }
    for (std::int64_t k = 0; k < C; k += slice) {
      tile.b = packed + first * n2 * C + (p * C + k) * width;
      tile.offset = k;
      tile.depth = (std::min)(slice, C - k);
      MemoryTraffic weights = slice_after(tile.b, tile.depth * width, end);
      tile.traffic = traffic.wants_nothing() ? &weights : &traffic;
      tile.starts = k == 0;
      a.gemm->product(tile);
    }
  }
  const std::int64_t m = a.transforms->m, rows = a.rows(), columns = a.columns();
  WinogradOutput out{};
  out.stride = sums_stride;
  out.channels = channels;
  out.row_stride = a.s.OW * a.s.OC;
  out.pixel_stride = a.s.OC;
  out.bias = epilogue.bias ? epilogue.bias + first : nullptr;
  out.has_residual = epilogue.residual != nullptr;
  out.residual = epilogue.residual ? epilogue.residual - y : 0;
  out.lo = epilogue.lo;
  out.hi = epilogue.hi;
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t tile_index = first_tile + t, image = tile_index / (rows * columns);
    const std::int64_t oh = tile_index / columns % rows * m, ow = tile_index % columns * m;
    out.points = sums + t * n2 * sums_stride;
    out.rows = a.s.OH - oh;
    out.columns = a.s.OW - ow;
    out.y = y + ((image * a.s.OH + oh) * a.s.OW + ow) * a.s.OC + first;
    a.transforms->output(out);
  }
}

/// y = epilogue(x * w), with weights from pack_winograd() and scratch_size() floats of `scratch`.
inline void winograd_run(const Winograd& a, const float* x, const float* packed,
                         const Epilogue<float>& epilogue, float* y, float* scratch,
                         ThreadPool* pool) {
  const std::int64_t blocks = a.blocks(), block = a.block(), tiles = a.tiles();
  const std::int64_t panels = a.panels(), slots = a.input_slots();
  float* const zeros = scratch;
  float* const points = zeros + Winograd::stride(a.s.C);
  float* const sums = points + slots * a.input_size();
  std::fill(zeros, points, 0.0f);
  const auto last = [&](std::int64_t b) { return (std::min)((b + 1) * block, tiles); };
  const auto multiply = [&](std::int64_t b, std::int64_t panel, const float* in, float* out,
                            MemoryTraffic& traffic) {
    winograd_panel(a, in, packed, panel, b * block, last(b) - b * block, epilogue, out, y, traffic);
  };
  const int threads = pool ? pool->threads() : 1;
  if (threads == 1 || blocks > slots || blocks >= 2 * threads) {
    const std::int64_t line = a.s.W * a.s.C;
    const bool from_memory = a.s.N * a.s.H * line * 4 > 2 * second_cache_bytes();
    over_jobs(pool, slots, blocks, [&](std::int64_t worker, std::int64_t b) {
      float* const in = points + worker * a.input_size();
      winograd_transform_tiles(a, x, zeros, b * block, last(b), in);
      // What this thread reads next, if all are as fast.
      const std::int64_t next = b + threads;
      MemoryTraffic traffic;
      if (from_memory && next < blocks)
        want_tiles(a, next * block, last(next), x, a.s.H, line, traffic);
      for (std::int64_t panel = 0; panel < panels; ++panel)
        multiply(b, panel, in, sums + worker * a.sums_size(), traffic);
    });
    return;
  }
  // Too few blocks for the threads: they share the transform, then the panels.
  constexpr std::int64_t some = 4;
  over_ranges(pool, pieces(tiles, some), 1, [&](std::int64_t begin, std::int64_t end) {
    winograd_transform_tiles(a, x, zeros, begin * some, (std::min)(end * some, tiles),
                             points + begin * some * a.points() * Winograd::stride(a.s.C));
  });
  over_jobs(pool, a.sums_slots(), blocks * panels, [&](std::int64_t worker, std::int64_t job) {
    MemoryTraffic traffic;
    multiply(job / panels, job % panels, points + job / panels * a.input_size(),
             sums + worker * a.sums_size(), traffic);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
