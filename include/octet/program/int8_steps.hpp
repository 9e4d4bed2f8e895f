// The operations of a program on int8, ready to run.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/kernels/conv2d_s8.hpp"
#include "octet/kernels/depthwise_s8.hpp"
#include "octet/kernels/elementwise_s8.hpp"
#include "octet/kernels/pooling_s8.hpp"
#include "octet/kernels/requantize_s8.hpp"
#include "octet/program/float_steps.hpp"
#include "octet/program/fused_steps.hpp"
#include "octet/program/validate.hpp"

namespace octet::inline OCTET_ABI::int8_steps {

/// [lo, hi] of a clamp in the units of a value: what its bounds quantize to.
inline std::int8_t lowest_of(const Clamp& clamp, const ProgramValue& value) {
  return kernels::quantize(clamp.low, value.scale, value.zero_point);
}
inline std::int8_t highest_of(const Clamp& clamp, const ProgramValue& value) {
  return kernels::quantize(clamp.high, value.scale, value.zero_point);
}

/// The name of the implementation that this processor runs.
template <class Table>
std::string name_of(const Table& table) {
  return std::string(kernels::best_row(table).name);
}

/// What follows the sums of a convolution: m[c] = s_x * s_w[c] / s_y, in double, rounded once.
struct Requantization {
  AlignedVector<std::int32_t> bias;
  AlignedVector<float> multiplier;
  std::int32_t zero_point;
  std::int8_t lo, hi;

  template <class Convolution>
  Requantization(const ProgramDescription& description, const Operation& operation,
                 const Convolution& conv) {
    const ProgramValue& x = description.value(operation.inputs[0]);
    const ProgramValue& y = description.value(operation.output);
    const auto numbers = description.tensor(conv.bias_tensor).template as<std::int32_t>();
    bias.assign(numbers.begin(), numbers.end());
    for (const float scale : description.tensor(conv.scale_tensor).template as<float>())
      multiplier.push_back(static_cast<float>(double{x.scale} * double{scale} / double{y.scale}));
    zero_point = y.zero_point;
    lo = lowest_of(conv.clamp, y);
    hi = highest_of(conv.clamp, y);
  }
  kernels::Requantize view() const {
    return {.multiplier = multiplier.data(),
            .bias = bias.data(),
            .zero_point = zero_point,
            .lo = lo,
            .hi = hi};
  }
};

/// The constants of an addition whose inputs are the values a and b.
inline kernels::AddS8 add_parameters(const ProgramDescription& description,
                                     const operations::Add& add, int a, int b, int y) {
  const ProgramValue& first = description.value(a);
  const ProgramValue& second = description.value(b);
  const ProgramValue& sum = description.value(y);
  kernels::AddS8 parameters = kernels::add_parameters_s8(
      first.scale, first.zero_point, second.scale, second.zero_point, sum.scale, sum.zero_point);
  parameters.lo = lowest_of(add.clamp, sum);
  parameters.hi = highest_of(add.clamp, sum);
  return parameters;
}

template <class = WhenUsed>
struct Conv2d {
  struct Weights {
    Requantization requantization;
    kernels::PackedConv2dS8 packed;
  };
  int x, y;
  kernels::Conv2dShape shape;
  std::shared_ptr<const Weights> weights;

  Conv2d(const ProgramDescription& description, const Operation& operation,
         const operations::Conv2d& conv, Isa isa)
      : x(operation.inputs[0]),
        y(operation.output),
        shape(conv.shape),
        weights(new Weights{
            Requantization(description, operation, conv),
            kernels::pack_conv2d_s8(conv.shape,
                                    description.tensor(conv.weight_tensor).as<std::int8_t>().data(),
                                    description.value(x).zero_point, isa)}) {}

