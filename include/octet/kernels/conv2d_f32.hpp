// The float convolution as products of tiles: which pixels, taps and channels go into which tile.
// It serves forward and backward by x; conv2d_backward_weight_f32.hpp has the other gradient.
#pragma once

#include <algorithm>
#include <cstddef>

#include "octet/core/aligned.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gather_axis.hpp"
#include "octet/kernels/gemm.hpp"
#include "octet/kernels/ranges.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// A sum over taps and channels for a grid of pixels: forward, or one phase of backward.
struct Gather {
  std::int64_t images;
  GatherAxis h, w;
  std::int64_t source_channels, depth;  ///< floats from pixel to pixel, and those summed
  std::int64_t target_channels, columns;
  std::int64_t pixels() const { return images * h.grid * w.grid; }
  std::int64_t taps() const { return h.taps * w.taps; }
};

/// Pixels of one job. With 64 channels in, its part of x and y and one pass over the weights (32
/// KiB) stay in the first two caches.
inline constexpr std::int64_t gather_pixels = 96;
/// Taps whose pointers are kept at once.
inline constexpr std::int64_t gather_taps = 16;
/// With fewer channels than this, a line of taps is summed as one: it lies in a row of the image,
/// or, at the image's sides, is copied with its padding.
inline constexpr std::int64_t gather_strip_depth = 8;

/// Floats of packed weights: panels of row.columns channels, the last rounded up to whole vectors.
inline std::int64_t packed_size(const GemmImplementation& row, std::int64_t taps,
                                std::int64_t depth, std::int64_t columns) {
  return taps * depth * round_up(columns, row.lanes);
}

/// Where weights lie: those of a tap start at first + tap_offset(tap), and go on by column_stride
/// to the next column of the product, by depth_stride to the next channel that is summed.
struct WeightStrides {
  std::int64_t column, depth;
};

/// Packs weights as [panel][tap][k][column in the panel], panels [begin, end). One of the strides
/// is 1: blocks of 16 x 16 keep both sides' accesses in the first cache.
template <class TapOffset>
void pack_panels(const GemmImplementation& row, std::int64_t taps, std::int64_t depth,
                 std::int64_t columns, const float* weights, const TapOffset& tap_offset,
                 WeightStrides strides, float* packed, std::int64_t begin, std::int64_t end) {
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::int64_t first = panel * row.columns;
    const std::int64_t count = (std::min)(columns - first, std::int64_t(row.columns));
    const std::int64_t width = round_up(count, row.lanes);
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const float* const from = weights + tap_offset(tap) + first * strides.column;
      float* const to = packed + first * taps * depth + tap * depth * width;
      for (std::int64_t k0 = 0; k0 < depth; k0 += 16) {
        const std::int64_t k1 = (std::min)(k0 + 16, depth);
        if (strides.column == 1) {
          for (std::int64_t k = k0; k < k1; ++k)
            std::copy(from + k * strides.depth, from + k * strides.depth + count, to + k * width);
        } else {
          for (std::int64_t j = 0; j < count; ++j)
            for (std::int64_t k = k0; k < k1; ++k)
              to[k * width + j] = from[j * strides.column + k * strides.depth];
        }
        for (std::int64_t k = k0; k < k1; ++k)
          std::fill(to + k * width + count, to + (k + 1) * width, 0.0f);
      }
    }
  }
}

/// One job: the pixels [begin, begin + count) of the grid, their pointers and the sums over them.
class GatherBlock {
 public:
  GatherBlock(const Gather& gather, const float* source, float* target, std::int64_t begin,
              std::int64_t count)
      : gather_(gather), source_(source), count_(count) {
    std::int64_t w = begin % gather.w.grid, h = begin / gather.w.grid % gather.h.grid;
    std::int64_t n = begin / gather.w.grid / gather.h.grid;
    for (std::int64_t i = 0; i < count; ++i) {
      image_[i] = n * gather.h.source;
      h_[i] = h * gather.h.step + gather.h.start;
      w_[i] = w * gather.w.step + gather.w.start;
      c_[i] = target +
              ((n * gather.h.target + gather.h.first + h * gather.h.target_step) * gather.w.target +
               gather.w.first + w * gather.w.target_step) *
                  gather.target_channels;
      if (++w < gather.w.grid) continue;
      w = 0;
      if (++h < gather.h.grid) continue;
      h = 0;
      ++n;
    }
  }

  /// Sums into the channels of panels [first_panel, end_panel).
  void run(const GemmImplementation& row, const float* packed, const Epilogue<float>& epilogue,
           std::ptrdiff_t residual, std::int64_t first_panel, std::int64_t end_panel) {
    const bool lines = gather_.depth < gather_strip_depth && gather_.taps() > 1 &&
                       gather_.w.taps * gather_.depth <= tile_depth;
    const std::int64_t taps = lines ? gather_.h.taps : gather_.taps();
    const std::int64_t depth = lines ? gather_.w.taps * gather_.depth : gather_.depth;
    const std::int64_t group = lines ? (std::min)(tile_depth / depth, gather_taps) : gather_taps;
    const float* const end = packed + packed_size(row, taps, depth, gather_.columns);
    for (std::int64_t tap = 0; tap == 0 || tap < taps; tap += group) {
      const std::int64_t present = (std::min)(group, taps - tap);
      if (lines)
        point_at_lines(tap, present, depth);
      else
        point(tap, present);
      for (std::int64_t panel = first_panel; panel < end_panel; ++panel) {
        const std::int64_t first = panel * row.columns;
        const std::int64_t count = (std::min)(gather_.columns - first, std::int64_t(row.columns));
        const std::int64_t width = round_up(count, row.lanes);
        ProductTile tile{};
        tile.columns = static_cast<int>(count);
        tile.a_stride = gather_pixels;
        tile.bias = epilogue.bias ? epilogue.bias + first : nullptr;
        tile.has_residual = epilogue.residual != nullptr;
        tile.residual = residual;
        tile.lo = epilogue.lo;
        tile.hi = epilogue.hi;
        const float* const b = packed + first * taps * depth;
        tile.b_stride = depth * width;
        const std::int64_t slices = (std::max)(pieces(depth, tile_depth), std::int64_t(1));
        const std::int64_t slice = pieces(depth, slices);
        const std::int64_t together =
            slices > 1 ? 1 : (std::max)(tile_depth / depth, std::int64_t(1));
        for (std::int64_t t = 0; t == 0 || t < present; t += together)
          for (std::int64_t k = 0; k < depth; k += slice) {
            tile.taps = (std::min)(together, present - t);
            tile.offset = k;
            tile.depth = (std::min)(slice, depth - k);
            tile.b = b + ((tap + t) * depth + k) * width;
            tile.starts = tap + t == 0 && k == 0;
            tile.ends = tap + t + together >= taps && k + slice >= depth;
            pass(row, tile, t, first, width, end);
          }
      }
    }
  }

