// A sigmoid of three straight pieces.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = min(max(x + 3, 0), 6) / 6. dy/dx = 1/6 where 0 < y < 1, else 0. A. Howard et al., "Searching
/// for MobileNetV3" (2019).
struct HardSigmoidFunction : NoOptions<HardSigmoidFunction> {
  static constexpr std::string_view name = "hard_sigmoid";
  static constexpr DerivativeOf derivative_of = DerivativeOf::output;
  template <class T>
  T value(T x) const {
    return x < T{-3} ? T{0} : x > T{3} ? T{1} : (x + T{3}) / T{6};
  }
  template <class T>
  T derivative(T y) const {
    return y > T{0} && y < T{1} ? T{1} / T{6} : T{0};
  }
};

template <class T>
using HardSigmoid = ActivationLayer<T, HardSigmoidFunction>;

template <class T>
Value<T> hard_sigmoid(Value<T> x) {
  return apply<T>(std::make_unique<HardSigmoid<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
