// What a program computes, as plain data: values, the operations between them, and their weights.
// compile() and quantize() write it, files hold it, Program packs it for a processor.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/aligned.hpp"
#include "octet/core/channel_runs.hpp"
#include "octet/core/json.hpp"
#include "octet/core/tensor.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/pooling.hpp"

namespace octet::inline OCTET_ABI {

/// The types of a program's tensors; s8 and s32 are signed integers.
enum class ElementType { f32, f16, s8, s32 };

constexpr std::int64_t element_size(ElementType type) {
  constexpr std::int64_t sizes[] = {4, 2, 1, 4};
  return sizes[static_cast<std::size_t>(type)];
}
inline std::string to_text(ElementType type) {
  constexpr const char* names[] = {"float32", "float16", "int8", "int32"};
  return names[static_cast<std::size_t>(type)];
}

/// A tensor that flows between operations; its shape is that of one example. It is float32, or int8
/// with real = scale * (q - zero_point).
struct ProgramValue {
  std::string name;
  Shape shape;
  ElementType type = ElementType::f32;
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// A weight, bias, scale or table.
struct ProgramTensor {
  std::string name;
  Shape shape;
  ElementType type = ElementType::f32;
  AlignedVector<std::byte> bytes;

  /// The elements. T must be the tensor's type.
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  static ProgramTensor of(std::string name, const Shape& shape, ElementType type,
                          std::span<const T> values) {
    ProgramTensor tensor{std::move(name), shape, type, {}};
    const auto bytes = std::as_bytes(values);
    tensor.bytes.assign(bytes.begin(), bytes.end());
    return tensor;
  }
};

/// Where the result of an operation is cut off: a fused ReLU is [0, infinity).
struct Clamp {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  friend bool operator==(const Clamp&, const Clamp&) = default;
  bool none() const { return *this == Clamp{}; }
};

/// Functions of one number.
enum class Function {
  clamp,       // min(max(x, clamp.low), clamp.high)
  leaky_relu,  // x > 0 ? x : slope * x
  sigmoid,     // 1 / (1 + exp(-x))
  tanh,
  hard_sigmoid,  // min(max(x / 6 + 1 / 2, 0), 1)
  hard_swish,    // x * hard_sigmoid(x)
  silu,          // x * sigmoid(x)
  gelu           // x / 2 * (1 + erf(x / sqrt(2)))
};
inline constexpr std::string_view function_names[] = {
    "clamp", "leaky_relu", "sigmoid", "tanh", "hard_sigmoid", "hard_swish", "silu", "gelu"};

/// A layer of the user's own inside a program: float32 in, float32 out. Views are {N, ...}. It must
/// not throw: Program::run() is noexcept.
struct CustomLayer {
  using Run = std::function<void(std::span<const TensorView<const float>> inputs,
                                 TensorView<float> output, ThreadPool* pool)>;
  /// What a layer written with an int8 form gives beside it: the same on int8 tensors.
  struct S8Tensor {
    std::int8_t* data = nullptr;
    Shape shape;
    float scale = 1;
    std::int32_t zero_point = 0;
  };
  using RunS8 = std::function<void(std::span<const S8Tensor> inputs, const S8Tensor& output,
                                   ThreadPool* pool)>;

  /// Makes something to run. Called once for each workspace, so that a layer may keep state.
  std::function<Run()> make_run;
  /// Empty where the layer has no int8 form.
  std::function<RunS8()> make_run_s8;
};

/// The parameters of each kind of operation. Numbers that end in _tensor are indices into the
/// description's tensors. Each has the operation's name in the field as `type`.
namespace operations {

/// weight [OC, KH, KW, C / groups], bias [OC]. A linear layer is one with H = W = KH = KW = 1.
/// With int8 weights also weight_scale [OC]. Where the output is int8, bias is int32 with scale
/// s_x * weight_scale[oc]; where it is float32, weights are dequantized before anything runs.
struct Conv2d {
  static constexpr std::string_view type = "conv2d";
  static constexpr OutputChannel output_channel = OutputChannel::first;
  kernels::Conv2dShape shape;
  Clamp clamp;
  int weight_tensor = -1, bias_tensor = -1, scale_tensor = -1;
};
/// Like Conv2d with groups = C; weight [KH, KW, OC].
struct DepthwiseConv2d {
  static constexpr std::string_view type = "depthwise_conv2d";
  static constexpr OutputChannel output_channel = OutputChannel::last;
  kernels::Conv2dShape shape;
  Clamp clamp;
  int weight_tensor = -1, bias_tensor = -1, scale_tensor = -1;
};
/// Whether windows have one extent and a stride, or divide the image into OH x OW parts.
enum class Windows { fixed, adaptive };
struct MaxPool2d {
  static constexpr std::string_view type = "max_pool2d";
  kernels::Pool2dShape shape;
  Windows windows = Windows::fixed;
};
struct AveragePool2d {
  static constexpr std::string_view type = "average_pool2d";
  kernels::Pool2dShape shape;
  Windows windows = Windows::fixed;
  kernels::AverageOver over = kernels::AverageOver::image;
};
struct Add {
  static constexpr std::string_view type = "add";
  Clamp clamp;
};
/// The second input may be {1, 1, C} or {C}: one factor for each channel.
struct Multiply {
  static constexpr std::string_view type = "multiply";
};
/// Joins along the last axis.
struct Concat {
  static constexpr std::string_view type = "concat";
};
struct Activation {
  static constexpr std::string_view type = "activation";
  Function function = Function::clamp;
  Clamp clamp;
  float slope = 0;
};
/// y = table[x + 128], for int8.
struct Lookup {
  static constexpr std::string_view type = "lookup";
  int table_tensor = -1;
};
/// Over the last axis.
struct Softmax {
  static constexpr std::string_view type = "softmax";
};
/// Rows and columns around an image.
struct Pad {
  static constexpr std::string_view type = "pad";
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
  float value = 0;
};
/// The same elements in another shape; nothing is copied.
struct Reshape {
  static constexpr std::string_view type = "reshape";
};
struct Quantize {
  static constexpr std::string_view type = "quantize";
};
struct Dequantize {
  static constexpr std::string_view type = "dequantize";
};
/// A layer that only its author knows. `layer` is its type, `attributes` and `tensors` all that is
/// needed to make it again after loading.
struct Custom {
  static constexpr std::string_view type = "custom";
  std::string layer;
  Json attributes;
  std::vector<int> tensors;
  CustomLayer run;
};

}  // namespace operations

/// The parameters of one operation, of any kind. They never change, so copies share them.
class OperationParameters {
 public:
  OperationParameters() = default;
  template <class Kind>
  requires requires { Kind::type; }
  OperationParameters(Kind kind) : type_(Kind::type), kind_(new Kind(std::move(kind))) {}

