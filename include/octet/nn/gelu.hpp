// The Gaussian error linear unit.
#pragma once

#include <cmath>
#include <numbers>
#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = x P(x), where P(x) = (1 + erf(x / sqrt 2)) / 2 is the normal distribution.
/// dy/dx = P(x) + x p(x) with its density p(x) = exp(-x^2 / 2) / sqrt(2 pi). D. Hendrycks and
/// K. Gimpel, "Gaussian error linear units" (2016), in the exact form.
struct GeluFunction : NoOptions<GeluFunction> {
  static constexpr std::string_view name = "gelu";
  static constexpr DerivativeOf derivative_of = DerivativeOf::input;
  template <class T>
  T value(T x) const {
    return x * distribution(x);
  }
  template <class T>
  T derivative(T x) const {
    constexpr T density_at_zero = static_cast<T>(0.39894228040143267794);
    return distribution(x) + x * density_at_zero * std::exp(-x * x / T{2});
  }
  template <class T>
  static T distribution(T x) {
    return (T{1} + std::erf(x / std::numbers::sqrt2_v<T>)) / T{2};
  }
};

template <class T>
using Gelu = ActivationLayer<T, GeluFunction>;

template <class T>
Value<T> gelu(Value<T> x) {
  return apply<T>(std::make_unique<Gelu<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
