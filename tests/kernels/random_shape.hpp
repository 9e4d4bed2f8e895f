// Convolutions that nobody would think of, among them padding beyond the kernel, strides beyond it
// and windows that see nothing but padding: the same for the same number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "octet/core/random.hpp"
#include "octet/kernels/conv2d_shape.hpp"

class ShapeDice {
 public:
  explicit ShapeDice(std::uint64_t number) : random_(97, number) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(
                     random_.below(rolls_++, static_cast<std::uint32_t>(high - low + 1)));
  }
  /// Mostly few.
  std::int64_t channels() { return between(0, 3) ? between(1, 18) : between(19, 70); }

 private:
  octet::Random random_;
  std::uint64_t rolls_ = 0;
};

/// All but channels and groups.
inline octet::kernels::Conv2dShape random_windows(ShapeDice& dice) {
  octet::kernels::Conv2dShape s;
  const auto axis = [&](std::int64_t& size, std::int64_t& kernel, std::int64_t& stride,
                        std::int64_t& dilation, std::int64_t& pad, std::int64_t& result) {
    kernel = dice.between(0, 1) ? 3 : dice.between(1, 4);
    stride = dice.between(0, 1) ? 1 : dice.between(1, 4);
    dilation = dice.between(0, 2) ? 1 : dice.between(1, 3);
    pad = dice.between(0, 1) ? dice.between(0, 1) : dice.between(0, 5);
    const std::int64_t other_pad = dice.between(0, 1) ? pad : dice.between(0, 5);
    const std::int64_t extent = (kernel - 1) * dilation + 1;
    size = (std::max)(dice.between(1, 13), extent - pad - other_pad);
    result = (size + pad + other_pad - extent) / stride + 1;
  };
  s.N = dice.between(1, 3);
  axis(s.H, s.KH, s.stride_h, s.dilation_h, s.pad_top, s.OH);
  axis(s.W, s.KW, s.stride_w, s.dilation_w, s.pad_left, s.OW);
  if (dice.between(0, 1)) {
    s.KH = s.KW, s.stride_h = s.stride_w, s.dilation_h = s.dilation_w;
    s.H = s.W, s.pad_top = s.pad_left, s.OH = s.OW;
  }
  return s;
}

inline octet::kernels::Conv2dShape random_shape(std::uint64_t number) {
  ShapeDice dice(number);
  octet::kernels::Conv2dShape s = random_windows(dice);
  s.groups = dice.between(0, 4) ? 1 : dice.between(2, 3);
  s.C = s.groups * dice.channels();
  s.OC = s.groups * dice.channels();
  return s;
}

inline octet::kernels::Conv2dShape random_depthwise_shape(std::uint64_t number) {
  ShapeDice dice(number);
  octet::kernels::Conv2dShape s = random_windows(dice);
  s.C = s.groups = dice.channels();
  s.OC = s.C * (dice.between(0, 5) ? 1 : 2);
  return s;
}

/// The cases, which have a name and a shape, and `count` of random shapes.
template <class Case>
std::vector<Case> with_random_shapes(std::vector<Case> cases,
                                     octet::kernels::Conv2dShape (*shape)(std::uint64_t),
                                     std::uint64_t count = 40) {
  for (std::uint64_t number = 0; number < count; ++number)
    cases.push_back({"random shape " + std::to_string(number), shape(number)});
  return cases;
}
