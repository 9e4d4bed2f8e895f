// fer info: what a model file holds, and what this processor makes of it.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <octet/graph/graph_file.hpp>
#include <octet/train/checkpoint.hpp>

#include "commands.hpp"
#include "model.hpp"

namespace fer {

using namespace octet;

namespace {

/// The width of the column of names.
template <class Rows>
int widest(const Rows& rows) {
  std::size_t width = 24;
  for (const auto& row : rows) width = (std::max)(width, row.name.size());
  return static_cast<int>(width);
}

void print_graph(const Graph<float>& graph) {
  const int width = widest(graph.nodes());
  std::printf("\n%-*s %-18s %-16s %12s %16s\n", width, "layer", "type", "output", "parameters",
              "multiply-adds");
  for (const Node<float>& node : graph.nodes()) {
    std::int64_t parameters = 0, multiply_adds = 0;
    if (node.layer) {
      for (const Parameter<float>* const parameter : node.layer->parameters())
        parameters += parameter->value.elements();
      multiply_adds = node.layer->multiply_adds(graph.input_shapes(node));
    }
    std::printf("%-*s %-18s %-16s %12lld %16lld\n", width, node.name.c_str(),
                std::string(node.layer ? node.layer->type() : "input").c_str(),
                to_text(node.shape).c_str(), static_cast<long long>(parameters),
                static_cast<long long>(multiply_adds));
  }
  std::printf("%-*s %-18s %-16s %12lld %16lld\n", width, "sum", "", "",
              static_cast<long long>(graph.parameter_count()),
              static_cast<long long>(graph.multiply_adds()));
}

void print_program(const Program& program) {
  const std::vector<OperationInfo>& operations = program.operations();
  const int width = widest(operations);
  std::printf("\n%-*s %-16s %-8s %-16s %13s %12s  %s\n", width, "operation", "type", "output",
              "shape", "multiply-adds", "weight bytes", "kernel");
  for (const OperationInfo& each : operations)
    std::printf("%-*s %-16s %-8s %-16s %13lld %12lld  %s\n", width, each.name.c_str(),
                each.type.c_str(), to_text(each.element_type).c_str(), to_text(each.shape).c_str(),
                static_cast<long long>(each.multiply_adds),
                static_cast<long long>(each.weight_bytes), each.kernel.c_str());
  std::printf("%-*s %-16s %-8s %-16s %13lld %12lld  %lld bytes of working memory an image\n", width,
              "sum", "", "", "", static_cast<long long>(program.multiply_adds()),
              static_cast<long long>(program.weight_bytes()),
              static_cast<long long>(program.arena_bytes()));
}

bool is_checkpoint(const Model& model) {
  return model.metadata.find("octet.training") != model.metadata.end();
}

/// What a file holds, in words.
std::string kind_of(const Model& model) {
  const bool in_training = is_checkpoint(model);
  if (model.kind == FileKind::graph)
    return in_training ? "checkpoint of a training (graph, float32)"
                       : "trained network (graph, float32)";
  if (model.kind == FileKind::quantization_aware)
    return in_training ? "checkpoint of a training for int8, as a program,"
                       : "network trained for int8, as a program,";
  int in_int8 = 0, in_float = 0;
  for (const OperationInfo& each : model.program.operations()) {
    const bool converts = each.type == "quantize" || each.type == "dequantize";
    if (!converts) ++(each.element_type == ElementType::s8 ? in_int8 : in_float);
  }
  if (in_int8 && in_float) return text_of("int8 program with ", in_float, " operations in float32");
  if (in_int8) return "int8 program";
  for (const ProgramTensor& tensor : model.program.description().tensors) {
    if (tensor.type == ElementType::f16) return "float32 program with float16 weights";
    if (tensor.type == ElementType::s8) return "float32 program with int8 weights";
  }
  return "float32 program";
}

/// How far a training has come.
void print_training(const Metadata& metadata) {
  const TrainingState state =
      TrainingState::from_json(Json::parse(metadata.at("octet.training"), "octet.training"));
  const Json settings = Json::parse(metadata.at("octet.settings"), "octet.settings");
  std::printf("after epoch %d of %s", state.epoch, settings["epochs"].text().c_str());
  if (state.step_in_epoch > 0)
    std::printf(" and %lld steps of the next", static_cast<long long>(state.step_in_epoch));
  if (state.best_epoch >= 0)
    std::printf("; best validation accuracy %.2f %% in epoch %d", 100 * state.best_accuracy,
                state.best_epoch + 1);
  std::printf("\nsettings:");
  for (const auto& [name, value] : settings.as_object())
    if (name != "data" && name != "votes")
      std::printf(" %s %s", name.c_str(),
                  (value.is_string() ? value.as_string() : value.text()).c_str());
  std::printf("\n");
}

}  // namespace

int info(const InfoOptions& options) {
  const Model model = load_model(options.file, CardRule::optional);
  std::printf("%s: %s of %s, %lld bytes\n", options.file.c_str(), kind_of(model).c_str(),
              model.card.name.c_str(),
              static_cast<long long>(std::filesystem::file_size(options.file)));
  if (is_checkpoint(model)) print_training(model.metadata);
  std::printf("input %s, ", to_text(model.program.input_shape()).c_str());
  const std::vector<float>& means = model.card.normalization.mean;
  const std::vector<float>& deviations = model.card.normalization.deviation;
  std::printf(means.empty() ? "with no word of its normalization" : "normalized by");
  // Each is one value for all channels, or one for each.
  for (std::size_t c = 0; c < (std::max)(means.size(), deviations.size()); ++c)
    std::printf(" (x - %g) / %g", static_cast<double>(means[means.size() == 1 ? 0 : c]),
                static_cast<double>(deviations[deviations.size() == 1 ? 0 : c]));
  std::printf("\nclasses:%s", model.card.class_names.empty() ? " not named" : "");
  for (const std::string& name : model.card.class_names) std::printf(" %s", name.c_str());
  std::printf("\n");
  if (model.card.fold)
    std::printf("learned from CK+ without fold %d of %d\n", model.card.fold->number,
                model.card.fold->count);
  if (model.kind != FileKind::program) print_graph(load_graph<float>(options.file).graph);
  std::printf("\non this processor (%s):", to_text(model.program.isa()).c_str());
  print_program(model.program);
  return 0;
}

}  // namespace fer
