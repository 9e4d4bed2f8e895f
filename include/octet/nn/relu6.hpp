// The rectified linear unit that saturates at 6.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = min(max(x, 0), 6). dy/dx = 1 where 0 < y < 6, else 0. A. Krizhevsky, "Convolutional deep belief
/// networks on CIFAR-10" (2010).
struct Relu6Function : NoOptions<Relu6Function> {
  static constexpr std::string_view name = "relu6";
  static constexpr DerivativeOf derivative_of = DerivativeOf::output;
  template <class T>
  T value(T x) const {
    return x < T{0} ? T{0} : x > T{6} ? T{6} : x;
  }
  template <class T>
  T derivative(T y) const {
    return y > T{0} && y < T{6} ? T{1} : T{0};
  }
};

template <class T>
using Relu6 = ActivationLayer<T, Relu6Function>;

template <class T>
Value<T> relu6(Value<T> x) {
  return apply<T>(std::make_unique<Relu6<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
