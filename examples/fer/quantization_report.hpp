// What fer quantize --report writes: a page, and the same as JSON.
#pragma once

#include <string>
#include <vector>

#include <octet/program/report.hpp>
#include <octet/train/metrics.hpp>

#include "commands.hpp"
#include "compare.hpp"

namespace fer {

/// Fails unless the report, if one is wanted, can be written to files of its own.
void check_report_output(const QuantizeOptions& options);

/// Times the first and the last form on `image`, and writes the report on all of them.
void write_quantization_report(const std::string& path, const std::string& title,
                               const std::vector<std::string>& class_names,
                               const std::vector<Contestant>& forms,
                               const std::vector<octet::Evaluation>& evaluations,
                               const octet::QuantizationReport& quantization,
                               octet::TensorView<const float> image);

}  // namespace fer
