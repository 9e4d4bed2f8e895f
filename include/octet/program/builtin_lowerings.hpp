// The lowerings of Octet's own layers.
#pragma once

#include <algorithm>
#include <concepts>
#include <string_view>
#include <vector>

#include "octet/nn/attributes.hpp"
#include "octet/nn/window.hpp"
#include "octet/program/lowering.hpp"
#include "octet/program/validate.hpp"

namespace octet::inline OCTET_ABI {

namespace lowerings {

/// The layer's bias, or zeros where it has none.
template <class = WhenUsed>
int add_bias(Lowering& layer, std::int64_t channels) {
  const std::vector<float> zeros(static_cast<std::size_t>(channels));
  const Tensor<float>* const bias = layer.tensor("bias");
  return layer.add_tensor("bias", {channels},
                          {bias ? bias->data() : zeros.data(), static_cast<std::size_t>(channels)});
}
template <class = WhenUsed>
int add_weight(Lowering& layer, const Shape& shape) {
  const Tensor<float>& weight = *layer.tensor("weight");
  return layer.add_tensor("weight", shape,
                          {weight.data(), static_cast<std::size_t>(weight.elements())});
}

template <class = WhenUsed>
kernels::Conv2dShape conv_shape(const Lowering& layer, std::int64_t groups) {
  const Shape& input = layer.input_shape();
  const Window2d window = read_window(AttributeReader(layer.layer().type(), layer.attributes()));
  const WindowPlacement place = place_window(layer.layer().type(), window, input);
  return conv2d_shape(input.with_batch(1), window, place, layer.output_shape()[2], groups);
}

template <class = WhenUsed>
int conv2d(Lowering& layer) {
  operations::Conv2d conv;
  conv.shape = conv_shape(layer, layer.attributes()["groups"].as_integer());
  conv.clamp = layer.clamp();
  const kernels::Conv2dShape& s = conv.shape;
  conv.weight_tensor = add_weight(layer, {s.OC, s.KH, s.KW, s.C / s.groups});
  conv.bias_tensor = add_bias(layer, s.OC);
  return layer.add(conv);
}

template <class = WhenUsed>
int depthwise_conv2d(Lowering& layer) {
  operations::DepthwiseConv2d conv;
  conv.shape = conv_shape(layer, layer.input_shape()[2]);
  conv.clamp = layer.clamp();
  const kernels::Conv2dShape& s = conv.shape;
  conv.weight_tensor = add_weight(layer, {s.KH, s.KW, s.OC});
  conv.bias_tensor = add_bias(layer, s.OC);
  return layer.add(conv);
}

template <class = WhenUsed>
int linear(Lowering& layer) {
  operations::Conv2d conv;
  conv.shape.C = layer.input_shape().elements();
  conv.shape.OC = layer.output_shape().elements();
  conv.clamp = layer.clamp();
  conv.weight_tensor = add_weight(layer, {conv.shape.OC, 1, 1, conv.shape.C});
  conv.bias_tensor = add_bias(layer, conv.shape.OC);
  return layer.add(conv);
}

/// A batch norm that could not be folded: a depthwise convolution with a 1x1 kernel.
template <class = WhenUsed>
int batch_norm(Lowering& layer) {
  const ChannelAffine affine = affine_of(layer.layer());
  const auto rounded = [](const std::vector<double>& numbers) {
    return std::vector<float>(numbers.begin(), numbers.end());
  };
  operations::DepthwiseConv2d conv;
  kernels::Conv2dShape& s = conv.shape;
  s.C = s.OC = s.groups = layer.output_shape().back();
  s.H = s.OH = layer.output_shape().elements() / s.C;
  if (layer.output_shape().rank() == 3) {
    s.H = s.OH = layer.output_shape()[0];
    s.W = s.OW = layer.output_shape()[1];
  }
  conv.clamp = layer.clamp();
  conv.weight_tensor = layer.add_tensor("scale", {1, 1, s.C}, rounded(affine.scale));
  conv.bias_tensor = layer.add_tensor("shift", {s.C}, rounded(affine.shift));
  return layer.add(conv);
}

template <class = WhenUsed>
kernels::Pool2dShape pool_shape(const Lowering& layer) {
  const kernels::Conv2dShape s = conv_shape(layer, 1);
  return {.N = 1,
          .H = s.H,
          .W = s.W,
          .C = s.C,
          .OH = s.OH,
          .OW = s.OW,
          .KH = s.KH,
          .KW = s.KW,
          .stride_h = s.stride_h,
          .stride_w = s.stride_w,
          .pad_top = s.pad_top,
          .pad_left = s.pad_left};
}
/// Windows that divide the image into OH x OW parts: fixed ones where they divide it evenly.
template <class = WhenUsed>
kernels::Pool2dShape parts(const Lowering& layer, operations::Windows& windows) {
  const Shape& input = layer.input_shape();
  const bool image = layer.output_shape().rank() == 3;
  kernels::Pool2dShape s{.N = 1, .H = input[0], .W = input[1], .C = input[2]};
  s.OH = image ? layer.output_shape()[0] : 1;
  s.OW = image ? layer.output_shape()[1] : 1;
  s.KH = s.stride_h = s.H / s.OH;
  s.KW = s.stride_w = s.W / s.OW;
  if (s.H % s.OH || s.W % s.OW) windows = operations::Windows::adaptive;
  return s;
}

template <class = WhenUsed>
int max_pool(Lowering& layer) {
  return layer.add(operations::MaxPool2d{pool_shape(layer)});
}
template <class = WhenUsed>
int average_pool(Lowering& layer) {
  operations::AveragePool2d pool;
  pool.shape = pool_shape(layer);
  pool.over = layer.attributes()["over"].as_string() == "window" ? kernels::AverageOver::window
                                                                 : kernels::AverageOver::image;
  return layer.add(pool);
}
template <class = WhenUsed>
int max_pool_of_parts(Lowering& layer) {
  operations::MaxPool2d pool;
  pool.shape = parts(layer, pool.windows);
  return layer.add(pool);
}
template <class = WhenUsed>
int average_pool_of_parts(Lowering& layer) {
  operations::AveragePool2d pool;
  pool.shape = parts(layer, pool.windows);
  return layer.add(pool);
}

template <class = WhenUsed>
int add(Lowering& layer) {
  return layer.add(operations::Add{layer.clamp()});
}
template <class = WhenUsed>
int concat(Lowering& layer) {
  if (layer.inputs().size() > most_concat_inputs) return -1;
  return layer.add(operations::Concat{});
}

/// One factor for each element, or one for each channel on either side; other broadcasts are not
/// lowered.
template <class = WhenUsed>
int multiply(Lowering& layer) {
  std::vector<int> inputs = layer.inputs();
  const auto by_channel = [&](std::size_t index) {
    return layer.input_shape(index).elements() == layer.output_shape().back();
  };
  const auto whole = [&](std::size_t index) {
    return layer.input_shape(index) == layer.output_shape();
  };
  if (whole(1) && !whole(0) && by_channel(0)) {
    std::swap(inputs[0], inputs[1]);
  } else if (!whole(0) || (!whole(1) && !by_channel(1))) {
    return -1;
  }
  return layer.add(operations::Multiply{}, inputs, layer.output_shape());
}

template <class = WhenUsed>
LoweringFunction activation(Function function, Clamp clamp = {}) {
  return [function, clamp](Lowering& layer) {
    operations::Activation activation{function, clamp, 0};
    if (const Json* const slope = layer.attributes().find("slope"))
      activation.slope = static_cast<float>(slope->as_number());
    return layer.add(activation);
  };
}
template <class = WhenUsed>
int softmax(Lowering& layer) {
  return layer.add(operations::Softmax{});
}
template <class = WhenUsed>
int reshape(Lowering& layer) {
  return layer.add(operations::Reshape{});
}
template <class = WhenUsed>
int pad(Lowering& layer) {
  const AttributeReader reader("pad", layer.attributes());
  const Padding2d padding = read_padding(reader, "padding");
  return layer.add(operations::Pad{padding.top, padding.bottom, padding.left, padding.right,
                                   static_cast<float>(reader.number("value", -1e300, 1e300))});
}

}  // namespace lowerings

/// The registry of all lowerings, the built-in ones among them.
template <class = WhenUsed>
LoweringRegistry& lowering_registry() {
  static LoweringRegistry& registry = []() -> LoweringRegistry& {
    static LoweringRegistry all;
    const float infinity = std::numeric_limits<float>::infinity();
    all.set("conv2d", lowerings::conv2d<>);
    all.set("depthwise_conv2d", lowerings::depthwise_conv2d<>);
    all.set("linear", lowerings::linear<>);
    all.set("batch_norm", lowerings::batch_norm<>);
    all.set("max_pool", lowerings::max_pool<>);
    all.set("average_pool", lowerings::average_pool<>);
    all.set("global_average_pool", lowerings::average_pool_of_parts<>);
    all.set("global_max_pool", lowerings::max_pool_of_parts<>);
    all.set("adaptive_average_pool", lowerings::average_pool_of_parts<>);
    all.set("adaptive_max_pool", lowerings::max_pool_of_parts<>);
    all.set("add", lowerings::add<>);
    all.set("multiply", lowerings::multiply<>);
    all.set("concat", lowerings::concat<>);
    all.set("relu", lowerings::activation(Function::clamp, {0, infinity}));
    all.set("relu6", lowerings::activation(Function::clamp, {0, 6}));
    all.set("leaky_relu", lowerings::activation(Function::leaky_relu));
    all.set("sigmoid", lowerings::activation(Function::sigmoid));
    all.set("tanh", lowerings::activation(Function::tanh));
    all.set("hard_sigmoid", lowerings::activation(Function::hard_sigmoid));
    all.set("hard_swish", lowerings::activation(Function::hard_swish));
    all.set("silu", lowerings::activation(Function::silu));
    all.set("gelu", lowerings::activation(Function::gelu));
    all.set("softmax", lowerings::softmax<>);
    all.set("reshape", lowerings::reshape<>);
    all.set("flatten", lowerings::reshape<>);
    all.set("pad", lowerings::pad<>);
    return all;
  }();
  return registry;
}
/// Gives a layer type of your own a lowering, in place of an earlier one: the operations that
/// compute it. They are quantized like all others.
template <std::convertible_to<LoweringFunction> Function>
void register_lowering(std::string type, Function function) {
  lowering_registry().set(std::move(type), std::move(function));
}

}  // namespace octet::inline OCTET_ABI
