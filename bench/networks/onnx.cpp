#include "onnx.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

namespace bench {

namespace {

using namespace octet;
namespace o = octet::operations;
using Integers = std::vector<std::int64_t>;

/// A message of Protocol Buffers: fields, each a number and what it holds.
struct Message {
  std::string bytes;

  Message& integer(int field, std::int64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes.append(value);
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes); }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
    bytes.push_back(static_cast<char>(value));
  }
};

/// ONNX's numbers of types.
template <class T>
constexpr int type_number = std::is_same_v<T, float>          ? 1
                            : std::is_same_v<T, std::uint8_t> ? 2
                            : std::is_same_v<T, std::int8_t>  ? 3
                            : std::is_same_v<T, std::int32_t> ? 6
                                                              : 7;

class OnnxWriter {
 public:
  explicit OnnxWriter(const ProgramDescription& program) : program_(program) {
    if (program.inputs.size() != 1 || program.outputs.size() != 1)
      fail("onnx: expected one input and one output");
  }

  std::string run() {
    const int input = program_.inputs[0], output = program_.outputs[0];
    graph_.message(11, value_info("input", image_axes(program_.value(input).shape)));
    names_.resize(program_.values.size());
    names_[static_cast<std::size_t>(input)] = "input";
    for (const Operation& operation : program_.operations) {
      operation_ = &operation;
      bool known = true;
      if (const auto* const conv = operation.as<o::Conv2d>())
        convolution(*conv, false);
      else if (const auto* const depthwise = operation.as<o::DepthwiseConv2d>())
        convolution(*depthwise, true);
      else if (const auto* const max = operation.as<o::MaxPool2d>())
        pool("Max", max->shape, max->windows, {});
      else if (const auto* const average = operation.as<o::AveragePool2d>())
        pool("Average", average->shape, average->windows,
             {integer("count_include_pad", average->over == kernels::AverageOver::window)});
      else if (const auto* const add = operation.as<o::Add>())
        write(node("Add", {read(0), read(1)}), add->clamp);
      else if (const auto* const activation = operation.as<o::Activation>();
               activation && activation->function == Function::clamp)
        write(read(0), activation->clamp);
      else if (operation.as<o::Reshape>() && value(operation.output).shape.rank() == 1)
        write(node("Flatten", {read(0)}));
      else if (operation.as<o::Quantize>() || operation.as<o::Dequantize>())
        write(read(0));
      else
        known = false;
      if (!known) fail("onnx: ", operation.name, ": no way to write ", operation.type());
    }
    node_called(names_[static_cast<std::size_t>(output)], "Identity", "output");
    graph_.text(2, "octet").message(12, value_info("output", image_axes(value(output).shape)));
    Message opset, model;
    opset.text(1, "").integer(2, 13);
    return model.integer(1, 7).message(8, opset).message(7, graph_).bytes;
  }

 private:
  const ProgramValue& value(int index) const { return program_.value(index); }
  /// {H, W, C} is {C, H, W} in ONNX.
  static Integers image_axes(const Shape& shape) {
    if (shape.rank() == 3) return {shape[2], shape[0], shape[1]};
    Integers axes;
    for (int i = 0; i < shape.rank(); ++i) axes.push_back(shape[i]);
    return axes;
  }
  static Message value_info(std::string_view name, const Integers& axes) {
    Message shape, type, any, info, N;
    shape.message(1, N.text(2, "N"));
    for (const std::int64_t each : axes) shape.message(1, Message().integer(1, each));
    type.integer(1, type_number<float>).message(2, shape);
    return info.text(1, name).message(2, any.message(1, type));
  }
  static Message integer(std::string_view name, std::int64_t value) {
    return Message().text(1, name).integer(3, value).integer(20, 2);
  }
  static Message integers(std::string_view name, const Integers& values) {
    Message attribute;
    attribute.text(1, name);
    for (const std::int64_t each : values) attribute.integer(8, each);
    return attribute.integer(20, 7);
  }

