// Calibration of a float32 program: one pass over the images.
#pragma once

#include <algorithm>
#include <concepts>
#include <vector>

#include "octet/program/program.hpp"
#include "octet/quant/calibrate.hpp"

namespace octet::inline OCTET_ABI {

/// Runs the program on every batch and observes each of its values, inputs included. Because the
/// program is compiled, these are the values after folding and fusing: the ones that int8 replaces.
/// Fails if there is no image, if nothing is on them, or if an activation is not finite. A template
/// only so that it is compiled where it is used.
template <std::same_as<Program> AnyProgram>
Calibration calibrate(const AnyProgram& program, const BatchSource& source,
                      const CalibrationOptions& options = {}, ThreadPool* pool = nullptr) {
  const ProgramDescription& description = program.description();
  std::vector<std::string> names;
  for (const ProgramValue& value : description.values) {
    if (value.type != ElementType::f32)
      fail("calibration: expected a float32 program, but ", value.name, " is ",
           to_text(value.type));
    names.push_back(value.name);
  }
  const auto channels_of = [&](int value) {
    const Shape& shape = description.value(value).shape;
    return shape.rank() > 0 ? shape.back() : 1;
  };
  Calibration calibration(std::move(names), options);
  // Few at a time: working memory stays small, whatever the batches are.
  constexpr std::int64_t most = 8;
  Workspace workspace(program, {.batch = most, .pool = pool});
  const auto observe_piece = [&](std::span<const TensorView<const float>> inputs) {
    const std::int64_t images = inputs[0].shape()[0];
    const ProgramOutputs outputs = program.make_outputs(images);
    for (std::size_t k = 0; k < inputs.size(); ++k)
      calibration.observe(static_cast<std::size_t>(description.inputs[k]),
                          {inputs[k].data(), static_cast<std::size_t>(inputs[k].elements())},
                          images, channels_of(description.inputs[k]));
    program.run_observed(inputs, outputs.views, workspace,
                         [&](int, int value, const std::byte* data, std::int64_t, std::int64_t N) {
                           const std::int64_t count = N * description.value(value).shape.elements();
                           calibration.observe(static_cast<std::size_t>(value),
                                               {reinterpret_cast<const float*>(data),
                                                static_cast<std::size_t>(count)},
                                               N, channels_of(value));
                         });
    calibration.count_images(images);
  };
  source([&](std::span<const TensorView<const float>> inputs) {
    program.check(inputs);
    const std::int64_t total = inputs[0].shape()[0];
    // No piece goes beyond a point of the curve.
    for (std::int64_t first = 0, count = 0; first < total; first += count) {
      count = (std::min)({most, total - first, calibration.images_to_next_point()});
      std::vector<TensorView<const float>> piece;
      for (const TensorView<const float>& input : inputs) piece.push_back(input.rows(first, count));
      observe_piece(piece);
    }
  });
  calibration.finish(description.inputs);
  return calibration;
}

}  // namespace octet::inline OCTET_ABI