  /// The kind's name; empty if there are no parameters yet.
  std::string_view type_name() const { return type_; }
  /// The parameters if they are of this kind, else nullptr.
  template <class Kind>
  const Kind* as() const {
    return type_ == Kind::type ? static_cast<const Kind*>(kind_.get()) : nullptr;
  }
  /// Calls visitor(parameters) with the kind that they are of. In place of a std::variant, because
  /// std::visit over so many kinds takes compilers seconds.
  template <class Visitor>
  void visit(Visitor&& visitor) const {
    namespace o = operations;
    visit_among<o::Conv2d, o::DepthwiseConv2d, o::MaxPool2d, o::AveragePool2d, o::Add, o::Multiply,
                o::Concat, o::Activation, o::Lookup, o::Softmax, o::Pad, o::Reshape, o::Quantize,
                o::Dequantize, o::Custom>(visitor);
  }

 private:
  template <class... Kinds, class Visitor>
  void visit_among(Visitor& visitor) const {
    (void)((as<Kinds>() && (visitor(*as<Kinds>()), true)) || ...);
  }

  std::string_view type_;
  std::shared_ptr<const void> kind_;
};

/// One step: what it reads, what it writes (indices of values), and how. The name is that of the
/// node of the graph from which it comes.
struct Operation {
  std::string name;
  std::vector<int> inputs;
  int output = -1;
  OperationParameters parameters;

  std::string_view type() const { return parameters.type_name(); }
  template <class Parameters>
  const Parameters* as() const {
    return parameters.as<Parameters>();
  }
  /// Calls visitor(parameters) if they are those of a convolution of either kind, as a linear
  /// layer's are, too; gives whether they were.
  template <class Visitor>
  bool visit_convolution(Visitor&& visitor) const {
    if (const auto* const conv = as<operations::Conv2d>())
      visitor(*conv);
    else if (const auto* const depthwise = as<operations::DepthwiseConv2d>())
      visitor(*depthwise);
    else
      return false;
    return true;
  }
  /// The numbers of the tensors that it reads.
  std::vector<int> tensors() const {
    std::vector<int> result;
    visit_convolution([&](const auto& conv) {
      for (const int tensor : {conv.weight_tensor, conv.bias_tensor, conv.scale_tensor})
        if (tensor >= 0) result.push_back(tensor);
    });
    if (const auto* const lookup = as<operations::Lookup>()) result = {lookup->table_tensor};
    if (const auto* const custom = as<operations::Custom>()) result = custom->tensors;
    return result;
  }
};

/// A whole program. Every value is an input or the output of exactly one operation, which stands
/// before those that read it.
struct ProgramDescription {
  std::vector<ProgramValue> values;
  std::vector<Operation> operations;
  std::vector<ProgramTensor> tensors;
  std::vector<int> inputs;
  std::vector<int> outputs;

  const ProgramValue& value(int index) const { return values[static_cast<std::size_t>(index)]; }
  const ProgramTensor& tensor(int index) const { return tensors[static_cast<std::size_t>(index)]; }

  int add_value(ProgramValue value) {
    values.push_back(std::move(value));
    return static_cast<int>(values.size()) - 1;
  }
  int add_tensor(ProgramTensor tensor) {
    tensors.push_back(std::move(tensor));
    return static_cast<int>(tensors.size()) - 1;
  }
};

}  // namespace octet::inline OCTET_ABI
