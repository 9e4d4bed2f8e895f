// The product of two tensors, one of which may be broadcast over the image.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// y = a * b, element by element. The inputs have one shape, or they are images of the same
/// channels where H or W of one is 1 and counts for every row or column of the other; [C] counts as
/// [1, 1, C]. da = dy * b, db = dy * a, summed over what was broadcast. Squeeze and excitation (J.
/// Hu et al., 2018) scales [H, W, C] by [C].
template <class T>
class Multiply final : public Layer<T> {
 public:
  std::string_view type() const override { return "multiply"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    if (inputs.size() != 2) fail("multiply: expected two inputs, got ", inputs.size());
    if (inputs[0] == inputs[1]) return inputs[0];
    const auto misfit = [&] {
      fail(
          "multiply: expected two inputs of one shape, or images whose H or W is 1 in one of them,",
          " got ", inputs[0], " and ", inputs[1]);
    };
    if (!is_image(inputs[0]) || !is_image(inputs[1])) misfit();
    const std::array<std::int64_t, 3> a = image(inputs[0]), b = image(inputs[1]);
    for (const std::size_t axis : {0, 1})
      if (a[axis] != b[axis] && a[axis] != 1 && b[axis] != 1) misfit();
    if (a[2] != b[2]) misfit();
    // Not the greater one: of 1 and 0 it is 0.
    return {a[0] == 1 ? b[0] : a[0], a[1] == 1 ? b[1] : a[1], a[2]};
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    const Steps y(output.shape(), output.shape());
    const Steps a(inputs[0].shape(), output.shape()), b(inputs[1].shape(), output.shape());
    const T* const a_data = inputs[0].data();
    const T* const b_data = inputs[1].data();
    T* const y_data = output.data();
    pass.threads().parallel_for(output.shape()[0], 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        for (std::int64_t h = 0; h < y.H; ++h)
          for (std::int64_t w = 0; w < y.W; ++w)
            for (std::int64_t c = 0; c < y.C; ++c)
              y_data[y.at(n, h, w, c)] = a_data[a.at(n, h, w, c)] * b_data[b.at(n, h, w, c)];
    });
  }
  void backward(Inputs<T> inputs, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    gradient(d_inputs[0], inputs[1], d_output, pass);
    gradient(d_inputs[1], inputs[0], d_output, pass);
  }

  static std::unique_ptr<Layer<T>> from_attributes(const Json&) {
    return std::make_unique<Multiply>();
  }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<Multiply>(*this); }
  bool backward_reads_output() const override { return false; }

 private:
  static bool is_image(const Shape& shape) { return shape.rank() == 3 || shape.rank() == 1; }
  static std::array<std::int64_t, 3> image(const Shape& shape) {
    if (shape.rank() == 1) return {1, 1, shape[0]};
    return {shape[0], shape[1], shape[2]};
  }

  /// Where element (n, h, w, c) of the output is in a batch that may be broadcast to it. A batch of
  /// any other rank is taken as N x 1 x 1 x C.
  struct Steps {
    std::int64_t H = 1, W = 1, C, n_step, h_step = 0, w_step = 0;
    Steps(const Shape& batch, const Shape& output) {
      n_step = batch.without_batch().elements();
      C = n_step;
      if (output.rank() != 4) return;
      H = output[1], W = output[2], C = output[3];
      if (batch.rank() != 4) return;
      h_step = batch[1] == 1 ? 0 : batch[2] * C;
      w_step = batch[2] == 1 ? 0 : C;
    }
    std::int64_t at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const {
      return n * n_step + h * h_step + w * w_step + c;
    }
  };

  /// dx = dy * other, summed over what x was broadcast to.
  static void gradient(TensorView<T> dx, TensorView<const T> other, TensorView<const T> dy,
                       const Pass& pass) {
    if (dx.empty()) return;
    const Steps y(dy.shape(), dy.shape());
    const Steps to(dx.shape(), dy.shape()), from(other.shape(), dy.shape());
    pass.threads().parallel_for(dy.shape()[0], 1, [&](std::int64_t begin, std::int64_t end) {
      std::fill(dx.data() + begin * to.n_step, dx.data() + end * to.n_step, T{0});
      for (std::int64_t n = begin; n < end; ++n)
        for (std::int64_t h = 0; h < y.H; ++h)
          for (std::int64_t w = 0; w < y.W; ++w)
            for (std::int64_t c = 0; c < y.C; ++c)
              dx.data()[to.at(n, h, w, c)] +=
                  dy.data()[y.at(n, h, w, c)] * other.data()[from.at(n, h, w, c)];
    });
  }
};

template <class T>
Value<T> multiply(Value<T> a, Value<T> b) {
  return apply<T>(std::make_unique<Multiply<T>>(), {a, b});
}
template <class T>
Value<T> operator*(Value<T> a, Value<T> b) {
  return multiply(a, b);
}

}  // namespace octet::inline OCTET_ABI