  std::int64_t scratch_bytes(std::int64_t N) const {
    return kernels::conv2d_s8_scratch_bytes(float_steps::for_batch(shape, N), weights->packed);
  }
  std::string kernel() const { return std::string(weights->packed.implementation->name); }
  void run(const Frame& frame) const noexcept {
    kernels::conv2d_s8(float_steps::for_batch(shape, frame.N), frame.at<const std::int8_t>(x),
                       weights->packed, weights->requantization.view(), frame.at<std::int8_t>(y),
                       frame.scratch, frame.pool);
  }
};

/// A convolution and the operation after it, which alone reads its result.
template <class = WhenUsed>
struct FusedConv2d {
  Conv2d<> conv;
  int y, addend = -1;
  kernels::Conv2dS8Fusion fusion;

  FusedConv2d(const ProgramDescription& description, const Conv2d<>& convolution,
              const Operation& after)
      : conv(convolution), y(after.output) {
    fusion.after = FusedSteps::kind_of(description, after);
    if (const auto* const add = after.as<operations::Add>()) {
      addend = FusedSteps::other_input(after, conv.y);
      // Sums of two floats do not depend on their order.
      fusion.add = add_parameters(description, *add, conv.y, addend, y);
      if (after.inputs[0] != conv.y) {
        fusion.add = add_parameters(description, *add, addend, conv.y, y);
        std::swap(fusion.add.a_multiplier, fusion.add.b_multiplier);
      }
    }
  }

  std::int64_t scratch_bytes(std::int64_t N) const { return conv.scratch_bytes(N); }
  std::string kernel() const { return conv.kernel(); }
  void run(const Frame& frame) const noexcept {
    kernels::Conv2dS8Fusion with = fusion;
    if (addend >= 0) with.addend = frame.at<const std::int8_t>(addend);
    kernels::conv2d_s8_fused(float_steps::for_batch(conv.shape, frame.N),
                             frame.at<const std::int8_t>(conv.x), conv.weights->packed,
                             conv.weights->requantization.view(), with, frame.at<std::int8_t>(y),
                             frame.scratch, frame.pool);
  }
};

template <class = WhenUsed>
struct DepthwiseConv2d {
  int x, y;
  kernels::Conv2dShape shape;
  Requantization requantization;
  kernels::PackedDepthwiseS8 packed;

  DepthwiseConv2d(const ProgramDescription& description, const Operation& operation,
                  const operations::DepthwiseConv2d& conv, Isa isa)
      : x(operation.inputs[0]),
        y(operation.output),
        shape(conv.shape),
        requantization(description, operation, conv),
        packed(kernels::pack_depthwise_s8(
            conv.shape, description.tensor(conv.weight_tensor).as<std::int8_t>().data(),
            description.value(x).zero_point, isa)) {}

  std::int64_t scratch_bytes(std::int64_t N) const {
    kernels::Conv2dShape s = shape;
    s.N = N;
    return kernels::depthwise_s8_scratch_bytes(s, packed);
  }
  std::string kernel() const { return std::string(packed.implementation->name); }
  void run(const Frame& frame) const noexcept {
    kernels::Conv2dShape s = shape;
    s.N = frame.N;
    kernels::depthwise_s8(s, frame.at<const std::int8_t>(x), packed, requantization.view(),
                          frame.at<std::int8_t>(y), frame.scratch, frame.pool);
  }
};

template <class = WhenUsed>
struct MaxPool2d : StepBase {
  int x, y;
  operations::MaxPool2d pooling;

  MaxPool2d(const ProgramDescription&, const Operation& operation,
            const operations::MaxPool2d& pool, Isa)
      : x(operation.inputs[0]), y(operation.output), pooling(pool) {}

  std::string kernel() const { return name_of(kernels::max_pool_s8_table()); }
  void run(const Frame& frame) const noexcept {
    kernels::Pool2dShape s = pooling.shape;
    s.N = frame.N;
    (pooling.windows == operations::Windows::fixed ? kernels::max_pool_s8
                                                   : kernels::adaptive_max_pool_s8)(
        s, frame.at<const std::int8_t>(x), frame.at<std::int8_t>(y), frame.pool);
  }
};

template <class = WhenUsed>
struct AveragePool2d : StepBase {
  int x, y;
  kernels::Pool2dShape shape;
  operations::Windows windows;
  kernels::AverageS8 average;

