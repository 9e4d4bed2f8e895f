// fer eval: how good a model is on a split, or how several differ.
#include <filesystem>

#include <octet/data/scan.hpp>
#include <octet/train/evaluate_program.hpp>

#include "commands.hpp"
#include "compare.hpp"
#include "data.hpp"
#include "model.hpp"
#include "report.hpp"

namespace fer {

using namespace octet;

namespace {

/// Fails unless both look at the same images for the same classes.
void check_alike(const std::string& path, const Model& model, const std::string& first_path,
                 const Model& first) {
  if (model.program.input_shape() != first.program.input_shape())
    fail(path, ": expected images of ", first.program.input_shape(), " as ", first_path,
         " takes, got ", model.program.input_shape());
  if (model.card.class_names != first.card.class_names)
    fail(path, ": expected the classes of ", first_path,
         ", in their order: ", list_of(first.card.class_names), "; got ",
         list_of(model.card.class_names));
}

/// Fails if the model has learned from people by whom it is to be judged.
void check_fold(const std::string& path, const Model& model, const std::optional<Fold>& judged) {
  const std::optional<Fold>& fold = model.card.fold;
  if (fold && judged && *fold != *judged)
    fail(path, ": expected to be judged by fold ", fold->number, " of ", fold->count,
         ", because it has learned from people in the others, got ", judged->number, " of ",
         judged->count);
}

}  // namespace

int eval(const EvalOptions& options) {
  std::vector<Model> models;
  for (const std::string& path : options.models) {
    models.push_back(load_model(path));
    check_alike(path, models.back(), options.models.front(), models.front());
  }
  const Model& first = models.front();
  const DataOptions where = completed(options.data, &first.card);
  for (std::size_t i = 0; i < models.size(); ++i)
    check_fold(options.models[i], models[i], fold_of(where));
  const DataSplits splits = read_splits(where, first.H(), first.W());
  if (options.split == "test") tell_of_missing_test(options.data.path, splits);
  const auto& [name, data] = split_named(splits, options.split);
  if (data.size() == 0) fail(options.data.path, ": has no images for ", options.split);
  std::vector<std::int64_t> leaked;
  if (name == "test" || name == "validation")
    leaked = images_also_in(data, ImageIndex(splits.train));
  ThreadPool pool(options.threads);
  if (models.size() == 1) {
    const Evaluation evaluation =
        evaluate(first.program, data, first.pipeline(), {.batch = options.batch, .pool = &pool});
    print_evaluation(text_of(options.models.front(), ", ", name), evaluation,
                     first.card.class_names);
    print_without_leaks(evaluation, leaked);
    return 0;
  }
  std::vector<Contestant> contestants;
  for (std::size_t i = 0; i < models.size(); ++i)
    contestants.push_back({options.models[i], &models[i].program,
                           static_cast<std::int64_t>(std::filesystem::file_size(options.models[i])),
                           models[i].pipeline()});
  const std::vector<Evaluation> evaluations = print_comparison(contestants, name, data, pool);
  for (std::size_t i = 0; i < models.size() && !leaked.empty(); ++i) {
    std::printf("%s%s\n", i == 0 ? "\n" : "", options.models[i].c_str());
    print_without_leaks(evaluations[i], leaked);
  }
  return 0;
}

}  // namespace fer
