// Batch normalization in a quantization-aware training: from a step on its statistics stay.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/nn/batch_norm.hpp"
#include "octet/quant/fake_quantize_layer.hpp"

namespace octet::inline OCTET_ABI {

/// The batch norm that it is made of; from step `freeze_from` of training on, the running
/// statistics are taken, as in inference, and stay.
template <class T>
class ScheduledBatchNorm : public Layer<T> {
 public:
  static constexpr std::string_view type_name = "scheduled_batch_norm";

  ScheduledBatchNorm(const BatchNorm<T>& batch_norm, std::int64_t freeze_from)
      : batch_norm_(batch_norm),
        freeze_from_(freeze_from),
        statistics_(batch_norm.options().running_statistics) {
    QuantizationSchedule{.freeze_batch_norm_from = freeze_from}.check(type_name);
  }

  std::string_view type() const override { return type_name; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return batch_norm_.output_shape(inputs);
  }
  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    if (pass.training()) {
      const bool frozen = counter_.steps() >= freeze_from_;
      batch_norm_.set_running_statistics(frozen ? RunningStatistics::frozen : statistics_);
      counter_.next();
    }
    batch_norm_.forward(inputs, output, pass);
  }
  void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    batch_norm_.backward(inputs, output, d_output, d_inputs, pass);
  }

  std::vector<Parameter<T>*> parameters() override { return batch_norm_.parameters(); }
  std::vector<Buffer<T>*> buffers() override {
    std::vector<Buffer<T>*> all = batch_norm_.buffers();
    all.push_back(&counter_.buffer());
    return all;
  }
  /// The batch norm as it was given, with what it has learned since.
  std::unique_ptr<BatchNorm<T>> batch_norm() const {
    auto copy = std::make_unique<BatchNorm<T>>(batch_norm_);
    copy->set_running_statistics(statistics_);
    return copy;
  }

  Json attributes() const override {
    Json json = batch_norm()->attributes();
    return json.set("freeze_batch_norm_from", freeze_from_);
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes,
                                                   std::int64_t limit = default_parameter_limit) {
    return made_from<ScheduledBatchNorm>(attributes, limit);
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<ScheduledBatchNorm>(*this);
  }
  bool backward_reads_output() const override { return batch_norm_.backward_reads_output(); }
  bool in_place() const override { return batch_norm_.in_place(); }

 protected:
  template <class Made>
  static std::unique_ptr<Layer<T>> made_from(const Json& attributes, std::int64_t limit) {
    const std::int64_t freeze_from =
        AttributeReader(Made::type_name, attributes)
            .integer("freeze_batch_norm_from", 0, QuantizationSchedule::never);
    const std::unique_ptr<Layer<T>> batch_norm = BatchNorm<T>::from_attributes(attributes, limit);
    return std::make_unique<Made>(static_cast<const BatchNorm<T>&>(*batch_norm), freeze_from);
  }

 private:
  BatchNorm<T> batch_norm_;
  std::int64_t freeze_from_;
  /// What the batch norm does until then.
  RunningStatistics statistics_;
  StepCounter<T> counter_{"batch_norm_steps"};
};

}  // namespace octet::inline OCTET_ABI
