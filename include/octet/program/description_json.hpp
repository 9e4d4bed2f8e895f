// A program's description as JSON, and back. What is read may come from a hostile file: every
// number is checked against its range here, what they mean together by validate().
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/json.hpp"
#include "octet/program/custom_factory.hpp"
#include "octet/program/description.hpp"

namespace octet::inline OCTET_ABI {

/// Writes the parameters of each kind of operation.
struct ParameterWriter {
  Json& out;

  static Json numbers(std::initializer_list<std::int64_t> values) {
    Json array = Json::array();
    for (const std::int64_t value : values) array.push(value);
    return array;
  }
  void clamp(const Clamp& clamp) {
    // An infinite bound is written as null.
    if (!clamp.none()) out.set("clamp", Json(Json::Array{Json(clamp.low), Json(clamp.high)}));
  }
  template <class Convolution>
  void convolution(const Convolution& conv) {
    const kernels::Conv2dShape& s = conv.shape;
    out.set("input", numbers({s.H, s.W, s.C})).set("output_shape", numbers({s.OH, s.OW, s.OC}));
    out.set("kernel", numbers({s.KH, s.KW})).set("stride", numbers({s.stride_h, s.stride_w}));
    out.set("dilation", numbers({s.dilation_h, s.dilation_w}));
    out.set("padding", numbers({s.pad_top, s.pad_left})).set("groups", s.groups);
    out.set("weight", conv.weight_tensor).set("bias", conv.bias_tensor);
    if (conv.scale_tensor >= 0) out.set("weight_scale", conv.scale_tensor);
    clamp(conv.clamp);
  }
  template <class Pool>
  void pool(const Pool& pool) {
    const kernels::Pool2dShape& s = pool.shape;
    out.set("input", numbers({s.H, s.W, s.C})).set("output_shape", numbers({s.OH, s.OW}));
    out.set("kernel", numbers({s.KH, s.KW})).set("stride", numbers({s.stride_h, s.stride_w}));
    out.set("padding", numbers({s.pad_top, s.pad_left}));
    out.set("windows", pool.windows == operations::Windows::fixed ? "fixed" : "adaptive");
  }

  void operator()(const operations::Conv2d& conv) { convolution(conv); }
  void operator()(const operations::DepthwiseConv2d& conv) { convolution(conv); }
  void operator()(const operations::MaxPool2d& max) { pool(max); }
  void operator()(const operations::AveragePool2d& average) {
    pool(average);
    out.set("over", average.over == kernels::AverageOver::window ? "window" : "image");
  }
  void operator()(const operations::Add& add) { clamp(add.clamp); }
  void operator()(const operations::Multiply&) {}
  void operator()(const operations::Concat&) {}
  void operator()(const operations::Activation& activation) {
    out.set("function", function_names[static_cast<std::size_t>(activation.function)]);
    out.set("slope", activation.slope);
    clamp(activation.clamp);
  }
  void operator()(const operations::Lookup& lookup) { out.set("table", lookup.table_tensor); }
  void operator()(const operations::Softmax&) {}
  void operator()(const operations::Pad& pad) {
    out.set("padding", numbers({pad.top, pad.bottom, pad.left, pad.right}));
    out.set("value", pad.value);
  }
  void operator()(const operations::Reshape&) {}
  void operator()(const operations::Quantize&) {}
  void operator()(const operations::Dequantize&) {}
  void operator()(const operations::Custom& custom) {
    Json tensors = Json::array();
    for (const int tensor : custom.tensors) tensors.push(tensor);
    out.set("layer", custom.layer).set("attributes", custom.attributes);
    out.set("tensors", std::move(tensors));
  }
};

/// Everything but the weights, which are named.
template <std::same_as<ProgramDescription> Description>
Json to_json(const Description& description) {
  const auto indices = [](const std::vector<int>& values) {
    Json array = Json::array();
    for (const int value : values) array.push(value);
    return array;
  };
  Json values = Json::array(), operations = Json::array(), tensors = Json::array();
  for (const ProgramValue& value : description.values) {
    Json shape = Json::array();
    for (const std::int64_t extent : value.shape) shape.push(extent);
    Json each = Json::object();
    each.set("name", value.name).set("shape", std::move(shape)).set("type", to_text(value.type));
    if (value.type == ElementType::s8)
      each.set("scale", value.scale).set("zero_point", value.zero_point);
    values.push(std::move(each));
  }
  for (const Operation& operation : description.operations) {
    Json each = Json::object();
    each.set("name", operation.name).set("type", operation.type());
    each.set("inputs", indices(operation.inputs)).set("output", operation.output);
    operation.parameters.visit(ParameterWriter{each});
    operations.push(std::move(each));
  }
  for (const ProgramTensor& tensor : description.tensors) tensors.push(tensor.name);
  Json json = Json::object();
  json.set("version", 1).set("inputs", indices(description.inputs));
  json.set("outputs", indices(description.outputs)).set("values", std::move(values));
  return json.set("operations", std::move(operations)).set("tensors", std::move(tensors));
}

/// Reads what to_json() wrote. A template only so that it is compiled where it is used.
template <std::same_as<ProgramDescription> Description>
class BasicDescriptionReader {
 public:
  /// `tensors` are those that the JSON names, in its order.
  static Description read(const Json& json, std::vector<ProgramTensor> tensors) {
    if (json["version"].as_integer() != 1)
      fail("program: expected version 1, got ", json["version"].text().substr(0, 40));
    Description description;
    description.tensors = std::move(tensors);
    BasicDescriptionReader reader;
    description.inputs = reader.indices(json, "inputs");
    description.outputs = reader.indices(json, "outputs");
    for (const Json& each : json["values"].as_array())
      description.values.push_back(reader.value(each));
    for (const Json& each : json["operations"].as_array())
      description.operations.push_back(reader.operation(each, description));
    return description;
  }

