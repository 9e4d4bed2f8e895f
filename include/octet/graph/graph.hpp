// A network as a value: nodes, each with a layer, and the edges between them.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/nn/attributes.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"

namespace octet::inline OCTET_ABI {

/// A layer and where its inputs come from. An input of the network is a node without a layer.
template <class T>
struct Node {
  std::string name;
  std::unique_ptr<Layer<T>> layer;
  std::vector<int> inputs;
  /// The shape of the output for one example.
  Shape shape;
};

/// Whether a layer that joins a graph draws its first parameters, or has them already.
enum class Parameters { draw, keep };

/// A directed acyclic graph of layers, in the order in which they were added, which is an order in
/// which they can be computed. T is float, or double for gradient checks.
template <class T>
class Graph {
 public:
  /// Parameters are drawn from `seed` as layers are added.
  explicit Graph(std::uint64_t seed = 0) : seed_(seed) {}
  /// Moving a graph keeps its layers where they are; Values taken from the old one are no longer
  /// valid.
  Graph(Graph&&) noexcept = default;
  Graph& operator=(Graph&&) noexcept = default;

  /// Adds an input. Its name is "input" unless another one is given.
  Value<T> input(const Shape& shape, std::string_view name = "input") {
    check_extents("input", shape);
    nodes_.push_back({unique(name), nullptr, {}, shape});
    inputs_.push_back(size() - 1);
    return {this, size() - 1};
  }
  /// Adds a layer. Throws, before anything is changed, if the inputs do not fit it.
  Value<T> add(std::unique_ptr<Layer<T>> layer, std::span<const Value<T>> inputs,
               Parameters parameters = Parameters::draw) {
    std::vector<int> sources;
    std::vector<Shape> shapes;
    for (const Value<T>& value : inputs) {
      if (value.graph != this || value.node < 0 || value.node >= size())
        fail(layer->type(), ": expected inputs from this graph, got one from another");
      sources.push_back(value.node);
      shapes.push_back(value.shape());
    }
    const Shape shape = layer->output_shape(shapes);
    check_extents(layer->type(), shape);
    if (parameters == Parameters::draw)
      layer->initialize(Random(seed_).substream(static_cast<std::uint64_t>(size())));
    std::string name = unique(text_of(layer->type(), '_', ++counts(layer->type())));
    nodes_.push_back({std::move(name), std::move(layer), std::move(sources), shape});
    return {this, size() - 1};
  }
  /// Makes a value an output of the network; once, for it has one gradient.
  void output(Value<T> value) {
    if (value.graph != this) fail("output: expected a value of this graph, got one of another");
    if (std::find(outputs_.begin(), outputs_.end(), value.node) != outputs_.end())
      fail("output: expected a value that is no output yet, got ", node(value.node).name);
    outputs_.push_back(value.node);
  }
  /// Gives a node another name, which must be free.
  void rename(int node, std::string_view name) {
    if (name.empty() || (find(name) >= 0 && find(name) != node))
      fail("graph: expected a free name for ", nodes_[index(node)].name, ", got \"", name, "\"");
    nodes_[index(node)].name = name;
  }

  int size() const { return static_cast<int>(nodes_.size()); }
  const Node<T>& node(int node) const { return nodes_[index(node)]; }
  const std::vector<Node<T>>& nodes() const { return nodes_; }
  const std::vector<int>& inputs() const { return inputs_; }
  const std::vector<int>& outputs() const { return outputs_; }
  std::uint64_t seed() const { return seed_; }
  Value<T> value(int node) { return {this, node}; }

  /// The node with this name, or -1.
  int find(std::string_view name) const {
    for (int i = 0; i < size(); ++i)
      if (node(i).name == name) return i;
    return -1;
  }
  /// How many nodes read the output of each node; an output of the network counts as one reader.
  std::vector<int> reader_counts() const {
    std::vector<int> readers(nodes_.size());
    for (const Node<T>& each : nodes_)
      for (const int source : each.inputs) ++readers[index(source)];
    for (const int node : outputs_) ++readers[index(node)];
    return readers;
  }

