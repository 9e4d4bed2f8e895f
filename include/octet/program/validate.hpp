// Whether a program's description makes sense, whoever wrote it: after this, running it reads and
// writes only what belongs to it.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "octet/program/custom_step.hpp"
#include "octet/program/description.hpp"

namespace octet::inline OCTET_ABI {

/// The most elements that one value may have per example, and one extent of a window.
inline constexpr std::int64_t largest_value = std::int64_t{1} << 28;
inline constexpr std::int64_t largest_extent = std::int64_t{1} << 24;
inline constexpr std::size_t most_concat_inputs = 64;

/// Whether the sum of |q - zero_point| <= 255 over the largest window of an average fits into
/// int32. Adaptive windows are at most one row and one column larger than the part that they stand
/// for, rounded up.
inline bool sum_fits_int32(const operations::AveragePool2d& pool) {
  const kernels::Pool2dShape& s = pool.shape;
  const bool fixed = pool.windows == operations::Windows::fixed;
  const std::int64_t KH = fixed ? s.KH : s.H / s.OH + 2, KW = fixed ? s.KW : s.W / s.OW + 2;
  return KH <= (std::numeric_limits<std::int32_t>::max)() / 255 / KW;
}

/// Checks one operation after the other; every complaint names the operation. Like validate() a
/// template only so that it is compiled where it is used.
template <std::same_as<ProgramDescription> Description>
class DescriptionValidator {
 public:
  explicit DescriptionValidator(const Description& description)
      : description_(description), defined_(description.values.size()) {}

  void run() {
    for (const ProgramValue& value : description_.values) check_value(value);
    for (const ProgramTensor& tensor : description_.tensors)
      if (static_cast<std::int64_t>(tensor.bytes.size()) !=
          tensor.shape.elements() * element_size(tensor.type))
        fail("program: tensor ", tensor.name, ": expected ", tensor.shape, " of ", tensor.type,
             ", got ", tensor.bytes.size(), " bytes");
    if (description_.inputs.empty() || description_.outputs.empty())
      fail("program: expected at least one input and one output");
    for (const int input : description_.inputs) {
      check_index(input, "input");
      if (description_.value(input).type != ElementType::f32 || defined_[at(input)])
        fail("program: expected inputs to be float32 and different from each other");
      defined_[at(input)] = true;
    }
    for (const Operation& operation : description_.operations) check_operation(operation);
    for (const int output : description_.outputs) {
      check_index(output, "output");
      if (description_.value(output).type != ElementType::f32 || !defined_[at(output)])
        fail("program: expected outputs to be float32 and computed by an operation");
    }
  }

 private:
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }

  void check_index(int value, std::string_view what) const {
    if (value < 0 || at(value) >= description_.values.size())
      fail("program: ", what, ": expected the number of a value below ", description_.values.size(),
           ", got ", value);
  }
  static void check_value(const ProgramValue& value) {
    if (value.shape.elements() < 1 || value.shape.elements() > largest_value ||
        value.shape.rank() >= Shape::max_rank)
      fail("program: value ", value.name, ": expected from 1 to ", largest_value,
           " elements in at most 7 dimensions, got ", value.shape);
    if (value.type != ElementType::f32 && value.type != ElementType::s8)
      fail("program: value ", value.name, ": expected float32 or int8, got ", value.type);
    if (!(value.scale > 0) || !std::isfinite(value.scale) || value.zero_point < -128 ||
        value.zero_point > 127)
      fail("program: value ", value.name,
           ": expected a finite scale above 0 and a zero point in [-128, 127], got ", value.scale,
           " and ", value.zero_point);
  }

  /// The same for every operation, then what its kind demands.
  void check_operation(const Operation& operation) {
    operation_ = &operation;
    for (const int input : operation.inputs) {
      check_index(input, operation.name);
      if (!defined_[at(input)]) complain("reads value ", input, " before it is computed");
    }
    check_index(operation.output, operation.name);
    if (defined_[at(operation.output)]) complain("writes value ", operation.output, " again");
    defined_[at(operation.output)] = true;
    if (operation.type().empty()) complain("expected parameters");
    operation.parameters.visit([this](const auto& parameters) { this->check(parameters); });
  }

