// Dropout.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>

#include "octet/nn/attributes.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

struct DropoutOptions {
  /// The share of the elements that are dropped, from 0 to below 1.
  double probability = 0.5;
};

/// Training: y = 0 with this probability, else x / (1 - probability), so that the mean stays; dx is
/// the same function of dy. Inference: y = x. Which elements are dropped is a function of the
/// pass's random numbers, so no mask is kept. N. Srivastava et al., "Dropout" (2014).
template <class T>
class Dropout final : public Layer<T> {
 public:
  explicit Dropout(DropoutOptions options = {}) : options_(options) {
    if (!(options.probability >= 0 && options.probability < 1))
      fail("dropout: expected a probability from 0 to below 1, got ", options.probability);
  }

  std::string_view type() const override { return "dropout"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return single_input(type(), inputs);
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    drop(inputs[0].data(), output, pass);
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (!d_inputs[0].empty()) drop(d_output.data(), d_inputs[0], pass);
  }

  const DropoutOptions& options() const { return options_; }
  Json attributes() const override {
    return Json::object().set("probability", options_.probability);
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes) {
    const AttributeReader reader("dropout", attributes);
    return std::make_unique<Dropout>(DropoutOptions{reader.number("probability", 0, 1)});
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Dropout>(*this); }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }
  bool in_place() const override { return true; }

 private:
  void drop(const T* from, TensorView<T> to, const Pass& pass) const {
    T* const out = to.data();
    const std::int64_t count = to.elements();
    if (!pass.training()) {
      if (from != out) std::copy(from, from + count, out);
      return;
    }
    const T kept = static_cast<T>(1 / (1 - options_.probability));
    const auto threshold =
        static_cast<std::uint64_t>(std::ldexp(options_.probability, 32));  // in 1 / 2^32
    // One block of random numbers serves four elements, so threads take whole blocks.
    pass.threads().parallel_for((count + 3) / 4, 2048, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t block = begin; block < end; ++block) {
        const std::array<std::uint32_t, 4> bits =
            pass.random.block(static_cast<std::uint64_t>(block));
        const std::int64_t last = (std::min)(4 * block + 4, count);
        for (std::int64_t i = 4 * block; i < last; ++i)
          out[i] = bits[static_cast<std::size_t>(i % 4)] < threshold ? T{0} : from[i] * kept;
      }
    });
  }

  DropoutOptions options_;
};

/// Drops a share of the elements while training: `dropout(x, {.probability = 0.2})`.
template <class T>
Value<T> dropout(Value<T> x, DropoutOptions options = {}) {
  return apply<T>(std::make_unique<Dropout<T>>(options), {x});
}

}  // namespace octet::inline OCTET_ABI
