// The hyperbolic tangent.
#pragma once

#include <cmath>
#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = tanh(x). dy/dx = 1 - y^2.
struct TanhFunction : NoOptions<TanhFunction> {
  static constexpr std::string_view name = "tanh";
  static constexpr DerivativeOf derivative_of = DerivativeOf::output;
  template <class T>
  T value(T x) const {
    return std::tanh(x);
  }
  template <class T>
  T derivative(T y) const {
    return T{1} - y * y;
  }
};

template <class T>
using Tanh = ActivationLayer<T, TanhFunction>;

template <class T>
Value<T> tanh(Value<T> x) {
  return apply<T>(std::make_unique<Tanh<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
