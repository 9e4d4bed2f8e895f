// What a network is worth in each of its forms, as data: accuracy on images that it has not seen,
// what int8 changed, layer by layer, time and size.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/program/compare_costs.hpp"
#include "octet/program/report.hpp"
#include "octet/train/doctor_report.hpp"
#include "octet/train/metrics.hpp"
#include "octet/train/share.hpp"

namespace octet::inline OCTET_ABI {

/// One form of a network: what it said of every test image, and what it weighs in bytes: as a file
/// (0 if it is none), its weights, and its working memory for an image.
struct ReportedForm {
  std::string name;
  Evaluation evaluation;
  std::int64_t file_bytes = 0, weight_bytes = 0, arena_bytes = 0;
};

struct NetworkReport {
  std::string title = {};
  std::vector<std::string> class_names = {};
  /// Which images the forms were judged by, as "of test in fer2013.csv"; empty: not told.
  std::string images = {};
  /// The first is what all others are compared with, in general float32; the last one is int8.
  std::vector<ReportedForm> forms = {};
  QuantizationReport quantization = {};
  /// What the doctor found and did, if there was one.
  std::optional<DoctorReport> doctor = {};
  /// The operations of the first and of the last form, timed.
  CostComparison costs = {};
  /// The instruction set that they ran with.
  Isa isa = active_isa();
};

/// The report for programs. Fails with a sentence if its parts do not fit each other. A template,
/// as what follows, only so that it is compiled where it is used.
template <std::same_as<NetworkReport> Report>
Json report_json(const Report& report) {
  if (report.forms.size() < 2)
    fail("report: expected at least two forms to compare, got ", report.forms.size());
  Json forms = Json::array();
  for (const ReportedForm& form : report.forms) {
    const Evaluation& evaluation = form.evaluation;
    if (static_cast<std::size_t>(evaluation.classes) != report.class_names.size())
      fail("report: ", form.name, ": expected ", report.class_names.size(), " classes, got ",
           evaluation.classes);
    if (evaluation.size() == 0)
      fail("report: ", form.name, ": expected an evaluation of at least one image, got none");
    const ConfusionMatrix confusion = evaluation.confusion();
    Json classes = Json::array(), rows = Json::array();
    for (int label = 0; label < evaluation.classes; ++label) {
      classes.push(Json::object()
                       .set("name", report.class_names[static_cast<std::size_t>(label)])
                       .set("images", confusion.labelled(label))
                       .set("recall", share_json(wilson_interval(confusion.count(label, label),
                                                                 confusion.labelled(label))))
                       .set("precision", confusion.precision(label))
                       .set("f1", confusion.f1(label)));
      Json row = Json::array();
      for (int predicted = 0; predicted < evaluation.classes; ++predicted)
        row.push(confusion.count(label, predicted));
      rows.push(std::move(row));
    }
    const McNemar test = mcnemar(report.forms[0].evaluation, evaluation);
    forms.push(Json::object()
                   .set("name", form.name)
                   .set("images", evaluation.size())
                   .set("accuracy", share_json(evaluation.accuracy()))
                   .set("top_2", share_json(evaluation.accuracy(2)))
                   .set("loss", evaluation.loss)
                   .set("right_to_wrong", test.right_to_wrong)
                   .set("wrong_to_right", test.wrong_to_right)
                   .set("mcnemar_exact_p", test.exact_p)
                   .set("mcnemar_mid_p", test.mid_p)
                   .set("file_bytes", form.file_bytes)
                   .set("weight_bytes", form.weight_bytes)
                   .set("arena_bytes", form.arena_bytes)
                   .set("classes", std::move(classes))
                   .set("confusion", std::move(rows)));
  }
  Json operations = Json::array();
  for (const CostPair& each : report.costs.operations) {
    const auto cost = [](const std::optional<OperationCost>& form) -> Json {
      if (!form) return nullptr;
      return Json::object()
          .set("kernel", form->info.kernel)
          .set("milliseconds", form->milliseconds)
          .set("bytes_moved", form->bytes_moved)
          .set("weight_bytes", form->info.weight_bytes);
    };
    const OperationCost& one = each.float32 ? *each.float32 : *each.int8;
    operations.push(Json::object()
                        .set("name", each.name)
                        .set("type", each.type)
                        .set("shape", to_text(one.info.shape))
                        .set("multiply_adds", one.multiply_adds)
                        .set("float32_over_int8", each.ratio)
                        .set("float32", cost(each.float32))
                        .set("int8", cost(each.int8)));
  }
  return Json::object()
      .set("title", report.title)
      .set("images", report.images)
      .set("isa", to_text(report.isa))
      .set("forms", std::move(forms))
      .set("quantization", report.quantization.json())
      .set("doctor", report.doctor ? report.doctor->json() : Json(nullptr))
      .set("costs", Json::object()
                        .set("batch", report.costs.batch)
                        .set("threads", report.costs.threads)
                        .set("float32_milliseconds", report.costs.float32_milliseconds)
                        .set("int8_milliseconds", report.costs.int8_milliseconds)
                        .set("operations", std::move(operations)));
}

/// Fails unless the arrays of a report have the sizes that report_json() gives them: the JSON may
/// come from a file that somebody else wrote.
template <std::same_as<Json> AnyJson>
void check_report_json(const AnyJson& report) {
  const auto expect_size = [](const Json& owner, std::string_view part, const Json& array,
                              std::size_t size) {
    if (const std::size_t got = array.as_array().size(); got != size)
      fail("report: ", owner["name"].as_string(), ": ", part, ": expected ", size,
           " elements, got ", got);
  };
  const Json::Array& forms = report["forms"].as_array();
  if (forms.size() < 2) fail("report: expected at least two forms to compare, got ", forms.size());
  const std::size_t classes = forms[0]["classes"].as_array().size();
  for (const Json& form : forms) {
    expect_size(form, "classes", form["classes"], classes);
    expect_size(form, "confusion", form["confusion"], classes);
    for (const Json& row : form["confusion"].as_array())
      expect_size(form, "confusion", row, classes);
  }
  for (const Json& layer : report["quantization"]["layers"].as_array()) {
    expect_size(layer, "float_range", layer["float_range"], 2);
    if (layer["type"].as_string() == "int8")
      expect_size(layer, "int8_range", layer["int8_range"], 2);
    expect_size(layer, "activations", layer["activations"]["range"], 2);
    const Json* const weights = layer.find("weights");
    if (!weights) continue;
    expect_size(layer, "weights", (*weights)["range"], 2);
    if (weights->find("codes")) expect_size(layer, "weights", (*weights)["scale"], 2);
  }
}

}  // namespace octet::inline OCTET_ABI
