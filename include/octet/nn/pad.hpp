// Padding: rows and columns around an image.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>

#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"

namespace octet::inline OCTET_ABI {

struct PadOptions {
  /// A number, or {top, bottom, left, right}; not `same`, which needs a window.
  Padding2d padding = 0;
  /// What the new pixels hold.
  double value = 0;
};

/// y = x with rows and columns of a constant around it. Input [H, W, C], output
/// [top + H + bottom, left + W + right, C]. dx is the inner part of dy.
template <class T>
class Pad final : public Layer<T> {
 public:
  explicit Pad(PadOptions options) : options_(options) {
    if (options.padding.is_same) fail("pad: expected numbers of rows and columns, got same");
    check_window("pad", {.padding = options.padding});
    if (!std::isfinite(options.value)) fail("pad: expected a finite value, got ", options.value);
  }

  std::string_view type() const override { return "pad"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    const Shape& input = single_input(type(), inputs);
    const std::int64_t channels = image_channels(type(), input);
    const Padding2d& padding = options_.padding;
    return {padding.top + input[0] + padding.bottom, padding.left + input[1] + padding.right,
            channels};
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    const Shape& inner = inputs[0].shape();
    const Shape& outer = output.shape();
    const std::int64_t row = outer[2] * outer[3];
    pass.threads().parallel_for(outer[0], 1, [&](std::int64_t begin, std::int64_t end) {
      std::fill(output.data() + begin * outer[1] * row, output.data() + end * outer[1] * row,
                static_cast<T>(options_.value));
      for (std::int64_t n = begin; n < end; ++n)
        for (std::int64_t h = 0; h < inner[1]; ++h) {
          const T* const from = inputs[0].data() + (n * inner[1] + h) * inner[2] * inner[3];
          std::copy(from, from + inner[2] * inner[3], output.data() + start(outer, n, h));
        }
    });
  }
  void backward(Inputs<T> inputs, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    if (d_inputs[0].empty()) return;
    const Shape& inner = inputs[0].shape();
    const Shape& outer = d_output.shape();
    pass.threads().parallel_for(outer[0], 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        for (std::int64_t h = 0; h < inner[1]; ++h) {
          const T* const from = d_output.data() + start(outer, n, h);
          std::copy(from, from + inner[2] * inner[3],
                    d_inputs[0].data() + (n * inner[1] + h) * inner[2] * inner[3]);
        }
    });
  }

  const PadOptions& options() const { return options_; }
  Json attributes() const override {
    return Json::object().set("padding", options_.padding.json()).set("value", options_.value);
  }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes) {
    const AttributeReader reader("pad", attributes);
    return std::make_unique<Pad>(
        PadOptions{read_padding(reader, "padding"), reader.number("value", -1e300, 1e300)});
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Pad>(*this); }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }

 private:
  /// Where row h of image n begins in the padded batch.
  std::int64_t start(const Shape& outer, std::int64_t n, std::int64_t h) const {
    return ((n * outer[1] + options_.padding.top + h) * outer[2] + options_.padding.left) *
           outer[3];
  }

  PadOptions options_;
};

/// Rows and columns around an image: `pad(x, {.padding = 2})`.
template <class T>
Value<T> pad(Value<T> x, PadOptions options) {
  return apply<T>(std::make_unique<Pad<T>>(options), {x});
}

}  // namespace octet::inline OCTET_ABI
