// Batch normalization that will be folded into the convolution before it.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/nn/batch_norm.hpp"
#include "octet/quant/fake_quantize_layer.hpp"

namespace octet::inline OCTET_ABI {

/// Training: the batch norm, whose statistics the schedule may freeze. Inference: y = x, because
/// the quantization-aware convolution before it has folded it in, as the int8 program does.
template <class T>
class AbsorbedBatchNorm final : public Layer<T> {
 public:
  static constexpr std::string_view type_name = "absorbed_batch_norm";

  AbsorbedBatchNorm(const BatchNorm<T>& batch_norm, const QuantizationSchedule& schedule)
      : batch_norm_(batch_norm),
        schedule_(schedule),
        statistics_(batch_norm.options().running_statistics) {
    schedule.check(type_name);
  }

  std::string_view type() const override { return type_name; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return batch_norm_.output_shape(inputs);
  }
  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    if (pass.training()) {
      const bool frozen = counter_.steps() >= schedule_.freeze_batch_norm_from;
      batch_norm_.set_running_statistics(frozen ? RunningStatistics::frozen : statistics_);
      counter_.next();
      batch_norm_.forward(inputs, output, pass);
    } else if (output.data() != inputs[0].data()) {
      std::copy(inputs[0].begin(), inputs[0].end(), output.begin());
    }
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
  /// The batch norm as it was before it was absorbed, with what it has learned since.
  std::unique_ptr<BatchNorm<T>> batch_norm() const {
    auto copy = std::make_unique<BatchNorm<T>>(batch_norm_);
    copy->set_running_statistics(statistics_);
    return copy;
  }

  Json attributes() const override {
    Json json = batch_norm()->attributes();
    return json.set("freeze_batch_norm_from", schedule_.freeze_batch_norm_from);
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes,
                                                   std::int64_t limit = default_parameter_limit) {
    QuantizationSchedule schedule;
    schedule.freeze_batch_norm_from =
        AttributeReader(type_name, attributes)
            .integer("freeze_batch_norm_from", 0, QuantizationSchedule::never);
    const std::unique_ptr<Layer<T>> made = BatchNorm<T>::from_attributes(attributes, limit);
    return std::make_unique<AbsorbedBatchNorm>(static_cast<const BatchNorm<T>&>(*made), schedule);
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<AbsorbedBatchNorm>(*this);
  }
  bool backward_reads_output() const override { return false; }
  bool in_place() const override { return true; }

 private:
  BatchNorm<T> batch_norm_;
  QuantizationSchedule schedule_;
  /// What the batch norm does as long as the schedule lets it.
  RunningStatistics statistics_;
  StepCounter<T> counter_;
};

}  // namespace octet::inline OCTET_ABI
