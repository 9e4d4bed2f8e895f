// Global pooling: one number for each channel.
#pragma once

#include <memory>

#include "octet/kernels/pooling.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

/// The geometry of one window that is the whole image, for a batch of inputs {N, H, W, C}.
inline kernels::Pool2dShape global_pool_shape(const Shape& batch) {
  return {.N = batch[0], .H = batch[1], .W = batch[2], .C = batch[3]};
}

/// y[n, c] = the mean of x[n, h, w, c] over h and w. dx = dy / (H W). Input [H, W, C], output [C].
template <class T>
class GlobalAveragePool final : public Layer<T> {
 public:
  std::string_view type() const override { return "global_average_pool"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return {image_channels(type(), single_input(type(), inputs))};
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    kernels::global_average_pool_forward<T>(global_pool_shape(inputs[0].shape()), inputs[0].data(),
                                            output.data(), pass.threads());
  }
  void backward(Inputs<T> inputs, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    kernels::global_average_pool_backward<T>(global_pool_shape(inputs[0].shape()), d_output.data(),
                                             d_inputs[0].data(), pass.threads());
  }

  static std::unique_ptr<Layer<T>> from_attributes(const Json&) {
    return std::make_unique<GlobalAveragePool>();
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<GlobalAveragePool>(*this);
  }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }
};

/// y[n, c] = the largest of x[n, h, w, c] over h and w; dy goes to the first that is as large.
/// Input [H, W, C], output [C].
template <class T>
class GlobalMaxPool final : public Layer<T> {
 public:
  std::string_view type() const override { return "global_max_pool"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return {image_channels(type(), single_input(type(), inputs))};
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    kernels::adaptive_max_pool_forward<T>(global_pool_shape(inputs[0].shape()), inputs[0].data(),
                                          output.data(), pass.threads());
  }
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    kernels::adaptive_max_pool_backward<T>(global_pool_shape(inputs[0].shape()), inputs[0].data(),
                                           output.data(), d_output.data(), d_inputs[0].data(),
                                           pass.threads());
  }

  static std::unique_ptr<Layer<T>> from_attributes(const Json&) {
    return std::make_unique<GlobalMaxPool>();
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<GlobalMaxPool>(*this);
  }
};

/// The mean of each channel of an image.
template <class T>
Value<T> global_average_pool(Value<T> x) {
  return apply<T>(std::make_unique<GlobalAveragePool<T>>(), {x});
}
/// global_average_pool under its usual shorter name.
template <class T>
Value<T> global_avg_pool(Value<T> x) {
  return global_average_pool(x);
}
/// The maximum of each channel of an image.
template <class T>
Value<T> global_max_pool(Value<T> x) {
  return apply<T>(std::make_unique<GlobalMaxPool<T>>(), {x});
}

}  // namespace octet::inline OCTET_ABI
