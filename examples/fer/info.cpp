// fer info: what a model file holds, and what this processor makes of it.
#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "model.hpp"

namespace fer {

using namespace octet;

namespace {

void print_graph(const Graph<float>& graph) {
  std::printf("\n%-24s %-18s %-16s %12s %16s\n", "layer", "type", "output", "parameters",
              "multiply-adds");
  for (const Node<float>& node : graph.nodes()) {
    std::int64_t parameters = 0, multiply_adds = 0;
    if (node.layer) {
      for (const Parameter<float>* const parameter : node.layer->parameters())
        parameters += parameter->value.elements();
      multiply_adds = node.layer->multiply_adds(graph.input_shapes(node));
    }
    std::printf("%-24s %-18s %-16s %12lld %16lld\n", node.name.c_str(),
                std::string(node.layer ? node.layer->type() : "input").c_str(),
                to_text(node.shape).c_str(), static_cast<long long>(parameters),
                static_cast<long long>(multiply_adds));
  }
  std::printf("%-24s %-18s %-16s %12lld %16lld\n", "sum", "", "",
              static_cast<long long>(graph.parameter_count()),
              static_cast<long long>(graph.multiply_adds()));
}

void print_program(const Program& program) {
  std::printf("\n%-24s %-16s %-8s %-16s %13s %12s  %s\n", "operation", "type", "output", "shape",
              "multiply-adds", "weight bytes", "kernel");
  for (const OperationInfo& each : program.operations())
    std::printf("%-24s %-16s %-8s %-16s %13lld %12lld  %s\n", each.name.c_str(), each.type.c_str(),
                to_text(each.element_type).c_str(), to_text(each.shape).c_str(),
                static_cast<long long>(each.multiply_adds),
                static_cast<long long>(each.weight_bytes), each.kernel.c_str());
  std::printf("%-24s %-16s %-8s %-16s %13lld %12lld  %lld bytes of working memory an image\n",
              "sum", "", "", "", static_cast<long long>(program.multiply_adds()),
              static_cast<long long>(program.weight_bytes()),
              static_cast<long long>(program.arena_bytes()));
}

}  // namespace

int info(const InfoOptions& options) {
  const Model model = load_model(options.file);
  std::printf("%s: %s of %s, %lld bytes\n", options.file.c_str(),
              model.kind == FileKind::graph ? "trained network" : "program",
              model.card.name.c_str(),
              static_cast<long long>(std::filesystem::file_size(options.file)));
  std::printf("input %s, normalised by", to_text(model.program.input_shape()).c_str());
  for (std::size_t c = 0; c < model.card.normalization.mean.size(); ++c)
    std::printf(" (x - %g) / %g", static_cast<double>(model.card.normalization.mean[c]),
                static_cast<double>(model.card.normalization.deviation[c]));
  std::printf("\nclasses:");
  for (const std::string& name : model.card.class_names) std::printf(" %s", name.c_str());
  std::printf("\n");
  if (model.kind == FileKind::graph) print_graph(load_graph<float>(options.file).graph);
  std::printf("\non this processor (%s):", to_text(model.program.isa()).c_str());
  print_program(model.program);
  return 0;
}

}  // namespace fer
