// fer train: from images to a model.
#include <cstdio>
#include <optional>

#include <octet/train/fit.hpp>
#include <octet/train/profile.hpp>

#include "beginning.hpp"
#include "commands.hpp"
#include "conclude.hpp"
#include "output.hpp"
#include "recipe.hpp"

namespace fer {

using namespace octet;

namespace {

Precision precision_from(const TrainOptions& options) {
  return options.precision == "bf16" ? Precision::bf16 : Precision::float32;
}

void print_plan(const TrainOptions& options, const Beginning& beginning) {
  const auto& [graph, card, splits, checksum] = beginning;
  std::printf("%s: %lld parameters, %.1f million multiply-adds an image\n", card.name.c_str(),
              static_cast<long long>(graph.parameter_count()),
              static_cast<double>(graph.multiply_adds()) / 1e6);
  std::printf("%s: %lld images to train on, %lld to validate with, %lld to test with\n",
              options.data.path.c_str(), static_cast<long long>(splits.train.size()),
              static_cast<long long>(splits.validation.size()),
              static_cast<long long>(splits.test.size()));
  if (const auto& fold = card.fold; fold && form_of(options.data.path) == DataForm::ckplus)
    std::printf("fold %d of %d: nobody is in two of these sets\n", fold->number, fold->count);
  std::printf("%s, %s up to a rate of %g\n", options.optimizer.c_str(), options.schedule.c_str(),
              options.max_learning_rate);
  std::fflush(stdout);
}

void print_profile(const TrainOptions& options, const Graph<float>& graph, Loader& loader,
                   ThreadPool& pool) {
  Batch batch;
  loader.next(batch);
  const ExecutorOptions how{.pool = &pool, .precision = precision_from(options)};
  const auto times = profile_step<float>(graph, batch.images, batch.labels, 5, how);
  std::printf("%s", profile_text(times).c_str());
}

/// Trains until the last epoch, or until a `signal`, such as that of Ctrl-C, which afterwards ends
/// the program as usual.
FitResult fit_until_interrupted(const TrainOptions& options, const Beginning& beginning,
                                Loader& loader, const TrainingFolder& folder, ThreadPool& pool,
                                int& signal) {
  const auto& [graph, card, splits, checksum] = beginning;
  Optimizer<float> optimizer = optimizer_from(options);
  const InterruptGuard interrupt;
  // An older training stays until the new one has done a step.
  const auto after_step = [&](const TrainingStatus& status) {
    if (status.epoch == 0 && status.step == 1) folder.make_room();
  };
  return fit<float>(graph, loader, optimizer,
                    {.epochs = options.epochs,
                     .schedule = schedule_from(options, loader.steps()),
                     .loss = {.label_smoothing = options.label_smoothing},
                     .clip_norm = options.clip_norm,
                     .validation = &splits.validation,
                     .validation_pipeline = {normalize(card.normalization)},
                     .patience = options.patience,
                     .folder = options.out,
                     .checkpoint_interval = options.checkpoint_every,
                     .start = folder.resumes() ? Start::resume : Start::fresh,
                     .metadata = card.metadata(),
                     .settings = settings_from(options, beginning),
                     .precision = precision_from(options),
                     .pool = &pool,
                     .progress = stdout,
                     .stop = [&] { return (signal = interrupt.signal()) != 0; },
                     .on_step = after_step});
}

}  // namespace

int train(const TrainOptions& options) {
  check(options);
  std::optional<TrainingFolder> folder;
  if (!options.profile) folder.emplace(options);
  Beginning beginning = begin(options);
  const DataSplits& splits = beginning.splits;
  if (splits.train.size() == 0 || splits.validation.size() == 0)
    fail(options.data.path,
         ": expected images to train on, and to validate with (in fer2013.csv "
         "those of PublicTest), got ",
         splits.train.size(), " and ", splits.validation.size());
  tell_of_missing_test(options.data.path, splits);
  ThreadPool pool(options.threads);
  print_plan(options, beginning);
  Loader loader(splits.train, augmentation_from(options, beginning.card.normalization),
                loader_from(options));
  if (options.qat)
    beginning.graph = with_fake_quantize(beginning.graph, options, options.epochs * loader.steps());
  if (!folder) {
    print_profile(options, beginning.graph, loader, pool);
    return 0;
  }
  int signal = 0;
  const FitResult result = fit_until_interrupted(options, beginning, loader, *folder, pool, signal);
  return conclude(options, result, signal, beginning, pool);
}

}  // namespace fer
