// fer quantize --doctor: finds the layers that lose accuracy in int8, and repairs what it can.
#pragma once

#include <octet/data/dataset.hpp>
#include <octet/train/quantization_doctor.hpp>

#include "commands.hpp"
#include "model.hpp"

namespace fer {

/// The int8 program with the repairs that pay, judged by the validation images alone. Prints what
/// each layer costs, and what each repair brings and costs.
octet::TreatedProgram quantize_with_doctor(const QuantizeOptions& options, const Model& model,
                                           const octet::QuantizeOptions& begin,
                                           const octet::BatchSource& images,
                                           const octet::Splits& splits, octet::ThreadPool& pool);

}  // namespace fer
