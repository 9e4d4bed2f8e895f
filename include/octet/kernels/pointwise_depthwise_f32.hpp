// A 1x1 convolution and the depthwise one after it, as in MobileNetV2 (Sandler et al. 2018, section
// 3.3), some lines at a time: what lies between them, six times as many channels, stays in the
// cache.
#pragma once

#include <algorithm>

#include "octet/core/cache.hpp"
#include "octet/kernels/conv2d.hpp"
#include "octet/kernels/depthwise.hpp"
#include "octet/kernels/ranges.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Both convolutions: the depthwise one reads what the pointwise one writes. Their results have the
/// bits of one after the other.
struct PointwiseDepthwise {
  Conv2dShape pointwise, depthwise;
  std::int64_t cache_bytes = second_cache_bytes();

  /// Whether this takes less time than one after the other, which it does where an image of what
  /// lies between is larger than a second cache. Measured, with 2 MiB of it: 0.85 of the time for
  /// 112x112x96 and a stride of 2 in MobileNetV2, but 1.05 for 48x48x96, which fits.
  bool pays() const {
    return is_pointwise(pointwise) && pointwise.groups == 1 &&
           line_floats() * pointwise.H > cache_bytes / 4;
  }
  std::int64_t line_floats() const { return pointwise.W * pointwise.OC; }
  /// Lines of what lies between that `lines` of the result see.
  std::int64_t lines_seen(std::int64_t lines) const {
    return (lines - 1) * depthwise.stride_h + (depthwise.KH - 1) * depthwise.dilation_h + 1;
  }
  /// Lines of the result that are computed at a time: what they see is a fourth of the second
  /// cache, or what one line sees.
  std::int64_t lines() const {
    std::int64_t lines = 1;
    while (lines < depthwise.OH && lines_seen(lines + 1) * line_floats() <= cache_bytes / 16)
      ++lines;
    return lines;
  }
  std::int64_t strip_floats() const { return lines_seen(lines()) * line_floats(); }
  /// Floats of memory for a call: a strip for each of so many threads.
  std::int64_t scratch_size() const { return most_workers() * strip_floats(); }
};

/// The lines [begin, end) of the result for one image, strip after strip.
template <class = WhenUsed>
void pointwise_depthwise_lines(const PointwiseDepthwise& s, const float* x,
                               const PackedConv2d& pointwise, const Epilogue<float>& between,
                               const float* depthwise, const Epilogue<float>& epilogue, float* y,
                               std::int64_t begin, std::int64_t end, float* strip) noexcept {
  const auto& row = best_row(depthwise_table<float>());
  const std::int64_t lines = s.lines(), line = s.line_floats();
  std::int64_t first = 0, stop = 0;  // Lines that the strip holds.
  for (std::int64_t oh = begin; oh < end; oh += lines) {
    Conv2dShape d = s.depthwise, p = s.pointwise;
    d.N = p.N = 1;
    d.OH = (std::min)(lines, end - oh);
    const std::int64_t top = oh * d.stride_h - d.pad_top;
    const std::int64_t from = (std::clamp)(top, std::int64_t{0}, p.H);
    const std::int64_t to = (std::clamp)(top + s.lines_seen(d.OH), from, p.H);
    if (stop <= from)
      stop = from;
    else if (from > first)
      std::copy(strip + (from - first) * line, strip + (stop - first) * line, strip);
    if (to > stop) {
      const float* const in = x + stop * p.W * p.C;
      p.H = p.OH = to - stop;
      conv2d_run(p, in, pointwise, between, strip + (stop - from) * line, nullptr);
    }
    first = from, stop = (std::max)(stop, to);
    d.H = stop - first, d.pad_top = from - top;
    row.forward(d, strip, depthwise, epilogue, y + oh * d.OW * d.OC, 0, d.OH, nullptr);
  }
}

/// y = depthwise(pointwise(x)), with weights as conv2d_run() and depthwise_forward() take them and
/// scratch_size() floats of `scratch`. Threads share images, or the lines of a few; what lines of
/// two threads see is computed twice.
template <class = WhenUsed>
void pointwise_depthwise_run(const PointwiseDepthwise& s, const float* x,
                             const PackedConv2d& pointwise, const Epilogue<float>& between,
                             const float* depthwise, const Epilogue<float>& epilogue, float* y,
                             float* scratch, ThreadPool* pool) noexcept {
  const Conv2dShape &p = s.pointwise, &d = s.depthwise;
  const std::int64_t threads = pool ? pool->threads() : 1;
  const bool images_suffice = threads == 1 || p.N >= 2 * threads;
  const std::int64_t band = pieces(d.OH, images_suffice ? 1 : 2 * threads);
  const std::int64_t bands = pieces(d.OH, band);
  over_jobs(pool, most_workers(), p.N * bands, [&](std::int64_t worker, std::int64_t job) {
    const std::int64_t n = job / bands, begin = job % bands * band;
    pointwise_depthwise_lines(s, x + n * p.H * p.W * p.C, pointwise, between, depthwise, epilogue,
                              y + n * d.OH * d.OW * d.OC, begin, (std::min)(begin + band, d.OH),
                              scratch + worker * s.strip_floats());
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
