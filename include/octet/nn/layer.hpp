// The one virtual interface of Octet: what a layer computes, and the gradient of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/json.hpp"
#include "octet/core/random.hpp"
#include "octet/core/tensor.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_shape.hpp"

namespace octet::inline OCTET_ABI {

namespace kernels {
template <class T>
struct DeferredGradient;
template <class T>
struct DeferredNormalization;
template <class T>
struct BlockMoments;
template <class T>
struct BlockSums;
}

/// Whether a pass learns (dropout drops, batch norm uses the batch) or only predicts.
enum class Mode { inference, training };

/// What the multiplications of convolutions and linear layers round their operands to. Sums are
/// float in both, and so is everything else.
enum class Precision { float32, bf16 };

inline std::string to_text(Precision precision) {
  return precision == Precision::bf16 ? "bf16" : "float32";
}

/// What an output is limited to.
template <class T>
struct Limits {
  T lowest = -std::numeric_limits<T>::infinity();
  T highest = std::numeric_limits<T>::infinity();
};

/// What a layer may know of the pass that it is part of.
struct Pass {
  Mode mode = Mode::inference;
  ThreadPool* pool = nullptr;
  /// This node's random numbers of this step; the same again in its backward pass.
  Random random{0};
  /// bf16 is for layers of float; a graph of double knows no other than its own.
  Precision precision = Precision::float32;
  /// Not infinite only for layers that say limits_output().
  Limits<double> limits{};
  /// Not null only for layers that say completes_gradient(): then d_output is what came to the
  /// batch norm after this layer, and this is the rest of that one's backward pass.
  const kernels::DeferredGradient<float>* deferred = nullptr;
  /// Not 1 x 1 only for layers that say pools_output(): then output is that of the max pooling.
  kernels::MaxWindows windows{};
  /// Not null only in forward(): for layers that say gathers_moments(), where the moments of what
  /// they write go; for those that say wants_moments(), the moments of their input.
  kernels::BlockMoments<float>* moments = nullptr;
  /// Not null only for layers that say normalizes_input(): then their input is that of the batch
  /// norm before them, and this is what that one would have done.
  const kernels::DeferredNormalization<float>* normalization = nullptr;
  /// Not null only in backward(): for a layer with a normalization, where the sums go that the
  /// batch norm needs next; for that one, those sums.
  kernels::BlockSums<float>* sums = nullptr;

  bool training() const { return mode == Mode::training; }
  /// The threads of this pass: the default pool's unless others were given.
  ThreadPool& threads() const { return pool ? *pool : default_thread_pool(); }
};

/// What a parameter is for: weight decay may spare biases and normalisation.
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
using Inputs = std::span<const TensorView<const T>>;
template <class T>
using InputGradients = std::span<const TensorView<T>>;

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
class Layer {
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

  /// Whether forward() limits what it writes to Pass::limits, and backward() counts d_output as
  /// zero where the output is at a limit: then a ReLU after the layer costs no memory access of its
  /// own.
  virtual bool limits_output() const { return false; }
  /// The limits, of a layer that does nothing but limit its input.
  virtual const Limits<double>* limits() const { return nullptr; }

  /// Whether forward() and backward() heed Pass::windows, in images that the windows tile: then
  /// output and d_output are the maxima of the windows, and what lies between is never written.
  virtual bool pools_output() const { return false; }
  /// The windows, of a layer that does nothing but keep the maximum of each of windows that do not
  /// overlap and have no padding.
  virtual const kernels::MaxWindows* windows() const { return nullptr; }

  /// Whether forward() may be given an empty output, so that it only computes normalization(), for
  /// the layer after it; that one must say normalizes_input(), for inputs of this shape.
  virtual bool defers_output() const { return false; }
  virtual const kernels::DeferredNormalization<float>* normalization() const { return nullptr; }
  virtual bool normalizes_input(const Shape&, Precision) const { return false; }

  /// Whether forward() gives Pass::moments of what it writes, and whether it reads those of its
  /// input: a batch norm then need not read what a convolution has just written.
  virtual bool gathers_moments(const Shape&, Precision) const { return false; }
  virtual bool wants_moments() const { return false; }

  /// What backward() does, except for d_inputs[0]: the layer before computes that from d_output and
  /// its own output when it needs it, which saves writing and reading it. nullptr: not possible.
  virtual const kernels::DeferredGradient<float>* backward_deferred(Inputs<T>, TensorView<const T>,
                                                                    const Pass&) {
    return nullptr;
  }
  /// Whether backward() takes Pass::deferred, for inputs of this shape, without the batch.
  virtual bool completes_gradient(const Shape&, Precision) const { return false; }

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
