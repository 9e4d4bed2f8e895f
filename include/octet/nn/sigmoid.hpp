// The logistic function.
#pragma once

#include <cmath>
#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = 1 / (1 + exp(-x)). dy/dx = y (1 - y).
struct SigmoidFunction : NoOptions<SigmoidFunction> {
  static constexpr std::string_view name = "sigmoid";
  static constexpr DerivativeOf derivative_of = DerivativeOf::output;
  template <class T>
  T value(T x) const {
    return T{1} / (T{1} + std::exp(-x));
  }
  template <class T>
  T derivative(T y) const {
    return y * (T{1} - y);
  }
};

template <class T>
using Sigmoid = ActivationLayer<T, SigmoidFunction>;

template <class T>
Value<T> sigmoid(Value<T> x) {
  return apply<T>(std::make_unique<Sigmoid<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