 private:
  // All tiles of the block with one slice of the weights, which stays in the first cache; the first
  // tiles fetch the slice that follows in memory, which is the next, into the second cache.
  void pass(const GemmImplementation& row, ProductTile tile, std::int64_t tap, std::int64_t first,
            std::int64_t width, const float* end) {
    const std::int64_t size = tile.taps * tile.depth * width;
    const std::int64_t fetched = tile.taps * tile.depth * 16 * fetched_lines(width / row.lanes);
    const bool more = end - tile.b >= 2 * size;
    std::int64_t ahead = size;
    float* c[tile_rows];
    tile.c = c;
    for (std::int64_t r = 0; r < count_; r += tile_rows) {
      tile.rows = static_cast<int>((std::min)(count_ - r, std::int64_t(tile_rows)));
      for (int i = 0; i < tile.rows; ++i) c[i] = c_[r + i] + first;
      tile.a = a_ + tap * gather_pixels + r;
      tile.next = more && ahead + fetched <= 2 * size ? tile.b + ahead : tile.b;
      ahead += fetched;
      row.product(tile);
    }
  }

  // The source pixel that grid pixel i sees through a tap, or zero_pixel.
  const float* pixel(std::int64_t i, std::int64_t tap_h, std::int64_t tap_w) const {
    const std::int64_t h = h_[i] + tap_h * gather_.h.tap_step;
    const std::int64_t w = w_[i] + tap_w * gather_.w.tap_step;
    if (h < 0 || h >= gather_.h.source || w < 0 || w >= gather_.w.source) return zero_pixel;
    return source_ + ((image_[i] + h) * gather_.w.source + w) * gather_.source_channels;
  }
  void point(std::int64_t tap, std::int64_t taps) {
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::int64_t tap_h = (tap + t) / gather_.w.taps, tap_w = (tap + t) % gather_.w.taps;
      const float** const a = a_ + t * gather_pixels;
      for (std::int64_t i = 0; i < count_; ++i) a[i] = pixel(i, tap_h, tap_w);
    }
  }
  void point_at_lines(std::int64_t tap, std::int64_t taps, std::int64_t depth) {
    const GatherAxis &v = gather_.h, &w = gather_.w;
    const std::int64_t channels = gather_.source_channels;
    const bool adjoin = w.tap_step == 1 && channels == gather_.depth;
    for (std::int64_t i = 0; i < count_; ++i) {
      const float* const image = source_ + image_[i] * w.source * channels;
      const bool inside = adjoin && w_[i] >= 0 && w_[i] + w.taps <= w.source;
      for (std::int64_t t = 0; t < taps; ++t) {
        const std::int64_t h = h_[i] + (tap + t) * v.tap_step;
        const float*& a = a_[t * gather_pixels + i];
        if (h < 0 || h >= v.source) {
          a = zero_pixel;
        } else if (inside) {
          a = image + (h * w.source + w_[i]) * channels;
        } else {
          float* const out = strip_ + i * tile_depth + t * depth;
          copy_taps(v, w, image, channels, gather_.depth, h_[i], w_[i], (tap + t) * w.taps, w.taps,
                    out);
          a = out;
        }
      }
    }
  }

  const Gather& gather_;
  const float* source_;
  std::int64_t count_;
  std::int64_t image_[gather_pixels], h_[gather_pixels], w_[gather_pixels];
  float* c_[gather_pixels];
  const float* a_[gather_taps * gather_pixels];
  alignas(64) float strip_[gather_pixels * tile_depth];
};

/// target = epilogue(the sums of gather), for one group; `packed` by pack_panels.
inline void gather_product(const GemmImplementation& row, const Gather& gather, const float* source,
                           const float* packed, const Epilogue<float>& epilogue, float* target,
                           ThreadPool* pool) {
  const std::int64_t pixels = gather.pixels(), blocks = pieces(pixels, gather_pixels);
  const std::int64_t panels = pieces(gather.columns, row.columns);
  // A few pixels alone would leave threads idle, so then the panels are jobs too.
  const std::int64_t together = blocks >= 16 ? panels : 1, parts = pieces(panels, together);
  const std::ptrdiff_t residual = epilogue.residual ? epilogue.residual - target : 0;
  over_ranges(pool, blocks * parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t first = job / parts * gather_pixels, panel = job % parts * together;
      GatherBlock block(gather, source, target, first, (std::min)(gather_pixels, pixels - first));
      block.run(row, packed, epilogue, residual, panel, (std::min)(panel + together, panels));
    }
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
