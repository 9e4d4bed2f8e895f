// The int8 contract as plain loops over formulas: what every int8 program must reproduce.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "octet/program/description.hpp"

/// Runs the int8 operations of a description, one after the other, for a batch.
class Interpreter {
 public:
  Interpreter(const octet::ProgramDescription& description, const octet::Tensor<float>& input)
      : d_(description), N_(input.shape()[0]), floats_(d_.values.size()), bytes_(d_.values.size()) {
    floats_[at(d_.inputs[0])].assign(input.begin(), input.end());
  }

  /// Takes the float32 result of an operation, and checks nothing.
  void accept(int operation, std::vector<float> values) {
    floats_[at(d_.operations[at(operation)].output)] = std::move(values);
  }

  const std::vector<std::int8_t>& run_int8(int operation) {
    operation_ = &d_.operations[at(operation)];
    y_ = &d_.value(operation_->output);
    out_ = &bytes_[at(operation_->output)];
    out_->resize(static_cast<std::size_t>(N_ * y_->shape.elements()));
    operation_->parameters.visit([&](const auto& parameters) { run(parameters); });
    return *out_;
  }

 private:
  using Value = octet::ProgramValue;
  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }
  const Value& x(std::size_t k = 0) const { return d_.value(operation_->inputs[k]); }
  const std::vector<std::int8_t>& in(std::size_t k = 0) const {
    return bytes_[at(operation_->inputs[k])];
  }

  /// round to nearest, ties to even, in float32
  static float rounded(float value) { return std::nearbyintf(value); }
  static std::int8_t limited(float value, float lo, float hi) {
    return static_cast<std::int8_t>(value < lo ? lo : value > hi ? hi : value);
  }
  static std::int8_t quantized(float real, const Value& value) {
    return limited(rounded(real / value.scale) + static_cast<float>(value.zero_point), -128, 127);
  }
  std::int8_t requantized(std::int64_t sum, double multiplier, const octet::Clamp& clamp = {}) {
    const volatile float product = static_cast<float>(sum) * static_cast<float>(multiplier);
    return limited(rounded(product) + static_cast<float>(y_->zero_point), quantized(clamp.low, *y_),
                   quantized(clamp.high, *y_));
  }

  template <class Convolution>
  void convolution(const Convolution& conv, bool depthwise) {
    const octet::kernels::Conv2dShape& s = conv.shape;
    const auto w = d_.tensor(conv.weight_tensor).template as<std::int8_t>();
    const auto bias = d_.tensor(conv.bias_tensor).template as<std::int32_t>();
    const auto scale = d_.tensor(conv.scale_tensor).template as<float>();
    const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups;
    std::size_t to = 0;
    for (std::int64_t n = 0; n < N_; ++n)
      for (std::int64_t oh = 0; oh < s.OH; ++oh)
        for (std::int64_t ow = 0; ow < s.OW; ++ow)
          for (std::int64_t oc = 0; oc < s.OC; ++oc) {
            std::int64_t sum = bias[at(oc)];
            for (std::int64_t kh = 0; kh < s.KH; ++kh)
              for (std::int64_t kw = 0; kw < s.KW; ++kw)
                for (std::int64_t c = 0; c < C; ++c) {
                  const std::int64_t h = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
                  const std::int64_t v = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
                  if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
                  const int q = in()[at(((n * s.H + h) * s.W + v) * s.C + oc / OC * C + c)];
                  const int weight = depthwise ? w[at((kh * s.KW + kw) * s.OC + oc)]
                                               : w[at(((oc * s.KH + kh) * s.KW + kw) * C + c)];
                  sum += (q - x().zero_point) * weight;
                }
            (*out_)[to++] = requantized(
                sum, double{x().scale} * double{scale[at(oc)]} / double{y_->scale}, conv.clamp);
          }
  }
  void run(const octet::operations::Conv2d& conv) { convolution(conv, false); }
  void run(const octet::operations::DepthwiseConv2d& conv) { convolution(conv, true); }

  /// Calls visit(output, values in the window, taps of the whole window).
  template <class Visit>
  void windows(const octet::kernels::Pool2dShape& s, octet::operations::Windows kind,
               Visit&& visit) {
    for (std::int64_t i = 0; i < N_ * s.OH * s.OW * s.C; ++i) {
      const std::int64_t c = i % s.C, ow = i / s.C % s.OW, oh = i / s.C / s.OW % s.OH;
      const std::int64_t n = i / s.C / s.OW / s.OH;
      std::vector<int> inside;
      const bool fixed = kind == octet::operations::Windows::fixed;
      for (std::int64_t h = 0; h < s.H; ++h)
        for (std::int64_t w = 0; w < s.W; ++w) {
          const std::int64_t kh = h - oh * s.stride_h + s.pad_top;
          const std::int64_t kw = w - ow * s.stride_w + s.pad_left;
          // Part i of parts holds a row that begins before (i + 1) / parts and ends after i /
          // parts.
          const auto in_part = [](std::int64_t row, std::int64_t i, std::int64_t rows,
                                  std::int64_t parts) {
            return row * parts < (i + 1) * rows && (row + 1) * parts > i * rows;
          };
          if (fixed ? kh >= 0 && kh < s.KH && kw >= 0 && kw < s.KW
                    : in_part(h, oh, s.H, s.OH) && in_part(w, ow, s.W, s.OW))
            inside.push_back(in()[at(((n * s.H + h) * s.W + w) * s.C + c)]);
        }
      (*out_)[at(i)] = visit(inside);
    }
  }
  void run(const octet::operations::MaxPool2d& pool) {
    windows(pool.shape, pool.windows, [](const std::vector<int>& inside) {
      int best = -128;
      for (const int q : inside) best = best > q ? best : q;
      return static_cast<std::int8_t>(best);
    });
  }
  void run(const octet::operations::AveragePool2d& pool) {
    windows(pool.shape, pool.windows, [&](const std::vector<int>& inside) {
      std::int64_t sum = 0;
      for (const int q : inside) sum += q - x().zero_point;
      const double count = pool.over == octet::kernels::AverageOver::window &&
                                   pool.windows == octet::operations::Windows::fixed
                               ? static_cast<double>(pool.shape.KH * pool.shape.KW)
                               : static_cast<double>(inside.size());
      return requantized(sum, double{x().scale} / double{y_->scale} / count);
    });
  }

  void run(const octet::operations::Add& add) {
    const double a = double{x(0).scale} / double{y_->scale};
    const double b = double{x(1).scale} / double{y_->scale};
    const volatile double a_part = x(0).zero_point * a, b_part = x(1).zero_point * b;
    for (std::size_t i = 0; i < out_->size(); ++i) {
      const volatile float first = static_cast<float>(in(0)[i]) * static_cast<float>(a);
      const volatile float second = static_cast<float>(in(1)[i]) * static_cast<float>(b);
      const volatile float sum = first + second;
      const volatile float whole = sum + static_cast<float>(-(a_part + b_part));
      (*out_)[i] = limited(rounded(whole) + static_cast<float>(y_->zero_point),
                           quantized(add.clamp.low, *y_), quantized(add.clamp.high, *y_));
    }
  }
  void run(const octet::operations::Multiply&) {
    const auto C = static_cast<std::size_t>(y_->shape.back());
    const auto each = static_cast<std::size_t>(y_->shape.elements());
    for (std::size_t i = 0; i < out_->size(); ++i) {
      const bool same = in(1).size() == out_->size();
      const int a = in(0)[i] - x(0).zero_point;
      const int b = in(1)[same ? i : i / each * C + i % C] - x(1).zero_point;
      (*out_)[i] = requantized(a * b, double{x(0).scale} * double{x(1).scale} / double{y_->scale});
    }
  }
  void run(const octet::operations::Concat&) {
    std::size_t offset = 0;
    const auto all = static_cast<std::size_t>(y_->shape.back());
    for (std::size_t k = 0; k < operation_->inputs.size(); ++k) {
      const auto C = static_cast<std::size_t>(x(k).shape.back());
      for (std::size_t i = 0; i < in(k).size(); ++i) {
        const int shifted = in(k)[i] - x(k).zero_point;
        const bool same = x(k).scale == y_->scale && x(k).zero_point == y_->zero_point;
        (*out_)[i / C * all + offset + i % C] =
            same ? in(k)[i] : quantized(static_cast<float>(shifted) * x(k).scale, *y_);
      }
      offset += C;
    }
  }
  void run(const octet::operations::Lookup& lookup) {
    const auto table = d_.tensor(lookup.table_tensor).as<std::int8_t>();
    for (std::size_t i = 0; i < out_->size(); ++i) (*out_)[i] = table[at(in()[i] + 128)];
  }
  void run(const octet::operations::Pad& pad) {
    const octet::Shape &from = x().shape, &to = y_->shape;
    std::fill(out_->begin(), out_->end(), quantized(pad.value, *y_));
    for (std::int64_t n = 0; n < N_; ++n)
      for (std::int64_t h = 0; h < from[0]; ++h)
        for (std::int64_t i = 0; i < from[1] * from[2]; ++i)
          (*out_)[at(((n * to[0] + h + pad.top) * to[1] + pad.left) * to[2] + i)] =
              in()[at((n * from[0] + h) * from[1] * from[2] + i)];
  }
  void run(const octet::operations::Reshape&) { *out_ = in(); }
  void run(const octet::operations::Quantize&) {
    const std::vector<float>& from = floats_[at(operation_->inputs[0])];
    for (std::size_t i = 0; i < out_->size(); ++i) (*out_)[i] = quantized(from[i], *y_);
  }
  // The rest is float32.
  void run(const octet::operations::Activation&) {}
  void run(const octet::operations::Softmax&) {}
  void run(const octet::operations::Dequantize&) {}
  void run(const octet::operations::Custom&) {}

  const octet::ProgramDescription& d_;
  std::int64_t N_;
  std::vector<std::vector<float>> floats_;
  std::vector<std::vector<std::int8_t>> bytes_;
  const octet::Operation* operation_ = nullptr;
  const Value* y_ = nullptr;
  std::vector<std::int8_t>* out_ = nullptr;
};
