// Batch normalization.
#pragma once

#include <cmath>
#include <memory>
#include <type_traits>
#include <vector>

#include "octet/kernels/normalization.hpp"
#include "octet/kernels/pooled_normalization.hpp"
#include "octet/nn/attributes.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

/// Whether training normalizes by the batch and lets the running statistics follow it, or takes
/// them as constants, as fine-tuning on small batches wants.
enum class RunningStatistics { updated, frozen };

struct BatchNormOptions {
  /// The share of the new batch in the running statistics.
  double momentum = 0.1;
  /// Is added to the variance.
  double epsilon = 1e-5;
  RunningStatistics running_statistics = RunningStatistics::updated;
};

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, channel by channel. Training takes
/// mean and (biased) variance over N, H and W of the batch, and moves the running statistics:
/// running = (1 - momentum) * running + momentum * batch, with the unbiased variance. Inference,
/// and training with frozen statistics, take the running ones. Input [..., C]. S. Ioffe and C.
/// Szegedy, "Batch normalization" (2015).
template <class T>
class BatchNorm final : public Layer<T> {
 public:
  explicit BatchNorm(std::int64_t channels, BatchNormOptions options = {})
      : options_(checked(channels, options)),
        gamma_("gamma", ParameterKind::normalization, {channels}),
        beta_("beta", ParameterKind::normalization, {channels}),
        running_mean_{"running_mean", Tensor<T>({channels})},
        running_variance_{"running_variance", Tensor<T>({channels})},
        mean_({channels}),
        variance_({channels}) {
    gamma_.value.fill(T{1});
    running_variance_.value.fill(T{1});
  }

  std::string_view type() const override { return "batch_norm"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    const Shape& input = single_input(type(), inputs);
    if (input.rank() < 1 || input.back() != channels())
      fail("batch_norm: expected an input of ", channels(), " channels, got ", input);
    return input;
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    const T* const x = inputs[0].data();
    const std::int64_t rows = inputs[0].elements() / channels();
    if (by_batch(pass)) {
      if (rows < 2) fail("batch_norm: expected at least two values per channel, got ", rows);
      find_statistics(rows, x, pass);
      update_running_statistics(rows);
    }
    // Where the layer after this one does its work. Else nothing is kept, so that several threads
    // may infer with one graph.
    if constexpr (std::is_same_v<T, float>)
      if (output.empty()) {
        normalization_ = kernels::batch_norm_deferred<T>(kernel_channels(pass));
        return;
      }
    if (pass.fused.windows.pool())
      kernels::batch_norm_max_pool_forward<T>(pooling(inputs[0].shape(), pass),
                                              kernel_channels(pass), x, output.data(),
                                              pass.threads());
    else
      kernels::batch_norm_forward<T>(kernel_channels(pass), rows, x, output.data(), pass.threads());
  }
  /// With n = (x - mean) / sqrt(variance + epsilon) and M values per channel:
  /// d_beta = sum dy, d_gamma = sum dy * n,
  /// dx = gamma / sqrt(variance + epsilon) * (dy - d_beta / M - n * d_gamma / M),
  /// where the last two terms are missing if mean and variance are constants.
  void backward(Inputs<T> inputs, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (pass.fused.windows.pool())
      return kernels::batch_norm_max_pool_backward<T>(
          pooling(inputs[0].shape(), pass), kernel_channels(pass), inputs[0].data(),
          d_output.data(), gradients(), d_inputs[0].data(), pass.threads());
    kernels::batch_norm_backward<T>(kernel_channels(pass), d_output.elements() / channels(),
                                    inputs[0].data(), d_output.data(), gradients(),
                                    d_inputs[0].data(), pass.threads(), known_sums(pass));
  }

  const kernels::DeferredGradient<float>* backward_deferred(Inputs<T> inputs,
                                                            TensorView<const T> d_output,
                                                            const Pass& pass) override {
    if constexpr (std::is_same_v<T, float>) {
      if (pass.fused.windows.pool())
        deferred_ = kernels::batch_norm_max_pool_backward_sums<T>(
            pooling(inputs[0].shape(), pass), kernel_channels(pass), inputs[0].data(),
            d_output.data(), gradients(), pass.threads());
      else
        deferred_ = kernels::batch_norm_backward_sums<T>(
            kernel_channels(pass), d_output.elements() / channels(), inputs[0].data(),
            d_output.data(), gradients(), pass.threads(), known_sums(pass));
      return &deferred_;
    }
    return nullptr;
  }

  std::vector<Parameter<T>*> parameters() override { return {&gamma_, &beta_}; }
  std::vector<Buffer<T>*> buffers() override { return {&running_mean_, &running_variance_}; }

  const BatchNormOptions& options() const { return options_; }
  /// Freezes the running statistics, or lets them follow again.
  void set_running_statistics(RunningStatistics mode) { options_.running_statistics = mode; }
  std::int64_t channels() const { return mean_.elements(); }
  Parameter<T>& gamma() { return gamma_; }
  const Parameter<T>& gamma() const { return gamma_; }
  Parameter<T>& beta() { return beta_; }
  const Parameter<T>& beta() const { return beta_; }
  Tensor<T>& running_mean() { return running_mean_.value; }
  const Tensor<T>& running_mean() const { return running_mean_.value; }
  Tensor<T>& running_variance() { return running_variance_.value; }
  const Tensor<T>& running_variance() const { return running_variance_.value; }

