// fer scan: what makes a dataset's numbers untrue.
#pragma once

#include <CLI/CLI.hpp>

#include "commands.hpp"

namespace fer {

struct ScanOptions {
  DataOptions data;
};

CLI::App* add_scan(CLI::App& app, ScanOptions& options);

/// Prints which images occur in two splits, under two labels, or are blank.
int scan(const ScanOptions& options);

}  // namespace fer
