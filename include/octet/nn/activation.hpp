// Functions of each element alone, y = f(x): the loops that they share.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "octet/kernels/activation.hpp"
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

/// What backward() of an activation reads: x, or y = f(x), which saves keeping x.
enum class DerivativeOf { input, output };

/// The layer of a function object F, which has
///   static members `name`, and `derivative_of`, a DerivativeOf;
///   `value(x)`, which is f(x);
///   `forward(count, x, y, pool)`, which assigns y = f(x) to count elements;
///   `backward(count, kept, dy, dx, pool)`, which assigns dx = dy * df/dx, where kept is x or y;
///   `attributes()` and a static `from_attributes(json)` for its options;
///   static `limits`, if y = min(max(x, limits.lowest), limits.highest) and no more.
/// All of it for float and double.
template <class T, class F>
class ActivationLayer final : public Activation<T> {
 public:
  explicit ActivationLayer(F function = F{}) : function_(function) {}

  std::string_view type() const override { return F::name; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return single_input(type(), inputs);
  }
  T value(T x) const override { return function_.value(x); }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    function_.forward(output.elements(), inputs[0].data(), output.data(), pass.threads());
  }
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    const T* const kept = backward_reads_inputs() ? inputs[0].data() : output.data();
    function_.backward(d_output.elements(), kept, d_output.data(), d_inputs[0].data(),
                       pass.threads());
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
  const Limits<double>* limits() const override {
    if constexpr (requires { F::limits; }) return &F::limits;
    return nullptr;
  }

 private:
  F function_;
};

/// The part of a function object that is made of a kernel's Function, which has a static value(x),
/// and derivative(x) or derivative(y).
template <class Function, DerivativeOf of>
struct MappedFunction {
  static constexpr DerivativeOf derivative_of = of;
  template <class T>
  T value(T x) const {
    return Function::value(x);
  }
  template <class T>
  void forward(std::int64_t count, const T* x, T* y, ThreadPool& pool) const {
    kernels::map_forward<Function>(count, x, y, pool);
  }
  template <class T>
  void backward(std::int64_t count, const T* kept, const T* dy, T* dx, ThreadPool& pool) const {
    kernels::map_backward<Function>(count, kept, dy, dx, pool);
  }
  Json attributes() const { return Json::object(); }
};

}  // namespace octet::inline OCTET_ABI
