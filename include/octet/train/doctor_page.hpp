// What the doctor of int8 programs found and did, as a part of a page, drawn from the JSON alone.
#pragma once

#include <concepts>
#include <string>

#include "octet/core/json.hpp"
#include "octet/core/page.hpp"
#include "octet/train/share.hpp"

namespace octet::inline OCTET_ABI {

/// The section of DoctorReport::json().
template <std::same_as<Json> AnyJson>
void write_doctor(const AnyJson& doctor, page::BasicPage<AnyJson>& page) {
  const auto p = [](const Json& value) { return page::fixed(value.as_number(), 3); };
  page::Table repairs{"",
                      "",
                      {"repair", "", "accuracy, points (95 %)", "mid-p", "like float32", "mid-p",
                       "ms before", "ms with it", "weight bytes", "s to try"},
                      {}};
  std::string applied;
  for (const Json& each : doctor["treatments"].as_array()) {
    const bool pays = each["applied"].as_bool();
    if (pays) applied += (applied.empty() ? "" : "; ") + each["name"].as_string();
    repairs.rows.push_back(
        {each["name"].as_string(), pays ? "applied" : "left", share_text(each["accuracy_change"]),
         p(each["mcnemar_mid_p"]), each["like_float32"].text(), p(each["like_float32_mid_p"]),
         page::fixed(each["milliseconds_before"].as_number(), 3),
         page::fixed(each["milliseconds"].as_number(), 3), each["weight_bytes"].text(),
         page::fixed(each["seconds"].as_number(), 1)});
  }
  page.heading("The doctor");
  page.paragraph(text_of("Judged by ", doctor["images"].as_integer(), " labelled images: float32 ",
                         share_text(doctor["float32_accuracy"]), " %, int8 before ",
                         share_text(doctor["int8_accuracy_before"]), " %, int8 with the repairs ",
                         share_text(doctor["int8_accuracy"]), " %. Applied: ",
                         applied.empty() ? "nothing, for nothing pays" : applied, "."));
  page.paragraph(
      "Each repair was tried on top of those applied before it; \"like float32\" is how many more "
      "answers became those of float32. It is applied if significantly more answers are right, or "
      "if it costs nothing, makes no fewer right and significantly more like those of float32.");
  page.table(repairs);
  page::Table costs{
      "", "", {"layer", "type", "accuracy, points (95 %)", "mid-p", "answers changed"}, {}};
  for (const Json& each : doctor["layers"].as_array())
    costs.rows.push_back({each["name"].as_string(), each["type"].as_string(),
                          share_text(each["accuracy_change"]), p(each["mcnemar_mid_p"]),
                          each["changed"].text()});
  page.open(text_of("What each layer costs, alone in int8, on ",
                    doctor["ranking_images"].as_integer(), " images"));
  page.table(costs);
  page.close();
}

}  // namespace octet::inline OCTET_ABI
