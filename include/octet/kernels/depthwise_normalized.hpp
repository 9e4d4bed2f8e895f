// Depthwise convolution in training between two batch norms, whose work it does while an image, or
// some lines of one, are in the cache: it normalizes what it reads, gathers the moments of what it
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

/// Output rows whose lines of the input have so many floats.
inline std::int64_t depthwise_band(const Conv2dShape& s, std::int64_t floats) {
  const std::int64_t lines = floats / (std::max)(s.W * s.C * s.stride_h, std::int64_t(1));
  return (std::clamp)(lines / 2 * 2, std::int64_t(2), s.OH + s.OH % 2);
}

/// depthwise_forward with x normalized first if `before` is given; moments may be null.
template <class = WhenUsed>
void depthwise_forward_normalized(const Conv2dShape& s, const float* x,
                                  const DeferredNormalization<float>* before, const float* w,
                                  const float* bias, float* y, BlockMoments<float>* moments,
                                  StoreThrough through, ThreadPool& pool) {
  const auto& row = best_row(depthwise_table<float>());
  const Epilogue<float> epilogue{.bias = bias};
  // About 256 KiB of the input, whose lines at both ends the next bands normalize once more.
  const std::int64_t band = depthwise_band(s, 65536), bands = pieces(s.OH, band);
  const std::int64_t jobs = s.N * bands;
  const bool streams = streams_rows(through, y, s.OC);
  if (moments) moments->start(jobs, s.OC);
  const auto lines = [&](std::int64_t job) {
    const std::int64_t begin = job % bands * band;
    return DepthwiseBand(s, begin, (std::min)(begin + band, s.OH));
  };
  const auto first_line = [&](std::int64_t job, const DepthwiseBand& part) {
    return x + (job / bands * s.H + part.first) * s.W * s.C;
  };
  const auto compute = [&](std::int64_t job, MemoryTraffic traffic) {
    const DepthwiseBand part = lines(job);
    const std::int64_t rows = part.shape.OH, size = rows * s.OW * s.OC;
    const float* in = first_line(job, part);
    float* const target = y + (job / bands * s.OH + job % bands * band) * s.OW * s.OC;
    float* const out = through == StoreThrough::memory
                           ? thread_memory<ChunkMemory::output, float>(band * s.OW * s.OC)
                           : target;
    if (before) {
      float* const normalized = thread_memory<ChunkMemory::input, float>(part.shape.H * s.W * s.C);
      before->compute(part.shape.H * s.W, in, normalized);
      in = normalized;
    }
    if (streams) traffic.stream(target - out);
    row.forward(part.shape, in, w, epilogue, out, 0, rows, &traffic);
    if (moments) moments->set(job, rows * s.OW, out);
    finish_stores(traffic, through, size, out, target);
  };
  pool.parallel_for(jobs, jobs_in_a_row(jobs), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      MemoryTraffic traffic;
      if (job + 1 < end) {
        const DepthwiseBand next = lines(job + 1);
        traffic.want(first_line(job + 1, next), next.shape.H * s.W * s.C);
      }
      compute(job, traffic);
    }
  });
}

/// What a band of the backward pass reads and computes: the gradient by the weights through the
/// rows [begin, end) of dy, and the rows [first, last) of dx. Before it, the rows [0, known) of dy
/// are complete, for it those [0, completed).
struct DepthwiseBackwardBand {
  std::int64_t begin, end, first, last, known, completed;
  DepthwiseBand input;

  DepthwiseBackwardBand(const Conv2dShape& s, std::int64_t begin_, std::int64_t rows)
      : begin(begin_),
        end((std::min)(begin + rows, s.OH)),
        first((std::min)(begin * s.stride_h, s.H)),
        last(end == s.OH ? s.H : (std::min)(end * s.stride_h, s.H)),
        known(begin == 0 ? 0 : seen_by(s, first, begin)),
        completed(seen_by(s, last, end)),
        input(s, begin, end) {}

 private:
  /// The rows of dy that the rows [0, last) of dx come from, `least` or more.
  static std::int64_t seen_by(const Conv2dShape& s, std::int64_t last, std::int64_t least) {
    return (std::clamp)((last - 1 + s.pad_top) / s.stride_h + 1, least, s.OH);
  }
};

