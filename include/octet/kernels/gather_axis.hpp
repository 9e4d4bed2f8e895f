// Which source positions the taps of a convolution, or of its gradient, see along one axis.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "octet/core/aligned.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// A regular walk over one axis: position i of the grid and tap j see source i * step + start + j *
/// tap_step, and write to target first + i * target_step.
struct GatherAxis {
  std::int64_t grid, taps, source, target;
  std::int64_t step, start, tap_step;
  std::int64_t first = 0, target_step = 1;
  /// Whether position i writes to target i, and there are no others.
  bool in_order() const { return first == 0 && target_step == 1 && grid == target; }
  /// Whether it also sees source i alone.
  bool in_place() const {
    return in_order() && taps == 1 && step == 1 && start == 0 && grid == source;
  }
};

/// The positions [begin, end) of [0, out) whose i * stride + offset lies in [0, in).
struct Reach {
  std::int64_t begin, end;
};
inline Reach reach(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t offset) {
  const std::int64_t begin = offset < 0 ? pieces(-offset, stride) : 0;
  const std::int64_t end = offset < in ? pieces(in - offset, stride) : 0;
  return {(std::min)(begin, out), (std::clamp)(end, (std::min)(begin, out), out)};
}

/// The axis of a forward convolution.
inline GatherAxis forward_axis(std::int64_t in, std::int64_t out, std::int64_t kernel,
                               std::int64_t stride, std::int64_t dilation, std::int64_t pad) {
  return {out, kernel, in, out, stride, -pad, dilation};
}

/// The taps of the backward convolution that reach the inputs phase, phase + stride, ...: tap
/// first_tap + j * tap_stride for j < axis.taps.
struct BackwardAxis {
  GatherAxis axis;
  std::int64_t first_tap, tap_stride;
};

/// Input i = phase + stride * q got from output o through tap k where o * stride = i + pad - k *
/// dilation: every (stride / gcd)-th tap, from the first that divides.
inline BackwardAxis backward_axis(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                  std::int64_t stride, std::int64_t dilation, std::int64_t pad,
                                  std::int64_t phase) {
  const std::int64_t tap_stride = stride / std::gcd(stride, dilation);
  std::int64_t tap = 0;
  while (tap < (std::min)(kernel, tap_stride) && (phase + pad - tap * dilation) % stride) ++tap;
  const std::int64_t taps =
      tap < (std::min)(kernel, tap_stride) ? pieces(kernel - tap, tap_stride) : 0;
  const std::int64_t start = taps ? (phase + pad - tap * dilation) / stride : 0;
  return {{pieces(in - phase, stride), taps, out, in, 1, start, -tap_stride * dilation / stride,
           phase, stride},
          tap,
          tap_stride};
}

}  // namespace octet::inline OCTET_ABI::kernels
