#include "report.hpp"

#include <cstdio>

namespace fer {

using namespace octet;

std::string percent_with_interval(const Proportion& share) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f %% (%.2f to %.2f)", 100 * share.value, 100 * share.low,
                100 * share.high);
  return text;
}

void print_evaluation(const std::string& title, const Evaluation& evaluation,
                      const std::vector<std::string>& class_names) {
  std::printf("\n%s: accuracy %s, top-2 %.2f %%, loss %.4f, %lld images\n", title.c_str(),
              percent_with_interval(evaluation.accuracy()).c_str(),
              100 * evaluation.accuracy(2).value, evaluation.loss,
              static_cast<long long>(evaluation.size()));
  const ConfusionMatrix matrix = evaluation.confusion();
  std::printf("  %-12s %7s %9s %6s   taken for\n  %-12s %7s %9s %6s  ", "class", "recall",
              "precision", "F1", "", "%", "%", "%");
  for (const std::string& name : class_names) std::printf("%9.8s", name.c_str());
  std::printf("\n");
  for (int label = 0; label < matrix.classes(); ++label) {
    const char* const name = class_names[static_cast<std::size_t>(label)].c_str();
    if (matrix.labelled(label) == 0)
      std::printf("  %-12.12s %7s %9s %6s  ", name, "-", "-", "-");
    else
      std::printf("  %-12.12s %7.2f %9.2f %6.2f  ", name, 100 * matrix.recall(label),
                  100 * matrix.precision(label), 100 * matrix.f1(label));
    for (int predicted = 0; predicted < matrix.classes(); ++predicted)
      std::printf("%9lld", static_cast<long long>(matrix.count(label, predicted)));
    std::printf("\n");
  }
}

void print_without_leaks(const Evaluation& evaluation, const std::vector<std::int64_t>& leaked) {
  if (leaked.empty()) return;
  std::vector<bool> keep(static_cast<std::size_t>(evaluation.size()), true);
  for (const std::int64_t image : leaked) keep[static_cast<std::size_t>(image)] = false;
  const Evaluation rest = evaluation.subset(keep);
  std::printf("  without the %zu images that are also in train: accuracy %s, %lld images\n",
              leaked.size(), percent_with_interval(rest.accuracy()).c_str(),
              static_cast<long long>(rest.size()));
}

}  // namespace fer
