// Post-training quantization: from a graph, or a float32 program, and a few hundred images to a
// program in int8. The functions are templates only so that they are compiled where they are
// used.
#pragma once

#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include "octet/program/calibrate_program.hpp"
#include "octet/program/compile.hpp"
#include "octet/program/learn_rounding.hpp"
#include "octet/program/quantizer.hpp"
#include "octet/program/report.hpp"

namespace octet::inline OCTET_ABI {

/// An int8 program, and what became of each layer.
struct QuantizedProgram {
  Program program;
  QuantizationReport report;
  /// What learned rounding did, if it was asked for.
  std::vector<LayerRounding> rounding = {};
};

/// Quantizes a float32 program that has its weights. Layers without an int8 form stay float32
/// between dequantize and quantize, and the report names them. Goes through the images twice: once
/// for the ranges, once to compare int8 with float32; with learned rounding, once more for each
/// layer.
template <std::same_as<Program> AnyProgram>
QuantizedProgram quantize(const AnyProgram& program, const BatchSource& images,
                          const QuantizeOptions& options = {}, ThreadPool* pool = nullptr) {
  if (!program.has_weights())
    fail("quantize: expected a program that keeps its weights; see KeepWeights::yes");
  const Calibration calibration = calibrate(
      program, images,
      {.range = options.range,
       .percentile = options.percentile,
       .trained_on = options.trained_on,
       .channel_means = options.bias_correction == BiasCorrection::none ? ChannelMeans::dropped
                                                                        : ChannelMeans::kept},
      pool);
  Quantizer quantizer(program.description(), calibration, options);
  std::vector<LayerRounding> rounding;
  if (options.rounding == WeightRounding::learned)
    rounding = RoundingLearner(program, options.learned_rounding, pool)
                   .run(quantizer, images, calibration.images());
  Program result(quantizer.run(), options.program);
  QuantizationReport report =
      compare(program, result, calibration, quantizer.decisions(), images, pool);
  return {std::move(result), std::move(report), std::move(rounding)};
}

/// Compiles a graph, then quantizes the program.
template <std::same_as<float> T>
QuantizedProgram quantize(const Graph<T>& graph, const BatchSource& images,
                          const QuantizeOptions& options = {}, ThreadPool* pool = nullptr) {
  return quantize(compile(graph), images, options, pool);
}
/// The same for images {N, ...} in memory, of a network with one input.
template <std::same_as<float> T>
QuantizedProgram quantize(const Graph<T>& graph, TensorView<const float> images,
                          const QuantizeOptions& options = {}, ThreadPool* pool = nullptr) {
  return quantize(graph, batches_of(images), options, pool);
}

}  // namespace octet::inline OCTET_ABI
