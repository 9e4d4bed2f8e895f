// A program as an ONNX model, for other libraries to run.
#pragma once

#include <string>

#include "octet/program/description.hpp"

namespace bench {

/// The bytes of an ONNX file, opset 13, with one input {N, C, H, W}, called "input", and one
/// output {N, ...}, called "output", both float32 with their axes in ONNX's order. What is int8
/// becomes QuantizeLinear and DequantizeLinear around each operation, with uint8 in place of int8
/// between layers, as libraries want it. Fails with a sentence if ONNX, or this, lacks an
/// operation.
std::string onnx_of(const octet::ProgramDescription& program);

}  // namespace bench
