// Which learning rate? Try them all, for a few steps each. Smith, "Cyclical learning rates for
// training neural networks" (WACV 2017).
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

struct RangeTestOptions {
  double first_learning_rate = 1e-7;
  double last_learning_rate = 1;
  std::int64_t steps = 100;
  /// How much of the mean of the losses so far is kept in a step.
  double smoothing = 0.9;
  /// The test ends when the smoothed loss is this many times its smallest value, or not finite.
  double divergence = 4;
};

/// One step of a range test.
struct RangeTestPoint {
  double learning_rate;
  double loss;
  /// The exponential mean of the losses so far, without its bias towards zero.
  double smoothed_loss;
};

/// Trains with rates that grow by a constant factor from the first to the last, and returns the
/// losses. `train_step` takes one training step with the rate that it is given and returns the
/// loss. It changes the network: keep a copy of it.
template <class = WhenUsed>
std::vector<RangeTestPoint> range_test(
    const RangeTestOptions& options,
    const std::function<double(double learning_rate)>& train_step) {
  if (options.steps < 2) fail("range_test: expected at least 2 steps, got ", options.steps);
  if (!(options.first_learning_rate > 0 &&
        options.last_learning_rate > options.first_learning_rate))
    fail("range_test: expected rates that grow from above 0, got ", options.first_learning_rate,
         " and ", options.last_learning_rate);
  if (!(options.smoothing >= 0 && options.smoothing < 1))
    fail("range_test: expected a smoothing from 0 to below 1, got ", options.smoothing);
  const double ratio = options.last_learning_rate / options.first_learning_rate;
  std::vector<RangeTestPoint> curve;
  double mean = 0, weight = 0, best = 0;
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const double part = static_cast<double>(step) / static_cast<double>(options.steps - 1);
    const double rate = options.first_learning_rate * std::pow(ratio, part);
    const double loss = train_step(rate);
    mean = options.smoothing * mean + (1 - options.smoothing) * loss;
    weight = options.smoothing * weight + (1 - options.smoothing);
    const double smoothed = mean / weight;
    curve.push_back({rate, loss, smoothed});
    if (!std::isfinite(loss) || (step > 0 && smoothed > options.divergence * best)) break;
    best = step == 0 || smoothed < best ? smoothed : best;
  }
  return curve;
}

/// The rate at which the smoothed loss falls most steeply over the logarithm of the rate: a good
/// highest rate for one_cycle is up to ten times this one. Fails if the curve does not begin with 3
/// finite losses, or falls nowhere.
template <class = WhenUsed>
double steepest_learning_rate(const std::vector<RangeTestPoint>& curve) {
  std::size_t finite = 0;
  while (finite < curve.size() && std::isfinite(curve[finite].smoothed_loss)) ++finite;
  if (finite < 3) fail("range_test: expected at least 3 finite losses, got ", finite);
  double steepest = 0, rate = 0;
  for (std::size_t i = 1; i + 1 < finite; ++i) {
    const double slope =
        (curve[i + 1].smoothed_loss - curve[i - 1].smoothed_loss) /
        (std::log(curve[i + 1].learning_rate) - std::log(curve[i - 1].learning_rate));
    if (slope < steepest) {
      steepest = slope;
      rate = curve[i].learning_rate;
    }
  }
  if (steepest == 0)
    fail("range_test: expected a loss that falls at some rate from ", curve[0].learning_rate,
         " to ", curve[finite - 1].learning_rate, ", got one that never does");
  return rate;
}

}  // namespace octet::inline OCTET_ABI