  template <class... Parts>
  [[noreturn]] void complain(const Parts&... parts) const {
    fail("program: ", operation_->name, " (", operation_->type(), "): ", parts...);
  }
  const ProgramValue& input(std::size_t index = 0) const {
    return description_.value(operation_->inputs[index]);
  }
  const ProgramValue& output() const { return description_.value(operation_->output); }
  void expect_inputs(std::size_t count) const {
    if (operation_->inputs.size() != count)
      complain("expected ", count, " inputs, got ", operation_->inputs.size());
  }
  /// Every input has the type of the output.
  void expect_one_type() const {
    for (std::size_t i = 0; i < operation_->inputs.size(); ++i)
      if (input(i).type != output().type)
        complain("expected ", output().type, " as its output is, got ", input(i).type);
  }
  void expect_type(ElementType type) const {
    expect_one_type();
    if (output().type != type) complain("expected ", type, ", got ", output().type);
  }
  void expect_shape(const ProgramValue& value, const Shape& shape) const {
    if (!(value.shape == shape)) complain("expected shape ", shape, ", got ", value.shape);
  }
  void expect_same_quantization() const {
    if (output().type == ElementType::s8 &&
        (input().scale != output().scale || input().zero_point != output().zero_point))
      complain("expected scale and zero point of its input for its output");
  }
  void expect_extent(std::int64_t value, std::int64_t lowest) const {
    if (value < lowest || value > largest_extent)
      complain("expected an extent from ", lowest, " to ", largest_extent, ", got ", value);
  }
  const ProgramTensor& tensor(int index, const Shape& shape) const {
    if (index < 0 || at(index) >= description_.tensors.size())
      complain("expected the number of a tensor below ", description_.tensors.size(), ", got ",
               index);
    const ProgramTensor& found = description_.tensor(index);
    if (!(found.shape == shape))
      complain("tensor ", found.name, ": expected shape ", shape, ", got ", found.shape);
    return found;
  }
  void expect_clamp(const Clamp& clamp) const {
    if (std::isnan(clamp.low) || std::isnan(clamp.high) || clamp.low > clamp.high)
      complain("expected a clamp from low to high, got ", clamp.low, " and ", clamp.high);
  }

  /// A ratio of scales becomes a float32 factor, which must not be infinite.
  void expect_multiplier(double ratio) const {
    if (!std::isfinite(static_cast<float>(ratio * 512)))
      complain("the scales of its inputs are too large for that of its output: their ratio is ",
               ratio);
  }

  /// As many elements as an image of H x W x C, with C innermost.
  void expect_image(const ProgramValue& value, std::int64_t H, std::int64_t W,
                    std::int64_t C) const {
    for (const std::int64_t extent : {H, W, C}) expect_extent(extent, 1);
    if (value.shape.elements() != H * W * C || value.shape.rank() < 1 || value.shape.back() != C)
      complain("expected an image of shape ", Shape{H, W, C}, ", got ", value.shape);
  }

  template <class Convolution>
  void check_convolution(const Convolution& convolution, const Shape& weight) const {
    const kernels::Conv2dShape& s = convolution.shape;
    expect_inputs(1);
    expect_one_type();
    expect_clamp(convolution.clamp);
    expect_image(input(), s.H, s.W, s.C);
    expect_image(output(), s.OH, s.OW, s.OC);
    if (s.N != 1) complain("expected a shape for one example");
    for (const std::int64_t extent :
         {s.KH, s.KW, s.stride_h, s.stride_w, s.dilation_h, s.dilation_w})
      expect_extent(extent, 1);
    expect_extent(s.pad_top, 0);
    expect_extent(s.pad_left, 0);
    // Kernels copy what the windows reach over, padding and all.
    constexpr std::int64_t most = std::int64_t{1} << 28;
    const std::int64_t rows = (s.OH - 1) * s.stride_h + (s.KH - 1) * s.dilation_h + 1;
    const std::int64_t columns = (s.OW - 1) * s.stride_w + (s.KW - 1) * s.dilation_w + 1;
    const std::int64_t channels = (std::max)(s.C, s.OC);
    if (rows > most || columns > most / rows || channels > most / (rows * columns))
      complain("expected windows that reach over at most ", most, " numbers, got ", rows, " x ",
               columns, " pixels of ", channels, " channels");
    const bool s8 = output().type == ElementType::s8;
    const ProgramTensor& w = tensor(convolution.weight_tensor, weight);
    const ProgramTensor& bias = tensor(convolution.bias_tensor, {s.OC});
    if (!s8) {
      for (const ProgramTensor* const each : {&w, &bias})
        if (each->type != ElementType::f32 && each->type != ElementType::f16 &&
            (each == &bias || each->type != ElementType::s8))
          complain("tensor ", each->name, ": expected float32",
                   each == &w ? ", float16 or int8" : " or float16", ", got ", each->type);
      if (w.type == ElementType::s8)
        check_weight_scale(convolution.scale_tensor, s.OC);
      else if (convolution.scale_tensor >= 0)
        complain("expected no weight scales for ", w.type, " weights");
      return;
    }
    const ProgramTensor& scale = check_weight_scale(convolution.scale_tensor, s.OC);
    if (w.type != ElementType::s8 || bias.type != ElementType::s32)
      complain("expected int8 weights, an int32 bias and float32 scales");
    for (const float each : scale.as<float>())
      expect_multiplier(double{input().scale} * double{each} / double{output().scale});
    check_accumulator(s, w.as<std::int8_t>(), bias.as<std::int32_t>(), Convolution::output_channel);
  }

