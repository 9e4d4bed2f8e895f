// What fer quantize --report writes: a page, and the same as JSON.
#pragma once

#include <string>
#include <vector>

#include <octet/train/network_report.hpp>

#include "commands.hpp"
#include "compare.hpp"

namespace fer {

/// Fails unless the report, if one is wanted, can be written to files of its own.
void check_report_output(const QuantizeOptions& options);

/// Adds the forms to what the report holds already, times the first and the last one on `image`,
/// and writes it.
void write_quantization_report(const std::string& path, octet::NetworkReport report,
                               const std::vector<Contestant>& forms,
                               const std::vector<octet::Evaluation>& evaluations,
                               octet::TensorView<const float> image);

}  // namespace fer