 private:
  // The member `key` of an object, or with `checked` what stands for it or in it.
  std::int64_t integer(const Json& json, std::string_view key, std::int64_t lowest,
                       std::int64_t highest) {
    return checked(json[key], key, lowest, highest);
  }
  std::int64_t checked(const Json& json, std::string_view key, std::int64_t lowest = 0,
                       std::int64_t highest = largest) {
    const std::int64_t value = json.as_integer();
    if (value < lowest || value > highest)
      fail(where_, ": ", key, ": expected an integer from ", lowest, " to ", highest, ", got ",
           value);
    return value;
  }
  static constexpr std::int64_t largest = (std::int64_t{1} << 31) - 1;
  int index(const Json& json, std::string_view key) {
    return static_cast<int>(checked(json[key], key));
  }
  std::vector<int> indices(const Json& json, std::string_view key) {
    std::vector<int> values;
    for (const Json& each : json[key].as_array())
      values.push_back(static_cast<int>(checked(each, key)));
    return values;
  }
  std::vector<std::int64_t> extents(const Json& json, std::string_view key, std::size_t count) {
    std::vector<std::int64_t> values;
    for (const Json& each : json[key].as_array()) values.push_back(checked(each, key));
    if (values.size() != count)
      fail(where_, ": ", key, ": expected ", count, " integers, got ", values.size());
    return values;
  }
  float number(const Json& json, std::string_view key) { return checked_float(json[key], key); }
  // A number that does not fit into a float32 is no number that was written.
  float checked_float(const Json& json, std::string_view key) {
    const double value = json.as_number();
    if (!(std::abs(value) <= (std::numeric_limits<float>::max)()))
      fail(where_, ": ", key, ": expected a float32 number, got ", value);
    return static_cast<float>(value);
  }
  std::size_t word(const Json& json, std::string_view key,
                   std::span<const std::string_view> words) {
    const std::string& text = json[key].as_string();
    for (std::size_t i = 0; i < words.size(); ++i)
      if (words[i] == text) return i;
    fail(where_, ": ", key, ": expected a known word such as \"", words[0], "\", got \"",
         text.substr(0, 40), '"');
  }
  Clamp clamp(const Json& json) {
    Clamp result;
    if (const Json* const bounds = json.find("clamp")) {
      const Json::Array& numbers = bounds->as_array();
      if (numbers.size() != 2) fail(where_, ": clamp: expected two numbers, got ", numbers.size());
      if (!numbers[0].is_null()) result.low = checked_float(numbers[0], "clamp");
      if (!numbers[1].is_null()) result.high = checked_float(numbers[1], "clamp");
    }
    return result;
  }

  ProgramValue value(const Json& json) {
    constexpr std::string_view types[] = {"float32", "int8"};
    ProgramValue result;
    result.name = json["name"].as_string();
    where_ = text_of("program: value ", result.name);
    const Json::Array& shape = json["shape"].as_array();
    if (shape.size() >= Shape::max_rank)
      fail(where_, ": shape: expected at most ", Shape::max_rank - 1, " dimensions, got ",
           shape.size());
    result.shape = Shape(extents(json, "shape", shape.size()));
    if (word(json, "type", types) == 1) {
      result.type = ElementType::s8;
      result.scale = number(json, "scale");
      result.zero_point = static_cast<std::int32_t>(integer(json, "zero_point", -128, 127));
    }
    return result;
  }

