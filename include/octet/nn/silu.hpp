// The sigmoid-weighted linear unit, also called swish.
#pragma once

#include <cmath>
#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = x s with s = 1 / (1 + exp(-x)). dy/dx = s (1 + x (1 - s)). S. Elfwing et al., "Sigmoid-weighted
/// linear units for neural network function approximation" (2018).
struct SiluFunction : NoOptions<SiluFunction> {
  static constexpr std::string_view name = "silu";
  static constexpr DerivativeOf derivative_of = DerivativeOf::input;
  template <class T>
  T value(T x) const {
    return x / (T{1} + std::exp(-x));
  }
  template <class T>
  T derivative(T x) const {
    const T s = T{1} / (T{1} + std::exp(-x));
    return s * (T{1} + x * (T{1} - s));
  }
};

template <class T>
using Silu = ActivationLayer<T, SiluFunction>;

template <class T>
Value<T> silu(Value<T> x) {
  return apply<T>(std::make_unique<Silu<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
