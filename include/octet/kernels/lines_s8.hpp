// How the fast int8 convolutions see their work. Each image is first copied into scratch, converted
// to what the instructions want and with its border, so that every tap of every pixel is valid
// memory and no kernel asks where an image ends. A row of output is then a line: pixels whose
// inputs lie at a constant stride. Work goes to threads as lines times blocks of channels.
#pragma once

#include <cstddef>
#include <cstring>

#include "octet/core/aligned.hpp"
#include "octet/core/cache.hpp"
#include "octet/kernels/arithmetic_s8.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/ranges.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// A run of output pixels, for at most 64 output channels. The taps of pixel p lie at
/// x + p * pixel_stride + row * row_step + column * column_step, strides and steps in bytes.
struct LineS8 {
  const std::byte* x;
  std::int64_t pixels, pixel_stride;
  std::int64_t rows, row_step;
  std::int64_t columns, column_step;
  std::int64_t steps;        ///< how many times 4 bytes each tap has
  const std::byte* weights;  ///< of the first block of 16 channels
  std::int64_t block_bytes;  ///< from one block of 16 channels to the next
  std::int64_t channels;
  const std::int32_t* correction;
  const std::int32_t* bias;  ///< may be null
  const float* multiplier;
  bool fits_int32;  ///< all multipliers are below 1
  std::int32_t zero_point, lo, hi;
  std::int8_t* y;
  std::int64_t y_stride;  ///< from one pixel to the next
};

/// What a convolution tells lines_s8() about itself.
struct LinesS8 {
  Conv2dShape shape;  ///< C channels in scratch, in `groups` of which each block sees one
  std::int64_t element_bytes = 1;  ///< of one channel of one pixel in scratch
  /// Writes the `pixels` pixels at x into scratch.
  void (*convert)(std::int64_t pixels, const std::int8_t* x, const LinesS8& work,
                  std::byte* to) noexcept = nullptr;
  void (*line)(const LineS8& line) noexcept = nullptr;
  int x_zero_point = 0;
  std::uint8_t border = 0;      ///< each byte of the padding in scratch
  std::int64_t x_channels = 1;  ///< of a pixel of x
  std::int64_t chunk_C = 0;     ///< the next 64 output channels see inputs that many channels later
  /// pixel_stride, rows, columns, their steps, steps and, where it is asked for, fits_int32 are
  /// filled in.
  LineS8 taps{};
  const std::byte* weights = nullptr;
  std::int64_t block_bytes = 0;
  const std::int32_t* correction = nullptr;
};

/// The extents of an image with the border that its taps need; what no tap reads is cut off.
struct PaddedS8 {
  std::int64_t H, W, row_bytes, image_bytes;
  std::int64_t images;  ///< converted at a time: they fill a fourth of the second cache
  PaddedS8(const Conv2dShape& s, std::int64_t element_bytes)
      : H((s.OH - 1) * s.stride_h + (s.KH - 1) * s.dilation_h + 1),
        W((s.OW - 1) * s.stride_w + (s.KW - 1) * s.dilation_w + 1),
        row_bytes(W * s.C * element_bytes),
        image_bytes(round_up(H * row_bytes, alignment)),
        images((std::clamp)(second_cache_bytes() / 4 / (std::max)(image_bytes, std::int64_t{1}),
                            std::int64_t{1}, (std::max)(s.N, std::int64_t{1}))) {}
  /// A vector load may go up to 64 bytes beyond the last channel; its weights are zero there.
  std::int64_t scratch_bytes() const { return images * image_bytes + 64; }
};

/// A pointwise convolution has no image: all pixels are one line, cut to slabs.
inline Conv2dShape slab_of(Conv2dShape s, std::int64_t element_bytes) {
  if (!is_pointwise(s)) return s;
  const std::int64_t pixels = s.N * s.H * s.W;
  const std::int64_t slab =
      (std::max)(second_cache_bytes() / 4 / (s.C * element_bytes), std::int64_t{84});
  s.N = s.H = s.OH = 1;
  s.W = s.OW = (std::min)(pixels, slab);
  return s;
}
inline std::int64_t lines_s8_scratch_bytes(const Conv2dShape& s, std::int64_t element_bytes) {
  if (s.N * s.OH * s.OW == 0) return 0;
  return PaddedS8(slab_of(s, element_bytes), element_bytes).scratch_bytes();
}

/// Row `h` of the padded image, converted.
inline void convert_row_s8(const LinesS8& work, const PaddedS8& padded, const std::int8_t* image,
                           std::int64_t h, std::byte* to) noexcept {
  const Conv2dShape& s = work.shape;
  const std::int64_t from_h = h - s.pad_top;
  const std::int64_t pixel_bytes = s.C * work.element_bytes;
  std::int64_t left = (std::min)(s.pad_left, padded.W);
  std::int64_t pixels = (std::min)(s.W, padded.W - left);
  if (from_h < 0 || from_h >= s.H) left = padded.W, pixels = 0;
  const std::int64_t right = padded.W - left - pixels;
  std::memset(to, work.border, static_cast<std::size_t>(left * pixel_bytes));
  if (pixels > 0)
    work.convert(pixels, image + from_h * s.W * work.x_channels, work, to + left * pixel_bytes);
  std::memset(to + (left + pixels) * pixel_bytes, work.border,
              static_cast<std::size_t>(right * pixel_bytes));
}

