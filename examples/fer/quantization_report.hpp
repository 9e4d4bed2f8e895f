// What fer quantize --report writes: a page, and the same as JSON.
#pragma once

#include <string>
#include <vector>

#include <octet/train/network_report.hpp>

#include "commands.hpp"
#include "compare.hpp"
#include "data.hpp"
#include "model.hpp"

namespace fer {

/// Fails unless the report, if one is wanted, can be written to files of its own.
void check_report_output(const QuantizeOptions& options);

/// Adds the model and its forms to what the report holds already, times the first and the last one
/// on an image of test, and writes it.
void write_quantization_report(const QuantizeOptions& options, const Model& model,
                               const DataSplits& splits, octet::NetworkReport report,
                               const std::vector<Contestant>& forms,
                               const std::vector<octet::Evaluation>& evaluations);

}  // namespace fer
