// Batch normalization that will be folded into the convolution before it.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>

#include "octet/quant/scheduled_batch_norm.hpp"

namespace octet::inline OCTET_ABI {

/// Training: the batch norm, whose statistics the schedule may freeze. Inference: y = x, because
/// the quantization-aware convolution before it has folded it in, as the int8 program does.
template <class T>
class AbsorbedBatchNorm final : public ScheduledBatchNorm<T> {
 public:
  static constexpr std::string_view type_name = "absorbed_batch_norm";
  using ScheduledBatchNorm<T>::ScheduledBatchNorm;

  std::string_view type() const override { return type_name; }
  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    if (pass.training())
      ScheduledBatchNorm<T>::forward(inputs, output, pass);
    else if (output.data() != inputs[0].data())
      std::copy(inputs[0].begin(), inputs[0].end(), output.begin());
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes,
                                                   std::int64_t limit = default_parameter_limit) {
    return ScheduledBatchNorm<T>::template made_from<AbsorbedBatchNorm>(attributes, limit);
  }
  std::unique_ptr<Layer<T>> clone() const override {
    return std::make_unique<AbsorbedBatchNorm>(*this);
  }
};

}  // namespace octet::inline OCTET_ABI
