// The logistic function.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = 1 / (1 + exp(-x)). dy/dx = y (1 - y).
struct SigmoidFunction : MappedFunction<kernels::Sigmoid, DerivativeOf::output> {
  static constexpr std::string_view name = "sigmoid";
  static SigmoidFunction from_attributes(const Json&) { return {}; }
};

template <class T>
using Sigmoid = ActivationLayer<T, SigmoidFunction>;

template <class T>
Value<T> sigmoid(Value<T> x) {
  return apply<T>(std::make_unique<Sigmoid<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
