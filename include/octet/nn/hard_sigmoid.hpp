// A sigmoid of three straight pieces.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = min(max(x + 3, 0), 6) / 6. dy/dx = 1/6 where -3 < x < 3, else 0. A. Howard et al.,
/// "Searching for MobileNetV3" (2019).
struct HardSigmoidFunction : MappedFunction<kernels::HardSigmoid, DerivativeOf::input> {
  static constexpr std::string_view name = "hard_sigmoid";
  static HardSigmoidFunction from_attributes(const Json&) { return {}; }
};

template <class T>
using HardSigmoid = ActivationLayer<T, HardSigmoidFunction>;

template <class T>
Value<T> hard_sigmoid(Value<T> x) {
  return apply<T>(std::make_unique<HardSigmoid<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
