#include "report.hpp"

#include <cstdio>

#include <octet/core/utf8.hpp>

namespace fer {

using namespace octet;

namespace {

/// As printf's %width.letters s, which counts bytes and would cut a letter in two.
void print_name(const std::string& name, int width, std::size_t letters) {
  const std::string text = first_letters(name, letters);
  const int more = static_cast<int>(text.size() - count_letters(text));
  std::printf("%*s", width < 0 ? width - more : width + more, text.c_str());
}

}  // namespace

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
  for (const std::string& name : class_names) print_name(name, 9, 8);
  std::printf("\n");
  for (int label = 0; label < matrix.classes(); ++label) {
    std::printf("  ");
    print_name(class_names[static_cast<std::size_t>(label)], -12, 12);
    if (matrix.labelled(label) == 0)
      std::printf(" %7s %9s %6s  ", "-", "-", "-");
    else
      std::printf(" %7.2f %9.2f %6.2f  ", 100 * matrix.recall(label), 100 * matrix.precision(label),
                  100 * matrix.f1(label));
    for (int predicted = 0; predicted < matrix.classes(); ++predicted)
      std::printf("%9lld", static_cast<long long>(matrix.count(label, predicted)));
    std::printf("\n");
  }
}

void print_without_leaks(const Evaluation& evaluation, const std::vector<std::int64_t>& leaked) {
  if (leaked.empty()) return;
  if (static_cast<std::int64_t>(leaked.size()) == evaluation.size()) {
    std::printf("  all of these images are also in train: none is left to judge by\n");
    return;
  }
  std::vector<bool> keep(static_cast<std::size_t>(evaluation.size()), true);
  for (const std::int64_t image : leaked) keep[static_cast<std::size_t>(image)] = false;
  const Evaluation rest = evaluation.subset(keep);
  std::printf("  without the %zu images that are also in train: accuracy %s, %lld images\n",
              leaked.size(), percent_with_interval(rest.accuracy()).c_str(),
              static_cast<long long>(rest.size()));
}

}  // namespace fer
