#pragma once

#include <cmath>

#include "octet/kernels/elementwise.hpp"
#include "octet/optim/optimizer.hpp"
#include "octet/optim/weight_decay.hpp"

namespace octet::inline OCTET_ABI {

struct AdamOptions {
  /// Used where the schedule gives no momentum.
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  WeightDecay weight_decay = {};
};

/// Adam, as PyTorch defines it: in step t
///   m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g^2
///   p -= learning_rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
/// with this step's beta1, also where a schedule moves it. Kingma and Ba, "Adam: a method for
/// stochastic optimization" (ICLR 2015).
template <class T>
Optimizer<T> adam(const AdamOptions& options = {}) {
  for (const double beta : {options.beta1, options.beta2})
    if (!(beta >= 0 && beta < 1)) fail("adam: expected betas from 0 to below 1, got ", beta);
  // One that T rounds to 0 would divide 0 by 0 where a gradient is 0.
  if (!(static_cast<T>(options.epsilon) > 0))
    fail("adam: expected an epsilon above 0 in the parameters' type, got ", options.epsilon);
  options.weight_decay.check("adam");
  return Optimizer<T>(
      {"adam", {"mean", "square"}, [options](const Update<T>& update) {
         const WeightDecay& decay = options.weight_decay;
         const ParameterKind kind = update.parameter.kind;
         const double beta1 = update.momentum.value_or(options.beta1);
         const auto t = static_cast<double>(update.step);
         kernels::adam_step<T>(
             update.parameter.value.elements(),
             {.learning_rate = update.learning_rate,
              .beta1 = beta1,
              .beta2 = options.beta2,
              .beta1_power = std::pow(beta1, t),
              .beta2_power = std::pow(options.beta2, t),
              .epsilon = options.epsilon,
              .coupled_weight_decay = decay.factor_for(kind, DecayKind::coupled),
              .decoupled_weight_decay = decay.factor_for(kind, DecayKind::decoupled)},
             update.parameter.gradient.data(), update.parameter.value.data(),
             update.state[0].data(), update.state[1].data(), update.pool);
       }});
}

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  /// Decoupled, whatever its kind says.
  WeightDecay weight_decay = {.factor = 0.01};
};

/// Adam with decoupled weight decay: each step also takes learning_rate * factor * p from p.
/// Loshchilov and Hutter, "Decoupled weight decay regularization" (ICLR 2019).
template <class T>
Optimizer<T> adam_w(const AdamWOptions& options = {}) {
  WeightDecay decay = options.weight_decay;
  decay.kind = DecayKind::decoupled;
  return adam<T>({options.beta1, options.beta2, options.epsilon, decay});
}

}  // namespace octet::inline OCTET_ABI
