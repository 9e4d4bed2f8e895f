// One job of a float convolution: which pixels, taps and channels go into which tile. It serves
// forward and backward by x; strip_block.hpp is for few channels.
#pragma once

#include <algorithm>
#include <cstddef>

#include "octet/core/aligned.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gather_axis.hpp"
#include "octet/kernels/gemm.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// A sum over taps and channels for a grid of pixels: forward, or one phase of backward.
struct Gather {
  std::int64_t images;
  GatherAxis h, w;
  std::int64_t source_channels, depth;  ///< floats from pixel to pixel, and those summed
  std::int64_t target_channels, columns;
  std::int64_t pixels() const { return images * h.grid * w.grid; }
  std::int64_t taps() const { return h.taps * w.taps; }
  /// Line `at` of an image of the source, or nullptr if it is none.
  const float* line(const float* source, std::int64_t image, std::int64_t at) const {
    if (at < 0 || at >= h.source) return nullptr;
    return source + (image * h.source + at) * w.source * source_channels;
  }
  /// Whether each pixel sees one of the source, and all of both sides are seen in order.
  bool in_place() const { return h.in_place() && w.in_place(); }
};

/// Pixels of one job, at most. With 64 channels in and out, its part of x and y (24 KiB each) and
/// one pass over the weights (192 KiB, see tile_depth) stay in the first two caches.
inline constexpr std::int64_t gather_pixels = 96;
/// Taps whose pointers are kept at once.
inline constexpr std::int64_t gather_taps = 16;

/// Floats of packed weights: panels of row.columns channels, the last rounded up to whole vectors.
inline std::int64_t packed_size(const GemmImplementation& row, std::int64_t taps,
                                std::int64_t depth, std::int64_t columns) {
  return taps * depth * round_up(columns, row.lanes);
}

/// After a slice of packed weights another of its size is wanted, if there is one.
inline MemoryTraffic slice_after(const float* b, std::int64_t size, const float* end) {
  MemoryTraffic traffic;
  if (end - b >= 2 * size) traffic.want(b + size, size);
  return traffic;
}

/// Points at `count` pixels, one at least, that are `step` floats apart.
template <class Float>
void point_in_steps(Float** pointers, Float* pixel, std::int64_t step, std::int64_t count) {
  pointers[0] = pixel;
  for (std::int64_t i = 1; i < count; ++i) pointers[i] = pixel += step;
}

/// The tiles of `rows` pixels at c.
inline ProductTile tile_of_pixels(float* const* c, std::int64_t rows,
                                  const Epilogue<float>& epilogue, std::ptrdiff_t residual) {
  ProductTile tile{};
  tile.a_stride = gather_pixels;
  tile.c = c;
  tile.rows = rows;
  tile.residual = residual;
  tile.lo = epilogue.lo;
  tile.hi = epilogue.hi;
  return tile;
}
/// Turns a tile to one panel of the columns. Returns their number in packed weights.
inline std::int64_t turn_to_panel(ProductTile& tile, const GemmImplementation& row,
                                  std::int64_t columns, std::int64_t panel,
                                  const Epilogue<float>& epilogue, std::int64_t depth,
                                  std::ptrdiff_t moved) {
  const std::int64_t first = panel * row.columns;
  const std::int64_t count = (std::min)(columns - first, std::int64_t(row.columns));
  const std::int64_t width = round_up(count, row.lanes);
  tile.column = moved + first;
  tile.columns = static_cast<int>(count);
  tile.bias = epilogue.bias ? epilogue.bias + first : nullptr;
  tile.b_stride = depth * width;
  return width;
}

/// Some pixels of the grid in a row, their pointers and the sums over them.
class GatherBlock {
 public:
  static std::int64_t jobs(const Gather& gather) { return pieces(gather.pixels(), gather_pixels); }

  GatherBlock(const Gather& gather, const float* source, float* target)
      : gather_(gather), source_(source), target_(target) {}

  /// Goes to the pixels of a job. Where they lie like those before, the old pointers serve with an
  /// offset: a tenth of the time of 1x1 convolutions of 16 channels is saved.
  void see(std::int64_t job) {
    const std::int64_t begin = job * gather_pixels;
    const std::int64_t count = (std::min)(gather_pixels, gather_.pixels() - begin);
    count_ = count;
    if (count <= pointed_) {
      moved_ = begin - first_;
      return;
    }
    std::int64_t w = begin % gather_.w.grid, h = begin / gather_.w.grid % gather_.h.grid;
    std::int64_t n = begin / gather_.w.grid / gather_.h.grid;
    const std::int64_t step = gather_.w.target_step * gather_.target_channels;
    line_count_ = 0;
    for (std::int64_t i = 0; i < count;) {
      const std::int64_t end = (std::min)(count, i + gather_.w.grid - w);
      lines_[line_count_++] = {i, end, n, h * gather_.h.step + gather_.h.start,
                               w * gather_.w.step + gather_.w.start};
      float* const c =
          target_ +
          ((n * gather_.h.target + gather_.h.first + h * gather_.h.target_step) * gather_.w.target +
           gather_.w.first + w * gather_.w.target_step) *
              gather_.target_channels;
      point_in_steps(c_ + i, c, step, end - i);
      i = end;
      w = 0;
      if (++h < gather_.h.grid) continue;
      h = 0;
      ++n;
    }
    if (!gather_.in_place()) return;
    point(0, 1);
    first_ = begin, moved_ = 0, pointed_ = count;
  }

