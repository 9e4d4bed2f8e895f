// Runs a compiled or quantized program over a labelled set.
#pragma once

#include "octet/program/program.hpp"
#include "octet/train/evaluate.hpp"

namespace octet::inline OCTET_ABI {

/// Evaluates a program with one input, the images, and one output, the logits.
template <class = WhenUsed>
Evaluation evaluate(const Program& program, const ImageDataset& dataset, const Pipeline& pipeline,
                    const EvaluateOptions& options = {}) {
  ThreadPool& pool = options.pool ? *options.pool : default_thread_pool();
  Workspace workspace(program, {.batch = options.batch, .pool = &pool});
  Tensor<float> logits;
  return evaluate_with(dataset, pipeline, options, [&](TensorView<const float> images) {
    logits = program.predict(images, workspace);
    return TensorView<const float>(logits);
  });
}

}  // namespace octet::inline OCTET_ABI