  /// All parameters, in the order of the nodes.
  std::vector<Parameter<T>*> parameters() const {
    std::vector<Parameter<T>*> all;
    for (const Node<T>& each : nodes_)
      if (each.layer)
        for (Parameter<T>* const parameter : each.layer->parameters()) all.push_back(parameter);
    return all;
  }
  /// Calls visit(name, tensor) for every parameter and buffer; the name is "node.parameter".
  template <class Visitor>
  void for_each_tensor(Visitor&& visit) const {
    for (const Node<T>& each : nodes_) {
      if (!each.layer) continue;
      for (auto* const parameter : each.layer->parameters())
        visit(each.name + "." + parameter->name, parameter->value);
      for (auto* const buffer : each.layer->buffers())
        visit(each.name + "." + buffer->name, buffer->value);
    }
  }
  /// How many numbers are learned.
  std::int64_t parameter_count() const {
    std::int64_t count = 0;
    for (const Parameter<T>* const parameter : parameters()) count += parameter->value.elements();
    return count;
  }
  /// Multiply-and-add operations for one example.
  std::int64_t multiply_adds() const {
    std::int64_t sum = 0;
    for (const Node<T>& each : nodes_)
      if (each.layer) sum += each.layer->multiply_adds(input_shapes(each));
    return sum;
  }
  /// The shapes of one example that a node reads.
  std::vector<Shape> input_shapes(const Node<T>& of) const {
    std::vector<Shape> shapes;
    for (const int source : of.inputs) shapes.push_back(node(source).shape);
    return shapes;
  }
  /// Sets the gradients of all parameters to 0.
  void zero_gradients() const {
    for (Parameter<T>* const parameter : parameters()) parameter->gradient.fill(T{0});
  }
  /// Multiplies the rate at which the parameters of a node learn; 0 freezes them. A node without
  /// parameters has nothing to learn.
  void set_learning_rate_factor(std::string_view name, double factor) const {
    const int found = find(name);
    if (found < 0) fail("graph: expected the name of a node, got \"", name, "\"");
    if (!node(found).layer) return;
    for (Parameter<T>* const parameter : node(found).layer->parameters())
      parameter->learning_rate_factor = factor;
  }
  /// The parameters of a node stay as they are. Running statistics still follow the batches:
  /// BatchNorm::set_running_statistics() stops those.
  void freeze(std::string_view name) const { set_learning_rate_factor(name, 0); }

  /// A deep copy.
  Graph clone() const {
    Graph copy(seed_);
    for (const Node<T>& each : nodes_)
      copy.nodes_.push_back(
          {each.name, each.layer ? each.layer->clone() : nullptr, each.inputs, each.shape});
    copy.inputs_ = inputs_;
    copy.outputs_ = outputs_;
    copy.counts_ = counts_;
    return copy;
  }

 private:
  /// Layers add extents up; those of their inputs must leave room for that.
  static void check_extents(std::string_view type, const Shape& shape) {
    for (const std::int64_t extent : shape)
      if (extent > AttributeReader::highest_extent)
        fail(type, ": expected extents of at most ", AttributeReader::highest_extent, ", got ",
             shape);
  }
  static std::size_t index(int node) { return static_cast<std::size_t>(node); }
  std::string unique(std::string_view wanted) const {
    std::string name(wanted);
    for (int number = 2; find(name) >= 0; ++number) name = text_of(wanted, '_', number);
    return name;
  }
  int& counts(std::string_view type) {
    for (auto& [name, count] : counts_)
      if (name == type) return count;
    return counts_.emplace_back(std::string(type), 0).second;
  }

  std::uint64_t seed_;
  std::vector<Node<T>> nodes_;
  std::vector<int> inputs_;
  std::vector<int> outputs_;
  std::vector<std::pair<std::string, int>> counts_;
};

}  // namespace octet::inline OCTET_ABI
