// A ReLU or ReLU6 right after a convolution, linear layer, batch norm or sum becomes a limit on
// what that layer writes.
#pragma once

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/graph/rewrite.hpp"
#include "octet/kernels/elementwise.hpp"

namespace octet::inline OCTET_ABI {

/// y = min(max(layer(x), low), high). The gradient passes where low < y < high.
template <class T>
class FusedActivation final : public Layer<T> {
 public:
  static constexpr std::string_view type_name = "fused_activation";

  FusedActivation(std::unique_ptr<Layer<T>> layer, T low, T high)
      : layer_(std::move(layer)), low_(low), high_(high) {}
  FusedActivation(const FusedActivation& other)
      : layer_(other.layer_->clone()), low_(other.low_), high_(other.high_) {}

  std::string_view type() const override { return type_name; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return layer_->output_shape(inputs);
  }
  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    layer_->forward(inputs, output, pass);
    kernels::clamp_forward(output.elements(), output.data(), low_, high_, output.data(),
                           pass.threads());
  }
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    d_layer_.resize(static_cast<std::size_t>(d_output.elements()));
    kernels::clamp_backward(output.elements(), output.data(), d_output.data(), low_, high_,
                            d_layer_.data(), pass.threads());
    layer_->backward(inputs, output, TensorView<const T>(d_layer_.data(), d_output.shape()),
                     d_inputs, pass);
  }
  std::vector<Parameter<T>*> parameters() override { return layer_->parameters(); }
  std::vector<Buffer<T>*> buffers() override { return layer_->buffers(); }
  void initialize(const Random& random) override { layer_->initialize(random); }
  Json attributes() const override {
    return Json::object()
        .set("layer", layer_->type())
        .set("attributes", layer_->attributes())
        .set("low", low_)
        .set("high", high_);
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<FusedActivation>(*this);
  }
  bool backward_reads_inputs() const override { return layer_->backward_reads_inputs(); }
  std::int64_t multiply_adds(std::span<const Shape> inputs) const override {
    return layer_->multiply_adds(inputs);
  }

  Layer<T>& layer() const { return *layer_; }
  T low() const { return low_; }
  T high() const { return high_; }

 private:
  std::unique_ptr<Layer<T>> layer_;
  T low_, high_;
  AlignedVector<T> d_layer_;
};

/// The graph with each ReLU and ReLU6 fused into the layer before it, where that is a convolution,
/// linear layer, batch norm or sum that nobody else reads. In inference it computes the same, bit
/// for bit. It is made to be compiled: no file can hold it.
template <class T>
Graph<T> fuse_activations(const Graph<T>& graph) {
  const auto fusable = [](const Layer<T>& layer, const Layer<T>& follower) {
    constexpr std::string_view known[] = {"conv2d", "depthwise_conv2d", "linear", "batch_norm",
                                          "add"};
    return (follower.type() == "relu" || follower.type() == "relu6") &&
           std::find(std::begin(known), std::end(known), layer.type()) != std::end(known);
  };
  const auto fused = [](const Layer<T>& layer, const Layer<T>& activation) {
    const T high = activation.type() == "relu6" ? T{6} : std::numeric_limits<T>::infinity();
    return std::make_unique<FusedActivation<T>>(layer.clone(), T{0}, high);
  };
  return merge_pairs(graph, fusable, fused);
}

}  // namespace octet::inline OCTET_ABI
