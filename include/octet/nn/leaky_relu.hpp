// The rectified linear unit that leaks below zero.
#pragma once

#include <cmath>
#include <string_view>

#include "octet/nn/activation.hpp"
#include "octet/nn/attributes.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

struct LeakyReluOptions {
  /// The slope below zero, at least 0.
  double slope = 0.01;
};

/// y = x where x > 0, else slope * x. dy/dx = 1 where y > 0, else slope. A. Maas et al., "Rectifier
/// nonlinearities improve neural network acoustic models" (2013).
struct LeakyReluFunction {
  static constexpr std::string_view name = "leaky_relu";
  // A slope below zero would hide the sign of x from y.
  static constexpr DerivativeOf derivative_of = DerivativeOf::output;
  LeakyReluOptions options{};

  explicit LeakyReluFunction(LeakyReluOptions options_ = {}) : options(options_) {
    if (!(options.slope >= 0) || !std::isfinite(options.slope))
      fail("leaky_relu: expected a slope of at least 0, got ", options.slope);
  }
  template <class T>
  T value(T x) const {
    return x > T{0} ? x : static_cast<T>(options.slope) * x;
  }
  template <class T>
  void forward(std::int64_t count, const T* x, T* y, ThreadPool& pool) const {
    kernels::leaky_relu_forward(count, x, static_cast<T>(options.slope), y, pool);
  }
  template <class T>
  void backward(std::int64_t count, const T* y, const T* dy, T* dx, ThreadPool& pool) const {
    kernels::leaky_relu_backward(count, y, dy, static_cast<T>(options.slope), dx, pool);
  }

  Json attributes() const { return Json::object().set("slope", options.slope); }
  static LeakyReluFunction from_attributes(const Json& attributes) {
    const AttributeReader reader(name, attributes);
    return LeakyReluFunction({.slope = reader.number("slope", 0, 1e6)});
  }
};

template <class T>
using LeakyRelu = ActivationLayer<T, LeakyReluFunction>;

template <class T>
Value<T> leaky_relu(Value<T> x, LeakyReluOptions options = {}) {
  return apply<T>(std::make_unique<LeakyRelu<T>>(LeakyReluFunction(options)), {x});
}

}  // namespace octet::inline OCTET_ABI
