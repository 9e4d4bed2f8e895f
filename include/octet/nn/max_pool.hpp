// Max pooling.
#pragma once

#include <memory>
#include <optional>

#include "octet/kernels/pooling.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/pool_window.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

struct MaxPoolOptions {
  Extent2d kernel = 2;
  /// The kernel's extent unless another one is given.
  PoolStride stride{};
  /// Padding never wins. A number, `same`, or {top, bottom, left, right}; less than the kernel.
  Padding2d padding = 0;
};

/// y[n, oh, ow, c] = the largest x[n, h, w, c] of the window. dy goes to the window's first
/// maximum. Input [H, W, C], output [OH, OW, C], OH = floor((H + top + bottom - KH) / stride) + 1,
/// with padding's rows.
template <class T>
class MaxPool final : public Layer<T> {
 public:
  explicit MaxPool(MaxPoolOptions options = {})
      : window_{.kernel = options.kernel,
                .stride = options.stride.or_kernel(options.kernel),
                .padding = options.padding} {
    check_pool_window(type(), window_);
    const Padding2d& padding = window_.padding;
    if (window_.stride == window_.kernel && padding == Padding2d(0))
      windows_ = {{window_.kernel.h, window_.kernel.w}};
  }

  std::string_view type() const override { return "max_pool"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    const Shape& input = single_input(type(), inputs);
    const WindowPlacement place = place_window(type(), window_, input);
    return {place.OH, place.OW, input[2]};
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    kernels::max_pool_forward<T>(kernel_shape(inputs[0].shape()), inputs[0].data(), output.data(),
                                 pass.threads());
  }
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    kernels::max_pool_backward<T>(kernel_shape(inputs[0].shape()), inputs[0].data(), output.data(),
                                  d_output.data(), d_inputs[0].data(), pass.threads());
  }

  /// Kernel, stride and padding; the dilation is always 1.
  const Window2d& window() const { return window_; }
  /// The geometry for a batch of inputs, {N, H, W, C}.
  kernels::Pool2dShape kernel_shape(const Shape& batch) const {
    return pool_shape(type(), window_, batch);
  }

  Json attributes() const override {
    Json json = Json::object();
    set_window(json, window_);
    return json;
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes) {
    const Window2d window = read_window(AttributeReader("max_pool", attributes));
    if (!(window.dilation == Extent2d(1)))
      fail("max_pool: expected a dilation of 1, got ", window.dilation);
    return std::make_unique<MaxPool>(MaxPoolOptions{window.kernel, window.stride, window.padding});
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<MaxPool>(*this); }
  const kernels::MaxWindows* windows() const override { return windows_ ? &*windows_ : nullptr; }

 private:
  Window2d window_;
  std::optional<kernels::MaxWindows> windows_;
};

/// Max pooling: `max_pool(x, {.kernel = 3, .stride = 2})`.
template <class T>
Value<T> max_pool(Value<T> x, MaxPoolOptions options = {}) {
  return apply<T>(std::make_unique<MaxPool<T>>(options), {x});
}

}  // namespace octet::inline OCTET_ABI
