// The operations of a program as calls of an emitted header's kernels.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/program/emit/constants.hpp"
#include "octet/program/emit/float_text.hpp"
#include "octet/program/emit/layers_text.hpp"
#include "octet/program/layout.hpp"
#include "octet/program/program.hpp"

namespace octet::inline OCTET_ABI::emission {

/// In the order in which the header has them, for later ones use earlier ones.
inline constexpr const std::string_view* pieces[] = {&infinity_text,
                                                     &exponential_text,
                                                     &softmax_text,
                                                     &functions_text,
                                                     &quantize_s8_text,
                                                     &dequantize_s8_text,
                                                     &convolution_shape_text,
                                                     &pool_shape_text,
                                                     &conv2d_s8_text,
                                                     &depthwise_s8_text,
                                                     &max_pool_text,
                                                     &average_pool_s8_text,
                                                     &add_s8_text,
                                                     &multiply_s8_text,
                                                     &lookup_s8_text,
                                                     &concat_text,
                                                     &pad_text,
                                                     &pixels_text,
                                                     &copy_text,
                                                     &conv2d_f32_text,
                                                     &depthwise_f32_text,
                                                     &average_pool_f32_text,
                                                     &add_f32_text,
                                                     &multiply_f32_text,
                                                     &checksum_text};

/// Writes a call for each operation, and keeps what the calls need: constants and kernels.
template <std::same_as<ProgramDescription> Description>
class Calls {
 public:
  explicit Calls(const Description& description)
      : d_(description), layout_(plan_layout(description)), patch_(layout_.arena_bytes) {
    for (const Operation& each : d_.operations)
      if (const auto* const conv = each.template as<operations::Conv2d>(); conv && is_int8(each))
        patch_bytes_ = (std::max)(patch_bytes_, round_up(depth_of(conv->shape), std::int64_t{64}));
  }

  /// The statements that run operation `number`.
  std::string text_of_operation(std::size_t number) {
    number_ = number;
    text_.clear();
    operation().parameters.visit([this](const auto& parameters) { this->write(parameters); });
    return text_;
  }
  /// Those that copy outputs which no operation could write itself.
  std::string text_of_copies() {
    std::string text;
    for (const CopiedOutput& copy : layout_.copied_outputs) {
      use(copy_text);
      text += text_of("  kernels::copy(", elements(copy.value), ", ", at(copy.value), ", ",
                      output_name(copy.output), ");\n");
    }
    return text;
  }

  // The names of values in the header's functions.

  std::int64_t elements(int value) const { return d_.value(value).shape.elements(); }
  std::string input_name(int index) const {
    return d_.inputs.size() == 1 ? "input" : text_of("input_", index);
  }
  std::string output_name(int index) const {
    return d_.outputs.size() == 1 ? "output" : text_of("output_", index);
  }
  std::string memory(ElementType type, std::int64_t offset) const {
    return text_of("memory.", type == ElementType::s8 ? "s8(" : "f32(", offset, ")");
  }
  /// Where a value lies.
  std::string at(int value) const {
    const ValuePlace& place = layout_.places[at_index(value)];
    if (place.kind == ValuePlace::Kind::input) return input_name(place.index);
    if (place.kind == ValuePlace::Kind::output) return output_name(place.index);
    return memory(d_.value(value).type, place.offset);
  }
  const ValuePlace& place(int value) const { return layout_.places[at_index(value)]; }
  bool is_int8(const Operation& each) const {
    return d_.value(each.output).type == ElementType::s8;
  }
  void use(const std::string_view& piece) {
    for (std::size_t i = 0; i < std::size(pieces); ++i)
      if (pieces[i] == &piece) used_[i] = true;
  }
  bool uses_dot() const { return uses_dot_; }
  /// Of the memory that all calls together need.
  std::int64_t ram_bytes() const { return patch_ + patch_bytes_; }
  std::string kernels_text() const {
    std::string text;
    for (std::size_t i = 0; i < std::size(pieces); ++i)
      if (used_[i]) text += *pieces[i];
    return text;
  }

