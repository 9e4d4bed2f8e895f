// The Gaussian error linear unit.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = x P(x), where P(x) = (1 + erf(x / sqrt 2)) / 2 is the distribution function of the
/// standard normal. dy/dx = P(x) + x p(x) with its density p(x) = exp(-x^2 / 2) / sqrt(2 pi). D.
/// Hendrycks and K. Gimpel, "Gaussian error linear units" (2016), in the exact form.
struct GeluFunction : MappedFunction<kernels::Gelu, DerivativeOf::input> {
  static constexpr std::string_view name = "gelu";
  static GeluFunction from_attributes(const Json&) { return {}; }
};

template <class T>
using Gelu = ActivationLayer<T, GeluFunction>;

template <class T>
Value<T> gelu(Value<T> x) {
  return apply<T>(std::make_unique<Gelu<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