  /// A float32 scale for each output channel of int8 weights.
  const ProgramTensor& check_weight_scale(int index, std::int64_t OC) const {
    const ProgramTensor& scale = tensor(index, {OC});
    if (scale.type != ElementType::f32)
      complain("expected int8 weights, an int32 bias and float32 scales");
    for (const float each : scale.as<float>())
      if (!(each > 0) || !std::isfinite(each))
        complain("expected finite weight scales above 0, got ", each);
    return scale;
  }

  /// Proves that no sum leaves int32, whatever the input: |x - z| is at most 255, and no partial
  /// sum is larger than the sum of magnitudes. That is looked at where so many weights might leave
  /// it.
  void check_accumulator(const kernels::Conv2dShape& s, std::span<const std::int8_t> weight,
                         std::span<const std::int32_t> bias, OutputChannel place) const {
    const auto OC = static_cast<std::size_t>(s.OC);
    const std::size_t count = weight.size() / OC;
    const ChannelRuns channels =
        output_channels(place, static_cast<std::int64_t>(weight.size()), s.OC);
    if (std::memchr(weight.data(), std::uint8_t{0x80}, weight.size()))
      complain("expected int8 weights in [-127, 127], got -128");
    for (std::size_t oc = 0; oc < OC; ++oc) {
      const std::int64_t offset = bias[oc] < 0 ? -std::int64_t{bias[oc]} : bias[oc];
      if (static_cast<std::int64_t>(count) <= kernels::conv2d_s8_max_depth(offset)) continue;
      std::int64_t magnitude = 0;
      for (std::size_t k = 0; k < count; ++k)
        magnitude += std::abs(int{weight[static_cast<std::size_t>(
            channels.at(static_cast<std::int64_t>(oc), static_cast<std::int64_t>(k)))]});
      if (magnitude * 255 + offset > (std::numeric_limits<std::int32_t>::max)())
        complain("output channel ", oc, " may overflow its int32 sum: ", count,
                 " weights with magnitudes that sum to ", magnitude, ", and a bias of ", bias[oc]);
    }
  }

