// The float convolution as products of tiles: how weights are packed for it, and its jobs. It
// serves forward and backward by x; conv2d_backward_weight_f32.hpp has the other gradient.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "octet/core/aligned.hpp"
#include "octet/kernels/gather_block.hpp"
#include "octet/kernels/gemm.hpp"
#include "octet/kernels/ranges.hpp"
#include "octet/kernels/strip_block.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Where weights lie: those of a tap start at first + tap_offset(tap), and go on by `column`
/// to the next column of the product, by `depth` to the next channel that is summed.
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

/// gather_product() in blocks of one kind.
template <class Block>
void gather_blocks(const GemmImplementation& row, const Gather& gather, const float* source,
                   const float* packed, const Epilogue<float>& epilogue, float* target,
                   ThreadPool* pool) {
  const std::int64_t blocks = Block::jobs(gather), panels = pieces(gather.columns, row.columns);
  // A few pixels alone would leave threads idle, so then the panels are jobs too.
  const std::int64_t together = blocks >= 16 ? panels : 1, parts = pieces(panels, together);
  const std::ptrdiff_t residual = epilogue.residual ? epilogue.residual - target : 0;
  // Jobs of one call share their pointers.
  const std::int64_t jobs = blocks * parts, grain = pool ? 1 + jobs / (16 * pool->threads()) : jobs;
  over_ranges(pool, jobs, grain, [&](std::int64_t begin, std::int64_t end) {
    Block block(gather, source, target);
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t panel = job % parts * together;
      block.see(job / parts);
      block.run(row, packed, epilogue, residual, panel, (std::min)(panel + together, panels));
    }
  });
}

/// target = epilogue(the sums of gather), for one group; `packed` by pack_panels.
inline void gather_product(const GemmImplementation& row, const Gather& gather, const float* source,
                           const float* packed, const Epilogue<float>& epilogue, float* target,
                           ThreadPool* pool) {
  (StripBlock::suits(gather)
       ? &gather_blocks<StripBlock>
       : &gather_blocks<GatherBlock>)(row, gather, source, packed, epilogue, target, pool);
}

/// The name of what gather_product() runs.
inline std::string_view gather_product_name(const GemmImplementation& row, const Gather& gather) {
  const bool strips = StripBlock::suits(gather);
  const std::int64_t taps = strips ? StripBlock::taps(gather) : gather.taps();
  const std::int64_t depth = strips ? StripBlock::depth(gather) : gather.depth;
  const std::int64_t columns = (std::min)(gather.columns, std::int64_t{row.columns});
  return row.is_shallow && row.is_shallow(taps, depth, columns) ? row.shallow_name : row.name;
}

}  // namespace octet::inline OCTET_ABI::kernels
