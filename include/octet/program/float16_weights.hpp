// Weights in half precision: half the file, the same arithmetic.
#pragma once

#include <cmath>
#include <concepts>
#include <utility>
#include <vector>

#include "octet/core/float16.hpp"
#include "octet/program/program.hpp"

namespace octet::inline OCTET_ABI {

/// The program with the float32 weights of convolutions and linear layers rounded to float16;
/// biases stay float32. They are stored as float16, and computed with in float32. Fails if a weight
/// does not fit. A template only so that it is compiled where it is used.
template <std::same_as<Program> AnyProgram>
Program with_float16_weights(const AnyProgram& program, ProgramOptions options = {}) {
  if (!program.has_weights())
    fail("float16: expected a program that keeps its weights; see KeepWeights::yes");
  ProgramDescription description = program.description();
  const auto convert = [&](int index) {
    ProgramTensor& tensor = description.tensors[static_cast<std::size_t>(index)];
    if (tensor.type != ElementType::f32) return;
    std::vector<Float16> halves;
    for (const float weight : tensor.as<float>()) {
      halves.push_back(to_float16(weight));
      if (!std::isfinite(to_float(halves.back())))
        fail("float16: expected weights up to 65504 in ", tensor.name, ", got ", weight);
    }
    tensor = ProgramTensor::of(tensor.name, tensor.shape, ElementType::f16,
                               std::span<const Float16>(halves));
  };
  for (const Operation& operation : description.operations)
    operation.visit_convolution([&](const auto& conv) { convert(conv.weight_tensor); });
  return Program(std::move(description), options);
}

}  // namespace octet::inline OCTET_ABI
