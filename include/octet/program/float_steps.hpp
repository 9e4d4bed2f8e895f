// The operations of a program on float32, ready to run.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "octet/core/float16.hpp"
#include "octet/kernels/activation.hpp"
#include "octet/kernels/conv2d.hpp"
#include "octet/kernels/depthwise.hpp"
#include "octet/kernels/elementwise.hpp"
#include "octet/kernels/pointwise_depthwise_f32.hpp"
#include "octet/kernels/pooling.hpp"
#include "octet/kernels/softmax.hpp"
#include "octet/program/description.hpp"
#include "octet/program/fused_steps.hpp"
#include "octet/program/step.hpp"

namespace octet::inline OCTET_ABI::float_steps {

/// Elements that one thread takes at a time.
inline constexpr std::int64_t grain = 1 << 14;

/// The numbers of a float32 or float16 tensor.
template <class = WhenUsed>
AlignedVector<float> floats_of(const ProgramTensor& tensor) {
  AlignedVector<float> numbers(static_cast<std::size_t>(tensor.shape.elements()));
  if (tensor.type == ElementType::f16) {
    const auto halves = tensor.as<Float16>();
    std::transform(halves.begin(), halves.end(), numbers.begin(),
                   [](Float16 half) { return to_float(half); });
  } else {
    const auto floats = tensor.as<float>();
    std::copy(floats.begin(), floats.end(), numbers.begin());
  }
  return numbers;
}

/// The weights of a convolution as it computes with them. int8 weights are dequantized, with a
/// scale for each output channel: w = scale[oc] * q.
template <class Convolution>
AlignedVector<float> weights_of(const ProgramDescription& description, const Convolution& conv) {
  const ProgramTensor& weight = description.tensor(conv.weight_tensor);
  if (weight.type != ElementType::s8) return floats_of(weight);
  const auto q = weight.as<std::int8_t>();
  const auto scale = description.tensor(conv.scale_tensor).template as<float>();
  const ChannelRuns channels =
      output_channels(Convolution::output_channel, weight.shape.elements(), conv.shape.OC);
  AlignedVector<float> numbers(q.size());
  for (std::size_t i = 0; i < q.size(); ++i)
    numbers[i] = scale[static_cast<std::size_t>(channels.of(static_cast<std::int64_t>(i)))] *
                 static_cast<float>(q[i]);
  return numbers;
}

/// The name of an operation's kernel, one of a table for several operations: max_pool_f32_x8_avx2
/// is in the row pooling_f32_x8_avx2. What has no row is the same code for every processor.
template <class Row>
std::string kernel_name(std::string_view operation, const Row& row) {
  std::string name(operation);
  return name += row.name.substr(row.name.find("_f32"));
}
template <class Row>
std::string kernel_name(std::string_view operation, kernels::Table<Row> table) {
  return kernel_name(operation, kernels::best_row(table));
}

/// The shape for N examples. The examples of a linear layer are the pixels of one image, so that
/// the weights are read once for all of them.
template <class = WhenUsed>
kernels::Conv2dShape for_batch(kernels::Conv2dShape shape, std::int64_t N) {
  const bool linear = shape.H == 1 && shape.W == 1 && shape.KH == 1 && shape.KW == 1 &&
                      shape.OH == 1 && shape.OW == 1 && shape.pad_top == 0 && shape.pad_left == 0;
  if (!linear) {
    shape.N = N;
  } else {
    shape.W = shape.OW = N;
    shape.stride_w = 1;
  }
  return shape;
}

/// A convolution, and the addition that alone reads its result, if add() says so.
template <class = WhenUsed>
struct Conv2d : StepBase {
  int x, y, addend = -1;
  kernels::Conv2dShape shape;
  Clamp clamp;
  AlignedVector<float> bias;
  kernels::PackedConv2d packed;

  Conv2d(const ProgramDescription& description, const Operation& operation,
         const operations::Conv2d& conv, Isa isa)
      : x(operation.inputs[0]),
        y(operation.output),
        shape(conv.shape),
        clamp(conv.clamp),
        bias(floats_of(description.tensor(conv.bias_tensor))),
        packed(kernels::pack_conv2d(conv.shape, weights_of(description, conv).data(), isa,
                                    kernels::choose_conv_algorithm(conv.shape, isa))) {}

