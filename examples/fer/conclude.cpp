#include "conclude.hpp"

#include <cstdio>
#include <filesystem>

#include <octet/program/file.hpp>
#include <octet/program/insert_fake_quantize.hpp>

#include "report.hpp"

namespace fer {

using namespace octet;

namespace {

void report_on(const std::string& path, const std::string& title, const ModelCard& card,
               const DataSplits& splits, ThreadPool& pool) {
  const LoadedGraph<float> model = load_graph<float>(path);
  const Pipeline pipeline{normalize(card.normalization)};
  const auto judge = [&](const char* split, const ImageDataset& data) {
    const Evaluation evaluation = evaluate(model.graph, data, pipeline, {.pool = &pool});
    print_evaluation(text_of(title, ", ", split), evaluation, card.class_names);
    print_without_leaks(evaluation, data, splits.train);
  };
  judge("validation", splits.validation);
  if (!splits.test_is_validation) judge("test", splits.test);
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
            const DataSplits& splits, ThreadPool& pool) {
  const std::string last = options.out + "/model.safetensors";
  if (state.best_epoch + 1 == state.epoch)
    return report_on(last, text_of("last weights, which are the best (epoch ", state.epoch, ")"),
                     card, splits, pool);
  report_on(last, "last weights", card, splits, pool);
  report_on(options.out + "/best.safetensors",
            text_of("best weights (epoch ", state.best_epoch + 1, ")"), card, splits, pool);
}

}  // namespace

int conclude(const TrainOptions& options, const FitResult& result, const Beginning& beginning,
             ThreadPool& pool) {
  const bool demo = options.command == TrainedBy::demo;
  if (result.outcome == FitOutcome::interrupted) {
    std::printf("\ninterrupted after step %lld; %s\n", static_cast<long long>(result.state.step),
                demo ? "fer demo begins anew when it is run again"
                     : "the state is saved: give --resume to go on");
    return exit_interrupted;
  }
  if (result.outcome == FitOutcome::stopped_early)
    std::printf("stopped early: validation has not become better for %d epochs\n",
                options.patience);
  report(options, result.state, beginning.card, beginning.splits, pool);
  if (options.qat) write_int8(options, beginning.card);
  std::printf(
      "\nwritten: model.safetensors (last), best.safetensors, checkpoint.safetensors and "
      "history.csv in %s%s\n",
      options.out.c_str(), demo ? "" : "; next: fer eval, fer quantize");
  return 0;
}

}  // namespace fer
