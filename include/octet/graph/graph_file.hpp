// A graph as a .safetensors file: the weights as tensors, the nodes as JSON in the metadata.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "octet/core/safetensors.hpp"
#include "octet/graph/graph.hpp"
#include "octet/nn/registry.hpp"

namespace octet::inline OCTET_ABI {

inline constexpr std::string_view graph_key = "octet.graph";

/// The nodes, edges and options of a graph, without its weights.
template <class T>
Json describe(const Graph<T>& graph) {
  Json nodes = Json::array();
  for (const Node<T>& node : graph.nodes()) {
    Json inputs = Json::array(), shape = Json::array();
    for (const int source : node.inputs) inputs.push(source);
    for (const std::int64_t extent : node.shape) shape.push(extent);
    Json each = Json::object();
    each.set("name", node.name).set("type", node.layer ? node.layer->type() : "input");
    each.set("inputs", std::move(inputs)).set("shape", std::move(shape));
    if (node.layer) each.set("attributes", node.layer->attributes());
    nodes.push(std::move(each));
  }
  Json outputs = Json::array();
  for (const int output : graph.outputs()) outputs.push(output);
  Json description = Json::object();
  description.set("version", 1).set("seed", std::to_string(graph.seed()));
  return description.set("nodes", std::move(nodes)).set("outputs", std::move(outputs));
}

/// Makes the graph that describe() described; its parameters are zero until they are read. Fails
/// before it allocates more than `parameter_limit` numbers for them.
template <class T>
Graph<T> graph_from(const Json& description,
                    std::int64_t parameter_limit = default_parameter_limit) {
  if (description["version"].as_integer() != 1)
    fail("graph: expected version 1, got ", description["version"].text());
  const std::string& seed = description["seed"].as_string();
  std::uint64_t number = 0;
  const auto read = std::from_chars(seed.data(), seed.data() + seed.size(), number);
  if (read.ec != std::errc() || read.ptr != seed.data() + seed.size())
    fail("graph: expected a seed of digits, got \"", seed.substr(0, 40), '"');
  Graph<T> graph(number);
  const auto node_of = [&](const Json& number) {
    const std::int64_t node = number.as_integer();
    if (node < 0 || node >= graph.size())
      fail("graph: expected an earlier node, got ", node, " of ", graph.size());
    return graph.value(static_cast<int>(node));
  };
  for (const Json& each : description["nodes"].as_array()) {
    const std::string& name = each["name"].as_string();
    std::vector<std::int64_t> extents;
    for (const Json& extent : each["shape"].as_array()) extents.push_back(extent.as_integer());
    const Shape shape(extents);
    if (each["type"].as_string() == "input") {
      graph.input(shape, name);
      continue;
    }
    std::vector<Value<T>> inputs;
    for (const Json& input : each["inputs"].as_array()) inputs.push_back(node_of(input));
    const Value<T> value =
        graph.add(make_layer<T>(each["type"].as_string(), each["attributes"], parameter_limit),
                  inputs, Parameters::keep);
    for (const Parameter<T>* const parameter : graph.node(value.node).layer->parameters())
      parameter_limit -= parameter->value.elements();
    value.named(name);
    if (!(value.shape() == shape))
      fail("graph: expected ", shape, " from ", name, ", but its layer gives ", value.shape());
  }
  for (const Json& output : description["outputs"].as_array()) graph.output(node_of(output));
  return graph;
}

/// Adds the description and all tensors of a graph to a file that is being written.
template <class T>
void add_graph(SafetensorsWriter& file, const Graph<T>& graph) {
  file.set_metadata(graph_key, describe(graph).text());
  graph.for_each_tensor(
      [&](const std::string& name, const Tensor<T>& tensor) { file.add(name, tensor); });
}

/// Reads the tensors of a graph from a file that holds them under the same names.
template <class T>
void read_tensors(const Safetensors& file, const Graph<T>& graph) {
  graph.for_each_tensor(
      [&](const std::string& name, Tensor<T>& tensor) { file.copy_to(name, tensor.view()); });
}

/// Writes a graph and its weights; the old file stays until the new one is complete.
template <class T>
void save_graph(const Graph<T>& graph, const std::string& path, const Metadata& metadata = {}) {
  SafetensorsWriter file;
  for (const auto& [key, text] : metadata) file.set_metadata(key, text);
  add_graph(file, graph);
  file.write(path);
}

/// A graph, and the metadata that were saved beside it.
template <class T>
struct LoadedGraph {
  Graph<T> graph;
  Metadata metadata;
};

/// Reads what save_graph wrote. Throws, naming the file, on anything that is not such a file, whole
/// and unchanged.
template <class T>
LoadedGraph<T> load_graph(const Safetensors& file) {
  const Json description = Json::parse(file.metadata(graph_key), file.source());
  std::int64_t numbers = 0;
  for (const SafetensorsEntry& entry : file.entries()) numbers += entry.shape.elements();
  LoadedGraph<T> loaded{reading(file.source(), [&] { return graph_from<T>(description, numbers); }),
                        file.metadata_besides(graph_key)};
  read_tensors(file, loaded.graph);
  return loaded;
}
template <class T>
LoadedGraph<T> load_graph(const std::string& path) {
  return load_graph<T>(Safetensors::read(path, ChecksumRule::required));
}

}  // namespace octet::inline OCTET_ABI