  void add(const Operation& addition, const operations::Add& parameters) {
    addend = FusedSteps::other_input(addition, y);
    y = addition.output;
    clamp = parameters.clamp;
  }
  std::string kernel() const { return std::string(packed.name); }
  kernels::Epilogue<float> epilogue() const {
    return {.bias = bias.data(), .lo = clamp.low, .hi = clamp.high};
  }
  std::int64_t scratch_bytes(std::int64_t N) const {
    return 4 * kernels::conv2d_scratch_size(for_batch(shape, N), packed);
  }
  void run(const Frame& frame) const noexcept {
    kernels::Epilogue<float> end = epilogue();
    if (addend >= 0) end.residual = frame.at<const float>(addend);
    kernels::conv2d_run(for_batch(shape, frame.N), frame.at<const float>(x), packed, end,
                        frame.at<float>(y), frame.pool, reinterpret_cast<float*>(frame.scratch));
  }
};

template <class = WhenUsed>
struct DepthwiseConv2d : StepBase {
  int x, y;
  kernels::Conv2dShape shape;
  Clamp clamp;
  AlignedVector<float> bias, weight;

  DepthwiseConv2d(const ProgramDescription& description, const Operation& operation,
                  const operations::DepthwiseConv2d& conv, Isa)
      : x(operation.inputs[0]),
        y(operation.output),
        shape(conv.shape),
        clamp(conv.clamp),
        bias(floats_of(description.tensor(conv.bias_tensor))),
        weight(weights_of(description, conv)) {}

  std::string kernel() const {
    return kernel_name(kernels::depthwise_name<float>(shape), kernels::depthwise_row<float>(shape));
  }
  kernels::Epilogue<float> epilogue() const {
    return {.bias = bias.data(), .lo = clamp.low, .hi = clamp.high};
  }
  void run(const Frame& frame) const noexcept {
    kernels::Conv2dShape s = shape;
    s.N = frame.N;
    kernels::depthwise_forward<float>(s, frame.at<const float>(x), weight.data(), epilogue(),
                                      frame.at<float>(y), *frame.pool);
  }
};

/// A 1x1 convolution and the depthwise one that alone reads its result.
template <class = WhenUsed>
struct PointwiseDepthwise {
  Conv2d<> pointwise;
  DepthwiseConv2d<> depthwise;

  std::int64_t scratch_bytes(std::int64_t) const {
    return 4 * kernels::PointwiseDepthwise{pointwise.shape, depthwise.shape}.scratch_size();
  }
  std::string kernel() const { return pointwise.kernel(); }
  void run(const Frame& frame) const noexcept {
    kernels::PointwiseDepthwise s{pointwise.shape, depthwise.shape};
    s.pointwise.N = s.depthwise.N = frame.N;
    kernels::pointwise_depthwise_run(s, frame.at<const float>(pointwise.x), pointwise.packed,
                                     pointwise.epilogue(), depthwise.weight.data(),
                                     depthwise.epilogue(), frame.at<float>(depthwise.y),
                                     reinterpret_cast<float*>(frame.scratch), frame.pool);
  }
};

template <class = WhenUsed>
struct MaxPool2d : StepBase {
  int x, y;
  operations::MaxPool2d pooling;

  MaxPool2d(const ProgramDescription&, const Operation& operation,
            const operations::MaxPool2d& pool, Isa)
      : x(operation.inputs[0]), y(operation.output), pooling(pool) {}

  std::string kernel() const { return kernel_name("max_pool", kernels::pooling_table<float>()); }
  void run(const Frame& frame) const noexcept {
    kernels::Pool2dShape s = pooling.shape;
    s.N = frame.N;
    if (pooling.windows == operations::Windows::fixed)
      kernels::max_pool_forward(s, frame.at<const float>(x), frame.at<float>(y), *frame.pool);
    else
      kernels::adaptive_max_pool_forward(s, frame.at<const float>(x), frame.at<float>(y),
                                         *frame.pool);
  }
};

template <class = WhenUsed>
struct AveragePool2d : StepBase {
  int x, y;
  operations::AveragePool2d pooling;

  AveragePool2d(const ProgramDescription&, const Operation& operation,
                const operations::AveragePool2d& pool, Isa)
      : x(operation.inputs[0]), y(operation.output), pooling(pool) {}

