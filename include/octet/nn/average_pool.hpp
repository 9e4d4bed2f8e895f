// Average pooling.
#pragma once

#include <memory>

#include "octet/kernels/pooling.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/pool_window.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// What an average is divided by: the whole window, padding counted as zeros, or its part in the
/// image.
using kernels::AverageOver;

struct AveragePoolOptions {
  Extent2d kernel = 2;
  /// The kernel's extent unless another one is given.
  PoolStride stride{};
  /// A number, `same`, or {top, bottom, left, right}; less than the kernel.
  Padding2d padding = 0;
  /// What a window at the border is divided by: PyTorch's is `window` unless told otherwise.
  AverageOver over = AverageOver::image;
};

/// y[n, oh, ow, c] = the sum of x[n, h, w, c] in the window, divided by KH * KW or by the number of
/// the window's pixels that are in the image. dy goes to all of these in equal parts. Input
/// [H, W, C], output [OH, OW, C], OH = floor((H + top + bottom - KH) / stride) + 1, with padding's
/// rows.
template <class T>
class AveragePool final : public Layer<T> {
 public:
  explicit AveragePool(AveragePoolOptions options = {})
      : window_{.kernel = options.kernel,
                .stride = options.stride.or_kernel(options.kernel),
                .padding = options.padding},
        over_(options.over) {
    check_pool_window(type(), window_);
  }

  std::string_view type() const override { return "average_pool"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    const Shape& input = single_input(type(), inputs);
    const WindowPlacement place = place_window(type(), window_, input);
    return {place.OH, place.OW, input[2]};
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    kernels::average_pool_forward<T>(kernel_shape(inputs[0].shape()), over_, inputs[0].data(),
                                     output.data(), pass.threads());
  }
  void backward(Inputs<T> inputs, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    kernels::average_pool_backward<T>(kernel_shape(inputs[0].shape()), over_, d_output.data(),
                                      d_inputs[0].data(), pass.threads());
  }

  /// Kernel, stride and padding; the dilation is always 1.
  const Window2d& window() const { return window_; }
  AverageOver over() const { return over_; }
  /// The geometry for a batch of inputs, {N, H, W, C}.
  kernels::Pool2dShape kernel_shape(const Shape& batch) const {
    return pool_shape(type(), window_, batch);
  }

  Json attributes() const override {
    Json json = Json::object();
    set_window(json, window_);
    return json.set("over", over_ == AverageOver::window ? "window" : "image");
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes) {
    const AttributeReader reader("average_pool", attributes);
    const Window2d window = read_window(reader);
    if (!(window.dilation == Extent2d(1)))
      fail("average_pool: expected a dilation of 1, got ", window.dilation);
    const AverageOver over =
        reader.word("over", {"window", "image"}) ? AverageOver::image : AverageOver::window;
    return std::make_unique<AveragePool>(
        AveragePoolOptions{window.kernel, window.stride, window.padding, over});
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<AveragePool>(*this); }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }

 private:
  Window2d window_;
  AverageOver over_;
};

/// Average pooling: `average_pool(x, {.kernel = 3, .stride = 2})`.
template <class T>
Value<T> average_pool(Value<T> x, AveragePoolOptions options = {}) {
  return apply<T>(std::make_unique<AveragePool<T>>(options), {x});
}

}  // namespace octet::inline OCTET_ABI
