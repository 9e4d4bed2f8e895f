// The rectified linear unit.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = max(x, 0). dy/dx = 1 where y > 0, else 0; a NaN stays one.
struct ReluFunction : NoOptions<ReluFunction> {
  static constexpr std::string_view name = "relu";
  static constexpr DerivativeOf derivative_of = DerivativeOf::output;
  template <class T>
  T value(T x) const {
    return x < T{0} ? T{0} : x;
  }
  template <class T>
  T derivative(T y) const {
    return y > T{0} ? T{1} : T{0};
  }
};

template <class T>
using Relu = ActivationLayer<T, ReluFunction>;

template <class T>
Value<T> relu(Value<T> x) {
  return apply<T>(std::make_unique<Relu<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
