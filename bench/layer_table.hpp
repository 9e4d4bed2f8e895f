// The layers of a network side by side in float32 and in int8: time, work, share of the peak.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "octet/core/json.hpp"
#include "octet/program/profile.hpp"
#include "why.hpp"

namespace bench {

/// One form of a layer.
struct LayerForm {
  std::string kernel;
  double milliseconds = 0;
  double bytes = 0;
  /// The least possible time, by the roofline, over the measured one.
  double share_of_peak = 0;
  std::string binds, why;
  /// Whether there is such an operation, and whether its kernel is scalar needlessly.
  bool present = false, needlessly_scalar = false;

  octet::Json json() const {
    if (!present) return nullptr;
    return octet::Json::object()
        .set("kernel", kernel)
        .set("milliseconds", milliseconds)
        .set("bytes", bytes)
        .set("share_of_peak", share_of_peak)
        .set("binds", binds)
        .set("why", why);
  }
};

struct LayerRow {
  std::string name, type, shape;
  std::int64_t multiply_adds = 0;
  LayerForm float32, int8;

  /// How many times faster int8 is; 0 where one of the two is missing.
  double ratio() const {
    return float32.present && int8.present && int8.milliseconds > 0
               ? float32.milliseconds / int8.milliseconds
               : 0;
  }
};

struct LayerTable {
  std::vector<LayerRow> rows;
  /// The medians of whole runs; 0 for a form that was not measured.
  double float32_milliseconds = 0, int8_milliseconds = 0;

