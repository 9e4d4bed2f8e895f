// Stochastic gradient descent.
#pragma once

#include "octet/kernels/elementwise.hpp"
#include "octet/optim/optimizer.hpp"
#include "octet/optim/weight_decay.hpp"

namespace octet::inline OCTET_ABI {

using kernels::Momentum;

struct SgdOptions {
  /// Used where the schedule gives none.
  double momentum = 0;
  Momentum kind = Momentum::heavy_ball;
  WeightDecay weight_decay = {};
};

/// Stochastic gradient descent with momentum, as PyTorch defines it (no dampening):
///   m = momentum * m + g;  p -= learning_rate * m             (heavy ball)
///   m = momentum * m + g;  p -= learning_rate * (g + momentum * m)   (Nesterov)
/// Sutskever et al., "On the importance of initialization and momentum" (ICML 2013).
template <class T>
Optimizer<T> sgd(const SgdOptions& options = {}) {
  if (!(options.momentum >= 0 && options.momentum < 1))
    fail("sgd: expected a momentum from 0 to below 1, got ", options.momentum);
  options.weight_decay.check("sgd");
  return Optimizer<T>(
      {"sgd", {"momentum"}, [options](const Update<T>& update) {
         const WeightDecay& decay = options.weight_decay;
         const ParameterKind kind = update.parameter.kind;
         kernels::sgd_step<T>(
             update.parameter.value.elements(),
             {.learning_rate = update.learning_rate,
              .momentum = update.momentum.value_or(options.momentum),
              .kind = options.kind,
              .coupled_weight_decay = decay.factor_for(kind, DecayKind::coupled),
              .decoupled_weight_decay = decay.factor_for(kind, DecayKind::decoupled)},
             update.parameter.gradient.data(), update.parameter.value.data(),
             update.state[0].data(), update.pool);
       }});
}

}  // namespace octet::inline OCTET_ABI
