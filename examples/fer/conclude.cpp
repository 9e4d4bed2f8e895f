#include "conclude.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include <octet/data/scan.hpp>
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
    print_without_leaks(evaluation, images_also_in(data, ImageIndex(splits.train)));
  };
  judge("validation", splits.validation);
  if (!splits.test_is_validation) judge("test", splits.test);
}

/// Runs the network that was trained and its int8 program on the same images, and says whether they
/// agree, as they must.
void print_agreement(const Graph<float>& graph, const Program& program, const ImageDataset& data,
                     const Pipeline& pipeline, ThreadPool& pool) {
  Executor<float> executor(graph, {.mode = Mode::inference, .pool = &pool});
  Workspace workspace(program, {.batch = 64, .pool = &pool});
  std::int64_t labels = 0, differing = 0, logits = 0;
  float largest = 0;
  const auto compare = [&](TensorView<const float> images) {
    executor.forward(images, Mode::inference);
    const TensorView<const float> simulated = executor.output();
    const Tensor<float> real = program.predict(images, workspace);
    const std::int64_t K = simulated.shape().back();
    for (std::int64_t n = 0; n < images.shape()[0]; ++n) {
      const float *const a = simulated.data() + n * K, *const b = real.data() + n * K;
      labels += std::max_element(a, a + K) - a == std::max_element(b, b + K) - b;
    }
    for (std::int64_t i = 0; i < simulated.elements(); ++i) {
      differing += simulated[i] != real[i];
      largest = (std::max)(largest, std::abs(simulated[i] - real[i]));
    }
    logits += simulated.elements();
    return simulated;
  };
  evaluate_with(data, pipeline, {.pool = &pool}, compare);
  std::printf("  the network as it was trained and this program agree on %lld of %lld labels, ",
              static_cast<long long>(labels), static_cast<long long>(data.size()));
  if (differing == 0) {
    std::printf("and on every bit of all %lld logits\n", static_cast<long long>(logits));
    return;
  }
  std::printf("and on all but %lld of %lld logits, which differ by up to %g\n",
              static_cast<long long>(differing), static_cast<long long>(logits),
              static_cast<double>(largest));
}

/// Writes the int8 program of the best weights.
void write_int8(const TrainOptions& options, const ModelCard& card, const DataSplits& splits,
                ThreadPool& pool) {
  const std::string path = options.out + "/int8.safetensors";
  const LoadedGraph<float> best = load_graph<float>(options.out + "/best.safetensors");
  save_program(quantize(best.graph), path, card.metadata());
  std::printf("\nint8.safetensors: the best weights as an int8 program, %lld bytes\n",
              static_cast<long long>(std::filesystem::file_size(path)));
  print_agreement(best.graph, load_program(path).program, splits.test,
                  {normalize(card.normalization)}, pool);
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

int conclude(const TrainOptions& options, const FitResult& result, int signal,
             const Beginning& beginning, ThreadPool& pool) {
  const bool demo = options.command == TrainedBy::demo;
  if (result.outcome == FitOutcome::interrupted) {
    std::printf("\ninterrupted after step %lld; %s\n", static_cast<long long>(result.state.step),
                demo ? "fer demo begins anew when it is run again"
                     : "the state is saved: give --resume to go on");
    return exit_signal + signal;
  }
  if (result.outcome == FitOutcome::stopped_early)
    std::printf("stopped early: validation has not become better for %d epochs\n",
                options.patience);
  report(options, result.state, beginning.card, beginning.splits, pool);
  if (options.qat) write_int8(options, beginning.card, beginning.splits, pool);
  std::printf(
      "\nwritten: model.safetensors (last), best.safetensors, checkpoint.safetensors and "
      "history.csv in %s",
      options.out.c_str());
  if (options.qat && !options.from.empty())
    std::printf("; next: fer eval %s %s/int8.safetensors", options.from.c_str(),
                options.out.c_str());
  else if (!demo)
    std::printf("; next: fer eval%s", options.qat ? "" : ", fer quantize");
  std::printf("\n");
  return 0;
}

}  // namespace fer
