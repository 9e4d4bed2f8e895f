// Images as bf16 pixels with their padding, in the order in which tiles read them.
//
// A tile wants 16 pixels that lie equally far apart. So pixels are numbered along lines that hold
// the padding too, and 32 channels of one pixel lie together: whatever tap a product sees the image
// through, it reads 64 bytes for each pixel, one after the other, and a stride only means several
// such planes, one for each of its phases. The price: sums are computed for positions of padding,
// too, and never stored; with 3x3 taps and 48 pixels in a line, one in 49.
#pragma once

#include <algorithm>
#include <vector>

#include "octet/core/aligned.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gather_axis.hpp"
#include "octet/kernels/gemm_bf16.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// One axis of a plane. Position i of phase f holds source i * step + f + lowest, or zero where
/// there is none; a line has `pitch` positions and reads `extent`: the rest are the next line's
/// first, which are zeros.
struct PlaneAxis {
  std::int64_t source, step, lowest, pitch, extent;
};

/// The axis for positions [begin, begin + count) of the grid.
inline PlaneAxis plane_axis(const GatherAxis& a, std::int64_t begin, std::int64_t count) {
  const std::int64_t last = a.start + (a.taps - 1) * a.tap_step;
  const std::int64_t lowest = (std::min)(a.start, last) + begin * a.step;
  const std::int64_t spread = (std::max)(a.start, last) - (std::min)(a.start, last);
  const std::int64_t extent = count + spread / a.step;
  if (a.step > 1) return {a.source, a.step, lowest, extent, extent};
  const std::int64_t zeros = (std::clamp)(-lowest, std::int64_t(0), extent);
  const std::int64_t used = (std::min)(a.source - lowest, extent);
  return {a.source, 1, lowest, (std::max)({used, extent - zeros, count}), extent};
}

/// Where a tap sees the image: in which phase, and how many positions further on.
struct TapPosition {
  std::int64_t phase, shift;
};
inline TapPosition tap_position(const GatherAxis& a, std::int64_t tap) {
  const std::int64_t last = a.start + (a.taps - 1) * a.tap_step;
  const std::int64_t distance = a.start + tap * a.tap_step - (std::min)(a.start, last);
  return {distance % a.step, distance / a.step};
}

/// The planes of some images, or of some lines of one: [phase][32 channels][position][channel].
struct PlaneLayout {
  std::int64_t images;
  PlaneAxis h, w;
  std::int64_t blocks;     ///< of 32 channels
  std::int64_t positions;  ///< of one block, with what tiles read beyond the last image

  PlaneLayout(std::int64_t images_, const PlaneAxis& h_, const PlaneAxis& w_, std::int64_t depth)
      : images(images_), h(h_), w(w_), blocks(pieces(depth, bf16_depth)) {
    positions = round_up(
        images * image() + (h.extent - h.pitch) * w.pitch + w.extent - w.pitch + bf16_block,
        bf16_block);
  }
  std::int64_t image() const { return h.pitch * w.pitch; }
  /// Positions up to the last of the grid of the last image.
  std::int64_t used(std::int64_t lines, std::int64_t columns) const {
    return ((images - 1) * h.pitch + lines - 1) * w.pitch + columns;
  }
  std::int64_t block() const { return positions * bf16_depth; }
  std::int64_t plane() const { return blocks * block(); }
  std::int64_t phases() const { return h.step * w.step; }
  std::int64_t size() const { return phases() * plane(); }
};

/// Images of float pixels, as they lie in memory.
struct PlaneSource {
  const float* pixels;
  std::int64_t channels;

  /// The pixels from number `first` on; those that compute them only now need to know how many.
  const float* line(std::int64_t first, std::int64_t /*count*/) const {
    return pixels + first * channels;
  }
};

/// Fills the planes from a source, `depth` of whose channels are wanted.
template <class Source>
void fill_planes(const Bf16Implementation& row, const PlaneLayout& layout, const Source& source,
                 std::int64_t depth, Bfloat16* planes) {
  const PlaneAxis &h = layout.h, &w = layout.w;
  const auto clear = [&](Bfloat16* plane, std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = 0; block < layout.blocks && begin < end; ++block)
      std::fill(plane + block * layout.block() + begin * bf16_depth,
                plane + block * layout.block() + end * bf16_depth, Bfloat16{});
  };
  for (std::int64_t phase = 0; phase < layout.phases(); ++phase) {
    Bfloat16* const plane = planes + phase * layout.plane();
    const std::int64_t h_first = h.lowest + phase / w.step, w_first = w.lowest + phase % w.step;
    const auto at_least = [&](std::int64_t bound) {
      const std::int64_t steps = bound <= w_first ? 0 : pieces(bound - w_first, w.step);
      return (std::min)(steps, w.pitch);
    };
    const std::int64_t begin = at_least(0), end = (std::max)(begin, at_least(w.source));
    for (std::int64_t line = 0; line < layout.images * h.pitch; ++line) {
      const std::int64_t n = line / h.pitch, ih = h_first + line % h.pitch * h.step;
      const std::int64_t at = line * w.pitch;
      if (ih < 0 || ih >= h.source) {
        clear(plane, at, at + w.pitch);
        continue;
      }
      clear(plane, at, at + begin);
      const float* const pixels =
          source.line((n * h.source + ih) * w.source + w_first + begin * w.step, end - begin);
      row.convert(end - begin, depth, pixels, w.step * source.channels,
                  plane + (at + begin) * bf16_depth, layout.block());
      clear(plane, at + end, at + w.pitch);
    }
    clear(plane, layout.images * layout.image(), layout.positions);
  }
}

/// What memory of a thread is for.
enum class Bf16Memory { weights, planes, tiles, second_tiles, sums, line };

/// Runs job(index) for every index below count, with the tiles that the implementation needs.
template <class Job>
void for_each_bf16_job(const Bf16Implementation& row, std::int64_t count, ThreadPool& pool,
                       Job&& job) {
  using Plain = std::remove_reference_t<Job>;
  pool.parallel_for(count, 1, [&](std::int64_t index, std::int64_t) {
    row.run_job([](void* context, std::int64_t i) { (*static_cast<Plain*>(context))(i); },
                const_cast<void*>(static_cast<const void*>(&job)), index);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