  void check(const operations::Conv2d& conv) const {
    const kernels::Conv2dShape& s = conv.shape;
    if (s.groups < 1 || s.C % s.groups || s.OC % s.groups)
      complain("expected groups that divide ", s.C, " and ", s.OC, " channels, got ", s.groups);
    check_convolution(conv, {s.OC, s.KH, s.KW, s.C / s.groups});
  }
  void check(const operations::DepthwiseConv2d& conv) const {
    const kernels::Conv2dShape& s = conv.shape;
    if (s.C < 1 || s.OC < 1 || s.groups != s.C || s.OC % s.C)
      complain("expected as many groups as channels and a multiple of them as outputs");
    check_convolution(conv, {s.KH, s.KW, s.OC});
  }
  template <class Pool>
  void check_pool(const Pool& pool) const {
    const kernels::Pool2dShape& s = pool.shape;
    expect_inputs(1);
    expect_one_type();
    expect_image(input(), s.H, s.W, s.C);
    expect_image(output(), s.OH, s.OW, s.C);
    if (s.N != 1) complain("expected a shape for one example");
    if (pool.windows == operations::Windows::adaptive) return;
    for (const std::int64_t extent : {s.KH, s.KW, s.stride_h, s.stride_w}) expect_extent(extent, 1);
    expect_extent(s.pad_top, 0);
    expect_extent(s.pad_left, 0);
    if (s.pad_top >= s.KH || s.pad_left >= s.KW || (s.OH - 1) * s.stride_h - s.pad_top >= s.H ||
        (s.OW - 1) * s.stride_w - s.pad_left >= s.W)
      complain("expected every window to cover a part of the image");
  }
  void check(const operations::MaxPool2d& pool) const {
    check_pool(pool);
    expect_same_quantization();
  }
  void check(const operations::AveragePool2d& pool) const {
    check_pool(pool);
    expect_multiplier(double{input().scale} / double{output().scale});
    if (!sum_fits_int32(pool))
      complain("expected a window whose int8 values cannot overflow an int32 sum");
  }
  void check(const operations::Add& add) const {
    expect_inputs(2);
    expect_one_type();
    expect_clamp(add.clamp);
    expect_shape(input(0), output().shape);
    expect_shape(input(1), output().shape);
    expect_multiplier(double{input(0).scale} / double{output().scale});
    expect_multiplier(double{input(1).scale} / double{output().scale});
  }
  void check(const operations::Multiply&) const {
    expect_inputs(2);
    expect_one_type();
    expect_shape(input(0), output().shape);
    expect_multiplier(double{input(0).scale} * double{input(1).scale} / double{output().scale});
    const Shape &factor = input(1).shape, &shape = output().shape;
    if (shape.rank() == 0) complain("expected at least one dimension");
    if (!(factor == shape) &&
        (factor.rank() == 0 || factor.elements() != factor.back() || factor.back() != shape.back()))
      complain("expected a second input of shape ", shape, " or of ", shape.back(),
               " channels, got ", factor);
  }
  void check(const operations::Concat&) const {
    if (operation_->inputs.empty() || operation_->inputs.size() > most_concat_inputs)
      complain("expected from 1 to ", most_concat_inputs, " inputs, got ",
               operation_->inputs.size());
    expect_one_type();
    const Shape& shape = output().shape;
    std::int64_t channels = 0;
    for (std::size_t i = 0; i < operation_->inputs.size(); ++i) {
      const Shape& each = input(i).shape;
      if (each.rank() != shape.rank() || each.rank() < 1 ||
          !std::equal(each.begin(), each.end() - 1, shape.begin()))
        complain("expected inputs that differ from ", shape, " in the last extent only, got ",
                 each);
      channels += each.back();
    }
    if (channels != shape.back())
      complain("expected ", shape.back(), " channels in all inputs, got ", channels);
  }
  void check(const operations::Activation& activation) const {
    expect_inputs(1);
    expect_type(ElementType::f32);
    expect_shape(input(), output().shape);
    expect_clamp(activation.clamp);
    if (!std::isfinite(activation.slope)) complain("expected a finite slope");
  }
  void check(const operations::Lookup& lookup) const {
    expect_inputs(1);
    expect_type(ElementType::s8);
    expect_shape(input(), output().shape);
    if (tensor(lookup.table_tensor, {256}).type != ElementType::s8)
      complain("expected a table of int8");
  }
  void check(const operations::Softmax&) const {
    expect_inputs(1);
    expect_type(ElementType::f32);
    expect_shape(input(), output().shape);
    if (output().shape.rank() < 1) complain("expected at least one dimension");
  }
  void check(const operations::Pad& pad) const {
    expect_inputs(1);
    expect_one_type();
    expect_same_quantization();
    const Shape& shape = input().shape;
    for (const std::int64_t side : {pad.top, pad.bottom, pad.left, pad.right})
      expect_extent(side, 0);
    if (shape.rank() != 3) complain("expected an input of shape [H, W, C], got ", shape);
    expect_shape(output(),
                 {shape[0] + pad.top + pad.bottom, shape[1] + pad.left + pad.right, shape[2]});
    if (!std::isfinite(pad.value)) complain("expected a finite value, got ", pad.value);
  }
  void check(const operations::Reshape&) const {
    expect_inputs(1);
    expect_one_type();
    expect_same_quantization();
    if (input().shape.elements() != output().shape.elements())
      complain("expected ", input().shape.elements(), " elements, got ", output().shape);
  }
  void check(const operations::Quantize&) const { check_conversion(ElementType::f32); }
  void check(const operations::Dequantize&) const { check_conversion(ElementType::s8); }
  void check_conversion(ElementType from) const {
    expect_inputs(1);
    expect_shape(input(), output().shape);
    if (input().type != from || output().type == from)
      complain("expected one of float32 and int8 to become the other");
  }
  void check(const operations::Custom& custom) const {
    for (const int each : custom.tensors)
      if (each < 0 || at(each) >= description_.tensors.size())
        complain("expected the number of a tensor, got ", each);
    expect_one_type();
    if (operation_->inputs.empty() || operation_->inputs.size() > CustomStep::most_inputs)
      complain("expected from 1 to ", CustomStep::most_inputs, " inputs, got ",
               operation_->inputs.size());
    if (output().type == ElementType::s8 ? !custom.run.make_run_s8 : !custom.run.make_run)
      complain("the layer ", custom.layer, " has no ", output().type, " form");
  }

  const Description& description_;
  std::vector<bool> defined_;
  const Operation* operation_ = nullptr;
};

/// Fails, naming the operation, unless the description can be run safely: every index, shape,
/// scale, weight and order is checked.
template <std::same_as<ProgramDescription> Description>
void validate(const Description& description) {
  DescriptionValidator(description).run();
}

}  // namespace octet::inline OCTET_ABI
