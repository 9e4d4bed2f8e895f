// How one int8 number came about: the arithmetic of a layer with the actual numbers, and what it
// stands for in real ones. The functions are templates only so that they are compiled where they
// are used.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/program/program.hpp"

namespace octet::inline OCTET_ABI {

/// One number of an int8 layer, derived step by step.
struct Explanation {
  /// The derivation, to be printed.
  std::string text;
  /// What the sum, product or mean is in real numbers, computed in double from what the int8 inputs
  /// and weights stand for.
  double real = 0;
  /// Of a convolution: sum of x * w, -z_x * sum of w, and the bias, whose sum is the accumulator.
  std::int64_t products = 0, zero_point_term = 0, bias = 0;
  std::int64_t accumulator = 0;
  /// accumulator * multiplier, in float32, is what is rounded.
  float multiplier = 0, product = 0;
  /// What the formula gives, which is what the kernel gave.
  std::int8_t result = 0;
};

/// Derives one number after the other; see explain().
template <std::same_as<ProgramDescription> Description>
class Explainer {
 public:
  Explainer(const Description& description, const Operation& operation, std::int64_t element,
            const std::vector<std::vector<std::byte>>& inputs)
      : d_(description),
        operation_(operation),
        y_(description.value(operation.output)),
        element_(element),
        inputs_(inputs) {}

  Explanation run() {
    operation_.parameters.visit([this](const auto& parameters) { this->derive(parameters); });
    return std::move(e_);
  }

 private:
  static constexpr std::size_t shown_taps = 8;

  const ProgramValue& x(std::size_t index = 0) const { return d_.value(operation_.inputs[index]); }
  int q(std::int64_t i, std::size_t index = 0) const {
    return reinterpret_cast<const std::int8_t*>(inputs_[index].data())[i];
  }
  double real(std::int64_t i, std::size_t index = 0) const {
    return (q(i, index) - x(index).zero_point) * double{x(index).scale};
  }
  static std::string number(double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.9g", value);
    return digits;
  }
  template <class... Parts>
  void line(std::string_view label, const Parts&... parts) {
    e_.text += text_of("  ", label, std::string(label.size() < 12 ? 12 - label.size() : 0, ' '),
                       parts..., "\n");
  }
  void describe(std::string_view name, const ProgramValue& value) {
    line(name, "real = ", number(double{value.scale}), " * (q - ", value.zero_point, ")");
  }

  /// From the float32 `value` on: rounding, zero point, clamp.
  void finish(float value, int lo, int hi) {
    const float rounded = std::nearbyint(value);
    line("rounded", number(double{rounded}), ", to nearest, ties to even");
    line("zero point", number(double{rounded}), " + ", y_.zero_point, " = ",
         number(double{rounded} + y_.zero_point));
    e_.result = kernels::round_to_int8(value, y_.zero_point, lo, hi);
    line("clamped", "to [", lo, ", ", hi, "] = ", int{e_.result});
    const double stands_for = (e_.result - y_.zero_point) * double{y_.scale};
    line("stands for", number(stands_for), ", which is ", number(stands_for - e_.real),
         " from the real result; a step is ", number(double{y_.scale}));
  }
  void requantize(float multiplier, std::string_view formula, int lo, int hi) {
    e_.multiplier = multiplier;
    e_.product = kernels::rounded(static_cast<float>(e_.accumulator) * multiplier);
    line("multiplier", formula, " = ", number(double{multiplier}));
    line("product", e_.accumulator, " * ", number(double{multiplier}), " = ",
         number(double{e_.product}), ", in float32");
    finish(e_.product, lo, hi);
  }

