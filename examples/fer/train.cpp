// fer train: from images to a model.
#include <cstdio>
#include <filesystem>

#include <octet/data/transforms/flip_crop.hpp>
#include <octet/models/make_model.hpp>
#include <octet/train/fit.hpp>
#include <octet/train/profile.hpp>

#include "commands.hpp"
#include "data.hpp"
#include "recipe.hpp"
#include "report.hpp"

namespace fer {

using namespace octet;

namespace {

/// Makes the folder and makes sure that it can be written to, once there is something to write.
Start prepare_folder(const TrainOptions& options) {
  if (options.out.empty()) fail("--out: expected a folder for the models and the history");
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) fail(options.out, ": the folder cannot be made: ", error.message());
  const bool has_checkpoint = std::filesystem::exists(options.out + "/checkpoint.safetensors");
  if (options.resume && has_checkpoint) return Start::resume;
  if (options.resume) std::printf("%s: no checkpoint yet, starting anew\n", options.out.c_str());
  if (has_checkpoint && !options.overwrite)
    fail(options.out,
         ": holds a training already: give --resume to go on with it, --overwrite to "
         "replace it, or another folder");
  write_file(options.out + "/history.csv", History{}.csv());
  return Start::fresh;
}

Precision precision_from(const TrainOptions& options) {
  return options.precision == "bf16" ? Precision::bf16 : Precision::float32;
}

void report_on(const std::string& path, const std::string& title, const ModelCard& card,
               const Splits& splits, ThreadPool& pool) {
  const LoadedGraph<float> model = load_graph<float>(path);
  const Pipeline pipeline{normalize(card.normalization)};
  const auto judge = [&](const char* split, const ImageDataset& data) {
    const Evaluation evaluation = evaluate(model.graph, data, pipeline, {.pool = &pool});
    print_evaluation(text_of(title, ", ", split), evaluation, card.class_names);
    print_without_leaks(evaluation, data, splits.train);
  };
  judge("validation", splits.validation);
  judge("test", splits.test);
}

}  // namespace

int train(const TrainOptions& options) {
  check(options);
  const Splits splits = read_splits(options.data);
  if (splits.train.size() == 0 || splits.validation.size() == 0)
    fail(options.data, ": expected images to train on and to validate with, got ",
         splits.train.size(), " and ", splits.validation.size());
  const ModelCard card{options.model, splits.train.class_names, channel_statistics(splits.train)};

  ThreadPool pool(options.threads);
  const Graph<float> graph = make_model<float>(options.model, {.input = splits.train.image_shape(),
                                                               .classes = splits.train.classes(),
                                                               .width = options.width,
                                                               .seed = options.seed});
  std::printf("%s: %lld parameters, %.1f million multiply-adds an image\n", options.model.c_str(),
              static_cast<long long>(graph.parameter_count()),
              static_cast<double>(graph.multiply_adds()) / 1e6);
  std::printf("%s: %lld images to train on, %lld to validate with, %lld to test with\n",
              options.data.c_str(), static_cast<long long>(splits.train.size()),
              static_cast<long long>(splits.validation.size()),
              static_cast<long long>(splits.test.size()));
  std::fflush(stdout);

  Pipeline augment;
  if (options.flip == "yes") augment.add(random_flip());
  if (options.crop > 0) augment.add(random_crop({.padding = options.crop}));
  augment.add(normalize(card.normalization));
  Loader loader(splits.train, augment, {.batch = options.batch, .seed = options.seed});
  if (options.profile) {
    Batch batch;
    loader.next(batch);
    std::printf("%s", profile_text(profile_step<float>(
                                       graph, batch.images, batch.labels, 5,
                                       {.pool = &pool, .precision = precision_from(options)}))
                          .c_str());
    return 0;
  }
  Optimizer<float> optimizer = optimizer_from(options);
  const Schedule schedule = schedule_from(options, loader.steps());
  const Start start = prepare_folder(options);

  const InterruptGuard interrupt;
  const FitResult result = fit<float>(graph, loader, optimizer,
                                      {.epochs = options.epochs,
                                       .schedule = schedule,
                                       .loss = {.label_smoothing = options.label_smoothing},
                                       .clip_norm = options.clip_norm,
                                       .validation = &splits.validation,
                                       .validation_pipeline = {normalize(card.normalization)},
                                       .patience = options.patience,
                                       .folder = options.out,
                                       .checkpoint_interval = options.checkpoint_every,
                                       .start = start,
                                       .metadata = card.metadata(),
                                       .settings = settings_from(options, splits.train),
                                       .precision = precision_from(options),
                                       .pool = &pool,
                                       .progress = stdout,
                                       .stop = [&] { return interrupt.requested(); }});
  if (result.outcome == FitOutcome::interrupted) {
    std::printf("\ninterrupted after step %lld; the state is saved: give --resume to go on\n",
                static_cast<long long>(result.state.step));
    return exit_interrupted;
  }
  if (result.outcome == FitOutcome::stopped_early)
    std::printf("stopped early: validation has not become better for %d epochs\n",
                options.patience);
  report_on(options.out + "/model.safetensors", "last weights", card, splits, pool);
  report_on(options.out + "/best.safetensors",
            text_of("best weights (epoch ", result.state.best_epoch + 1, ")"), card, splits, pool);
  std::printf(
      "\nwritten: model.safetensors (last), best.safetensors, checkpoint.safetensors and "
      "history.csv in %s\n",
      options.out.c_str());
  return 0;
}

}  // namespace fer
