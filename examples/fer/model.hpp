// A model file, whatever it holds, as something that runs.
#pragma once

#include <string>

#include <octet/data/transforms/pipeline.hpp>
#include <octet/program/program.hpp>

#include "model_card.hpp"

namespace fer {

/// Whether a file holds a graph of float32, one that is trained for int8, or a program made from
/// one.
enum class FileKind { graph, quantization_aware, program };

/// Whether a file must say what its classes and its normalization are.
enum class CardRule { required, optional };

struct Model {
  FileKind kind;
  /// Empty if there is none.
  ModelCard card;
  octet::Program program;
  /// All texts of the file.
  octet::Metadata metadata;

  /// What turns bytes into the input that the network was trained on.
  octet::Pipeline pipeline() const { return {octet::normalize(card.normalization)}; }
  std::int64_t H() const { return program.input_shape()[0]; }
  std::int64_t W() const { return program.input_shape()[1]; }
  std::int64_t C() const { return program.input_shape()[2]; }
};

/// Loads what fer train or fer quantize wrote; a graph is compiled, one that was trained for int8
/// becomes its int8 program. Fails, naming the file, if it is something else, or damaged.
Model load_model(const std::string& path, CardRule rule = CardRule::required);

}  // namespace fer
