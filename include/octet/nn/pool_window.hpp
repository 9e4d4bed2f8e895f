// What max and average pooling share: the options and the geometry of their window.
#pragma once

#include <optional>
#include <string_view>

#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

/// The stride of a pooling: `2`, `{2, 1}`, or, when it is not given, the extent of the kernel, so
/// that windows do not overlap.
class PoolStride {
 public:
  constexpr PoolStride() = default;
  constexpr PoolStride(std::int64_t both) : given_(both) {}
  constexpr PoolStride(std::int64_t rows, std::int64_t columns) : given_({rows, columns}) {}
  constexpr PoolStride(Extent2d stride) : given_(stride) {}
  constexpr Extent2d or_kernel(Extent2d kernel) const { return given_.value_or(kernel); }

 private:
  std::optional<Extent2d> given_;
};

/// Fails, naming the layer, on a window that could lie outside of the image altogether.
inline void check_pool_window(std::string_view type, const Window2d& window) {
  check_window(type, window);
  const Padding2d& padding = window.padding;
  if (padding.top >= window.kernel.h || padding.bottom >= window.kernel.h ||
      padding.left >= window.kernel.w || padding.right >= window.kernel.w)
    fail(type, ": expected a padding smaller than the kernel of ", window.kernel, ", got top ",
         padding.top, ", bottom ", padding.bottom, ", left ", padding.left, ", right ",
         padding.right);
}

/// The geometry for a batch of inputs, {N, H, W, C}.
inline kernels::Pool2dShape pool_shape(std::string_view type, const Window2d& window,
                                       const Shape& batch) {
  const WindowPlacement place = place_window(type, window, batch.without_batch());
  return {.N = batch[0],
          .H = batch[1],
          .W = batch[2],
          .C = batch[3],
          .OH = place.OH,
          .OW = place.OW,
          .KH = window.kernel.h,
          .KW = window.kernel.w,
          .stride_h = window.stride.h,
          .stride_w = window.stride.w,
          .pad_top = place.padding.top,
          .pad_left = place.padding.left};
}

}  // namespace octet::inline OCTET_ABI
