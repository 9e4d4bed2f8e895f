// The hyperbolic tangent.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = tanh(x). dy/dx = 1 - y^2.
struct TanhFunction : MappedFunction<kernels::Tanh, DerivativeOf::output> {
  static constexpr std::string_view name = "tanh";
  static TanhFunction from_attributes(const Json&) { return {}; }
};

template <class T>
using Tanh = ActivationLayer<T, TanhFunction>;

template <class T>
Value<T> tanh(Value<T> x) {
  return apply<T>(std::make_unique<Tanh<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
