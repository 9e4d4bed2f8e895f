// What max and average pooling share: the options and the geometry of their window.
#pragma once

#include <string_view>

#include "octet/kernels/conv2d_shape.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

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
