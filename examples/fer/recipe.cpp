#include "recipe.hpp"

#include <octet/data/transforms/flip_crop.hpp>
#include <octet/data/transforms/mixing.hpp>
#include <octet/data/transforms/normalize.hpp>
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

namespace {

bool moves_momentum(const TrainOptions& options) {
  return options.schedule.rfind("one_cycle", 0) == 0;
}

/// Of images, labels and the names of the classes.
std::uint64_t checksum_of(const ImageDataset& data) {
  std::uint64_t sum = checksum(std::as_bytes(std::span(data.pixels)), 0);
  sum = checksum(std::as_bytes(std::span(data.labels)), sum);
  for (const std::string& name : data.class_names)
    sum = checksum(std::as_bytes(std::span(name)), sum);
  return sum;
}

double weight_decay_of(const TrainOptions& options) {
  return options.weight_decay.value_or(options.optimizer == "adamw" ? 0.01 : 0);
}

}  // namespace

Optimizer<float> optimizer_from(const TrainOptions& options) {
  const WeightDecay decay{.factor = weight_decay_of(options),
                          .parameters = DecayedParameters::weights};
  if (options.optimizer == "sgd")
    return sgd<float>({.momentum = options.momentum.value_or(0.9), .weight_decay = decay});
  if (options.optimizer == "adamw") return adam_w<float>({.weight_decay = decay});
  return adam<float>({.weight_decay = decay});
}

Pipeline augmentation_from(const TrainOptions& options, const NormalizeOptions& normalization) {
  Pipeline pipeline;
  if (options.flip == "yes") pipeline.add(random_flip());
  if (options.crop > 0) pipeline.add(random_crop({.padding = options.crop}));
  return pipeline.add(normalize(normalization));
}

LoaderOptions loader_from(const TrainOptions& options) {
  LoaderOptions loader{.batch = options.batch, .seed = options.seed};
  if (options.mixup > 0) loader.batch_transforms.push_back(mixup({.alpha = options.mixup}));
  if (options.cutmix > 0) loader.batch_transforms.push_back(cutmix({.alpha = options.cutmix}));
  return loader;
}

Json settings_from(const TrainOptions& options, const Beginning& beginning) {
  const ImageDataset& data = beginning.splits.train;
  Json settings = Json::object();
  if (options.from.empty())
    settings.set("model", options.model).set("width", options.width);
  else
    settings.set("from", beginning.checksum);
  if (options.command == TrainedBy::demo) settings.set("demo", true);
  if (options.qat) settings.set("qat", options.scales);
  settings.set("seed", std::to_string(options.seed))
      .set("max_lr", options.max_learning_rate)
      .set("schedule", options.schedule)
      .set("optimizer", options.optimizer)
      .set("weight_decay", weight_decay_of(options))
      .set("flip", options.flip)
      .set("crop", options.crop)
      .set("data", std::to_string(checksum_of(data)));
  if (options.optimizer == "sgd" && !moves_momentum(options))
    settings.set("momentum", options.momentum.value_or(0.9));
  if (options.mixup > 0) settings.set("mixup", options.mixup);
  if (options.cutmix > 0) settings.set("cutmix", options.cutmix);
  if (data.has_targets()) {
    const std::span<const float> targets(data.targets.data(),
                                         static_cast<std::size_t>(data.targets.elements()));
    settings.set("votes", std::to_string(checksum(std::as_bytes(targets), 0)));
  }
  return settings;
}

void check(const TrainOptions& options) {
  if (!options.qat && options.scales != "observed")
    fail("--scales: expected --qat with it, for float32 has no scales");
  if (options.out.empty() && !options.profile)
    fail("--out: expected a folder for the models and the history, got none");
  if (options.resume && options.overwrite)
    fail("--resume and --overwrite: expected one of them, got both");
  if (options.mixup > 0 && options.cutmix > 0)
    fail("--mixup and --cutmix: expected one of them, got both");
  if (options.model == "lenet" && options.width != 1)
    fail("--width: expected 1 for lenet, whose channels are fixed, got ", options.width);
  if (!options.momentum) return;
  if (options.optimizer != "sgd")
    fail("--momentum: expected --optimizer sgd, which alone has it, got ", options.optimizer);
  if (moves_momentum(options))
    fail("--momentum: expected a schedule that leaves it alone, got ", options.schedule,
         ", which moves it from 0.95 to 0.85 and back");
}

}  // namespace fer