  std::string fresh() { return octet::text_of("t", count_++); }
  template <class T>
  std::string tensor(const std::vector<T>& values, const Integers& axes) {
    const std::string name = fresh();
    Message tensor;
    for (const std::int64_t each : axes) tensor.integer(1, each);
    tensor.integer(2, type_number<T>).text(8, name);
    tensor.text(9, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
    graph_.message(5, tensor);
    return name;
  }
  void node_called(const std::string& input, std::string_view type, const std::string& output) {
    graph_.message(1, Message().text(1, input).text(2, output).text(4, type));
  }
  std::string node(std::string_view type, const std::vector<std::string>& inputs,
                   const std::vector<Message>& attributes = {}) {
    Message node;
    const std::string output = fresh();
    for (const std::string& each : inputs) node.text(1, each);
    node.text(2, output).text(4, type);
    for (const Message& each : attributes) node.message(5, each);
    graph_.message(1, node);
    return output;
  }

  /// The name of an input of the operation, as real numbers.
  const std::string& read(std::size_t input) const {
    return names_[static_cast<std::size_t>(operation_->inputs[input])];
  }
  /// The operation's output is `name`, cut off, and int8 if the program says so.
  void write(std::string name, Clamp clamp = {}) {
    const ProgramValue& to = value(operation_->output);
    const bool s8 = to.type == ElementType::s8;
    // What int8 cannot hold needs no cutting off.
    const auto real = [&](int q) { return to.scale * static_cast<float>(q - to.zero_point); };
    const float slack = s8 ? to.scale / 2 : 0;
    const float least = s8 ? real(-128) : -INFINITY, most = s8 ? real(127) : INFINITY;
    if (clamp.low > least + slack || clamp.high < most - slack) {
      if (clamp.low == 0 && clamp.high == INFINITY)
        name = node("Relu", {name});
      else
        name = node("Clip", {name, tensor<float>({(std::max)(clamp.low, -1e30f)}, {}),
                             tensor<float>({(std::min)(clamp.high, 1e30f)}, {})});
    }
    if (s8) {
      const std::string scale = tensor<float>({to.scale}, {});
      const std::string zero =
          tensor<std::uint8_t>({static_cast<std::uint8_t>(to.zero_point + 128)}, {});
      name = node("QuantizeLinear", {name, scale, zero});
      name = node("DequantizeLinear", {name, scale, zero});
    }
    names_[static_cast<std::size_t>(operation_->output)] = name;
  }

  /// Weights of type T in ONNX's order, [OC, C / groups, KH, KW], or [OUT, IN] where `axes` has two
  /// entries. Behind a flattened image the inputs are numbered C H W, not H W C.
  template <class T>
  std::string weights(const ProgramTensor& from, const kernels::Conv2dShape& s, bool depthwise,
                      const Integers& axes) {
    const auto old = from.as<T>();
    std::vector<T> values;
    values.reserve(old.size());
    const std::int64_t C = s.C / s.groups, area = s.KH * s.KW;
    const Shape flat = flattened_from();
    const std::int64_t channels = axes.size() == 2 && flat.rank() == 3 ? flat[2] : C;
    const std::int64_t taps = axes.size() == 2 ? C / channels : area;
    for (std::int64_t oc = 0; oc < s.OC; ++oc)
      for (std::int64_t c = 0; c < channels; ++c)
        for (std::int64_t tap = 0; tap < taps; ++tap)
          values.push_back(old[static_cast<std::size_t>(
              depthwise ? tap * s.OC + oc : (oc * taps + tap) * channels + c)]);
    return tensor(values, axes);
  }
  /// The shape of the image whose flattened form the operation reads; of rank 0 if it reads none.
  Shape flattened_from() const {
    for (const Operation& each : program_.operations)
      if (each.output == operation_->inputs[0] && each.as<o::Reshape>())
        return value(each.inputs[0]).shape;
    return {};
  }

  template <class Convolution>
  void convolution(const Convolution& conv, bool depthwise) {
    const kernels::Conv2dShape& s = conv.shape;
    const bool linear = value(operation_->inputs[0]).shape.rank() == 1;
    const Integers axes =
        linear ? Integers{s.OC, s.C} : Integers{s.OC, depthwise ? 1 : s.C / s.groups, s.KH, s.KW};
    const ProgramTensor& weight = program_.tensor(conv.weight_tensor);
    std::vector<std::string> inputs = {read(0)};
    if (weight.type == ElementType::f32) {
      inputs.push_back(weights<float>(weight, s, depthwise, axes));
    } else if (weight.type == ElementType::s8) {
      const auto scales = program_.tensor(conv.scale_tensor).template as<float>();
      const std::vector<float> scale(scales.begin(), scales.end());
      const std::vector<std::int8_t> zeros(scale.size());
      inputs.push_back(node("DequantizeLinear",
                            {weights<std::int8_t>(weight, s, depthwise, axes),
                             tensor(scale, {s.OC}), tensor(zeros, {s.OC})},
                            {integer("axis", 0)}));
    } else {
      fail("onnx: ", operation_->name, ": expected weights in float32 or int8");
    }
    if (conv.bias_tensor >= 0) {
      const ProgramTensor& bias = program_.tensor(conv.bias_tensor);
      if (bias.type == ElementType::f32) {
        const auto values = bias.as<float>();
        inputs.push_back(tensor(std::vector<float>(values.begin(), values.end()), {s.OC}));
      } else {
        const auto values = bias.as<std::int32_t>();
        std::vector<float> scale;
        for (const float each : program_.tensor(conv.scale_tensor).template as<float>())
          scale.push_back(each * value(operation_->inputs[0]).scale);
        inputs.push_back(
            node("DequantizeLinear",
                 {tensor(std::vector<std::int32_t>(values.begin(), values.end()), {s.OC}),
                  tensor(scale, {s.OC}), tensor(std::vector<std::int32_t>(scale.size()), {s.OC})},
                 {integer("axis", 0)}));
      }
    }
    if (linear) return write(node("Gemm", inputs, {integer("transB", 1)}), conv.clamp);
    write(
        node("Conv", inputs,
             {integers("kernel_shape", {s.KH, s.KW}), integers("strides", {s.stride_h, s.stride_w}),
              integers("dilations", {s.dilation_h, s.dilation_w}),
              integer("group", depthwise ? s.C : s.groups),
              integers("pads", pads(s, s.dilation_h, s.dilation_w))}),
        conv.clamp);
  }
  /// Rows and columns that are read around the image: top, left, bottom, right.
  template <class Window>
  static Integers pads(const Window& s, std::int64_t dilation_h = 1, std::int64_t dilation_w = 1) {
    const std::int64_t rows = (s.OH - 1) * s.stride_h + (s.KH - 1) * dilation_h + 1;
    const std::int64_t columns = (s.OW - 1) * s.stride_w + (s.KW - 1) * dilation_w + 1;
    return {s.pad_top, s.pad_left, (std::max<std::int64_t>)(rows - s.H - s.pad_top, 0),
            (std::max<std::int64_t>)(columns - s.W - s.pad_left, 0)};
  }
  void pool(const std::string& kind, const kernels::Pool2dShape& s, o::Windows windows,
            std::vector<Message> attributes) {
    std::string name;
    if (s.OH == 1 && s.OW == 1 &&
        (windows == o::Windows::adaptive || (s.KH == s.H && s.KW == s.W))) {
      name = node("Global" + kind + "Pool", {read(0)});
    } else if (windows == o::Windows::fixed) {
      attributes.push_back(integers("kernel_shape", {s.KH, s.KW}));
      attributes.push_back(integers("strides", {s.stride_h, s.stride_w}));
      attributes.push_back(integers("pads", pads(s)));
      name = node(kind + "Pool", {read(0)}, attributes);
    } else {
      fail("onnx: ", operation_->name, ": no adaptive pooling");
    }
    if (value(operation_->output).shape.rank() == 1) name = node("Flatten", {name});
    write(name);
  }

  const ProgramDescription& program_;
  const Operation* operation_ = nullptr;
  Message graph_;
  /// Of each value, as real numbers.
  std::vector<std::string> names_;
  int count_ = 0;
};

}  // namespace

std::string onnx_of(const ProgramDescription& program) { return OnnxWriter(program).run(); }

}  // namespace bench
