// What a training begins with: a network of the zoo or a trained one, and images that fit it.
#pragma once

#include <octet/graph/graph.hpp>

#include "commands.hpp"
#include "data.hpp"
#include "model.hpp"

namespace fer {

/// The network that a training begins with, in float32, and its images.
struct Beginning {
  octet::Graph<float> graph;
  ModelCard card;
  DataSplits splits;
  /// That of the file of --from; empty: fresh weights.
  std::string checksum = {};
};

/// The network of --model with fresh weights, or that of --from.
Beginning begin(const TrainOptions& options);

/// The network with fake quantization, by a schedule for so many steps.
octet::Graph<float> with_fake_quantize(const octet::Graph<float>& graph,
                                       const TrainOptions& options, std::int64_t steps);

}  // namespace fer
