#include "model.hpp"

#include <octet/graph/graph_file.hpp>
#include <octet/nn/registry.hpp>
#include <octet/program/compile.hpp>
#include <octet/program/file.hpp>
#include <octet/program/insert_fake_quantize.hpp>

namespace fer {

using namespace octet;

namespace {

ModelCard card_from(const Metadata& metadata, const std::string& path, CardRule rule) {
  const bool none = rule == CardRule::optional && !ModelCard::is_in(metadata);
  return none ? ModelCard{"a network without a name", {}, {{}, {}}}
              : ModelCard::from(metadata, path);
}

/// A program that takes one image and gives one logit for each class.
Model checked(Model model, const std::string& path) {
  if (model.card.class_names.empty()) return model;
  const ProgramDescription& description = model.program.description();
  const auto classes = static_cast<std::int64_t>(model.card.class_names.size());
  if (description.inputs.size() != 1 || description.outputs.size() != 1 ||
      model.program.input_shape().rank() != 3 || (model.C() != 1 && model.C() != 3) ||
      model.program.output_shape().elements() != classes)
    fail(path, ": expected a network from one image to ", classes, " classes");
  for (const auto* const values :
       {&model.card.normalization.mean, &model.card.normalization.deviation})
    if (values->size() != 1 && static_cast<std::int64_t>(values->size()) != model.C())
      fail(path, ": expected a normalization for ", model.C(), " channels, got ", values->size());
  return model;
}

}  // namespace

Model load_model(const std::string& path, CardRule rule) {
  Safetensors file = Safetensors::read(path, ChecksumRule::required);
  if (file.metadata().find(program_key) != file.metadata().end()) {
    // A program may hold layers of Octet that run as their float32 forward alone.
    layer_registry<float>();
    LoadedProgram loaded = load_program(std::move(file), {.keep_weights = KeepWeights::yes});
    ModelCard card = card_from(loaded.metadata, path, rule);
    return checked(
        {FileKind::program, std::move(card), std::move(loaded.program), std::move(loaded.metadata)},
        path);
  }
  register_quantization_aware_layers<float>();
  const LoadedGraph<float> loaded = load_graph<float>(file);
  ModelCard card = card_from(loaded.metadata, path, rule);
  const bool for_int8 = is_quantization_aware(loaded.graph);
  return checked({for_int8 ? FileKind::quantization_aware : FileKind::graph, std::move(card),
                  for_int8 ? quantize(loaded.graph) : compile(loaded.graph), loaded.metadata},
                 path);
}

}  // namespace fer
