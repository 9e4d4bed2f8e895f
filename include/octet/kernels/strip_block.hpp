// One job of a float convolution over few channels, such as a first layer: the lines of the image
// that it sees are copied with their padding, so that a line of taps is one sum and no window knows
// of the image's borders. Then pointers are the same in every job: they are made once. Measured,
// with AVX-512: 0.72 to 0.82 of the time that pointers into the image take.
#pragma once

#include <algorithm>
#include <cstddef>

#include "octet/kernels/gather_block.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// With fewer channels than this, a line of taps is summed as one.
inline constexpr std::int64_t gather_strip_depth = 8;
/// The most floats of a line of taps.
inline constexpr std::int64_t strip_floats = 128;

/// Some whole lines of the grid, or a part of one, and the sums over their pixels.
class StripBlock {
 public:
  static bool suits(const Gather& gather) {
    return gather.depth < gather_strip_depth && gather.taps() > 1 &&
           gather.w.taps * gather.depth <= strip_floats && gather.h.in_order() &&
           gather.w.in_order();
  }
  /// Lines of taps, and floats of each.
  static std::int64_t taps(const Gather& gather) { return gather.h.taps; }
  static std::int64_t depth(const Gather& gather) { return gather.w.taps * gather.depth; }
  static std::int64_t jobs(const Gather& gather) {
    return pieces(gather.images * gather.h.grid * parts(gather), lines(gather));
  }

  StripBlock(const Gather& gather, const float* source, float* target)
      : gather_(gather),
        source_(source),
        lines_(lines(gather)),
        columns_(pieces(gather.w.grid, parts(gather))),
        depth_(depth(gather)),
        overlaps_(gather.w.tap_step == 1 && gather.w.step < gather.w.taps),
        step_((overlaps_ ? gather.w.step : gather.w.taps) * gather.depth),
        strip_((columns_ - 1) * step_ + depth_),
        group_((std::clamp)(
            (std::min)(gather_pixels * strip_floats / (lines_ * strip_), tile_depth / depth_),
            std::int64_t(1), (std::min)(gather_taps, gather.h.taps))) {
    point_in_steps(c_, target, gather.target_channels, lines_ * columns_);
    for (std::int64_t tap = 0; tap < group_; ++tap)
      for (std::int64_t line = 0; line < lines_; ++line)
        point_in_steps(a_ + tap * gather_pixels + line * columns_,
                       static_cast<const float*>(strips_) + (tap * lines_ + line) * strip_, step_,
                       columns_);
  }

  /// Goes to the pixels of a job.
  void see(std::int64_t job) {
    const std::int64_t parts = StripBlock::parts(gather_), all = gather_.images * gather_.h.grid;
    line_ = job * lines_ / parts;
    column_ = job % parts * columns_;
    lines_seen_ = (std::min)(lines_, all - line_);
    columns_seen_ = (std::min)(columns_, gather_.w.grid - column_);
  }

  /// Sums into the channels of panels [first_panel, end_panel).
  void run(const GemmImplementation& row, const float* packed, const Epilogue<float>& epilogue,
           std::ptrdiff_t residual, std::int64_t first_panel, std::int64_t end_panel) {
    const std::int64_t taps = gather_.h.taps, first = line_ * gather_.w.grid + column_;
    ProductTile tile = tile_of_pixels(c_, lines_seen_ * columns_seen_, epilogue, residual);
    tile.a = a_;
    tile.depth = depth_;
    const bool one_panel = gather_.target_channels <= row.columns;
    if (one_panel && gather_.columns == gather_.target_channels &&
        (lines_ == 1 || columns_ % 2 == 0))
      tile.pair_step = step_;
    for (std::int64_t tap = 0; tap < taps; tap += group_) {
      tile.taps = (std::min)(group_, taps - tap);
      tile.starts = tap == 0;
      const bool ends = tap + tile.taps == taps;
      tile.has_residual = ends && epilogue.residual;
      tile.limits = ends && epilogue.limits() && !epilogue.residual;
      copy_strips(tap, tile.taps);
      for (std::int64_t panel = first_panel; panel < end_panel; ++panel) {
        const std::int64_t width = turn_to_panel(tile, row, gather_.columns, panel, epilogue,
                                                 depth_, first * gather_.target_channels);
        tile.b = packed + (panel * row.columns * taps + tap * width) * depth_;
        row.product(tile);
      }
    }
  }

 private:
  // Parts that a line is cut into, and lines of a job: one of them is 1.
  static std::int64_t parts(const Gather& gather) { return pieces(gather.w.grid, gather_pixels); }
  static std::int64_t lines(const Gather& gather) {
    return (std::max)(gather_pixels / gather.w.grid, std::int64_t(1));
  }

  // Copies what the lines of taps [tap, tap + taps) see: where windows overlap, line by line, else
  // window by window.
  void copy_strips(std::int64_t tap, std::int64_t taps) {
    const GatherAxis &h = gather_.h, &w = gather_.w;
    for (std::int64_t t = 0; t < taps; ++t)
      for (std::int64_t line = 0; line < lines_seen_; ++line) {
        const std::int64_t image = (line_ + line) / h.grid;
        const std::int64_t ih = (line_ + line) % h.grid * h.step + h.start + (tap + t) * h.tap_step;
        const float* const from = gather_.line(source_, image, ih);
        float* const to = strips_ + (t * lines_ + line) * strip_;
        const std::int64_t first = column_ * w.step + w.start;
        if (overlaps_) {
          copy_pixels(from, first, 1, (columns_seen_ - 1) * w.step + w.taps, to);
        } else {
          for (std::int64_t i = 0; i < columns_seen_; ++i)
            copy_pixels(from, first + i * w.step, w.tap_step, w.taps, to + i * step_);
        }
      }
  }
  // Copies the pixels first, first + step, ... of a line, or of none, with zeros for those outside.
  void copy_pixels(const float* line, std::int64_t first, std::int64_t step, std::int64_t count,
                   float* to) const {
    const std::int64_t channels = gather_.source_channels, depth = gather_.depth;
    if (!line) {
      std::fill(to, to + count * depth, 0.0f);
      return;
    }
    if (step == 1 && channels == depth) {
      const Reach seen = reach(gather_.w.source, count, 1, first);
      const std::int64_t end = (std::max)(seen.begin, seen.end);
      std::fill(to, to + seen.begin * depth, 0.0f);
      if (end > seen.begin)
        std::copy(line + (first + seen.begin) * depth, line + (first + end) * depth,
                  to + seen.begin * depth);
      std::fill(to + end * depth, to + count * depth, 0.0f);
      return;
    }
    for (std::int64_t i = 0; i < count; ++i, to += depth) {
      const std::int64_t pixel = first + i * step;
      const bool inside = pixel >= 0 && pixel < gather_.w.source;
      for (std::int64_t k = 0; k < depth; ++k) to[k] = inside ? line[pixel * channels + k] : 0.0f;
    }
  }

  const Gather& gather_;
  const float* source_;
  std::int64_t lines_, columns_;  // of a job, at most
  std::int64_t depth_;            // floats of a line of taps
  bool overlaps_;
  std::int64_t step_;   // floats from one line of taps to the next one's
  std::int64_t strip_;  // floats of all in a line
  std::int64_t group_;  // lines of taps whose strips are kept at once
  std::int64_t line_ = 0, column_ = 0, lines_seen_ = 0, columns_seen_ = 0;
  float* c_[gather_pixels];
  const float* a_[gather_taps * gather_pixels];
  alignas(64) float strips_[gather_pixels * strip_floats + 16];  // The last is read as a vector.
};

}  // namespace octet::inline OCTET_ABI::kernels
