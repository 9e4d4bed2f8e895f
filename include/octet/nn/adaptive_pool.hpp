// Adaptive pooling: windows that divide an image of any extent into a fixed number of parts.
#pragma once

#include <memory>

#include "octet/kernels/pooling.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

/// What adaptive average and max pooling share. Output row i of OH sees the input's rows from
/// floor(i * H / OH) to ceil((i + 1) * H / OH), columns likewise. Input [H, W, C], output
/// [OH, OW, C].
template <class T>
class AdaptivePool : public Layer<T> {
 public:
  explicit AdaptivePool(Extent2d extent) : extent_(extent) {}

  Shape output_shape(std::span<const Shape> inputs) const override {
    const Shape& input = single_input(this->type(), inputs);
    const std::int64_t channels = image_channels(this->type(), input);
    if (extent_.h < 1 || extent_.w < 1)
      fail(this->type(), ": expected a positive number of parts, got ", extent_);
    if (extent_.h > input[0] || extent_.w > input[1])
      fail(this->type(), ": expected an image of at least ", extent_,
           " pixels for as many parts, got ", input);
    return {extent_.h, extent_.w, channels};
  }
  /// The output's rows and columns.
  const Extent2d& extent() const { return extent_; }
  /// The geometry for a batch of inputs, {N, H, W, C}.
  kernels::Pool2dShape kernel_shape(const Shape& batch) const {
    return {.N = batch[0],
            .H = batch[1],
            .W = batch[2],
            .C = batch[3],
            .OH = extent_.h,
            .OW = extent_.w};
  }
  Json attributes() const override { return Json::object().set("extent", extent_.json()); }

 private:
  Extent2d extent_;
};

/// y = the mean of each window; dy goes to all of its pixels in equal parts.
template <class T>
class AdaptiveAveragePool final : public AdaptivePool<T> {
 public:
  using AdaptivePool<T>::AdaptivePool;
  std::string_view type() const override { return "adaptive_average_pool"; }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    kernels::adaptive_average_pool_forward<T>(this->kernel_shape(inputs[0].shape()),
                                              inputs[0].data(), output.data(), pass.threads());
  }
  void backward(Inputs<T> inputs, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    kernels::adaptive_average_pool_backward<T>(this->kernel_shape(inputs[0].shape()),
                                               d_output.data(), d_inputs[0].data(), pass.threads());
  }

  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes) {
    return std::make_unique<AdaptiveAveragePool>(
        read_extent(AttributeReader("adaptive_average_pool", attributes), "extent"));
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<AdaptiveAveragePool>(*this);
  }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }
};

/// y = the maximum of each window; dy goes to the first that is as large.
template <class T>
class AdaptiveMaxPool final : public AdaptivePool<T> {
 public:
  using AdaptivePool<T>::AdaptivePool;
  std::string_view type() const override { return "adaptive_max_pool"; }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    kernels::adaptive_max_pool_forward<T>(this->kernel_shape(inputs[0].shape()), inputs[0].data(),
                                          output.data(), pass.threads());
  }
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    kernels::adaptive_max_pool_backward<T>(this->kernel_shape(inputs[0].shape()), inputs[0].data(),
                                           output.data(), d_output.data(), d_inputs[0].data(),
                                           pass.threads());
  }

  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes) {
    return std::make_unique<AdaptiveMaxPool>(
        read_extent(AttributeReader("adaptive_max_pool", attributes), "extent"));
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<AdaptiveMaxPool>(*this);
  }
};

/// The mean of each of `extent` parts of an image: `adaptive_average_pool(x, 6)` gives [6, 6, C].
template <class T>
Value<T> adaptive_average_pool(Value<T> x, Extent2d extent) {
  return apply<T>(std::make_unique<AdaptiveAveragePool<T>>(extent), {x});
}
/// The maximum of each of `extent` parts of an image.
template <class T>
Value<T> adaptive_max_pool(Value<T> x, Extent2d extent) {
  return apply<T>(std::make_unique<AdaptiveMaxPool<T>>(extent), {x});
}

}  // namespace octet::inline OCTET_ABI
