// The layers of a network side by side in float32 and in int8: time, work, share of the peak.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "octet/core/json.hpp"
#include "octet/program/compare_costs.hpp"
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
  double ratio = 0;  ///< as CostPair's

  /// What one kernel does in both forms differs by noise alone.
  bool int8_loses() const { return ratio > 0 && ratio < 0.95 && float32.kernel != int8.kernel; }
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
                      .set("ratio", row.ratio)
                      .set("int8_loses", row.int8_loses())
                      .set("float32", row.float32.json())
                      .set("int8", row.int8.json()));
    const auto measured = [](double milliseconds) {
      return milliseconds > 0 ? octet::Json(milliseconds) : octet::Json(nullptr);
    };
    return octet::Json::object()
        .set("float32_milliseconds", measured(float32_milliseconds))
        .set("int8_milliseconds", measured(int8_milliseconds))
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
  const octet::CostComparison costs =
      octet::compare_costs(float32, int8, images, {.pool = options.pool, .rounds = options.rounds});
  LayerTable table{{}, costs.float32_milliseconds, costs.int8_milliseconds};
  const auto form_of = [&](const octet::OperationCost& cost, const octet::Program& program,
                           std::size_t operation, bool int8_program) {
    const Roof roof = roof_of(cost, program.isa(), costs.threads, peak);
    return LayerForm{
        cost.info.kernel,
        cost.milliseconds,
        static_cast<double>(cost.bytes_moved),
        cost.milliseconds > 0 ? 1e3 * roof.seconds / cost.milliseconds : 0,
        roof.binds,
        why(program.description().operations[operation], cost, roof, int8_program, costs.batch),
        true,
        is_needlessly_scalar(cost.info)};
  };
  for (const octet::CostPair& each : costs.operations) {
    const octet::OperationCost& first = each.float32 ? *each.float32 : *each.int8;
    LayerRow row{each.name, each.type, to_text(first.info.shape), first.multiply_adds, {},
                 {},        each.ratio};
    if (each.float32) row.float32 = form_of(*each.float32, *float32, each.float32_operation, false);
    if (each.int8) row.int8 = form_of(*each.int8, *int8, each.int8_operation, true);
    table.rows.push_back(std::move(row));
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
    std::fprintf(
        out, "%-*s %9s %9s %6s %9.3f %9.1f %5.0f%%  %-*s  %s%s\n", widths[0], row.name.c_str(),
        number(row.float32.present, "%.4f", row.float32.milliseconds).c_str(),
        number(row.int8.present, "%.4f", row.int8.milliseconds).c_str(),
        number(row.ratio > 0, "%.2f", row.ratio).c_str(),
        static_cast<double>(row.multiply_adds) / 1e6, form.bytes / 1e3, 100 * form.share_of_peak,
        widths[1], form.kernel.c_str(), row.int8_loses() ? "INT8 LOSES: " : "", form.why.c_str());
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