  Constants constants;

 private:
  static std::size_t at_index(std::int64_t index) { return static_cast<std::size_t>(index); }
  const Operation& operation() const { return d_.operations[number_]; }
  const ProgramValue& input(std::size_t index = 0) const {
    return d_.value(operation().inputs[index]);
  }
  const ProgramValue& output() const { return d_.value(operation().output); }
  std::string x(std::size_t index = 0) const { return at(operation().inputs[index]); }
  std::string y() const { return at(operation().output); }

  template <class... Parts>
  void call(const std::string_view& piece, std::string_view function, const Parts&... arguments) {
    use(piece);
    std::string line = text_of("  kernels::", function, "(");
    std::size_t count = 0;
    const auto add = [&](const std::string& argument) {
      line += text_of(count++ ? ", " : "", argument);
    };
    (add(to_text(arguments)), ...);
    text_ += line + ");\n";
  }
  template <class... Numbers>
  static std::string list(const Numbers&... numbers) {
    std::string text;
    ((text += text_of(text.empty() ? "{" : ", ", numbers)), ...);
    return text + "}";
  }

  /// An array of constants for the operation at hand.
  template <class T>
  std::string array(std::string_view what, std::span<const T> values,
                    std::string_view behind = "") {
    return constants.add(text_of(what, "_", number_), values, behind);
  }

  // One function for each kind of operation.

  static std::int64_t depth_of(const kernels::Conv2dShape& s) {
    return s.KH * s.KW * (s.C / s.groups);
  }
  std::string shape_of(const kernels::Conv2dShape& s) {
    use(convolution_shape_text);
    return list(s.H, s.W, s.C, s.OH, s.OW, s.OC, s.KH, s.KW, s.stride_h, s.stride_w, s.dilation_h,
                s.dilation_w, s.pad_top, s.pad_left, s.groups);
  }
  template <class Pool>
  std::string shape_of(const Pool& pool) {
    use(pool_shape_text);
    const kernels::Pool2dShape& s = pool.shape;
    if (pool.windows == operations::Windows::adaptive) {
      // window_side() in the header computes them in int32.
      const std::int64_t largest = (std::max)((s.H + 1) * s.OH, (s.W + 1) * s.OW);
      if (largest > INT32_MAX)
        fail("emit: ", operation().name,
             ": expected an adaptive pooling with (H + 1) * OH and (W + 1) * OW of at most ",
             INT32_MAX, ", got ", largest);
      return list(s.H, s.W, s.C, s.OH, s.OW, 0, 0, 1, 1, 0, 0);
    }
    return list(s.H, s.W, s.C, s.OH, s.OW, s.KH, s.KW, s.stride_h, s.stride_w, s.pad_top,
                s.pad_left);
  }
  std::string requantization(const std::vector<std::int32_t>& bias,
                             const int8_steps::Requantization& q) {
    const std::string multiplier = array("multiplier", std::span<const float>(q.multiplier));
    return list(multiplier, array("bias", std::span<const std::int32_t>(bias)), q.zero_point,
                int{q.lo}, int{q.hi});
  }
  AlignedVector<float> floats(int tensor) const {
    const ElementType type = d_.tensor(tensor).type;
    if (type != ElementType::f32 && type != ElementType::f16)
      fail("emit: ", operation().name,
           ": expected float32 or float16 weights for a float32 layer, got ", type,
           ", which would be stored as float32: emit the program that they were made from, or the "
           "one in int8");
    return float_steps::floats_of(d_.tensor(tensor));
  }
  template <class Convolution>
  void write_float(const std::string_view& piece, std::string_view function,
                   const Convolution& conv) {
    use(infinity_text);
    const auto weight = floats(conv.weight_tensor), bias = floats(conv.bias_tensor);
    const std::string w = array("weight", std::span<const float>(weight.data(), weight.size()));
    const std::string b = array("bias", std::span<const float>(bias.data(), bias.size()));
    call(piece, function, shape_of(conv.shape), x(), w, b, literal(conv.clamp.low),
         literal(conv.clamp.high), y());
  }