  template <class Convolution>
  void derive_convolution(const Convolution& conv, bool depthwise) {
    const kernels::Conv2dShape& s = conv.shape;
    const auto w = d_.tensor(conv.weight_tensor).template as<std::int8_t>();
    const int8_steps::Requantization requantization(d_, operation_, conv);
    const std::int64_t oc = element_ % s.OC, ow = element_ / s.OC % s.OW;
    const std::int64_t oh = element_ / s.OC / s.OW, C = depthwise ? 1 : s.C / s.groups;
    const std::int64_t first_c = oc / (s.OC / s.groups) * (s.C / s.groups);
    const auto at = [](std::int64_t index) { return static_cast<std::size_t>(index); };
    const float weight_scale = d_.tensor(conv.scale_tensor).template as<float>()[at(oc)];
    line("element", "row ", oh, ", column ", ow, ", channel ", oc);
    describe("input", x());
    line("weights", "real = ", number(double{weight_scale}), " * q");
    describe("output", y_);
    std::int64_t weight_sum = 0, taps = 0, outside = 0;
    std::string shown;
    for (std::int64_t kh = 0; kh < s.KH; ++kh)
      for (std::int64_t kw = 0; kw < s.KW; ++kw)
        for (std::int64_t c = 0; c < C; ++c) {
          const std::int64_t h = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
          const std::int64_t v = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
          if (h < 0 || h >= s.H || v < 0 || v >= s.W) {
            ++outside;
            continue;
          }
          const std::int64_t from = (h * s.W + v) * s.C + first_c + c;
          const int weight = depthwise ? w[at((kh * s.KW + kw) * s.OC + oc)]
                                       : w[at(((oc * s.KH + kh) * s.KW + kw) * C + c)];
          e_.products += q(from) * weight;
          weight_sum += weight;
          e_.real += real(from) * (weight * double{weight_scale});
          if (static_cast<std::size_t>(taps++) < shown_taps)
            shown += text_of(shown.empty() ? "" : " + ", q(from), " * ", weight);
        }
    e_.bias = requantization.bias[at(oc)];
    const double bias = static_cast<double>(e_.bias) * double{x().scale} * double{weight_scale};
    line("real sum", "sum of x * w = ", number(e_.real), ", and a bias of ", number(bias), ": ",
         number(e_.real + bias));
    e_.real += bias;
    e_.zero_point_term = -x().zero_point * weight_sum;
    e_.accumulator = e_.products + e_.zero_point_term + e_.bias;
    if (static_cast<std::size_t>(taps) > shown_taps) shown += " + ...";
    line("products", shown, " = ", e_.products, ", ", taps, " of them",
         outside ? text_of("; ", outside, " lie in the padding, where x - z = 0") : "");
    line("zero point", "-(", x().zero_point, ") * (sum of q_w = ", weight_sum,
         ") = ", e_.zero_point_term);
    line("bias", e_.bias);
    line("accumulator", e_.products, " + ", e_.zero_point_term, " + ", e_.bias, " = ",
         e_.accumulator, ", which stands for ",
         number(static_cast<double>(e_.accumulator) * double{x().scale} * double{weight_scale}));
    // A fused ReLU cuts the real result off, too.
    e_.real = (std::min)((std::max)(e_.real, double{conv.clamp.low}), double{conv.clamp.high});
    requantize(requantization.multiplier[at(oc)], "s_x * s_w / s_y", requantization.lo,
               requantization.hi);
  }
  void derive(const operations::Conv2d& conv) { derive_convolution(conv, false); }
  void derive(const operations::DepthwiseConv2d& conv) { derive_convolution(conv, true); }

