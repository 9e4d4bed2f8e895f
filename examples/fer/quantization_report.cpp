#include "quantization_report.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <octet/data/scan.hpp>
#include <octet/train/report_page.hpp>

#include "output.hpp"

namespace fer {

using namespace octet;

void check_report_output(const QuantizeOptions& options) {
  if (options.report.empty()) return;
  if (!options.report.ends_with(".html"))
    fail("--report: expected a path that ends in .html, got \"", options.report, '"');
  check_report_path(options.report);
  const auto whole = [](const std::string& path) {
    std::error_code none;
    return std::filesystem::weakly_canonical(path, none);
  };
  for (const std::string& path : {options.report, json_path_of_report(options.report)})
    for (const std::string& taken : {options.out, options.model, options.data.path})
      if (whole(path) == whole(taken))
        fail("--report: expected other files than ", taken, ", got ", path);
  check_replaceable("--report", options.report, "page", {page::generator});
  check_replaceable("--report", json_path_of_report(options.report), "report",
                    {"{\"title\":", "\"forms\":[{\"name\":"});
}

void write_quantization_report(const QuantizeOptions& options, const Model& model,
                               const DataSplits& splits, NetworkReport report,
                               const std::vector<Contestant>& forms,
                               const std::vector<Evaluation>& evaluations) {
  const std::size_t leaked = images_also_in(splits.test, ImageIndex(splits.train)).size();
  report.title = model.card.name + " in int8";
  report.class_names = model.card.class_names;
  report.images = text_of(
      "of ", splits.test_is_validation ? "validation" : "test", " in ", options.data.path,
      leaked ? text_of(", of which ", leaked, " are also in train") : "",
      options.doctor && splits.test_is_validation ? ", by which the doctor chose its repairs" : "");
  for (std::size_t i = 0; i < forms.size(); ++i)
    report.forms.push_back({forms[i].name, evaluations[i], forms[i].file_bytes,
                            forms[i].program->weight_bytes(), forms[i].program->arena_bytes()});
  const Tensor<float> picture = model.pipeline()(splits.test.image(0));
  Tensor<float> one(picture.shape().with_batch(1));
  std::copy(picture.begin(), picture.end(), one.begin());
  report.costs = compare_costs(forms.front().program, forms.back().program, one, {.rounds = 51});
  write_report(report, options.report);
  std::printf("\nreport: %s\n", options.report.c_str());
}

}  // namespace fer