/// Adds to dw and assigns dx, each of which may be null. Partial sums of four images each are added
/// in the order of the images.
template <class = WhenUsed>
void depthwise_backward_normalized(const Conv2dShape& s, const float* x, const float* dy,
                                   const PointwiseNeighbours& neighbours, const float* w, float* dw,
                                   float* dx, StoreThrough through, ThreadPool& pool,
                                   std::int64_t cache_bytes = second_cache_bytes()) {
  constexpr std::int64_t images = 4, step = DeferredNormalization<float>::sum_rows;
  const std::int64_t size = s.KH * s.KW * s.OC, parts = pieces(s.N, images);
  const std::int64_t in_line = s.W * s.C, out_line = s.OW * s.OC;
  const std::int64_t blocks = pieces(s.H * s.W, step);
  // Lines of the input in a quarter of the second cache.
  const std::int64_t rows = depthwise_band(s, cache_bytes / 16), bands = pieces(s.OH, rows);
  const auto& row = best_row(depthwise_gradients_table<float>());
  const bool streams = streams_rows(through, dx, s.C);
  float* const partial = thread_memory<ConvMemory::weights, float>(parts * size);
  if (neighbours.sums) neighbours.sums->start(s.N * blocks, s.C);
  const auto band_of = [&](std::int64_t job) {
    return DepthwiseBackwardBand(s, job % bands * rows, rows);
  };
  const auto want = [&](std::int64_t job, MemoryTraffic& traffic) {
    const DepthwiseBackwardBand band = band_of(job);
    const std::int64_t n = job / bands, at = (n * s.OH + band.known) * out_line;
    const std::int64_t floats = (band.completed - band.known) * out_line;
    traffic.want(x + (n * s.H + band.input.first) * in_line, band.input.shape.H * in_line);
    traffic.want(dy + at, floats);
    if (neighbours.after) traffic.want(neighbours.y + at, floats);
  };
  const auto compute = [&](std::int64_t job, MemoryTraffic traffic, float* dw_of_part) {
    const DepthwiseBackwardBand band = band_of(job);
    const std::int64_t n = job / bands, image = n * s.OH * out_line;
    const float* const raw = x + n * s.H * in_line;
    const float* gradient = dy + image;
    if (neighbours.after) {
      float* const whole = thread_memory<ChunkMemory::output, float>(s.OH * out_line);
      const std::int64_t at = band.known * out_line;
      neighbours.after->compute((band.completed - band.known) * s.OW, neighbours.y + image + at,
                                gradient + at, whole + at);
      gradient = whole;
    }
    if (dw) {
      const Conv2dShape& part = band.input.shape;
      const float* in = raw + band.input.first * in_line;
      if (neighbours.before) {
        float* const normalized = thread_memory<ChunkMemory::input, float>(part.H * in_line);
        neighbours.before->compute(part.H * s.W, in, normalized);
        in = normalized;
      }
      row.backward_weight(part, in, gradient + band.begin * out_line, dw_of_part, 0, part.OH,
                          &traffic);
    }
    if (!dx) return;
    // x, normalized, has served.
    Conv2dShape part = s;
    part.N = 1;
    part.H = band.last - band.first;
    part.pad_top += band.first;
    float* const target = dx + (n * s.H + band.first) * in_line;
    float* const out = through == StoreThrough::memory
                           ? thread_memory<ChunkMemory::input, float>(part.H * in_line)
                           : target;
    if (streams) traffic.stream(target - out);
    row.backward_input(part, gradient, w, out, 0, part.H, &traffic);
    if (neighbours.sums)
      neighbours.before->sum(band.first * s.W, band.last * s.W, raw + band.first * in_line, out,
                             n * blocks, *neighbours.sums);
    finish_stores(traffic, through, part.H * in_line, out, target);
  };
  pool.parallel_for(parts, 1, [&](std::int64_t part, std::int64_t) {
    float* const dw_of_part = partial + part * size;
    std::fill(dw_of_part, dw_of_part + size, 0.0f);
    const std::int64_t end = (std::min)((part + 1) * images, s.N) * bands;
    for (std::int64_t job = part * images * bands; job < end; ++job) {
      MemoryTraffic traffic;
      if (job + 1 < end) want(job + 1, traffic);
      compute(job, traffic, dw_of_part);
    }
  });
  if (!dw) return;
  for (std::int64_t part = 0; part < parts; ++part)
    for (std::int64_t i = 0; i < size; ++i) dw[i] += partial[part * size + i];
}

}  // namespace octet::inline OCTET_ABI::kernels