  std::string kernel() const {
    return kernel_name("average_pool", kernels::pooling_table<float>());
  }
  void run(const Frame& frame) const noexcept {
    kernels::Pool2dShape s = pooling.shape;
    s.N = frame.N;
    if (pooling.windows == operations::Windows::fixed)
      kernels::average_pool_forward(s, pooling.over, frame.at<const float>(x), frame.at<float>(y),
                                    *frame.pool);
    else
      kernels::adaptive_average_pool_forward(s, frame.at<const float>(x), frame.at<float>(y),
                                             *frame.pool);
  }
};

template <class = WhenUsed>
struct Add : StepBase {
  int a, b, y;
  std::int64_t elements;
  Clamp clamp;

  Add(const ProgramDescription& description, const Operation& operation, const operations::Add& add,
      Isa)
      : a(operation.inputs[0]),
        b(operation.inputs[1]),
        y(operation.output),
        elements(description.value(y).shape.elements()),
        clamp(add.clamp) {}

  std::string kernel() const { return kernel_name("add", kernels::elementwise_table<float>()); }
  void run(const Frame& frame) const noexcept {
    const std::int64_t count = frame.N * elements;
    float* const sum = frame.at<float>(y);
    kernels::add(count, frame.at<const float>(a), frame.at<const float>(b), sum, *frame.pool);
    if (!clamp.none()) kernels::clamp_forward(count, sum, clamp.low, clamp.high, sum, *frame.pool);
  }
};

template <class = WhenUsed>
struct Multiply : StepBase {
  int a, b, y;
  std::int64_t pixels, channels;
  bool by_channel;

  Multiply(const ProgramDescription& description, const Operation& operation,
           const operations::Multiply&, Isa)
      : a(operation.inputs[0]),
        b(operation.inputs[1]),
        y(operation.output),
        channels(description.value(y).shape.back()) {
    const std::int64_t elements = description.value(y).shape.elements();
    pixels = elements / channels;
    by_channel = description.value(b).shape.elements() != elements;
  }

  std::string kernel() const {
    return kernel_name(by_channel ? "multiply_channels" : "multiply",
                       kernels::elementwise_table<float>());
  }
  void run(const Frame& frame) const noexcept {
    const float* const x = frame.at<const float>(a);
    const float* const factor = frame.at<const float>(b);
    float* const product = frame.at<float>(y);
    if (by_channel)
      kernels::multiply_channels(frame.N, pixels, channels, x, factor, product, *frame.pool);
    else
      kernels::multiply(frame.N * pixels * channels, x, factor, product, *frame.pool);
  }
};

template <class = WhenUsed>
struct Concat : StepBase {
  struct Part {
    int x;
    std::int64_t channels;
  };
  std::vector<Part> parts;
  int y;
  std::int64_t pixels, channels;

  Concat(const ProgramDescription& description, const Operation& operation,
         const operations::Concat&, Isa)
      : y(operation.output), channels(description.value(y).shape.back()) {
    pixels = description.value(y).shape.elements() / channels;
    for (const int input : operation.inputs)
      parts.push_back({input, description.value(input).shape.back()});
  }

  std::string kernel() const { return "concat_f32"; }
  void run(const Frame& frame) const noexcept {
    frame.pool->parallel_for(
        frame.N * pixels, 1 + grain / channels, [&](std::int64_t begin, std::int64_t end) {
          float* to = frame.at<float>(y) + begin * channels;
          for (std::int64_t pixel = begin; pixel < end; ++pixel)
            for (const Part& part : parts) {
              const float* const from = frame.at<const float>(part.x) + pixel * part.channels;
              to = std::copy(from, from + part.channels, to);
            }
        });
  }
};

template <class = WhenUsed>
struct Activation : StepBase {
  int x, y;
  std::int64_t elements;
  operations::Activation activation;

  Activation(const ProgramDescription& description, const Operation& operation,
             const operations::Activation& parameters, Isa)
      : x(operation.inputs[0]),
        y(operation.output),
        elements(description.value(y).shape.elements()),
        activation(parameters) {}

