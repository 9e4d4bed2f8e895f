// The one virtual interface of Octet: what a layer computes, and the gradient of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/json.hpp"
#include "octet/core/random.hpp"
#include "octet/core/tensor.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/nn/fusion.hpp"

namespace octet::inline OCTET_ABI {

/// Whether a pass learns (dropout drops, batch norm uses the batch) or only predicts.
enum class Mode { inference, training };

/// What the multiplications of convolutions and linear layers round their operands to: bf16 where
/// that is faster (precision.hpp). Sums are float in both, and so is everything else.
enum class Precision { float32, bf16 };

inline std::string to_text(Precision precision) {
  return precision == Precision::bf16 ? "bf16" : "float32";
}

/// What a layer may know of the pass that it is part of.
struct Pass {
  Mode mode = Mode::inference;
  ThreadPool* pool = nullptr;
  /// This node's random numbers of this step; the same again in its backward pass.
  Random random{0};
  /// bf16 is for layers of float; a graph of double knows no other than its own.
  Precision precision = Precision::float32;
  /// What it does for its neighbours besides; see fusion.hpp.
  FusedWork fused{};

  bool training() const { return mode == Mode::training; }
  /// The threads of this pass: the default pool's unless others were given.
  ThreadPool& threads() const { return pool ? *pool : default_thread_pool(); }
};

/// What a parameter is for: weight decay may spare biases and normalization.
enum class ParameterKind { weight, bias, normalization };

/// A tensor that is learned, and the gradient of the loss by it. A backward pass adds to the
/// gradient.
template <class T>
struct Parameter {
  std::string name;
  ParameterKind kind = ParameterKind::weight;
  Tensor<T> value;
  Tensor<T> gradient;
  /// Times the schedule's rate; 0 freezes the parameter.
  double learning_rate_factor = 1;

  Parameter(std::string name_, ParameterKind kind_, const Shape& shape)
      : name(std::move(name_)), kind(kind_), value(shape), gradient(shape) {}
};

/// A tensor that is saved with the network but not learned: running statistics.
template <class T>
struct Buffer {
  std::string name;
  Tensor<T> value;
};

template <class T>
class Graph;

/// A function of n tensors with one result, its gradient, and its parameters.
///
/// Shapes in output_shape() have no batch dimension; tensors in forward() and backward() have it in
/// front: an input of shape {H, W, C} arrives as {N, H, W, C}. The executor owns all of them. A
/// layer may keep small state between forward and the backward that follows it (a batch's mean),
/// never more than one step. To write a layer of your own: derive, give type, output_shape,
/// forward, backward and clone, and check it with check/gradient_check.hpp.
template <class T>
class Layer : public FusibleLayer<T> {
 public:
  virtual ~Layer() = default;

  /// The field's name of it, as in conv2d: the same in code, messages and files.
  virtual std::string_view type() const = 0;

  /// The shape of the output. Throws octet::Error, naming the layer, if an input does not fit.
  virtual Shape output_shape(std::span<const Shape> inputs) const = 0;

  /// Computes output from inputs.
  virtual void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) = 0;

  /// From d_output, the gradient of the loss by the output, computes the gradient by each input and
  /// by each parameter. Assigns every element of d_inputs[i], unless that view is empty because
  /// nobody needs it; adds to the parameters' gradients. d_output may be overwritten if it shares
  /// its memory with d_inputs[0]; see in_place().
  virtual void backward(Inputs<T> inputs, TensorView<const T> output, TensorView<const T> d_output,
                        InputGradients<T> d_inputs, const Pass& pass) = 0;

  /// What is learned, and what is saved beside it. The pointers stay valid as long as the layer.
  virtual std::vector<Parameter<T>*> parameters() { return {}; }
  virtual std::vector<Buffer<T>*> buffers() { return {}; }

  /// Gives the parameters their first values, each from a substream of `random`. A graph calls it
  /// once, when the layer is added.
  virtual void initialize(const Random&) {}

  /// The options, as the JSON object from which the registry makes this layer again.
  virtual Json attributes() const { return Json::object(); }

  /// Called by an executor before the first pass, for layers that depend on others in their graph:
  /// they may keep pointers to them, good for as long as the executor. Few layers care.
  virtual void attach(const Graph<T>&) {}

  /// A deep copy, parameters included.
  virtual std::unique_ptr<Layer> clone() const = 0;

  /// Whether backward() reads its inputs, or its output. What nobody reads need not be kept.
  virtual bool backward_reads_inputs() const { return true; }
  virtual bool backward_reads_output() const { return true; }
  /// Whether the output may share the memory of inputs[0], and d_inputs[0] that of d_output.
  virtual bool in_place() const { return false; }

  /// Multiply-and-add operations for one example; 0 where there are none worth counting.
  virtual std::int64_t multiply_adds(std::span<const Shape>) const { return 0; }
};

/// Makes a layer from what type() and attributes() said, with at most `parameter_limit` numbers in
/// its parameters; gives nullptr for a type that is not known.
template <class T>
using LayerMaker = std::unique_ptr<Layer<T>> (*)(std::string_view type, const Json& attributes,
                                                 std::int64_t parameter_limit);

/// The way from here to the registry of layers, which sets it when it is first used; null before.
/// Who loads a program finds layers through it, and need not compile every layer for that.
template <class T>
inline constinit std::atomic<LayerMaker<T>> layer_maker{nullptr};

}  // namespace octet::inline OCTET_ABI
