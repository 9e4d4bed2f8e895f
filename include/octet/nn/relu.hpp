// The rectified linear unit.
#pragma once

#include <limits>
#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = max(x, 0). dy/dx = 1 where y > 0 is finite, else 0. A NaN stays one.
struct ReluFunction {
  static constexpr std::string_view name = "relu";
  static constexpr DerivativeOf derivative_of = DerivativeOf::output;
  static constexpr Limits<double> limits{.lowest = 0};
  template <class T>
  static constexpr T highest = std::numeric_limits<T>::infinity();

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
  static ReluFunction from_attributes(const Json&) { return {}; }
};

template <class T>
using Relu = ActivationLayer<T, ReluFunction>;

template <class T>
Value<T> relu(Value<T> x) {
  return apply<T>(std::make_unique<Relu<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
