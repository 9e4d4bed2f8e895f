// Functions of each element alone, y = f(x): the loops that they share.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "octet/nn/layer.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

/// A layer that maps every element by one and the same function. The int8 converter makes a table
/// of 256 entries from value().
template <class T>
class Activation : public Layer<T> {
 public:
  /// f(x).
  virtual T value(T x) const = 0;
};

/// What the derivative of an activation is computed from: x, or y = f(x), which saves keeping x.
enum class DerivativeOf { input, output };

/// The layer of a function object F, which has
///   a static member `name`, and `derivative_of`, a DerivativeOf;
///   `value(x)`, which is f(x), and `derivative(x)`, or `derivative(y)`, which is df/dx;
///   `attributes()` and a static `from_attributes(json)` for its options.
/// The functions work on float and double: `template <class T> T value(T x) const`.
template <class T, class F>
class ActivationLayer final : public Activation<T> {
 public:
  explicit ActivationLayer(F function = {}) : function_(function) {}

  std::string_view type() const override { return F::name; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return single_input(type(), inputs);
  }
  T value(T x) const override { return function_.value(x); }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    const T* const x = inputs[0].data();
    T* const y = output.data();
    pass.threads().parallel_for(output.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
      const F f = function_;
      for (std::int64_t i = begin; i < end; ++i) y[i] = f.value(x[i]);
    });
  }
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    const T* const kept = backward_reads_inputs() ? inputs[0].data() : output.data();
    const T* const dy = d_output.data();
    T* const dx = d_inputs[0].data();
    pass.threads().parallel_for(
        d_output.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
          const F f = function_;
          for (std::int64_t i = begin; i < end; ++i) dx[i] = dy[i] * f.derivative(kept[i]);
        });
  }

  const F& function() const { return function_; }
  Json attributes() const override { return function_.attributes(); }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes) {
    return std::make_unique<ActivationLayer>(F::from_attributes(attributes));
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<ActivationLayer>(*this);
  }
  bool backward_reads_inputs() const override { return F::derivative_of == DerivativeOf::input; }
  bool backward_reads_output() const override { return F::derivative_of == DerivativeOf::output; }
  bool in_place() const override { return true; }

 private:
  static constexpr std::int64_t grain = 1 << 14;
  F function_;
};

/// The attributes of a function without options.
template <class F>
struct NoOptions {
  Json attributes() const { return Json::object(); }
  static F from_attributes(const Json&) { return {}; }
};

}  // namespace octet::inline OCTET_ABI
