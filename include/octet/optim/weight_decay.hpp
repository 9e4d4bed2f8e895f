// Pulling weights towards zero, as a part of the gradient or beside it.
#pragma once

#include "octet/nn/layer.hpp"

namespace octet::inline OCTET_ABI {

/// coupled: factor * p is added to the gradient (L2 regularisation). decoupled: p shrinks by
/// learning rate * factor * p, whatever the gradient. Loshchilov and Hutter, "Decoupled weight
/// decay regularization" (ICLR 2019).
enum class DecayKind { coupled, decoupled };

/// Which parameters decay: all, or all but biases and those of normalization.
enum class DecayedParameters { all, weights };

struct WeightDecay {
  double factor = 0;
  DecayKind kind = DecayKind::coupled;
  DecayedParameters parameters = DecayedParameters::all;

  /// The factor for a parameter of this kind, if the decay is of kind `asked`; else 0.
  double factor_for(ParameterKind of, DecayKind asked) const {
    const bool decays = parameters == DecayedParameters::all || of == ParameterKind::weight;
    return decays && kind == asked ? factor : 0;
  }
  /// Fails, in the name of the optimizer, if the factor is no factor.
  void check(std::string_view optimizer) const {
    if (!(factor >= 0)) fail(optimizer, ": expected a weight decay of at least 0, got ", factor);
  }
};

}  // namespace octet::inline OCTET_ABI
