#pragma once

#include <cmath>
#include <numbers>

#include "octet/optim/optimizer.hpp"

namespace octet::inline OCTET_ABI {

/// two: rise, then fall to far below the start. three: rise, fall back to the start, annihilation
/// to far below it.
enum class OneCyclePhases { two, three };

/// The way from one rate to the next: half a cosine, or a straight line.
enum class Annealing { cosine, linear };

/// Whether momentum falls while the rate rises, and the other way round.
enum class MomentumCycle { inverse, none };

struct OneCycleOptions {
  double max_learning_rate = 1e-2;
  /// Steps of the whole training; afterwards the last rate stays.
  std::int64_t total_steps = 1;
  OneCyclePhases phases = OneCyclePhases::two;
  Annealing annealing = Annealing::cosine;
  /// The share of the steps in which the rate rises.
  double rise = 0.3;
  /// The first rate is the highest one divided by this.
  double start_divisor = 25;
  /// The last rate is the first one divided by this.
  double final_divisor = 1e4;
  MomentumCycle momentum = MomentumCycle::inverse;
  /// Momentum (Adam: beta1) at the highest rate, and at the first and last.
  double min_momentum = 0.85;
  double max_momentum = 0.95;
};

/// The one-cycle policy, in every step the rate that PyTorch's OneCycleLR gives. From knot to knot
/// the rate goes in a straight line or half a cosine: max / start_divisor at step 0, max at
/// rise * total - 1, with three phases max / start_divisor at 2 * rise * total - 2, and
/// max / start_divisor / final_divisor at total - 1. Smith and Topin, "Super-convergence" (2018).
inline Schedule one_cycle(const OneCycleOptions& options) {
  if (options.total_steps < 1)
    fail("one_cycle: expected at least 1 step, got ", options.total_steps);
  const bool three = options.phases == OneCyclePhases::three;
  if (!(options.rise >= 0 && options.rise <= (three ? 0.5 : 1.0)))
    fail("one_cycle: expected a rise from 0 to ", three ? 0.5 : 1.0, " of the steps, got ",
         options.rise);
  if (!(options.max_learning_rate >= 0 && options.start_divisor > 0 && options.final_divisor > 0))
    fail("one_cycle: expected a rate of at least 0 and divisors above 0, got ",
         options.max_learning_rate, ", ", options.start_divisor, " and ", options.final_divisor);
  for (const double momentum : {options.min_momentum, options.max_momentum})
    if (!(momentum >= 0 && momentum < 1))
      fail("one_cycle: expected momenta from 0 to below 1, got ", momentum);

  return [options, three](std::int64_t number) {
    const double top = options.max_learning_rate;
    const double first = top / options.start_divisor;
    const double final = first / options.final_divisor;
    const auto steps = static_cast<double>(options.total_steps);
    const double step = (std::min)(static_cast<double>(number), steps - 1);
    const double rise_end = options.rise * steps - 1;
    const double fall_end = three ? 2 * options.rise * steps - 2 : steps - 1;

    const double low = options.min_momentum, high = options.max_momentum;
    const struct {
      double step, rate, momentum;
    } knots[] = {{0, first, high},
                 {rise_end, top, low},
                 {fall_end, three ? first : final, high},
                 {steps - 1, final, high}};
    int next = 1;
    while (next < 3 && step > knots[next].step) ++next;
    const auto &from = knots[next - 1], &to = knots[next];
    // A phase without a length is over as soon as it begins.
    const double part = to.step > from.step ? (step - from.step) / (to.step - from.step) : 1;
    const auto anneal = [&](double a, double b) {
      return options.annealing == Annealing::linear
                 ? (b - a) * part + a
                 : b + (a - b) / 2 * (std::cos(std::numbers::pi * part) + 1);
    };
    Rate rate{anneal(from.rate, to.rate)};
    if (options.momentum == MomentumCycle::inverse)
      rate.momentum = anneal(from.momentum, to.momentum);
    return rate;
  };
}

}  // namespace octet::inline OCTET_ABI
