#include "quantization_report.hpp"

#include <filesystem>

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

void write_quantization_report(const std::string& path, NetworkReport report,
                               const std::vector<Contestant>& forms,
                               const std::vector<Evaluation>& evaluations,
                               TensorView<const float> image) {
  for (std::size_t i = 0; i < forms.size(); ++i)
    report.forms.push_back({forms[i].name, evaluations[i], forms[i].file_bytes,
                            forms[i].program->weight_bytes(), forms[i].program->arena_bytes()});
  report.costs = compare_costs(forms.front().program, forms.back().program, image, {.rounds = 51});
  write_report(report, path);
}

}  // namespace fer