  AveragePool2d(const ProgramDescription& description, const Operation& operation,
                const operations::AveragePool2d& pool, Isa)
      : x(operation.inputs[0]), y(operation.output), shape(pool.shape), windows(pool.windows) {
    const ProgramValue& from = description.value(x);
    const ProgramValue& to = description.value(y);
    average.x_zero_point = from.zero_point;
    average.scale_ratio = double{from.scale} / double{to.scale};
    average.zero_point = to.zero_point;
    if (windows == operations::Windows::fixed) average.over = pool.over;
  }

  std::string kernel() const { return name_of(kernels::average_pool_s8_table()); }
  void run(const Frame& frame) const noexcept {
    kernels::Pool2dShape s = shape;
    s.N = frame.N;
    (windows == operations::Windows::fixed ? kernels::average_pool_s8
                                           : kernels::adaptive_average_pool_s8)(
        s, frame.at<const std::int8_t>(x), average, frame.at<std::int8_t>(y), frame.pool);
  }
};

template <class = WhenUsed>
struct Add : StepBase {
  int a, b, y;
  std::int64_t elements;
  kernels::AddS8 parameters;

  Add(const ProgramDescription& description, const Operation& operation, const operations::Add& add,
      Isa)
      : a(operation.inputs[0]), b(operation.inputs[1]), y(operation.output) {
    elements = description.value(y).shape.elements();
    parameters = add_parameters(description, add, a, b, y);
  }

  std::string kernel() const { return name_of(kernels::add_s8_table()); }
  void run(const Frame& frame) const noexcept {
    kernels::add_s8(frame.N * elements, frame.at<const std::int8_t>(a),
                    frame.at<const std::int8_t>(b), parameters, frame.at<std::int8_t>(y),
                    frame.pool);
  }
};

template <class = WhenUsed>
struct Multiply : StepBase {
  int a, b, y;
  std::int64_t pixels, channels;
  bool by_channel;
  kernels::MultiplyS8 parameters;

  Multiply(const ProgramDescription& description, const Operation& operation,
           const operations::Multiply&, Isa)
      : a(operation.inputs[0]), b(operation.inputs[1]), y(operation.output) {
    const ProgramValue& first = description.value(a);
    const ProgramValue& second = description.value(b);
    const ProgramValue& product = description.value(y);
    channels = product.shape.back();
    pixels = product.shape.elements() / channels;
    by_channel = second.shape.elements() != product.shape.elements();
    parameters.a_zero_point = first.zero_point;
    parameters.b_zero_point = second.zero_point;
    parameters.multiplier =
        static_cast<float>(double{first.scale} * double{second.scale} / double{product.scale});
    parameters.zero_point = product.zero_point;
  }

  std::string kernel() const { return name_of(kernels::multiply_s8_table()); }
  void run(const Frame& frame) const noexcept {
    const std::int8_t* const x = frame.at<const std::int8_t>(a);
    const std::int8_t* const factor = frame.at<const std::int8_t>(b);
    std::int8_t* const product = frame.at<std::int8_t>(y);
    if (by_channel)
      kernels::multiply_channels_s8(frame.N, pixels, channels, x, factor, parameters, product,
                                    frame.pool);
    else
      kernels::multiply_s8(frame.N * pixels * channels, x, factor, parameters, product, frame.pool);
  }
};

template <class = WhenUsed>
struct Concat : StepBase {
  struct Part {
    int x;
    std::int64_t channels;
    bool rescaled;
    kernels::TableS8 table;
  };
  std::vector<Part> parts;
  int y;
  std::int64_t pixels;

  Concat(const ProgramDescription& description, const Operation& operation,
         const operations::Concat&, Isa)
      : y(operation.output) {
    const ProgramValue& joined = description.value(y);
    pixels = joined.shape.elements() / joined.shape.back();
    for (const int input : operation.inputs) {
      const ProgramValue& value = description.value(input);
      parts.push_back({input, value.shape.back(),
                       value.scale != joined.scale || value.zero_point != joined.zero_point,
                       kernels::rescale_table_s8(value.scale, value.zero_point, joined.scale,
                                                 joined.zero_point)});
    }
  }

