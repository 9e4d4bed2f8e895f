// Convolutions of single pixels in training: products of pixels by weights that are so narrow that
// memory limits them, not arithmetic. So everything that belongs to some pixels happens while they
// are in the cache: the batch norm before the convolution, both gradients, the end of the backward
// pass of the batch norm after it and the beginning of that of the one before it.
#pragma once

#include <algorithm>

#include "octet/core/aligned.hpp"
#include "octet/core/cache.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d.hpp"
#include "octet/kernels/normalization.hpp"
#include "octet/kernels/thread_memory.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Whether the functions below take this convolution. Of larger weights, the sums of its gradient
/// would come from the third cache for every chunk of pixels.
inline bool is_narrow_pointwise(const Conv2dShape& s) {
  return is_pointwise(s) && s.groups == 1 && s.C >= gather_strip_depth && s.C * s.OC <= 1 << 18;
}

/// What memory of a thread is for.
enum class ChunkMemory { input, output };

/// The sums over channels for pixels in a row, gather_pixels of them at a time.
inline Gather pixels_gather(std::int64_t pixels, std::int64_t depth, std::int64_t columns) {
  const GatherAxis one{1, 1, 1, 1, 1, 0, 1}, all{pixels, 1, pixels, pixels, 1, 0, 1};
  return {1, one, all, depth, depth, columns, columns};
}

/// How many of so many jobs a thread does in a row, so that it can fetch what the next one reads:
/// eight, unless other threads would have to wait.
constexpr std::int64_t jobs_in_a_row(std::int64_t jobs) {
  return (std::clamp)(jobs / 64, std::int64_t(1), std::int64_t(8));
}

/// y = x * w + bias, with x normalized first if `before` is given; bias and moments may be null.
template <class = WhenUsed>
void pointwise_forward(const GemmImplementation& row, const Conv2dShape& s, const float* x,
                       const DeferredNormalization<float>* before, const float* w,
                       const float* bias, float* y, BlockMoments<float>* moments,
                       StoreThrough through, ThreadPool& pool) {
  const std::int64_t pixels = s.N * s.H * s.W, panels = pieces(s.OC, row.columns);
  float* const packed = thread_memory<ConvMemory::weights, float>(packed_conv2d_size(row, s));
  pack_conv2d_into(row, s, w, packed, &pool);
  const std::int64_t blocks = pieces(pixels, gather_pixels);
  const bool streams = streams_rows(through, y, s.OC);
  if (moments) moments->start(blocks, s.OC);
  const auto compute = [&](std::int64_t begin, std::int64_t end, MemoryTraffic traffic) {
    const float* in = x + begin * s.C;
    if (before) {
      float* const normalized = thread_memory<ChunkMemory::input, float>(gather_pixels * s.C);
      before->compute(end - begin, in, normalized);
      in = normalized;
    }
    float* const target = y + begin * s.OC;
    float* const out = through == StoreThrough::memory
                           ? thread_memory<ChunkMemory::output, float>(gather_pixels * s.OC)
                           : target;
    const Gather gather = pixels_gather(end - begin, s.C, s.OC);
    GatherBlock block(gather, in, out);
    block.see(0);
    block.move(traffic);
    if (streams) traffic.stream(target - out);
    block.run(row, packed, Epilogue<float>{.bias = bias}, 0, 0, panels);
    if (moments) moments->set(begin / gather_pixels, end - begin, out);
    finish_stores(traffic, through, (end - begin) * s.OC, out, target);
  };
  const std::int64_t together = gather_pixels * jobs_in_a_row(blocks);
  pool.parallel_for(pixels, together, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t next; begin < end; begin = next) {
      next = (std::min)(begin + gather_pixels, end);
      MemoryTraffic traffic;
      traffic.want(x + next * s.C, ((std::min)(next + gather_pixels, end) - next) * s.C);
      compute(begin, next, traffic);
    }
  });
}

/// What pointwise_backward is told besides its tensors. `before` is the batch norm of x, and `sums`
/// take what that one needs next; `after` is what is left of the backward pass of the one of y:
/// then dy is what came to that one. Each may be null.
struct PointwiseNeighbours {
  const DeferredNormalization<float>* before;
  BlockSums<float>* sums;
  const DeferredGradient<float>* after;
  const float* y;
};