  std::string kernel() const {
    const std::string_view name = function_names[static_cast<std::size_t>(activation.function)];
    return kernel_name(name, kernels::elementwise_table<float>());
  }
  void run(const Frame& frame) const noexcept {
    const std::int64_t count = frame.N * elements;
    const float* const from = frame.at<const float>(x);
    float* const to = frame.at<float>(y);
    ThreadPool& pool = *frame.pool;
    switch (activation.function) {
      case Function::clamp:
        return kernels::clamp_forward(count, from, activation.clamp.low, activation.clamp.high, to,
                                      pool);
      case Function::leaky_relu:
        return kernels::leaky_relu_forward(count, from, activation.slope, to, pool);
      case Function::sigmoid:
        return kernels::map_forward<kernels::Sigmoid>(count, from, to, pool);
      case Function::tanh:
        return kernels::map_forward<kernels::Tanh>(count, from, to, pool);
      case Function::hard_sigmoid:
        return kernels::map_forward<kernels::HardSigmoid>(count, from, to, pool);
      case Function::hard_swish:
        return kernels::map_forward<kernels::HardSwish>(count, from, to, pool);
      case Function::silu:
        return kernels::map_forward<kernels::Silu>(count, from, to, pool);
      case Function::gelu:
        return kernels::map_forward<kernels::Gelu>(count, from, to, pool);
    }
  }
};

/// What the function of an activation gives for one number.
template <class = WhenUsed>
float value_of(const operations::Activation& activation, float x) {
  switch (activation.function) {
    case Function::clamp:
      return kernels::clamp_value(x, activation.clamp.low, activation.clamp.high);
    case Function::leaky_relu:
      return x > 0 ? x : x * activation.slope;
    case Function::sigmoid:
      return kernels::Sigmoid::value(x);
    case Function::tanh:
      return kernels::Tanh::value(x);
    case Function::hard_sigmoid:
      return kernels::HardSigmoid::value(x);
    case Function::hard_swish:
      return kernels::HardSwish::value(x);
    case Function::silu:
      return kernels::Silu::value(x);
    case Function::gelu:
      return kernels::Gelu::value(x);
  }
  return x;
}

template <class = WhenUsed>
struct Softmax : StepBase {
  int x, y;
  std::int64_t rows, columns;

  Softmax(const ProgramDescription& description, const Operation& operation,
          const operations::Softmax&, Isa)
      : x(operation.inputs[0]), y(operation.output) {
    columns = description.value(y).shape.back();
    rows = description.value(y).shape.elements() / columns;
  }

  std::string kernel() const { return kernel_name("softmax", kernels::softmax_table<float>()); }
  void run(const Frame& frame) const noexcept {
    kernels::softmax_forward(frame.N * rows, columns, frame.at<const float>(x), frame.at<float>(y),
                             *frame.pool);
  }
};

template <class = WhenUsed>
struct Pad : StepBase {
  int x, y;
  std::int64_t H, W, C;
  operations::Pad pad;

  Pad(const ProgramDescription& description, const Operation& operation,
      const operations::Pad& parameters, Isa)
      : x(operation.inputs[0]), y(operation.output), pad(parameters) {
    const Shape& shape = description.value(x).shape;
    H = shape[0], W = shape[1], C = shape[2];
  }

  std::string kernel() const { return "pad_f32"; }
  void run(const Frame& frame) const noexcept {
    const std::int64_t OH = pad.top + H + pad.bottom, OW = pad.left + W + pad.right;
    frame.pool->parallel_for(
        frame.N * OH, 1 + grain / (OW * C), [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t row = begin; row < end; ++row) {
            float* const to = frame.at<float>(y) + row * OW * C;
            std::fill(to, to + OW * C, pad.value);
            const std::int64_t h = row % OH - pad.top;
            if (h < 0 || h >= H) continue;
            const float* const from = frame.at<const float>(x) + (row / OH * H + h) * W * C;
            std::copy(from, from + W * C, to + pad.left * C);
          }
        });
  }
};

/// Both views look at the same memory.
template <class = WhenUsed>
struct Reshape : StepBase {
  Reshape(const ProgramDescription&, const Operation&, const operations::Reshape&, Isa) {}
  std::string kernel() const { return "none"; }
  void run(const Frame&) const noexcept {}
};

}  // namespace octet::inline OCTET_ABI::float_steps
