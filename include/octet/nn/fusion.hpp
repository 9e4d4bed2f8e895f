// How neighbours in a network do each other's work in a training step, so that what lies between
// them is neither written nor read again: a convolution, its batch norm, ReLU and max pooling
// become one or two passes over memory. The executor decides which do. A layer of your own needs
// nothing of this.
#pragma once

#include <limits>
#include <span>

#include "octet/core/tensor.hpp"
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

enum class Precision;
struct Pass;

template <class T>
using Inputs = std::span<const TensorView<const T>>;
template <class T>
using InputGradients = std::span<const TensorView<T>>;

/// What an output is limited to.
template <class T>
struct Limits {
  T lowest = -std::numeric_limits<T>::infinity();
  T highest = std::numeric_limits<T>::infinity();
};

/// What a layer does for its neighbours in one pass.
struct FusedWork {
  /// For layers that say limits_output(): their output is limited to this.
  Limits<double> limits{};
  /// Set for layers that say completes_gradient(): then d_output is what came to the
  /// batch norm after this layer, and this is the rest of that one's backward pass.
  const kernels::DeferredGradient<float>* deferred = nullptr;
  /// Set (not 1 x 1) for layers that say pools_output(): then output is that of the max pooling.
  kernels::MaxWindows windows{};
  /// Set in forward(): for layers that say gathers_moments(), where the moments of what they write
  /// go; for those that say wants_moments(), the moments of their input.
  kernels::BlockMoments<float>* moments = nullptr;
  /// Set for layers that say normalizes_input(): then their input is that of the batch
  /// norm before them, and this is what that one would have done.
  const kernels::DeferredNormalization<float>* normalization = nullptr;
  /// Set in backward(): for a layer with a normalization, where the sums go that the
  /// batch norm needs next; for that one, those sums.
  kernels::BlockSums<float>* sums = nullptr;
};

/// The part of Layer that says which of this a layer can do: nothing, unless it says otherwise.
template <class T>
class FusibleLayer {
 public:
  /// Whether forward() limits what it writes to FusedWork::limits, and backward() counts d_output
  /// as zero where the output is at a limit: then a ReLU after the layer costs no memory access of
  /// its own.
  virtual bool limits_output() const { return false; }
  /// The limits, of a layer that does nothing but limit its input.
  virtual const Limits<double>* limits() const { return nullptr; }

  /// Whether forward() and backward() heed FusedWork::windows, in images that the windows tile:
  /// then output and d_output are the maxima of the windows, and what lies between is never
  /// written.
  virtual bool pools_output() const { return false; }
  /// The windows, of a layer that does nothing but keep the maximum of each of windows that do not
  /// overlap and have no padding.
  virtual const kernels::MaxWindows* windows() const { return nullptr; }

  /// Whether forward() may be given an empty output, so that it only computes normalization(), for
  /// the layer after it; that one must say normalizes_input(), for inputs of this shape.
  virtual bool defers_output() const { return false; }
  virtual const kernels::DeferredNormalization<float>* normalization() const { return nullptr; }
  virtual bool normalizes_input(const Shape&, Precision) const { return false; }

  /// Whether forward() gives FusedWork::moments of what it writes, and whether it reads those of
  /// its input: a batch norm then need not read what a convolution has just written.
  virtual bool gathers_moments(const Shape&, Precision) const { return false; }
  virtual bool wants_moments() const { return false; }

  /// What backward() does, except for d_inputs[0]: the layer before computes that from d_output and
  /// its own output when it needs it, which saves writing and reading it. nullptr: not possible.
  virtual const kernels::DeferredGradient<float>* backward_deferred(Inputs<T>, TensorView<const T>,
                                                                    const Pass&) {
    return nullptr;
  }
  /// Whether backward() takes FusedWork::deferred, for inputs of this shape, without the batch.
  virtual bool completes_gradient(const Shape&, Precision) const { return false; }
  /// The same where the batch norm also does a max pooling, so that d_output is that of the maxima.
  virtual bool completes_pooled_gradient(const Shape&, Precision) const { return false; }

 protected:
  FusibleLayer() = default;
  FusibleLayer(const FusibleLayer&) = default;
  FusibleLayer& operator=(const FusibleLayer&) = default;
  ~FusibleLayer() = default;
};

}  // namespace octet::inline OCTET_ABI