  octet::Json json() const {
    octet::Json layers = octet::Json::array();
    for (const LayerRow& row : rows)
      layers.push(octet::Json::object()
                      .set("name", row.name)
                      .set("type", row.type)
                      .set("shape", row.shape)
                      .set("multiply_adds", row.multiply_adds)
                      .set("float32", row.float32.json())
                      .set("int8", row.int8.json()));
    return octet::Json::object()
        .set("float32_milliseconds", float32_milliseconds)
        .set("int8_milliseconds", int8_milliseconds)
        .set("layers", std::move(layers));
  }
};

struct LayerTableOptions {
  octet::ThreadPool* pool = nullptr;
  int rounds = 15;
};

/// Times the forms of one network in turns; either may be null.
inline LayerTable measure_layers(const octet::Program* float32, const octet::Program* int8,
                                 octet::TensorView<const float> images, const MachinePeak& peak,
                                 const LayerTableOptions& options) {
  using octet::OperationCost;
  using Profiler = octet::Profiler<octet::Program>;
  const octet::Program* const programs[] = {float32, int8};
  std::vector<OperationCost> costs[2];
  double totals[2] = {};
  {
    std::optional<Profiler> profilers[2];
    for (int form = 0; form < 2; ++form)
      if (programs[form]) profilers[form].emplace(*programs[form], images, options.pool);
    for (int round = 0; round < options.rounds; ++round)
      for (int form = 0; form < 2; ++form)
        // Another form comes first in every round.
        if (auto& profiler = profilers[(round + form) % 2]) profiler->round();
    for (int form = 0; form < 2; ++form)
      if (profilers[form])
        costs[form] = profilers[form]->costs(), totals[form] = profilers[form]->milliseconds();
  }

  const std::int64_t batch = images.shape()[0];
  const int threads = options.pool ? options.pool->threads() : 1;
  LayerTable table{{}, totals[0], totals[1]};
  const auto form_of = [&](int form, std::size_t i) {
    const OperationCost& cost = costs[form][i];
    const Roof roof = roof_of(cost, programs[form]->isa(), threads, peak);
    return LayerForm{cost.info.kernel,
                     cost.milliseconds,
                     static_cast<double>(cost.bytes_moved),
                     cost.milliseconds > 0 ? 1e3 * roof.seconds / cost.milliseconds : 0,
                     roof.binds,
                     why(programs[form]->description().operations[i], cost, roof, batch, form == 1),
                     true,
                     is_needlessly_scalar(cost.info)};
  };
  const auto add = [&](const OperationCost& cost) -> LayerRow& {
    table.rows.push_back(
        {cost.info.name, cost.info.type, to_text(cost.info.shape), cost.multiply_adds, {}, {}});
    return table.rows.back();
  };
  const auto is_free = [](const OperationCost& cost) { return cost.info.type == "reshape"; };
  for (std::size_t i = 0; i < costs[0].size(); ++i)
    if (!is_free(costs[0][i])) add(costs[0][i]).float32 = form_of(0, i);
  // An int8 operation joins the float32 one of its name; conversions stand where they happen.
  std::size_t place = 0;
  for (std::size_t i = 0; i < costs[1].size(); ++i) {
    const OperationCost& cost = costs[1][i];
    if (is_free(cost)) continue;
    std::size_t found = 0;
    while (found < table.rows.size() &&
           (table.rows[found].name != cost.info.name || table.rows[found].int8.present))
      ++found;
    if (found == table.rows.size()) {
      LayerRow row = std::move(add(cost));
      table.rows.pop_back();
      found = place;
      table.rows.insert(table.rows.begin() + static_cast<std::ptrdiff_t>(place), std::move(row));
    }
    table.rows[found].int8 = form_of(1, i);
    place = found + 1;
  }
  return table;
}

/// The table for people, and a loud line for every scalar kernel that need not be.
inline void print(const LayerTable& table, std::FILE* out = stdout) {
  std::size_t name = 5, kernel = 6;
  for (const LayerRow& row : table.rows) {
    name = (std::max)(name, row.name.size());
    kernel = (std::max)({kernel, row.float32.kernel.size(), row.int8.kernel.size()});
  }
  const int widths[] = {static_cast<int>(name), static_cast<int>(kernel)};
  const auto number = [](bool present, const char* format, double value) {
    char text[32] = "-";
    if (present) std::snprintf(text, sizeof text, format, value);
    return std::string(text);
  };
  std::fprintf(out, "%-*s %9s %9s %6s %9s %9s %6s  %-*s  %s\n", widths[0], "layer", "float ms",
               "int8 ms", "ratio", "MMAC", "KB moved", "share", widths[1], "kernel", "why");
  for (const LayerRow& row : table.rows) {
    const LayerForm& form = row.int8.present ? row.int8 : row.float32;
    const bool loses = row.ratio() > 0 && row.ratio() < 1;
    std::fprintf(
        out, "%-*s %9s %9s %6s %9.3f %9.1f %5.0f%%  %-*s  %s%s\n", widths[0], row.name.c_str(),
        number(row.float32.present, "%.4f", row.float32.milliseconds).c_str(),
        number(row.int8.present, "%.4f", row.int8.milliseconds).c_str(),
        number(row.ratio() > 0, "%.2f", row.ratio()).c_str(),
        static_cast<double>(row.multiply_adds) / 1e6, form.bytes / 1e3, 100 * form.share_of_peak,
        widths[1], form.kernel.c_str(), loses ? "INT8 LOSES: " : "", form.why.c_str());
  }
  const bool both = table.float32_milliseconds > 0 && table.int8_milliseconds > 0;
  std::fprintf(out, "%-*s %9s %9s %6s\n", widths[0], "whole run",
               number(table.float32_milliseconds > 0, "%.4f", table.float32_milliseconds).c_str(),
               number(table.int8_milliseconds > 0, "%.4f", table.int8_milliseconds).c_str(),
               number(both, "%.2f", both ? table.float32_milliseconds / table.int8_milliseconds : 0)
                   .c_str());
  for (const LayerRow& row : table.rows)
    for (const LayerForm* const form : {&row.float32, &row.int8})
      if (form->needlessly_scalar)
        std::fprintf(out, "\n!!! SCALAR KERNEL: %s runs %s, although this processor has %s !!!\n",
                     row.name.c_str(), form->kernel.c_str(), to_text(machine_isa()).c_str());
}

/// A loud line if a program is held below what this processor has.
inline void warn_of_cap(octet::Isa isa, std::FILE* out = stdout) {
  if (isa < machine_isa())
    std::fprintf(out, "!!! HELD TO %s by OCTET_ISA or --isa, although this processor has %s !!!\n",
                 to_text(isa).c_str(), to_text(machine_isa()).c_str());
}

}  // namespace bench
