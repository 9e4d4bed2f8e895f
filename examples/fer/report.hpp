// Evaluations as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <octet/train/metrics.hpp>

namespace fer {

/// "64.47 % (62.89 to 66.02)".
std::string percent_with_interval(const octet::Proportion& share);

/// Prints accuracy, top-2, loss, and each class with its row of the confusion matrix.
void print_evaluation(const std::string& title, const octet::Evaluation& evaluation,
                      const std::vector<std::string>& class_names);

/// Prints the accuracy on all images but `leaked`, those that were learned from as well, if there
/// are any.
void print_without_leaks(const octet::Evaluation& evaluation,
                         const std::vector<std::int64_t>& leaked);

}  // namespace fer
