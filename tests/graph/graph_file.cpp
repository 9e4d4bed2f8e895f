#include "octet/graph/graph_file.hpp"

#include <doctest/doctest.h>
#include <string>

#include "message_of.hpp"
#include "octet/graph/executor.hpp"
#include "octet/nn/add.hpp"
#include "octet/nn/batch_norm.hpp"
#include "octet/nn/conv2d.hpp"
#include "octet/nn/global_pool.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/max_pool.hpp"
#include "octet/nn/relu.hpp"
#include "temporary_folder.hpp"

using namespace octet;

namespace {

Graph<float> residual_network() {
  Graph<float> net(11);
  auto x = relu(batch_norm(conv2d(net.input({6, 6, 1}), 4, {.kernel = 3, .padding = 1})));
  x = (x + relu(conv2d(x, 4, {.kernel = 3, .padding = same}))).named("sum");
  net.output(linear(global_average_pool(max_pool(x, {.kernel = 2})), 3));
  return net;
}

Tensor<float> output_of(const Graph<float>& net) {
  Tensor<float> x({2, 6, 6, 1});
  for (std::int64_t i = 0; i < x.elements(); ++i)
    x[i] = static_cast<float>(Random(3).normal(static_cast<std::uint64_t>(i)));
  Executor<float> executor(net, {.mode = Mode::inference});
  executor.forward(x, Mode::inference);
  Tensor<float> y(executor.output().shape());
  std::copy(executor.output().begin(), executor.output().end(), y.begin());
  return y;
}

/// What graph_from() has to say of a description.
std::string complaint(const std::string& description, std::int64_t limit = 1 << 20) {
  return message_of([&] { graph_from<float>(Json::parse(description), limit); });
}

}  // namespace

TEST_CASE("a saved graph comes back whole: nodes, names, weights, statistics and metadata") {
  const TemporaryFolder folder;
  const std::string path = folder.path("model.safetensors");
  const Graph<float> net = residual_network();
  // Statistics that differ from their first values.
  Executor<float> executor(net);
  const Tensor<float> x({4, 6, 6, 1}, 0.5f);
  executor.forward(x, Mode::training);

  save_graph(net, path, {{"classes", "[\"a\",\"b\",\"c\"]"}});
  const LoadedGraph<float> loaded = load_graph<float>(path);
  CHECK(describe(loaded.graph).text() == describe(net).text());
  CHECK(loaded.graph.find("sum") == net.find("sum"));
  CHECK(loaded.metadata == Metadata{{"classes", "[\"a\",\"b\",\"c\"]"}});
  CHECK(output_of(loaded.graph) == output_of(net));

  const AlignedVector<std::byte> bytes = read_file(path);
  save_graph(loaded.graph, path, loaded.metadata);
  CHECK(read_file(path) == bytes);
}

TEST_CASE("a network of doubles is not read as one of floats") {
  const TemporaryFolder folder;
  const std::string path = folder.path("model.safetensors");
  Graph<double> net(1);
  net.output(linear(net.input({3}), 2));
  save_graph(net, path);
  CHECK_THROWS_AS(load_graph<float>(path), Error);
}

TEST_CASE("a file without a network, and no file, are refused by name") {
  const TemporaryFolder folder;
  const std::string path = folder.path("model.safetensors");
  CHECK_THROWS_AS(load_graph<float>(path), Error);
  SafetensorsWriter writer;
  writer.add("weight", Tensor<float>({2}));
  writer.write(path);
  CHECK(message_of([&] { load_graph<float>(path); }).find(path) == 0);
  writer.set_metadata(graph_key, R"({"version":2})");
  writer.write(path);
  CHECK(message_of([&] { load_graph<float>(path); }) ==
        path + ": graph: expected version 1, got 2");
}

TEST_CASE("a description that makes no sense is refused before anything large is allocated") {
  const std::string input = R"({"name":"x","type":"input","inputs":[],"shape":[8]})";
  const auto with = [&](const std::string& node) {
    return R"({"version":1,"seed":"0","nodes":[)" + input + "," + node + R"(],"outputs":[1]})";
  };
  const auto linear_layer = [](const std::string& shape, const std::string& from) {
    return R"({"name":"y","type":"linear","inputs":[)" + from + R"(],"shape":)" + shape +
           R"(,"attributes":{"in_features":8,"features":4,"bias":"none",)" +
           R"("weight_initializer":["constant",0,0]}})";
  };
  CHECK(complaint(with(linear_layer("[4]", "0"))) == "");
  CHECK(complaint(with(linear_layer("[5]", "0"))) ==
        "graph: expected [5] from y, but its layer gives [4]");
  CHECK(complaint(with(linear_layer("[4]", "1"))) == "graph: expected an earlier node, got 1 of 1");
  CHECK(complaint(with(linear_layer("[4]", "-1"))) ==
        "graph: expected an earlier node, got -1 of 1");
  CHECK(complaint(with(linear_layer("[4]", "0")), 31).find("linear") == 0);
  CHECK(complaint(R"({"version":1,"seed":"0","nodes":[{"name":"x","type":"input","inputs":[],)"
                  R"("shape":[9223372036854775807,1,1]}],"outputs":[0]})") ==
        "input: expected extents of at most 2147483647, got [9223372036854775807, 1, 1]");
  CHECK(complaint(R"({"version":2})") == "graph: expected version 1, got 2");
  CHECK(complaint(R"({"version":1,"seed":"7b","nodes":[],"outputs":[]})") ==
        "graph: expected a seed of digits, got \"7b\"");
  CHECK(complaint(R"({"seed":"0"})").find("JSON") == 0);
}