/// dw[oc][c] += the sum over some pixels of dy * x.
inline void pointwise_backward_weight(const GemmImplementation& row, std::int64_t pixels,
                                      std::int64_t C, std::int64_t OC, const float* x,
                                      const float* dy, float* dw, MemoryTraffic& traffic) {
  const float *x_of[outer_pixels], *dy_of[outer_pixels];
  OuterProduct* const outer = outer_product(row);
  OuterTile tile{};
  tile.x = x_of;
  tile.dy = dy_of;
  tile.dw_stride = C;
  tile.traffic = &traffic;
  for (std::int64_t first = 0; first < pixels; first += outer_pixels) {
    tile.pixels = (std::min)(outer_pixels, pixels - first);
    for (std::int64_t c = 0; c < C; c += row.columns) {
      tile.columns = static_cast<int>((std::min)(C - c, std::int64_t(row.columns)));
      for (std::int64_t p = 0; p < tile.pixels; ++p) {
        x_of[p] = x + (first + p) * C + c;
        dy_of[p] = dy + (first + p) * OC;
      }
      for (std::int64_t oc = 0; oc < OC; oc += tile_rows) {
        tile.rows = static_cast<int>((std::min)(OC - oc, std::int64_t(tile_rows)));
        tile.dy_offset = oc;
        tile.dw = dw + oc * C + c;
        outer(tile);
      }
    }
  }
}

/// Adds to dw and assigns dx, each of which may be null. The batch is cut into segments, whose
/// gradients by the weights are summed in their order; their number depends on the shape alone.
template <class = WhenUsed>
void pointwise_backward(const GemmImplementation& row, const Conv2dShape& s, const float* x,
                        const float* dy, const PointwiseNeighbours& neighbours, const float* w,
                        float* dw, float* dx, StoreThrough through, ThreadPool& pool,
                        std::int64_t cache_bytes = second_cache_bytes()) {
  constexpr std::int64_t step = DeferredNormalization<float>::sum_rows;
  const std::int64_t pixels = s.N * s.H * s.W, size = s.C * s.OC;
  // Both operands of a chunk in a quarter of the second cache, which also has what is fetched.
  const std::int64_t chunk =
      outer_pixels * (std::clamp)(cache_bytes / 16 / (s.C + s.OC) / outer_pixels, std::int64_t(1),
                                  std::int64_t(8));
  const std::int64_t steps = pieces(pixels, step);
  const std::int64_t segments = (std::min)(steps, std::int64_t(16));
  const std::int64_t panels = pieces(s.C, row.columns);
  float* const packed = thread_memory<ConvMemory::weights, float>(packed_size(row, 1, s.OC, s.C) +
                                                                  16 + segments * size);
  float* const partial = packed + round_up(packed_size(row, 1, s.OC, s.C), 16);
  pack_panels(
      row, 1, s.OC, s.C, w, [](std::int64_t) { return 0; }, {1, s.C}, packed, 0, panels);
  const bool streams = streams_rows(through, dx, s.C);
  if (neighbours.sums) neighbours.sums->start(pieces(pixels, step), s.C);
  pool.parallel_for(segments, 1, [&](std::int64_t segment, std::int64_t) {
    float* const sums = partial + segment * size;
    std::fill(sums, sums + size, 0.0f);
    const std::int64_t end = (std::min)(steps * (segment + 1) / segments * step, pixels);
    for (std::int64_t first = steps * segment / segments * step; first < end; first += chunk) {
      const std::int64_t count = (std::min)(chunk, end - first);
      const float* const raw = x + first * s.C;
      const float* gradient = dy + first * s.OC;
      const std::int64_t next = first + count, later = (std::min)(chunk, end - next);
      MemoryTraffic traffic;
      traffic.want(x + next * s.C, later * s.C);
      traffic.want(dy + next * s.OC, later * s.OC);
      if (neighbours.after) traffic.want(neighbours.y + next * s.OC, later * s.OC);
      if (neighbours.after) {
        float* const completed = thread_memory<ChunkMemory::output, float>(chunk * s.OC);
        neighbours.after->compute(count, neighbours.y + first * s.OC, gradient, completed);
        gradient = completed;
      }
      if (dw) {
        const float* in = raw;
        if (neighbours.before) {
          float* const normalized = thread_memory<ChunkMemory::input, float>(chunk * s.C);
          neighbours.before->compute(count, raw, normalized);
          in = normalized;
        }
        pointwise_backward_weight(row, count, s.C, s.OC, in, gradient, sums, traffic);
      }
      if (!dx) continue;
      // x, normalized, has served.
      float* const target = dx + first * s.C;
      float* const out = through == StoreThrough::memory
                             ? thread_memory<ChunkMemory::input, float>(chunk * s.C)
                             : target;
      const Gather gather = pixels_gather(count, s.OC, s.C);
      GatherBlock block(gather, gradient, out);
      block.move(traffic);
      if (streams) traffic.stream(target - out);
      for (std::int64_t job = 0; job < GatherBlock::jobs(gather); ++job) {
        block.see(job);
        block.run(row, packed, {}, 0, 0, panels);
      }
      if (neighbours.sums)
        neighbours.before->sum(first, first + count, raw, out, 0, *neighbours.sums);
      finish_stores(traffic, through, count * s.C, out, target);
    }
  });
  if (!dw) return;
  pool.parallel_for(size, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t segment = 0; segment < segments; ++segment)
      for (std::int64_t k = begin; k < end; ++k) dw[k] += partial[segment * size + k];
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
