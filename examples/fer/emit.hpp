// fer emit: a model as a C++17 header for firmware.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace fer {

struct EmitOptions {
  std::string model;
  std::string out;
  std::string name_space = "fer";
};

CLI::App* add_emit(CLI::App& app, EmitOptions& options);
int emit(const EmitOptions& options);

}  // namespace fer
