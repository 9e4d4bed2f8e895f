#include "recipe.hpp"

#include <cmath>

#include <octet/optim/adam.hpp>
#include <octet/optim/cosine.hpp>
#include <octet/optim/exponential.hpp>
#include <octet/optim/one_cycle.hpp>
#include <octet/optim/sgd.hpp>
#include <octet/optim/step.hpp>

namespace fer {

using namespace octet;

Schedule schedule_from(const TrainOptions& options, std::int64_t steps_per_epoch) {
  const double rate = options.max_learning_rate;
  const std::int64_t steps = options.epochs * steps_per_epoch;
  if (options.schedule == "one_cycle")
    return one_cycle({.max_learning_rate = rate,
                      .total_steps = steps,
                      .phases = OneCyclePhases::three,
                      .annealing = Annealing::linear});
  if (options.schedule == "one_cycle_two_phases")
    return one_cycle({.max_learning_rate = rate, .total_steps = steps});
  if (options.schedule == "cosine") return cosine({.learning_rate = rate, .total_steps = steps});
  if (options.schedule == "step")
    return step_decay({.learning_rate = rate, .milestones = {steps / 2, steps * 3 / 4}});
  if (options.schedule == "exponential")
    return exponential({.learning_rate = rate, .factor = 0.9, .over = steps_per_epoch});
  return constant_rate(rate);
}

Optimizer<float> optimizer_from(const TrainOptions& options) {
  const WeightDecay decay{.factor = options.weight_decay, .parameters = DecayedParameters::weights};
  if (options.optimizer == "sgd")
    return sgd<float>({.momentum = options.momentum, .weight_decay = decay});
  if (options.optimizer == "adamw") return adam_w<float>({.weight_decay = decay});
  return adam<float>({.weight_decay = decay});
}

Json settings_from(const TrainOptions& options, const ImageDataset& data) {
  return Json::object()
      .set("model", options.model)
      .set("width", options.width)
      .set("seed", std::to_string(options.seed))
      .set("max_lr", options.max_learning_rate)
      .set("schedule", options.schedule)
      .set("optimizer", options.optimizer)
      .set("weight_decay", options.weight_decay)
      .set("momentum", options.momentum)
      .set("flip", options.flip)
      .set("crop", options.crop)
      .set("data", std::to_string(checksum(std::as_bytes(std::span(data.pixels)), 0)));
}

void check(const TrainOptions& options) {
  if (options.epochs < 1) fail("--epochs: expected at least 1, got ", options.epochs);
  if (options.batch < 1) fail("--batch: expected at least 1, got ", options.batch);
  if (!(options.max_learning_rate > 0 && std::isfinite(options.max_learning_rate)))
    fail("--max-lr: expected a rate above 0, got ", options.max_learning_rate);
  if (options.threads < 0) fail("--threads: expected at least 0, got ", options.threads);
  if (options.crop < 0) fail("--crop: expected at least 0 pixels, got ", options.crop);
  if (options.checkpoint_every < 0)
    fail("--checkpoint-every: expected at least 0 steps, got ", options.checkpoint_every);
}

}  // namespace fer
