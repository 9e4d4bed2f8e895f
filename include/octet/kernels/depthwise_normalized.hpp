// Depthwise convolution in training between two batch norms, whose work it does while an image, or
// some lines of one, are in the cache: it normalises what it reads, gathers the moments of what it
// writes, and computes both gradients from one reading of dy.
#pragma once

#include <algorithm>

#include "octet/kernels/depthwise.hpp"
#include "octet/kernels/pointwise_f32.hpp"
#include "octet/kernels/thread_memory.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The convolution that computes the rows [begin, end) of the output of one image, from the rows
/// [first, first + H) of its input.
struct DepthwiseBand {
  Conv2dShape shape;
  std::int64_t first;

  DepthwiseBand(const Conv2dShape& s, std::int64_t begin, std::int64_t end) : shape(s) {
    const std::int64_t top = begin * s.stride_h - s.pad_top;
    const std::int64_t last = (end - 1) * s.stride_h - s.pad_top + (s.KH - 1) * s.dilation_h;
    first = (std::clamp)(top, std::int64_t(0), s.H);
    shape.N = 1;
    shape.H = (std::clamp)(last + 1, first, s.H) - first;
    shape.OH = end - begin;
    shape.pad_top = first - top;
  }
};

/// depthwise_forward with x normalised first if `before` is given; moments may be null.
template <class = WhenUsed>
void depthwise_forward_normalized(const Conv2dShape& s, const float* x,
                                  const DeferredNormalization<float>* before, const float* w,
                                  const float* bias, float* y, BlockMoments<float>* moments,
                                  StoreThrough through, ThreadPool& pool) {
  const auto& row = best_row(depthwise_table<float>());
  const Epilogue<float> epilogue{.bias = bias};
  // About 256 KiB of the input, whose lines at both ends the next bands normalise once more.
  const std::int64_t lines = 65536 / (std::max)(s.W * s.C * s.stride_h, std::int64_t(1));
  const std::int64_t band = (std::clamp)(lines / 2 * 2, std::int64_t(2), s.OH + s.OH % 2);
  const std::int64_t bands = pieces(s.OH, band);
  if (moments) moments->start(s.N * bands, s.OC);
  pool.parallel_for(s.N * bands, 1, [&](std::int64_t job, std::int64_t) {
    const std::int64_t n = job / bands, begin = job % bands * band;
    const std::int64_t end = (std::min)(begin + band, s.OH);
    const DepthwiseBand part(s, begin, end);
    const float* in = x + (n * s.H + part.first) * s.W * s.C;
    float* const target = y + (n * s.OH + begin) * s.OW * s.OC;
    float* const out = through == StoreThrough::memory
                           ? thread_memory<ChunkMemory::output, float>(band * s.OW * s.OC)
                           : target;
    if (before) {
      float* const normalized = thread_memory<ChunkMemory::input, float>(part.shape.H * s.W * s.C);
      before->compute(part.shape.H * s.W, in, normalized);
      in = normalized;
    }
    row.forward(part.shape, in, w, epilogue, out, 0, end - begin);
    if (moments) moments->set(job, (end - begin) * s.OW, out);
    copy_through(through, (end - begin) * s.OW * s.OC, out, target);
  });
}

/// Adds to dw and assigns dx, each of which may be null. Partial sums of four images each are added
/// in the order of the images.
template <class = WhenUsed>
void depthwise_backward_normalized(const Conv2dShape& s, const float* x, const float* dy,
                                   const PointwiseNeighbours& neighbours, const float* w, float* dw,
                                   float* dx, StoreThrough through, ThreadPool& pool) {
  constexpr std::int64_t images = 4, step = DeferredNormalization<float>::sum_rows;
  const std::int64_t size = s.KH * s.KW * s.OC, parts = pieces(s.N, images);
  const std::int64_t in_pixels = s.H * s.W, out_pixels = s.OH * s.OW;
  const std::int64_t blocks = pieces(in_pixels, step);
  const auto& row = best_row(depthwise_gradients_table<float>());
  AlignedVector<float> partial(static_cast<std::size_t>(parts * size));
  Conv2dShape one = s;
  one.N = 1;
  if (neighbours.sums) neighbours.sums->start(s.N * blocks, s.C);
  pool.parallel_for(parts, 1, [&](std::int64_t part, std::int64_t) {
    for (std::int64_t n = part * images; n < (std::min)((part + 1) * images, s.N); ++n) {
      const float* const raw = x + n * in_pixels * s.C;
      const float* gradient = dy + n * out_pixels * s.OC;
      if (neighbours.after) {
        float* const completed = thread_memory<ChunkMemory::output, float>(out_pixels * s.OC);
        neighbours.after->compute(out_pixels, s.OC, neighbours.y + n * out_pixels * s.OC, gradient,
                                  completed);
        gradient = completed;
      }
      if (dw) {
        const float* in = raw;
        if (neighbours.before) {
          float* const normalized = thread_memory<ChunkMemory::input, float>(in_pixels * s.C);
          neighbours.before->compute(in_pixels, raw, normalized);
          in = normalized;
        }
        row.backward_weight(one, in, gradient, partial.data() + part * size, 0, s.OH);
      }
      if (!dx) continue;
      // x, normalised, has served.
      float* const target = dx + n * in_pixels * s.C;
      float* const out = through == StoreThrough::memory
                             ? thread_memory<ChunkMemory::input, float>(in_pixels * s.C)
                             : target;
      row.backward_input(one, gradient, w, out, 0, s.H);
      if (neighbours.sums)
        neighbours.before->sum(in_pixels, raw, out, n * blocks, *neighbours.sums);
      copy_through(through, in_pixels * s.C, out, target);
    }
  });
  if (!dw) return;
  for (std::int64_t part = 0; part < parts; ++part)
    for (std::int64_t i = 0; i < size; ++i)
      dw[i] += partial[static_cast<std::size_t>(part * size + i)];
}

}  // namespace octet::inline OCTET_ABI::kernels
