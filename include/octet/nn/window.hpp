// Where a window of a convolution or pooling stands: its extent, stride, dilation and padding.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "octet/core/json.hpp"
#include "octet/core/shape.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/nn/attributes.hpp"

namespace octet::inline OCTET_ABI {

/// Rows and columns: `3` means 3x3, `{1, 5}` one row and five columns.
struct Extent2d {
  std::int64_t h = 1, w = 1;
  constexpr Extent2d() = default;
  constexpr Extent2d(std::int64_t both) : h(both), w(both) {}
  constexpr Extent2d(std::int64_t rows, std::int64_t columns) : h(rows), w(columns) {}
  friend bool operator==(const Extent2d&, const Extent2d&) = default;
  friend std::string to_text(const Extent2d& extent) { return text_of(extent.h, 'x', extent.w); }
  Json json() const { return Json::array().push(h).push(w); }
};

/// Written `.padding = same`: as much padding as makes the output ceil(input / stride), the odd
/// row or column at the bottom and right (SAME_UPPER in ONNX).
struct SamePadding {};
inline constexpr SamePadding same{};

/// Rows and columns around an image: `1` on every side, `same`, or {top, bottom, left, right}.
struct Padding2d {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
  bool is_same = false;
  constexpr Padding2d() = default;
  constexpr Padding2d(std::int64_t all) : top(all), bottom(all), left(all), right(all) {}
  constexpr Padding2d(SamePadding) : is_same(true) {}
  constexpr Padding2d(std::int64_t top_, std::int64_t bottom_, std::int64_t left_,
                      std::int64_t right_)
      : top(top_), bottom(bottom_), left(left_), right(right_) {}
  friend bool operator==(const Padding2d&, const Padding2d&) = default;
  Json json() const {
    if (is_same) return "same";
    return Json::array().push(top).push(bottom).push(left).push(right);
  }
};

/// A window that moves over an image in steps of `stride`; its taps are `dilation` apart.
struct Window2d {
  Extent2d kernel = 1;
  Extent2d stride = 1;
  Padding2d padding = 0;
  Extent2d dilation = 1;
};

/// Fails, naming the layer, if an extent is below 1 or a padding below 0.
inline void check_window(std::string_view type, const Window2d& window) {
  const auto check = [&](const Extent2d& extent, std::string_view name) {
    const std::int64_t highest = AttributeReader::highest_extent;
    if (extent.h < 1 || extent.w < 1 || extent.h > highest || extent.w > highest)
      fail(type, ": expected ", name, " from 1 to ", highest, ", got ", extent);
  };
  check(window.kernel, "a kernel");
  check(window.stride, "a stride");
  check(window.dilation, "a dilation");
  for (const std::int64_t side :
       {window.padding.top, window.padding.bottom, window.padding.left, window.padding.right})
    if (side < 0 || side > AttributeReader::highest_extent)
      fail(type, ": expected a padding from 0 to ", AttributeReader::highest_extent, ", got ",
           side);
  if (window.kernel.h > AttributeReader::highest_extent / window.dilation.h ||
      window.kernel.w > AttributeReader::highest_extent / window.dilation.w)
    fail(type, ": a kernel of ", window.kernel, " with dilation ", window.dilation,
         " is larger than any image");
}

/// The channels of an image, {H, W, C}; fails, naming the layer, if the shape is another one.
inline std::int64_t image_channels(std::string_view type, const Shape& input) {
  if (input.rank() != 3 || input.elements() == 0)
    fail(type, ": expected an input of shape [H, W, C], got ", input);
  return input[2];
}

/// A window placed on an image of H x W: `same` made numbers, and the output's extent.
struct WindowPlacement {
  Padding2d padding;
  std::int64_t OH = 0, OW = 0;
};

/// Places a window on an input of shape {H, W, C}. Fails, naming the layer, if the shape is not
/// one of an image or the window is larger than the padded image.
inline WindowPlacement place_window(std::string_view type, const Window2d& window,
                                    const Shape& input) {
  image_channels(type, input);
  const Extent2d reach((window.kernel.h - 1) * window.dilation.h + 1,
                       (window.kernel.w - 1) * window.dilation.w + 1);
  Padding2d padding = window.padding;
  if (padding.is_same) {
    const auto total = [](std::int64_t extent, std::int64_t stride, std::int64_t reached) {
      const std::int64_t positions = (extent + stride - 1) / stride;
      return (std::max<std::int64_t>)((positions - 1) * stride + reached - extent, 0);
    };
    const std::int64_t rows = total(input[0], window.stride.h, reach.h);
    const std::int64_t columns = total(input[1], window.stride.w, reach.w);
    padding = {rows / 2, rows - rows / 2, columns / 2, columns - columns / 2};
  }
  const std::int64_t free_h = input[0] + padding.top + padding.bottom - reach.h;
  const std::int64_t free_w = input[1] + padding.left + padding.right - reach.w;
  if (free_h < 0 || free_w < 0)
    fail(type, ": expected an input with padding of at least ", reach, ", got ", input,
         " with padding top ", padding.top, ", bottom ", padding.bottom, ", left ", padding.left,
         ", right ", padding.right);
  return {padding, free_h / window.stride.h + 1, free_w / window.stride.w + 1};
}

/// The geometry of a convolution whose window is placed on a batch of inputs, {N, H, W, C}.
template <class = WhenUsed>
kernels::Conv2dShape conv2d_shape(const Shape& batch, const Window2d& window,
                                  const WindowPlacement& place, std::int64_t OC,
                                  std::int64_t groups) {
  return {.N = batch[0],
          .H = batch[1],
          .W = batch[2],
          .C = batch[3],
          .OH = place.OH,
          .OW = place.OW,
          .OC = OC,
          .KH = window.kernel.h,
          .KW = window.kernel.w,
          .stride_h = window.stride.h,
          .stride_w = window.stride.w,
          .dilation_h = window.dilation.h,
          .dilation_w = window.dilation.w,
          .pad_top = place.padding.top,
          .pad_left = place.padding.left,
          .groups = groups};
}

/// The members of a window in a layer's attributes: kernel, stride, padding, dilation.
inline void set_window(Json& attributes, const Window2d& window) {
  attributes.set("kernel", window.kernel.json())
      .set("stride", window.stride.json())
      .set("padding", window.padding.json())
      .set("dilation", window.dilation.json());
}
inline Extent2d read_extent(const AttributeReader& reader, std::string_view name) {
  const auto numbers = reader.integers(name, 2, 1);
  return {numbers[0], numbers[1]};
}
inline Padding2d read_padding(const AttributeReader& reader, std::string_view name) {
  if (reader.member(name).is_string()) {
    reader.word(name, {"same"});
    return same;
  }
  const auto sides = reader.integers(name, 4, 0);
  return {sides[0], sides[1], sides[2], sides[3]};
}
inline Window2d read_window(const AttributeReader& reader) {
  return {.kernel = read_extent(reader, "kernel"),
          .stride = read_extent(reader, "stride"),
          .padding = read_padding(reader, "padding"),
          .dilation = read_extent(reader, "dilation")};
}

/// The only input of a layer that takes one; fails, naming the layer, if it got another number.
inline const Shape& single_input(std::string_view type, std::span<const Shape> inputs) {
  if (inputs.size() != 1) fail(type, ": expected one input, got ", inputs.size());
  return inputs[0];
}

}  // namespace octet::inline OCTET_ABI
