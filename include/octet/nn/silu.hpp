// The sigmoid-weighted linear unit, also called swish.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = x s with s = 1 / (1 + exp(-x)). dy/dx = s (1 + x (1 - s)). S. Elfwing et al.,
/// "Sigmoid-weighted linear units for neural network function approximation" (2018).
struct SiluFunction : MappedFunction<kernels::Silu, DerivativeOf::input> {
  static constexpr std::string_view name = "silu";
  static SiluFunction from_attributes(const Json&) { return {}; }
};

template <class T>
using Silu = ActivationLayer<T, SiluFunction>;

template <class T>
Value<T> silu(Value<T> x) {
  return apply<T>(std::make_unique<Silu<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