  void derive(const operations::Add& add) {
    const kernels::AddS8 p = int8_steps::Add(d_, operation_, add, Isa::scalar).parameters;
    describe("input a", x(0));
    describe("input b", x(1));
    describe("output", y_);
    e_.real = real(element_, 0) + real(element_, 1);
    line("real sum", number(real(element_, 0)), " + ", number(real(element_, 1)), " = ",
         number(e_.real));
    const float a = kernels::rounded(static_cast<float>(q(element_, 0)) * p.a_multiplier);
    const float b = kernels::rounded(static_cast<float>(q(element_, 1)) * p.b_multiplier);
    line("a * s_a/s_y", q(element_, 0), " * ", number(double{p.a_multiplier}), " = ",
         number(double{a}), ", in float32");
    line("b * s_b/s_y", q(element_, 1), " * ", number(double{p.b_multiplier}), " = ",
         number(double{b}));
    line("zero points", "-(z_a * s_a + z_b * s_b) / s_y = ", number(double{p.constant}));
    e_.product = kernels::rounded(a + b) + p.constant;
    line("sum", number(double{e_.product}), ", added in this order");
    e_.real = (std::min)((std::max)(e_.real, double{add.clamp.low}), double{add.clamp.high});
    finish(e_.product, p.lo, p.hi);
  }
  void derive(const operations::Multiply& multiply) {
    const kernels::MultiplyS8 p =
        int8_steps::Multiply(d_, operation_, multiply, Isa::scalar).parameters;
    const std::int64_t b = element_ % x(1).shape.elements();
    describe("input a", x(0));
    describe("input b", x(1));
    describe("output", y_);
    e_.real = real(element_, 0) * real(b, 1);
    line("real", number(real(element_, 0)), " * ", number(real(b, 1)), " = ", number(e_.real));
    e_.accumulator = (q(element_, 0) - p.a_zero_point) * (q(b, 1) - p.b_zero_point);
    line("integers", "(", q(element_, 0), " - ", p.a_zero_point, ") * (", q(b, 1), " - ",
         p.b_zero_point, ") = ", e_.accumulator);
    requantize(p.multiplier, "s_a * s_b / s_y", p.lo, p.hi);
  }

  /// Calls visit(q) for every value of the window of this element; returns the window.
  template <class Pool, class Visit>
  kernels::Window over_window(const Pool& pool, Visit&& visit) {
    const kernels::Pool2dShape& s = pool.shape;
    const std::int64_t c = element_ % s.C, ow = element_ / s.C % s.OW, oh = element_ / s.C / s.OW;
    const kernels::Window window = pool.windows == operations::Windows::adaptive
                                       ? kernels::AdaptiveWindows{}(s, oh, ow)
                                       : kernels::FixedWindows{}(s, oh, ow);
    line("element", "row ", oh, ", column ", ow, ", channel ", c, "; the window holds ",
         window.inside(), " of its ", window.size, " pixels");
    describe("input", x());
    for (std::int64_t h = window.h0; h < window.h1; ++h)
      for (std::int64_t w = window.w0; w < window.w1; ++w) visit(q((h * s.W + w) * s.C + c));
    return window;
  }
  void derive(const operations::MaxPool2d& pool) {
    int best = -128;
    over_window(pool, [&](int value) { best = (std::max)(best, value); });
    e_.result = static_cast<std::int8_t>(best);
    e_.real = (best - y_.zero_point) * double{y_.scale};
    line("largest", best, ", which stands for ", number(e_.real), "; no arithmetic");
  }
  void derive(const operations::AveragePool2d& pool) {
    const kernels::Window window =
        over_window(pool, [&](int value) { e_.accumulator += value - x().zero_point; });
    describe("output", y_);
    const bool whole =
        pool.over == kernels::AverageOver::window && pool.windows == operations::Windows::fixed;
    const std::int64_t count = whole ? window.size : window.inside();
    e_.real = static_cast<double>(e_.accumulator) * double{x().scale} / static_cast<double>(count);
    line("real mean", number(e_.real));
    line("integers", "sum of (q - ", x().zero_point, ") = ", e_.accumulator, ", over ", count);
    kernels::AverageS8 average;
    average.scale_ratio = double{x().scale} / double{y_.scale};
    requantize(kernels::average_multiplier(average, count), "s_x / s_y / count", -128, 127);
  }
  void derive(const operations::Lookup& lookup) {
    describe("input", x());
    describe("output", y_);
    e_.result = d_.tensor(lookup.table_tensor)
                    .template as<std::int8_t>()[static_cast<std::size_t>(q(element_) + 128)];
    e_.real = (e_.result - y_.zero_point) * double{y_.scale};
    line("table", "at ", q(element_), ", which stands for ", number(real(element_)), ": ",
         int{e_.result}, ", which stands for ", number(e_.real));
  }
  void derive(const operations::Quantize&) {
    const float value = reinterpret_cast<const float*>(inputs_[0].data())[element_];
    describe("output", y_);
    e_.real = double{value};
    e_.product = kernels::rounded(value / y_.scale);
    line("quotient", number(double{value}), " / ", number(double{y_.scale}), " = ",
         number(double{e_.product}), ", in float32");
    finish(e_.product == e_.product ? e_.product : 0.0f, -128, 127);
  }
  template <class Other>
  void derive(const Other&) {
    fail("explain: ", operation_.name, " (", operation_.type(),
         "): expected a layer that computes, this one moves or joins values, or is a layer of your "
         "own");
  }

