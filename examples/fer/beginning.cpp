#include "beginning.hpp"

#include <octet/graph/graph_file.hpp>
#include <octet/models/make_model.hpp>
#include <octet/program/file.hpp>
#include <octet/program/insert_fake_quantize.hpp>

#include "data.hpp"

namespace fer {

using namespace octet;

namespace {

/// A network of the zoo with fresh weights, for the images as they are.
Beginning begin_from_scratch(const TrainOptions& options) {
  const DataOptions data = completed(options.data);
  DataSplits splits = read_splits(data);
  if (splits.train.size() == 0) fail(data.path, ": expected images to train on, got none");
  ModelCard card{options.model, splits.train.class_names, channel_statistics(splits.train),
                 fold_of(data)};
  Graph<float> graph = make_model<float>(options.model, {.input = splits.train.image_shape(),
                                                         .classes = splits.train.classes(),
                                                         .width = options.width,
                                                         .seed = options.seed});
  return {std::move(graph), std::move(card), std::move(splits)};
}

/// A trained network, and the images in its size, with its normalization and order of classes.
Beginning begin_from_model(const TrainOptions& options) {
  register_quantization_aware_layers<float>();
  const Safetensors file = Safetensors::read(options.from, ChecksumRule::required);
  if (file.metadata().find(program_key) != file.metadata().end())
    fail("--from: expected a trained network, as fer train writes it, got ", options.from,
         ", a program that only runs");
  LoadedGraph<float> loaded = load_graph<float>(file);
  if (is_quantization_aware(loaded.graph)) loaded.graph = remove_fake_quantize(loaded.graph);
  ModelCard card = ModelCard::from(loaded.metadata, options.from);
  const Shape input = loaded.graph.node(loaded.graph.inputs()[0]).shape;
  if (input.rank() != 3) fail(options.from, ": expected a network for images, got ", input);
  const DataOptions data = completed(options.data, &card);
  DataSplits splits = read_splits(data, input[0], input[1]);
  if (const auto fold = fold_of(data)) card.fold = fold;
  if (!(splits.train.image_shape() == input))
    fail(data.path, ": expected images of ", input, " for ", options.from, ", got ",
         splits.train.image_shape());
  return {std::move(loaded.graph), std::move(card), std::move(splits), file.metadata(checksum_key)};
}

}  // namespace

Beginning begin(const TrainOptions& options) {
  return options.from.empty() ? begin_from_scratch(options) : begin_from_model(options);
}

Graph<float> with_fake_quantize(const Graph<float>& graph, const TrainOptions& options,
                                std::int64_t steps) {
  const QuantizationScale scale =
      options.scales == "learned" ? QuantizationScale::learned : QuantizationScale::observed;
  // A profile is that of a step that observes and quantizes, of which there are most.
  const QuantizationSchedule schedule = options.profile ? QuantizationSchedule{}
                                        : options.from.empty()
                                            ? QuantizationSchedule::from_scratch(steps)
                                            : QuantizationSchedule::fine_tuning(steps);
  return insert_fake_quantize(
      graph, {.activation_scale = scale, .weight_scale = scale, .schedule = schedule});
}

}  // namespace fer