  std::string kernel() const { return "concat_s8"; }
  void run(const Frame& frame) const noexcept {
    kernels::ConcatS8Input inputs[most_concat_inputs];
    for (std::size_t i = 0; i < parts.size(); ++i)
      inputs[i] = {frame.at<const std::int8_t>(parts[i].x), parts[i].channels,
                   parts[i].rescaled ? &parts[i].table : nullptr};
    kernels::concat_s8(frame.N * pixels, {inputs, parts.size()}, frame.at<std::int8_t>(y),
                       frame.pool);
  }
};

template <class = WhenUsed>
struct Lookup : StepBase {
  int x, y;
  std::int64_t elements;
  kernels::TableS8 table;

  Lookup(const ProgramDescription& description, const Operation& operation,
         const operations::Lookup& lookup, Isa)
      : x(operation.inputs[0]),
        y(operation.output),
        elements(description.value(y).shape.elements()) {
    const auto entries = description.tensor(lookup.table_tensor).as<std::int8_t>();
    std::copy(entries.begin(), entries.end(), table.begin());
  }

  std::string kernel() const { return name_of(kernels::lookup_s8_table()); }
  void run(const Frame& frame) const noexcept {
    kernels::lookup_s8(frame.N * elements, frame.at<const std::int8_t>(x), table,
                       frame.at<std::int8_t>(y), frame.pool);
  }
};

template <class = WhenUsed>
struct Pad : StepBase {
  int x, y;
  kernels::Pad2dShape shape;
  std::int8_t value;

  Pad(const ProgramDescription& description, const Operation& operation, const operations::Pad& pad,
      Isa)
      : x(operation.inputs[0]), y(operation.output) {
    const ProgramValue& from = description.value(x);
    shape = {.N = 1,
             .H = from.shape[0],
             .W = from.shape[1],
             .C = from.shape[2],
             .top = pad.top,
             .bottom = pad.bottom,
             .left = pad.left,
             .right = pad.right};
    value = kernels::quantize(pad.value, from.scale, from.zero_point);
  }

  std::string kernel() const { return "pad_s8"; }
  void run(const Frame& frame) const noexcept {
    kernels::Pad2dShape s = shape;
    s.N = frame.N;
    kernels::pad_s8(s, frame.at<const std::int8_t>(x), value, frame.at<std::int8_t>(y), frame.pool);
  }
};

template <class = WhenUsed>
struct Quantize : StepBase {
  int x, y;
  std::int64_t elements;
  float scale;
  std::int32_t zero_point;

  Quantize(const ProgramDescription& description, const Operation& operation,
           const operations::Quantize&, Isa)
      : x(operation.inputs[0]),
        y(operation.output),
        elements(description.value(y).shape.elements()),
        scale(description.value(y).scale),
        zero_point(description.value(y).zero_point) {}

  std::string kernel() const { return name_of(kernels::quantize_f32_table()); }
  void run(const Frame& frame) const noexcept {
    kernels::quantize_f32(frame.N * elements, frame.at<const float>(x), scale, zero_point,
                          frame.at<std::int8_t>(y), frame.pool);
  }
};

template <class = WhenUsed>
struct Dequantize : StepBase {
  int x, y;
  std::int64_t elements;
  float scale;
  std::int32_t zero_point;

  Dequantize(const ProgramDescription& description, const Operation& operation,
             const operations::Dequantize&, Isa)
      : x(operation.inputs[0]),
        y(operation.output),
        elements(description.value(y).shape.elements()),
        scale(description.value(x).scale),
        zero_point(description.value(x).zero_point) {}

  std::string kernel() const { return name_of(kernels::dequantize_f32_table()); }
  void run(const Frame& frame) const noexcept {
    kernels::dequantize_f32(frame.N * elements, frame.at<const std::int8_t>(x), scale, zero_point,
                            frame.at<float>(y), frame.pool);
  }
};

}  // namespace octet::inline OCTET_ABI::int8_steps