  Json attributes() const override {
    const bool frozen = options_.running_statistics == RunningStatistics::frozen;
    return Json::object()
        .set("channels", channels())
        .set("momentum", options_.momentum)
        .set("epsilon", options_.epsilon)
        .set("running_statistics", frozen ? "frozen" : "updated");
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes,
                                                   std::int64_t limit = default_parameter_limit) {
    const AttributeReader reader("batch_norm", attributes);
    const BatchNormOptions options{
        .momentum = reader.number("momentum", 0, 1),
        .epsilon = reader.number("epsilon", 0, 1e6),
        .running_statistics = reader.word("running_statistics", {"updated", "frozen"})
                                  ? RunningStatistics::frozen
                                  : RunningStatistics::updated};
    const std::int64_t channels = reader.integer("channels", 1);
    check_parameter_limit("batch_norm", {channels, 4}, limit);
    return std::make_unique<BatchNorm>(channels, options);
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<BatchNorm>(*this); }
  bool backward_reads_output() const override { return false; }
  bool in_place() const override { return true; }
  bool limits_output() const override { return true; }
  bool pools_output() const override { return true; }
  bool wants_moments() const override { return true; }
  bool defers_output() const override { return std::is_same_v<T, float>; }
  const kernels::DeferredNormalization<float>* normalization() const override {
    if constexpr (std::is_same_v<T, float>) return &normalization_;
    return nullptr;
  }

 private:
  static const BatchNormOptions& checked(std::int64_t channels, const BatchNormOptions& options) {
    if (channels < 1) fail("batch_norm: expected at least one channel, got ", channels);
    if (!(options.momentum >= 0 && options.momentum <= 1))
      fail("batch_norm: expected a momentum from 0 to 1, got ", options.momentum);
    if (!(options.epsilon >= 0) || !std::isfinite(options.epsilon))
      fail("batch_norm: expected an epsilon of at least 0, got ", options.epsilon);
    return options;
  }
  bool by_batch(const Pass& pass) const {
    return pass.training() && options_.running_statistics == RunningStatistics::updated;
  }
  kernels::BatchNormChannels<T> kernel_channels(const Pass& pass) const {
    const bool batch = by_batch(pass);
    return {.channels = channels(),
            .mean = batch ? mean_.data() : running_mean_.value.data(),
            .variance = batch ? variance_.data() : running_variance_.value.data(),
            .gamma = gamma_.value.data(),
            .beta = beta_.value.data(),
            .epsilon = options_.epsilon,
            .statistics = batch ? kernels::Statistics::batch : kernels::Statistics::frozen,
            .lo = static_cast<T>(pass.fused.limits.lowest),
            .hi = static_cast<T>(pass.fused.limits.highest)};
  }
  kernels::BatchNormGradients<T> gradients() {
    return {gamma_.gradient.data(), beta_.gradient.data()};
  }
  /// The pooling of images {N, H, W, C} that pass.fused.windows tile.
  kernels::Pool2dShape pooling(const Shape& batch, const Pass& pass) const {
    const kernels::MaxWindows& windows = pass.fused.windows;
    return {.N = batch[0],
            .H = batch[1],
            .W = batch[2],
            .C = batch[3],
            .OH = batch[1] / windows.rows,
            .OW = batch[2] / windows.columns,
            .KH = windows.rows,
            .KW = windows.columns,
            .stride_h = windows.rows,
            .stride_w = windows.columns};
  }
  static const kernels::BlockSums<T>* known_sums(const Pass& pass) {
    if constexpr (std::is_same_v<T, float>) return pass.fused.sums;
    return nullptr;
  }
  void find_statistics(std::int64_t rows, const T* x, const Pass& pass) {
    if constexpr (std::is_same_v<T, float>)
      if (pass.fused.moments)
        return kernels::batch_statistics<T>(*pass.fused.moments, mean_.data(), variance_.data(),
                                            pass.threads());
    kernels::batch_statistics<T>(rows, channels(), x, mean_.data(), variance_.data(),
                                 pass.threads());
  }
  void update_running_statistics(std::int64_t rows) {
    const double unbiased = static_cast<double>(rows) / static_cast<double>(rows - 1);
    const auto move = [&](T& running, double batch) {
      running = static_cast<T>((1 - options_.momentum) * static_cast<double>(running) +
                               options_.momentum * batch);
    };
    for (std::int64_t c = 0; c < channels(); ++c) {
      move(running_mean_.value[c], static_cast<double>(mean_[c]));
      move(running_variance_.value[c], static_cast<double>(variance_[c]) * unbiased);
    }
  }

  BatchNormOptions options_;
  Parameter<T> gamma_, beta_;
  Buffer<T> running_mean_, running_variance_;
  /// The batch's, from forward to backward; the rest of a backward pass, until the next layer's.
  Tensor<T> mean_, variance_;
  kernels::DeferredNormalization<T> normalization_{};
  kernels::DeferredGradient<T> deferred_{};
};

/// Batch normalization of the channels, the last dimension of x.
template <class T>
Value<T> batch_norm(Value<T> x, BatchNormOptions options = {}) {
  const std::int64_t channels = x.shape().rank() > 0 ? x.shape().back() : 0;
  return apply<T>(std::make_unique<BatchNorm<T>>(channels, options), {x});
}

}  // namespace octet::inline OCTET_ABI
