// The rectified linear unit that saturates at 6.
#pragma once

#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = min(max(x, 0), 6). dy/dx = 1 where 0 < y < 6, else 0. A. Krizhevsky, "Convolutional deep
/// belief networks on CIFAR-10" (2010).
struct Relu6Function {
  static constexpr std::string_view name = "relu6";
  static constexpr DerivativeOf derivative_of = DerivativeOf::output;
  static constexpr Limits<double> limits{.lowest = 0, .highest = 6};
  template <class T>
  static constexpr T highest = T{6};

  template <class T>
  T value(T x) const {
    return kernels::clamp_value(x, T{0}, highest<T>);
  }
  template <class T>
  void forward(std::int64_t count, const T* x, T* y, ThreadPool& pool) const {
    kernels::clamp_forward(count, x, T{0}, highest<T>, y, pool);
  }
  template <class T>
  void backward(std::int64_t count, const T* y, const T* dy, T* dx, ThreadPool& pool) const {
    kernels::clamp_backward(count, y, dy, T{0}, highest<T>, dx, pool);
  }
  Json attributes() const { return Json::object(); }
  static Relu6Function from_attributes(const Json&) { return {}; }
};

template <class T>
using Relu6 = ActivationLayer<T, Relu6Function>;

template <class T>
Value<T> relu6(Value<T> x) {
  return apply<T>(std::make_unique<Relu6<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
