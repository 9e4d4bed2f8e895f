// Calibration of a float32 program: one pass over the images.
#pragma once

#include <concepts>
#include <vector>

#include "octet/program/program.hpp"
#include "octet/quant/calibrate.hpp"

namespace octet::inline OCTET_ABI {

/// Runs the program on every batch and observes each of its values, inputs included. Because the
/// program is compiled, these are the values after folding and fusing: the ones that int8 replaces.
/// Fails if there is no image, or if an activation is not finite. A template only so that it is
/// compiled where it is called.
template <std::same_as<Program> AnyProgram>
Calibration calibrate(const AnyProgram& program, const BatchSource& source,
                      ThreadPool* pool = nullptr) {
  const ProgramDescription& description = program.description();
  std::vector<std::string> names;
  for (const ProgramValue& value : description.values) names.push_back(value.name);
  Calibration calibration(std::move(names));
  // Few at a time: working memory stays small, whatever the batches are.
  Workspace workspace(program, {.batch = 8, .pool = pool});
  source([&](std::span<const TensorView<const float>> inputs) {
    program.check(inputs);
    std::vector<Tensor<float>> results;
    std::vector<TensorView<float>> outputs;
    for (const int output : description.outputs)
      results.emplace_back(description.value(output).shape.with_batch(inputs[0].shape()[0]));
    for (Tensor<float>& result : results) outputs.push_back(result);
    for (std::size_t k = 0; k < inputs.size(); ++k)
      calibration.observe(static_cast<std::size_t>(description.inputs[k]),
                          {inputs[k].data(), static_cast<std::size_t>(inputs[k].elements())});
    program.run_observed(inputs, outputs, workspace,
                         [&](int, int value, const std::byte* data, std::int64_t, std::int64_t N) {
                           const std::int64_t count = N * description.value(value).shape.elements();
                           calibration.observe(static_cast<std::size_t>(value),
                                               {reinterpret_cast<const float*>(data),
                                                static_cast<std::size_t>(count)});
                         });
  });
  if (calibration[static_cast<std::size_t>(description.inputs[0])].histogram.count() == 0)
    fail("calibration: expected at least one image, got none");
  return calibration;
}

}  // namespace octet::inline OCTET_ABI
