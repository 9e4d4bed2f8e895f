// What can be typed after fer.
#pragma once

#include <CLI/CLI.hpp>

#include "commands.hpp"

namespace fer {

/// Each adds a subcommand whose options are written to `options` when the line is parsed.
CLI::App* add_train(CLI::App& app, TrainOptions& options);
CLI::App* add_eval(CLI::App& app, EvalOptions& options);
CLI::App* add_quantize(CLI::App& app, QuantizeOptions& options);
CLI::App* add_predict(CLI::App& app, PredictOptions& options);
CLI::App* add_info(CLI::App& app, InfoOptions& options);
CLI::App* add_demo(CLI::App& app, DemoOptions& options);

/// Whether a command makes a model, or uses one that decides some of the options.
enum class DataUse { train, judge };
/// Adds the options that say where images come from.
void add_data(CLI::App& command, DataOptions& options, DataUse use);

}  // namespace fer
