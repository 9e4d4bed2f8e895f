// fer train: from images to a model.
#include <cstdio>
#include <filesystem>
#include <optional>

#include <octet/program/file.hpp>
#include <octet/program/insert_fake_quantize.hpp>
#include <octet/train/fit.hpp>
#include <octet/train/profile.hpp>

#include "beginning.hpp"
#include "commands.hpp"
#include "data.hpp"
#include "output.hpp"
#include "recipe.hpp"
#include "report.hpp"

namespace fer {

using namespace octet;

namespace {

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

/// Writes the int8 program of the best weights.
void write_int8(const TrainOptions& options, const ModelCard& card) {
  const std::string path = options.out + "/int8.safetensors";
  const Program program = quantize(load_graph<float>(options.out + "/best.safetensors").graph);
  save_program(program, path, card.metadata());
  std::printf("\nint8.safetensors: the best weights as an int8 program, %lld bytes\n",
              static_cast<long long>(std::filesystem::file_size(path)));
}

/// The last weights and the best ones, once if they are the same.
void report(const TrainOptions& options, const TrainingState& state, const ModelCard& card,
            const Splits& splits, ThreadPool& pool) {
  const std::string last = options.out + "/model.safetensors";
  if (state.best_epoch + 1 == state.epoch)
    return report_on(last, text_of("last weights, which are the best (epoch ", state.epoch, ")"),
                     card, splits, pool);
  report_on(last, "last weights", card, splits, pool);
  report_on(options.out + "/best.safetensors",
            text_of("best weights (epoch ", state.best_epoch + 1, ")"), card, splits, pool);
}

}  // namespace

int train(const TrainOptions& options) {
  check(options);
  std::optional<TrainingFolder> folder;
  if (!options.profile) folder.emplace(options);
  Beginning beginning = begin(options);
  Graph<float>& graph = beginning.graph;
  const ModelCard& card = beginning.card;
  const Splits& splits = beginning.splits;
  if (splits.train.size() == 0 || splits.validation.size() == 0)
    fail(options.data.path,
         ": expected images to train on, and to validate with (in fer2013.csv "
         "those of PublicTest), got ",
         splits.train.size(), " and ", splits.validation.size());
  ThreadPool pool(options.threads);
  std::printf("%s: %lld parameters, %.1f million multiply-adds an image\n", card.name.c_str(),
              static_cast<long long>(graph.parameter_count()),
              static_cast<double>(graph.multiply_adds()) / 1e6);
  std::printf("%s: %lld images to train on, %lld to validate with, %lld to test with\n",
              options.data.path.c_str(), static_cast<long long>(splits.train.size()),
              static_cast<long long>(splits.validation.size()),
              static_cast<long long>(splits.test.size()));
  if (const auto& fold = card.fold)
    std::printf("fold %d of %d: nobody is in two of these sets\n", fold->number, fold->count);
  std::printf("%s, %s up to a rate of %g\n", options.optimizer.c_str(), options.schedule.c_str(),
              options.max_learning_rate);
  std::fflush(stdout);

  Loader loader(splits.train, augmentation_from(options, card.normalization), loader_from(options));
  if (options.qat) graph = with_fake_quantize(graph, options, options.epochs * loader.steps());
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
  folder->make_room();

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
                                       .start = folder->resumes() ? Start::resume : Start::fresh,
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
  report(options, result.state, card, splits, pool);
  if (options.qat) write_int8(options, card);
  std::printf(
      "\nwritten: model.safetensors (last), best.safetensors, checkpoint.safetensors and "
      "history.csv in %s; next: fer eval, fer quantize\n",
      options.out.c_str());
  return 0;
}

}  // namespace fer
