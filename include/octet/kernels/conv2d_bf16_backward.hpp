// Both gradients of a bf16 convolution from one reading of dy, which may not even be there yet: a
// batch norm after the convolution can leave the last step of its own backward pass to it. On
// images that do not fit into the caches, that saves half of the accesses to memory.
#pragma once

#include <algorithm>
#include <concepts>

#include "octet/kernels/conv2d_bf16_backward_weight.hpp"
#include "octet/kernels/normalization.hpp"
#include "octet/kernels/thread_memory.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Lines of dy, as batch_norm_backward or batch_norm_max_pool_backward would have written them.
struct DeferredSource {
  const float* pixels;
  std::int64_t width, channels;
  const DeferredGradient<float>* deferred;
  const float* x;  ///< what was normalized

  /// Asked for line after line; those of windows are computed together.
  template <class = WhenUsed>
  const float* line(std::int64_t first, std::int64_t count) const {
    const std::int64_t at = first * channels;
    if (!deferred) return pixels + at;
    const MaxWindows& windows = deferred->windows;
    float* const lines = thread_memory<Bf16Memory::line, float>(windows.rows * width * channels);
    if (!windows.pool()) {
      deferred->compute(count, x + at, pixels + at, lines);
      return lines;
    }
    const std::int64_t row = first / width % windows.rows, column = first % width;
    const std::int64_t begin = at - column * channels;
    if (row == 0)
      deferred->compute_windows(width / windows.columns, x + begin,
                                pixels + begin / windows.rows / windows.columns,
                                StoreThrough::caches, lines);
    return lines + (row * width + column) * channels;
  }
};

/// How dy and x lie for both gradients: in planes of the same pitch, dy with the zeros around it
/// that the gradient by x sees.
struct Bf16BothLayouts {
  GatherAxis h, w;  ///< of the gradient by x
  PlaneAxis dy_h, dy_w, x_h, x_w;

  explicit Bf16BothLayouts(const Conv2dShape& s)
      : h(backward_axis(s.H, s.OH, s.KH, 1, s.dilation_h, s.pad_top, 0).axis),
        w(backward_axis(s.W, s.OW, s.KW, 1, s.dilation_w, s.pad_left, 0).axis),
        dy_h(plane_axis(h, 0, s.H)),
        dy_w(plane_axis(w, 0, s.W)),
        x_h(plane_axis(forward_axis(s.H, s.OH, s.KH, 1, s.dilation_h, s.pad_top), 0, s.OH)),
        x_w(plane_axis(forward_axis(s.W, s.OW, s.KW, 1, s.dilation_w, s.pad_left), 0, s.OW)) {
    dy_h.pitch = x_h.pitch = (std::max)(dy_h.pitch, x_h.pitch);
    dy_w.pitch = x_w.pitch = (std::max)(dy_w.pitch, x_w.pitch);
  }
};

/// Whether conv2d_backward_bf16 takes this shape: on none of the four sides does padding reach
/// further than the kernel (below it is OH - H - pad_top + (KH - 1) * dilation_h). Of more weights
/// than 2^19, the gradient by them wants more images at once than the second cache holds.
inline bool has_joint_backward(const Conv2dShape& s) {
  return s.stride_h == 1 && s.stride_w == 1 && s.groups == 1 &&
         s.pad_top <= (s.KH - 1) * s.dilation_h && s.pad_left <= (s.KW - 1) * s.dilation_w &&
         s.OH <= s.H + s.pad_top && s.OW <= s.W + s.pad_left &&
         s.OC * s.KH * s.KW * s.C <= 1 << 19 && s.H * s.W >= 64;
}

/// Adds to dw and assigns dx; the shape must have_joint_backward(). `deferred` may be null; if it
/// is not, dy is what batch_norm_backward was given, and normalized the convolution's output.
template <std::same_as<float> T>
void conv2d_backward_bf16(const Bf16Implementation& row, const Conv2dShape& s, const T* x,
                          const T* dy, const DeferredGradient<T>* deferred, const T* normalized,
                          const T* w, T* dw, T* dx, ThreadPool& pool) {
  const Bf16WeightGradient gradient{row, s};
  const Bf16BothLayouts axes(s);
  const Gather gather{s.N, axes.h, axes.w, s.OC, s.OC, s.C, s.C};
  const std::int64_t taps = s.KH * s.KW;
  Bfloat16* const packed =
      thread_memory<Bf16Memory::weights, Bfloat16>(packed_bf16_size(taps, s.OC, s.C));
  if (dx)
    pack_bf16(
        row, Bf16Sum::over_filters, taps, s.OC, s.C, w, taps * s.C,
        [](std::int64_t tap) { return tap; }, packed, pool);
  const Bf16Target to{packed, nullptr, dx, stores_through(s.N * s.H * s.W * s.C)};
  const PlaneLayout one(1, axes.dy_h, axes.dy_w, s.OC);
  const std::int64_t enough =
      (std::clamp)(gradient.size() / 256, std::int64_t(256), std::int64_t(2048));
  const Bf16Cut cut(s.N, 1, one.image() * (s.C + s.OC), one.image(), bf16_sum_budget, enough);
  const std::int64_t parts = pieces(s.N, cut.images);
  const std::int64_t segments =
      (std::min)(parts, std::int64_t(gradient.size() <= 1 << 17 ? 16 : 8));
  float* const sums = thread_memory<Bf16Memory::sums, float>(segments * gradient.size());
  for_each_bf16_job(row, segments, pool, [&](std::int64_t segment) {
    const std::int64_t first = parts * segment / segments;
    for (std::int64_t part = first; part < parts * (segment + 1) / segments; ++part) {
      const std::int64_t n = part * cut.images, images = (std::min)(cut.images, s.N - n);
      const PlaneLayout out(images, axes.dy_h, axes.dy_w, s.OC),
          in(images, axes.x_h, axes.x_w, s.C);
      Bfloat16* const planes = thread_memory<Bf16Memory::planes, Bfloat16>(
          (std::max)(out.size(), in.size() + bf16_depth));
      const std::int64_t pixel = n * s.OH * s.OW * s.OC;
      const std::int64_t window = deferred ? deferred->windows.rows * deferred->windows.columns : 1;
      fill_planes(row, out,
                  DeferredSource{dy + pixel / window, s.OW, s.OC, deferred,
                                 normalized ? normalized + pixel : x},
                  s.OC, planes);
      if (dx) sum_planes(row, gather, out, planes, n, 0, s.H, to);
      if (!dw) continue;
      const std::int64_t steps = pieces(in.used(s.OH, s.OW), bf16_block);
      const std::int64_t zeros = -out.h.lowest * out.w.pitch - out.w.lowest;
      const Bfloat16* const filters =
          gradient.filters_by_pixels(planes + zeros * bf16_depth, out, steps);
      fill_planes(row, in, PlaneSource{x + n * s.H * s.W * s.C, s.C}, s.C, planes);
      std::fill(planes + in.size(), planes + in.size() + bf16_depth, Bfloat16{});
      gradient.add_products(part == first ? Bf16Start::zero : Bf16Start::what_is_there, in, filters,
                            gradient.pixels_by_channels(planes, in), steps, s.C,
                            sums + segment * gradient.size());
    }
  });
  if (dw) gradient.finish(sums, segments, dw, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels
