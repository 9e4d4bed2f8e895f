// fer eval: how good a model is on a split.
#include <octet/train/evaluate_program.hpp>

#include "commands.hpp"
#include "data.hpp"
#include "model.hpp"
#include "report.hpp"

namespace fer {

using namespace octet;

int eval(const EvalOptions& options) {
  const Model model = load_model(options.model);
  const DataSplits splits = read_splits(completed(options.data, &model.card), model.H(), model.W());
  const auto& [name, data] = split_named(splits, options.split);
  if (data.size() == 0) fail(options.data.path, ": has no images for ", options.split);
  ThreadPool pool(options.threads);
  const Evaluation evaluation =
      evaluate(model.program, data, model.pipeline(), {.batch = options.batch, .pool = &pool});
  print_evaluation(text_of(options.model, ", ", name), evaluation, model.card.class_names);
  const bool apart = name == "test" || name == "validation";
  if (apart) print_without_leaks(evaluation, data, splits.train);
  return 0;
}

}  // namespace fer
