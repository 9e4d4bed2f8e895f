// What the programs of this folder measured, read from the files that they wrote.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "../peak.hpp"
#include "octet/core/page.hpp"

namespace bench {

/// The median of one benchmark of Google's library.
struct Measurement {
  /// The name's parts between slashes, without "real_time".
  std::vector<std::string> parts;
  double seconds = 0;
  /// Of one iteration; 0 where the benchmark does not tell.
  double operations = 0, bytes = 0;
  Arithmetic arithmetic = Arithmetic::f32;
  octet::Isa isa = octet::Isa::scalar;
  octet::Json counters;

  std::string name() const {
    std::string all;
    for (const std::string& part : parts) all += (all.empty() ? "" : "/") + part;
    return all;
  }
  double giga_operations() const { return operations / seconds / 1e9; }
  double number(std::string_view counter) const {
    const octet::Json* const found = counters.find(counter);
    return found ? found->as_number() : 0;
  }
};

/// Whether a network was run by another library: its name stands in place of the instruction set.
inline bool is_other(const Measurement& network) {
  const std::string& who = network.parts[3];
  return std::find(octet::isa_names.begin(), octet::isa_names.end(), who) == octet::isa_names.end();
}

struct HeaderCost {
  std::string header, compiler;
  double seconds, megabytes;
};

/// Everything; what was not measured is empty.
struct Results {
  MachinePeak peak;
  std::vector<Measurement> kernels, gemm, networks, training;
  octet::Json machine, layers, startup;
  std::vector<HeaderCost> headers;
  octet::Json json;
};

/// Reads peak.json, kernels.json, kernels_s8.json, gemm.json, networks.json, training.json,
/// layers.json, startup.json and compile_cost.txt, as far as they are there.
Results read_results(const std::string& folder);

using octet::page::fixed;
using octet::page::Table;

/// What matters most.
std::vector<octet::page::Fact> facts_of(const Results& results);

/// All tables in the order in which they are shown.
std::vector<Table> tables_of(const Results& results);

/// The tables, and the plots as SVG, in one page that needs nothing else.
std::string page_of(const Results& results, const std::vector<Table>& tables);

/// Plots; empty where nothing was measured.
std::string roofline_plot(const Results& results);
std::string ratio_plot(const Results& results);
std::string latency_plot(const Results& results);

}  // namespace bench
