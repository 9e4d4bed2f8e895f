// fer bench: where the time of a network goes, layer by layer.
#pragma once

#include <cstdint>
#include <string>

#include "command_line.hpp"

namespace fer {

struct BenchOptions {
  std::string model;
  std::int64_t batch = 1;
  int threads = 1;
  std::string isa;
  std::string json;
};

/// Adds the subcommand; its options are written to `options` when the line is parsed.
CLI::App* add_bench(CLI::App& app, BenchOptions& options);
/// Prints the table; returns the exit code.
int bench(const BenchOptions& options);

}  // namespace fer