  /// What moves while sums are computed; when it wants nothing, the next weights are fetched.
  void move(MemoryTraffic& traffic) { traffic_ = &traffic; }

  /// Sums into the channels of panels [first_panel, end_panel).
  void run(const GemmImplementation& row, const float* packed, const Epilogue<float>& epilogue,
           std::ptrdiff_t residual, std::int64_t first_panel, std::int64_t end_panel) {
    const std::int64_t taps = gather_.taps(), depth = gather_.depth;
    const std::int64_t slices = pieces(depth, tile_depth);
    const std::int64_t slice = pieces(depth, slices);
    const std::int64_t together = slices > 1 ? 1 : tile_depth / depth;
    const float* const end = packed + packed_size(row, taps, depth, gather_.columns);
    const bool limits = epilogue.limits();
    ProductTile tile = tile_of_pixels(c_, count_, epilogue, residual);
    for (std::int64_t tap = 0; tap == 0 || tap < taps; tap += gather_taps) {
      const std::int64_t present = (std::min)(gather_taps, taps - tap);
      if (pointed_ == 0) point(tap, present);
      for (std::int64_t panel = first_panel; panel < end_panel; ++panel) {
        const std::int64_t width = turn_to_panel(tile, row, gather_.columns, panel, epilogue, depth,
                                                 moved_ * gather_.target_channels);
        const float* const b = packed + panel * row.columns * taps * depth;
        // Each slice stays in the second cache for all tiles; meanwhile the next is fetched, which
        // follows it in memory.
        for (std::int64_t t = 0; t == 0 || t < present; t += together)
          for (std::int64_t k = 0; k < depth; k += slice) {
            tile.a = a_ + t * gather_pixels;
            tile.taps = (std::min)(together, present - t);
            tile.offset = moved_ * gather_.source_channels + k;
            tile.depth = (std::min)(slice, depth - k);
            tile.b = b + ((tap + t) * depth + k) * width;
            MemoryTraffic weights = slice_after(tile.b, tile.taps * tile.depth * width, end);
            weights.stream(streamed(traffic_));
            tile.traffic = traffic_ && !traffic_->wants_nothing() ? traffic_ : &weights;
            tile.starts = tap + t == 0 && k == 0;
            const bool ends = tap + t + tile.taps >= taps && k + slice >= depth;
            tile.has_residual = ends && epilogue.residual;
            tile.limits = ends && limits && !epilogue.residual;
            row.product(tile);
          }
      }
    }
  }

 private:
  // Points at what each pixel sees through the taps [tap, tap + taps): at the image or at padding.
  void point(std::int64_t tap, std::int64_t taps) {
    const GatherAxis& w = gather_.w;
    const std::int64_t channels = gather_.source_channels;
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::int64_t tap_h = (tap + t) / w.taps, tap_w = (tap + t) % w.taps;
      for (std::int64_t l = 0; l < line_count_; ++l) {
        const Line& line = lines_[l];
        const float** const a = a_ + t * gather_pixels + line.begin;
        const std::int64_t first = line.w + tap_w * w.tap_step, count = line.end - line.begin;
        const float* const row =
            gather_.line(source_, line.image, line.h + tap_h * gather_.h.tap_step);
        const Reach seen = row ? reach(w.source, count, w.step, first) : Reach{0, 0};
        std::fill(a, a + seen.begin, zero_pixel);
        if (seen.end > seen.begin)
          point_in_steps(a + seen.begin, row + (first + seen.begin * w.step) * channels,
                         w.step * channels, seen.end - seen.begin);
        std::fill(a + (std::max)(seen.begin, seen.end), a + count, zero_pixel);
      }
    }
  }

  // Pixels of the job in one line of the grid, and where its first window begins.
  struct Line {
    std::int64_t begin, end, image, h, w;
  };

  const Gather& gather_;
  const float* source_;
  float* target_;
  MemoryTraffic* traffic_ = nullptr;
  std::int64_t count_ = 0;
  std::int64_t line_count_ = 0;
  // Pixels whose pointers are kept, the first of them, and how far behind it count_ pixels begin.
  std::int64_t pointed_ = 0, first_ = 0, moved_ = 0;
  Line lines_[gather_pixels];
  float* c_[gather_pixels];
  const float* a_[gather_taps * gather_pixels];
};

}  // namespace octet::inline OCTET_ABI::kernels