/// The `images` images at x, converted into scratch.
inline void convert_images_s8(const LinesS8& work, const PaddedS8& padded, const std::int8_t* x,
                              std::int64_t images, std::byte* scratch, ThreadPool* pool) noexcept {
  const std::int64_t elements = work.shape.H * work.shape.W * work.x_channels;
  over_ranges(pool, images * padded.H, 1 + (64 << 10) / (1 + padded.row_bytes),
              [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t row = begin; row < end; ++row) {
                  const std::int64_t n = row / padded.H, h = row % padded.H;
                  convert_row_s8(work, padded, x + n * elements, h,
                                 scratch + n * padded.image_bytes + h * padded.row_bytes);
                }
              });
}

/// Runs `work` on its shape's images x, as it stands.
inline void lines_s8_images(const LinesS8& work, const std::int8_t* x, const Requantize& q,
                            std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept {
  const Conv2dShape& s = work.shape;
  const PaddedS8 padded(s, work.element_bytes);
  const std::int64_t group_OC = s.OC / s.groups, group_C = s.C / s.groups;
  const std::int64_t chunks = pieces(group_OC, 64), blocks = pieces(group_OC, 16);
  const std::int64_t segments = pieces(s.OW, 84), segment = pieces(s.OW, segments);
  // A job of about a million multiplications takes a few microseconds: less is not worth a thread.
  const std::int64_t line_work = segment * work.taps.rows * work.taps.columns * work.taps.steps *
                                 4 * (std::min)(group_OC, std::int64_t{64});
  const std::int64_t lines_per_job = 1 + (1 << 20) / (1 + line_work);

  for (std::int64_t first = 0; first < s.N; first += padded.images) {
    const std::int64_t images = (std::min)(padded.images, s.N - first);
    convert_images_s8(work, padded, x + first * s.H * s.W * work.x_channels, images, scratch, pool);
    const std::int64_t lines = images * s.OH * segments;
    const std::int64_t line_jobs = pieces(lines, lines_per_job);
    over_ranges(pool, s.groups * chunks * line_jobs, 1, [&](std::int64_t job, std::int64_t) {
      const std::int64_t chunk = job / line_jobs;
      const std::int64_t group = chunk / chunks, block = group * blocks + chunk % chunks * 4;
      const std::int64_t in_group = chunk % chunks * 64;
      const std::int64_t oc = group * group_OC + in_group;
      const std::int64_t x_channel = group * group_C + chunk % chunks * work.chunk_C;
      LineS8 line = work.taps;
      line.weights = work.weights + block * work.block_bytes;
      line.block_bytes = work.block_bytes;
      line.channels = (std::min)(group_OC - in_group, std::int64_t{64});
      line.correction = work.correction + block * 16;
      line.bias = q.bias ? q.bias + oc : nullptr;
      line.multiplier = q.multiplier + oc;
      line.zero_point = q.zero_point, line.lo = q.lo, line.hi = q.hi;
      line.y_stride = s.OC;
      const std::int64_t begin = job % line_jobs * lines_per_job;
      const std::int64_t end = (std::min)(begin + lines_per_job, lines);
      for (std::int64_t index = begin; index < end; ++index) {
        const std::int64_t ow = index % segments * segment, oh = index / segments % s.OH;
        const std::int64_t n = index / segments / s.OH;
        line.pixels = (std::min)(segment, s.OW - ow);
        line.x = scratch + n * padded.image_bytes + oh * s.stride_h * padded.row_bytes +
                 (ow * s.stride_w * s.C + x_channel) * work.element_bytes;
        line.y = y + (((first + n) * s.OH + oh) * s.OW + ow) * s.OC + oc;
        if (line.pixels > 0) work.line(line);
      }
    });
  }
}

/// Runs `work` on all images: x and y are those of its shape.
inline void lines_s8(LinesS8 work, const std::int8_t* x, const Requantize& q, std::int8_t* y,
                     std::byte* scratch, ThreadPool* pool) noexcept {
  const std::int64_t pixels = work.shape.N * work.shape.OH * work.shape.OW;
  if (pixels == 0) return;
  const bool pointwise = is_pointwise(work.shape);
  work.shape = slab_of(work.shape, work.element_bytes);
  if (!pointwise) return lines_s8_images(work, x, q, y, scratch, pool);
  const std::int64_t slab = work.shape.W;
  for (std::int64_t first = 0; first < pixels; first += slab) {
    work.shape.W = work.shape.OW = (std::min)(slab, pixels - first);
    lines_s8_images(work, x + first * work.x_channels, q, y + first * work.shape.OC, scratch, pool);
  }
}

}  // namespace octet::inline OCTET_ABI::kernels
