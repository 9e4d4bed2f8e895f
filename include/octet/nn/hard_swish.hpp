// SiLU with the hard sigmoid.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = x hard_sigmoid(x). dy/dx = (2x + 3) / 6 where -3 <= x <= 3, 0 below, 1 above. A. Howard et
/// al., "Searching for MobileNetV3" (2019).
struct HardSwishFunction : MappedFunction<kernels::HardSwish, DerivativeOf::input> {
  static constexpr std::string_view name = "hard_swish";
  static HardSwishFunction from_attributes(const Json&) { return {}; }
};

template <class T>
using HardSwish = ActivationLayer<T, HardSwishFunction>;

template <class T>
Value<T> hard_swish(Value<T> x) {
  return apply<T>(std::make_unique<HardSwish<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
