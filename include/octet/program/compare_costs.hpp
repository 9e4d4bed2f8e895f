// The operations of a float32 program and of its int8 form side by side: time and bytes moved.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "octet/program/profile.hpp"

namespace octet::inline OCTET_ABI {

/// What an operation costs in both forms. Conversions are in one of them only. The numbers are
/// those of the operations in their programs.
struct CostPair {
  std::string name, type;
  std::optional<OperationCost> float32, int8;
  std::size_t float32_operation = 0, int8_operation = 0;
  /// How many times faster int8 is. Where either form computes other operations in this one, all of
  /// them count, in both. 0 for those others, and where a form is missing.
  double ratio = 0;
};

struct CostComparison {
  std::vector<CostPair> operations;
  /// The medians of whole runs; 0 for a form that was not measured.
  double float32_milliseconds = 0, int8_milliseconds = 0;
  std::int64_t batch = 0;
  int threads = 1;
};

struct CompareCostsOptions {
  ThreadPool* pool = nullptr;
  int rounds = 15;
};

/// The operation that computes this one too, in either form; empty if none does.
template <class = WhenUsed>
std::string computed_in(const CostPair& pair) {
  for (const auto* const form : {&pair.float32, &pair.int8})
    if (*form && (*form)->info.kernel.starts_with("in ")) return (*form)->info.kernel.substr(3);
  return {};
}

/// Fills in the ratios.
template <class = WhenUsed>
void find_ratios(std::vector<CostPair>& rows) {
  for (CostPair& owner : rows) {
    if (!owner.float32 || !owner.int8 || !computed_in(owner).empty()) continue;
    double float32 = 0, int8 = 0;
    for (const CostPair& row : rows)
      if (&row == &owner || (row.float32 && row.int8 && computed_in(row) == owner.name)) {
        float32 += row.float32->milliseconds;
        int8 += row.int8->milliseconds;
      }
    if (int8 > 0) owner.ratio = float32 / int8;
  }
}

/// Times the operations of two forms of one network, round by round in turns; either may be null.
/// Operations of one name stand side by side, reshapes are left out. A template only so that it is
/// compiled where it is used.
template <std::same_as<Program> AnyProgram>
CostComparison compare_costs(const AnyProgram* float32, const AnyProgram* int8,
                             TensorView<const float> images,
                             const CompareCostsOptions& options = {}) {
  const AnyProgram* const programs[] = {float32, int8};
  std::vector<OperationCost> costs[2];
  double totals[2] = {};
  {
    std::optional<Profiler<AnyProgram>> profilers[2];
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

  CostComparison result{
      {}, totals[0], totals[1], images.shape()[0], options.pool ? options.pool->threads() : 1};
  std::vector<CostPair>& rows = result.operations;
  const auto is_free = [](const OperationCost& cost) { return cost.info.type == "reshape"; };
  for (std::size_t i = 0; i < costs[0].size(); ++i)
    if (const OperationCost& cost = costs[0][i]; !is_free(cost))
      rows.push_back({cost.info.name, cost.info.type, cost, {}, i, 0, 0});
  // An int8 operation joins the float32 one of its name; conversions stand where they happen.
  std::size_t place = 0;
  for (std::size_t i = 0; i < costs[1].size(); ++i) {
    const OperationCost& cost = costs[1][i];
    if (is_free(cost)) continue;
    std::size_t found = 0;
    while (found < rows.size() && (rows[found].name != cost.info.name || rows[found].int8)) ++found;
    if (found == rows.size()) {
      found = place;
      rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(place),
                  CostPair{cost.info.name, cost.info.type, {}, {}, 0, 0, 0});
    }
    rows[found].int8 = cost;
    rows[found].int8_operation = i;
    place = found + 1;
  }
  find_ratios(rows);
  return result;
}

}  // namespace octet::inline OCTET_ABI