  template <class Convolution>
  Convolution convolution(const Json& json) {
    const auto input = extents(json, "input", 3), output = extents(json, "output_shape", 3);
    const auto kernel = extents(json, "kernel", 2), stride = extents(json, "stride", 2);
    const auto dilation = extents(json, "dilation", 2), padding = extents(json, "padding", 2);
    Convolution conv;
    conv.shape = {.N = 1,
                  .H = input[0],
                  .W = input[1],
                  .C = input[2],
                  .OH = output[0],
                  .OW = output[1],
                  .OC = output[2],
                  .KH = kernel[0],
                  .KW = kernel[1],
                  .stride_h = stride[0],
                  .stride_w = stride[1],
                  .dilation_h = dilation[0],
                  .dilation_w = dilation[1],
                  .pad_top = padding[0],
                  .pad_left = padding[1],
                  .groups = integer(json, "groups", 1, largest)};
    conv.clamp = clamp(json);
    conv.weight_tensor = index(json, "weight");
    conv.bias_tensor = index(json, "bias");
    if (json.find("weight_scale")) conv.scale_tensor = index(json, "weight_scale");
    return conv;
  }
  template <class Pool>
  Pool pool(const Json& json) {
    constexpr std::string_view windows[] = {"fixed", "adaptive"};
    const auto input = extents(json, "input", 3), output = extents(json, "output_shape", 2);
    const auto kernel = extents(json, "kernel", 2), stride = extents(json, "stride", 2);
    const auto padding = extents(json, "padding", 2);
    Pool result;
    result.shape = {.N = 1,
                    .H = input[0],
                    .W = input[1],
                    .C = input[2],
                    .OH = output[0],
                    .OW = output[1],
                    .KH = kernel[0],
                    .KW = kernel[1],
                    .stride_h = stride[0],
                    .stride_w = stride[1],
                    .pad_top = padding[0],
                    .pad_left = padding[1]};
    result.windows = static_cast<operations::Windows>(word(json, "windows", windows));
    return result;
  }
  operations::Custom custom(const Json& json, const std::string& name,
                            const Description& description) {
    operations::Custom result;
    result.layer = json["layer"].as_string();
    result.attributes = json["attributes"];
    result.tensors = indices(json, "tensors");
    std::vector<const ProgramTensor*> tensors;
    for (const int tensor : result.tensors) {
      if (static_cast<std::size_t>(tensor) >= description.tensors.size())
        fail(where_, ": tensors: expected the number of a tensor, got ", tensor);
      tensors.push_back(&description.tensor(tensor));
    }
    result.run = make_custom_layer(name, result.layer, result.attributes, tensors);
    return result;
  }

  OperationParameters parameters(const Json& json, std::string_view type, const std::string& name,
                                 const Description& description) {
    namespace op = operations;
    if (type == op::Conv2d::type) return convolution<op::Conv2d>(json);
    if (type == op::DepthwiseConv2d::type) return convolution<op::DepthwiseConv2d>(json);
    if (type == op::MaxPool2d::type) return pool<op::MaxPool2d>(json);
    if (type == op::AveragePool2d::type) {
      constexpr std::string_view over[] = {"window", "image"};
      op::AveragePool2d average = pool<op::AveragePool2d>(json);
      average.over = static_cast<kernels::AverageOver>(word(json, "over", over));
      return average;
    }
    if (type == op::Add::type) return op::Add{clamp(json)};
    if (type == op::Multiply::type) return op::Multiply{};
    if (type == op::Concat::type) return op::Concat{};
    if (type == op::Activation::type)
      return op::Activation{static_cast<Function>(word(json, "function", function_names)),
                            clamp(json), number(json, "slope")};
    if (type == op::Lookup::type) return op::Lookup{index(json, "table")};
    if (type == op::Softmax::type) return op::Softmax{};
    if (type == op::Pad::type) {
      const auto sides = extents(json, "padding", 4);
      return op::Pad{sides[0], sides[1], sides[2], sides[3], number(json, "value")};
    }
    if (type == op::Reshape::type) return op::Reshape{};
    if (type == op::Quantize::type) return op::Quantize{};
    if (type == op::Dequantize::type) return op::Dequantize{};
    if (type == op::Custom::type) return custom(json, name, description);
    fail(where_, ": type: expected a known operation, got \"", type.substr(0, 40), '"');
  }
  Operation operation(const Json& json, const Description& description) {
    Operation result;
    result.name = json["name"].as_string();
    where_ = text_of("program: ", result.name);
    result.inputs = indices(json, "inputs");
    result.output = index(json, "output");
    result.parameters = parameters(json, json["type"].as_string(), result.name, description);
    return result;
  }

  std::string where_ = "program";  // is being read
};
using DescriptionReader = BasicDescriptionReader<ProgramDescription>;

}  // namespace octet::inline OCTET_ABI