  void write(const operations::Conv2d& conv) {
    if (!is_int8(operation())) return write_float(conv2d_f32_text, "conv2d_f32", conv);
    uses_dot_ = true;
    const auto weight = d_.tensor(conv.weight_tensor).template as<std::int8_t>();
    const int8_steps::Requantization q(d_, operation(), conv);
    // sum of (x - z) * w = sum of x * w - z * sum of w
    std::vector<std::int32_t> bias(q.bias.begin(), q.bias.end());
    const std::size_t depth = weight.size() / bias.size();
    for (std::size_t i = 0; i < weight.size(); ++i)
      bias[i / depth] -= input().zero_point * weight[i];
    const std::string w = array("weight", weight, " + kernels::dot_step - 1");
    call(conv2d_s8_text, "conv2d_s8", shape_of(conv.shape), x(), input().zero_point, w,
         requantization(bias, q), memory(ElementType::s8, patch_), y());
  }
  void write(const operations::DepthwiseConv2d& conv) {
    if (!is_int8(operation())) return write_float(depthwise_f32_text, "depthwise_f32", conv);
    const int8_steps::Requantization q(d_, operation(), conv);
    const std::string w = array("weight", d_.tensor(conv.weight_tensor).template as<std::int8_t>());
    call(depthwise_s8_text, "depthwise_s8", shape_of(conv.shape), x(), input().zero_point, w,
         requantization({q.bias.begin(), q.bias.end()}, q), y());
  }
  void write(const operations::MaxPool2d& pool) {
    call(max_pool_text, "max_pool", shape_of(pool), x(), y());
  }
  void write(const operations::AveragePool2d& pool) {
    kernels::AverageS8 average;
    average.scale_ratio = double{input().scale} / double{output().scale};
    const kernels::Pool2dShape& s = pool.shape;
    const bool adaptive = pool.windows == operations::Windows::adaptive;
    const bool whole = pool.over == kernels::AverageOver::window && !adaptive;
    std::int64_t least = s.H * s.W, most = 0;
    for (std::int64_t oh = 0; oh < s.OH; ++oh)
      for (std::int64_t ow = 0; ow < s.OW; ++ow) {
        const kernels::Window window =
            adaptive ? kernels::AdaptiveWindows{}(s, oh, ow) : kernels::FixedWindows{}(s, oh, ow);
        least = (std::min)(least, window.inside());
        most = (std::max)(most, window.inside());
      }
    if (whole) least = most = s.KH * s.KW;
    std::vector<float> multiplier;
    for (std::int64_t count = least; count <= most; ++count)
      multiplier.push_back(is_int8(operation()) ? kernels::average_multiplier(average, count)
                                                : 1.0f / static_cast<float>(count));
    const std::string factors = array("multiplier", std::span<const float>(multiplier));
    // One multiplier serves for all windows, whatever part of them lies inside of the image.
    if (least == most) least = 0;
    if (is_int8(operation()))
      call(average_pool_s8_text, "average_pool_s8", shape_of(pool), x(), input().zero_point,
           factors, least, output().zero_point, y());
    else
      call(average_pool_f32_text, "average_pool_f32", shape_of(pool), x(), factors, least, y());
  }
  void write(const operations::Add& add) {
    const std::int64_t count = output().shape.elements();
    if (!is_int8(operation())) {
      use(infinity_text);
      call(add_f32_text, "add_f32", count, x(0), x(1), literal(add.clamp.low),
           literal(add.clamp.high), y());
      return;
    }
    const kernels::AddS8 p = int8_steps::Add(d_, operation(), add, Isa::scalar).parameters;
    call(add_s8_text, "add_s8", count, x(0), x(1),
         list(literal(p.a_multiplier), literal(p.b_multiplier), literal(p.constant), p.zero_point,
              int{p.lo}, int{p.hi}),
         y());
  }
  void write(const operations::Multiply& multiply) {
    const std::int64_t count = output().shape.elements(), factors = input(1).shape.elements();
    if (!is_int8(operation()))
      return call(multiply_f32_text, "multiply_f32", count, factors, x(0), x(1), y());
    const kernels::MultiplyS8 p =
        int8_steps::Multiply(d_, operation(), multiply, Isa::scalar).parameters;
    call(multiply_s8_text, "multiply_s8", count, factors, x(0), x(1),
         list(p.a_zero_point, p.b_zero_point, literal(p.multiplier), p.zero_point, int{p.lo},
              int{p.hi}),
         y());
  }
  void write(const operations::Concat&) {
    const std::int64_t all = output().shape.back(), pixels = output().shape.elements() / all;
    std::int64_t first = 0;
    for (std::size_t i = 0; i < operation().inputs.size(); ++i) {
      const ProgramValue& from = input(i);
      std::string table = "nullptr";
      if (is_int8(operation()) &&
          (from.scale != output().scale || from.zero_point != output().zero_point)) {
        const kernels::TableS8 rescaled = kernels::rescale_table_s8(
            from.scale, from.zero_point, output().scale, output().zero_point);
        table = array(text_of("table_", i), std::span<const std::int8_t>(rescaled));
      }
      call(concat_text, "concat", pixels, from.shape.back(), all, first, x(i), table, y());
      first += from.shape.back();
    }
  }
  void write(const operations::Activation& activation) {
    use(infinity_text), use(exponential_text);
    const std::int64_t count = output().shape.elements();
    if (activation.function == Function::clamp)
      call(functions_text, "clamp_f32", count, x(), literal(activation.clamp.low),
           literal(activation.clamp.high), y());
    else if (activation.function == Function::leaky_relu)
      call(functions_text, "leaky_relu_f32", count, x(), literal(activation.slope), y());
    else
      call(functions_text, "map", count,
           text_of("kernels::", function_names[static_cast<std::size_t>(activation.function)]), x(),
           y());
  }
  void write(const operations::Lookup& lookup) {
    const std::string table =
        array("table", d_.tensor(lookup.table_tensor).template as<std::int8_t>());
    call(lookup_s8_text, "lookup_s8", output().shape.elements(), x(), table, y());
  }
  void write(const operations::Softmax&) {
    use(exponential_text);
    const std::int64_t columns = output().shape.back();
    call(softmax_text, "softmax", output().shape.elements() / columns, columns, x(), y());
  }
  void write(const operations::Pad& pad) {
    const Shape& s = input().shape;
    const std::string value =
        is_int8(operation())
            ? text_of("std::int8_t{",
                      int{kernels::quantize(pad.value, input().scale, input().zero_point)}, "}")
            : literal(pad.value);
    call(pad_text, "pad", s[0], s[1], s[2], pad.top, pad.bottom, pad.left, pad.right, x(), value,
         y());
  }
  void write(const operations::Reshape&) {}
  void write(const operations::Quantize&) {
    call(quantize_s8_text, "quantize_s8", output().shape.elements(), x(), literal(output().scale),
         output().zero_point, y());
  }
  void write(const operations::Dequantize&) {
    call(dequantize_s8_text, "dequantize_s8", output().shape.elements(), x(),
         literal(input().scale), input().zero_point, y());
  }
  void write(const operations::Custom&) {}

  const Description& d_;
  ProgramLayout layout_;
  /// Where a convolution gathers what one output pixel sees.
  std::int64_t patch_, patch_bytes_ = 0;
  bool uses_dot_ = false;
  bool used_[std::size(pieces)] = {};
  /// The operation at hand, and its calls.
  std::size_t number_ = 0;
  std::string text_;
};

}  // namespace octet::inline OCTET_ABI::emission