  const Description& d_;
  const Operation& operation_;
  const ProgramValue& y_;
  std::int64_t element_;
  const std::vector<std::vector<std::byte>>& inputs_;
  Explanation e_;
};

/// Runs the program on one example, a tensor {1, ...} for each input, and derives number `element`
/// (channel innermost) of what the int8 operation called `name` writes. The derivation follows the
/// formulas, one value at a time; fails if it does not end at what the kernel wrote. Fails with a
/// sentence if there is no such operation or element, or if it is not int8.
template <std::same_as<Program> AnyProgram>
Explanation explain(const AnyProgram& program, std::string_view name, std::int64_t element,
                    std::span<const TensorView<const float>> inputs) {
  const ProgramDescription& d = program.description();
  if (!program.has_weights())
    fail("explain: expected a program that keeps its weights; see KeepWeights::yes");
  program.check(inputs);
  if (inputs[0].shape()[0] != 1) fail("explain: expected one example, got ", inputs[0].shape()[0]);
  std::size_t number = 0;
  while (number < d.operations.size() && d.operations[number].name != name) ++number;
  if (number == d.operations.size())
    fail("explain: expected the name of an operation, got \"", name, "\"");
  const Operation& operation = d.operations[number];
  const ProgramValue& output = d.value(operation.output);
  if (output.type != ElementType::s8) fail("explain: ", name, ": expected int8, got ", output.type);
  if (element < 0 || element >= output.shape.elements())
    fail("explain: ", name, ": expected an element below ", output.shape.elements(), ", got ",
         element);

  std::vector<std::vector<std::byte>> values(operation.inputs.size());
  const auto keep = [&](int value, const std::byte* data) {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (operation.inputs[i] == value)
        values[i].assign(
            data, data + d.value(value).shape.elements() * element_size(d.value(value).type));
  };
  for (std::size_t k = 0; k < inputs.size(); ++k)
    keep(d.inputs[k], reinterpret_cast<const std::byte*>(inputs[k].data()));
  std::int8_t written = 0;
  const ProgramOutputs outputs = program.make_outputs(1);
  Workspace workspace(program);
  program.run_observed(
      inputs, outputs.views, workspace,
      [&](int index, int value, const std::byte* data, std::int64_t, std::int64_t) {
        if (static_cast<std::size_t>(index) < number) keep(value, data);
        if (static_cast<std::size_t>(index) == number)
          written = reinterpret_cast<const std::int8_t*>(data)[element];
      });

  Explanation e = Explainer(d, operation, element, values).run();
  const std::string& kernel = program.operations()[number].kernel;
  if (e.result != written)
    fail("explain: ", name, ": the formulas give ", int{e.result}, " for element ", element, ", ",
         kernel, " gave ", int{written});
  e.text = text_of(name, " (", operation.type(), ") to ", output.shape, ", element ", element, "\n",
                   e.text, "  kernel      ", kernel, " gave ", int{written}, " too\n");
  return e;
}
/// The same for a program with one input, and an example without a batch in front or with one of 1.
template <std::same_as<Program> AnyProgram>
Explanation explain(const AnyProgram& program, std::string_view name, std::int64_t element,
                    TensorView<const float> input) {
  if (input.shape() == program.input_shape())
    input = TensorView<const float>(input.data(), input.shape().with_batch(1));
  return explain(program, name, element, std::span<const TensorView<const float>>(&input, 1));
}

}  // namespace octet::inline OCTET_ABI
