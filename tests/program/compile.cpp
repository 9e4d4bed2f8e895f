// A compiled program computes what its graph computes in inference.
#include "octet/program/compile.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <optional>

#include "../tolerance.hpp"
#include "networks.hpp"
#include "octet/graph/executor.hpp"
#include "octet/program/quantize.hpp"

using namespace octet;

namespace {

/// The largest difference, relative to the largest expected number.
double difference(const Tensor<float>& got, TensorView<const float> expected) {
  REQUIRE(got.shape() == expected.shape());
  double largest = 0, scale = 0;
  for (std::int64_t i = 0; i < got.elements(); ++i) {
    CHECK(std::isfinite(got[i]));
    largest = (std::max)(largest, std::abs(double{got[i]} - double{expected[i]}));
    scale = (std::max)(scale, std::abs(double{expected[i]}));
  }
  return largest / scale;
}

/// y = x * x + 1: known to nobody but this test.
class Parabola final : public Layer<float> {
 public:
  std::string_view type() const override { return "parabola"; }
  Shape output_shape(std::span<const Shape> inputs) const override { return inputs[0]; }
  void forward(Inputs<float> inputs, TensorView<float> output, const Pass& pass) override {
    CHECK(!pass.training());
    for (std::int64_t i = 0; i < output.elements(); ++i)
      output[i] = inputs[0][i] * inputs[0][i] + 1;
  }
  void backward(Inputs<float>, TensorView<const float>, TensorView<const float>,
                InputGradients<float>, const Pass&) override {}
  std::unique_ptr<Layer<float>> clone() const override { return std::make_unique<Parabola>(); }
};

}  // namespace

TEST_CASE("a program computes what the executor computes, for every layer and batch size") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    Executor<float> executor(graph, {.mode = Mode::inference});
    const Program program = compile(graph);
    for (const std::int64_t N : {1, 2, 5}) {
      CAPTURE(N);
      const Tensor<float> x = networks::images(network.input, N);
      executor.forward(x.view(), Mode::inference);
      // Both sum in orders of their own, so each may be off by the tolerance of the whole depth.
      CHECK(difference(program(x), executor.output()) <= 2 * tolerance<float>(network.depth));
    }
    CHECK(program.custom_layers().empty());
  }
}

TEST_CASE("batch norms, ReLUs and dropout leave no operation of their own") {
  Graph<float> graph(1);
  auto x = graph.input({8, 8, 3});
  x = dropout(relu(batch_norm(conv2d(x, 4, {.kernel = 3}))));
  graph.output(relu6(linear(flatten(x), 5)));
  const Program program = compile(graph);
  std::vector<std::string> types;
  for (const OperationInfo& info : program.operations()) types.push_back(info.type);
  CHECK(types == std::vector<std::string>{"conv2d", "reshape", "conv2d"});
  CHECK(program.operations()[0].multiply_adds == 6 * 6 * 4 * 3 * 3 * 3);
  CHECK(program.operations()[2].weight_bytes == (6 * 6 * 4 * 5 + 5) * 4);
}

TEST_CASE("instruction sets, batch sizes and threads: one result") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const Tensor<float> x = networks::images(network.input, 9);
    const Program program = compile(graph);
    const Tensor<float> expected = program(x);
    for (const int threads : {1, 2, 4})
      for (const std::int64_t batch : {1, 2, 4, 9, 20}) {
        CAPTURE(threads);
        CAPTURE(batch);
        ThreadPool pool(threads);
        Workspace workspace(program, {.batch = batch, .pool = &pool});
        CHECK(program.predict(x, workspace) == expected);
        const Tensor<float> few = program.predict(networks::images(network.input, 1), workspace);
        CHECK(std::equal(few.data(), few.data() + few.elements(), expected.data()));
      }
    for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
      if (!isa_allowed(isa)) continue;
      const Program other = compile(graph, {.isa = isa});
      CHECK(difference(other(x), expected) <= 2 * tolerance<float>(network.depth));
    }
  }
}

TEST_CASE("a large batch takes the memory of a piece for each thread") {
  Graph<float> graph(1);
  graph.output(global_average_pool(conv2d(graph.input({64, 64, 1}), 64, {.kernel = 3})));
  const Program program = compile(graph);
  const auto bytes = [&](std::int64_t batch, int threads) {
    ThreadPool pool(threads);
    return Workspace(program, {.batch = batch, .pool = &pool}).bytes();
  };
  CHECK(program.arena_bytes() > 1 << 19);
  CHECK(bytes(1, 1) >= program.arena_bytes());
  CHECK(bytes(64, 1) == bytes(1, 1));
  CHECK(bytes(64, 3) == 3 * bytes(1, 1));
  CHECK(bytes(5, 3) == bytes(1, 1));
}

TEST_CASE("a layer without a lowering runs as it is, and is named") {
  Graph<float> graph(1);
  auto x = graph.input({4, 4, 2});
  x = relu(conv2d(x, 3, {.kernel = 3}));
  x = apply<float>(std::make_unique<Parabola>(), {x}).named("my_parabola");
  graph.output(linear(flatten(x), 2));
  const Program program = compile(graph);
  CHECK(program.custom_layers() == std::vector<std::string>{"my_parabola"});
  const Tensor<float> images = networks::images({4, 4, 2}, 6);
  Executor<float> executor(graph, {.mode = Mode::inference});
  executor.forward(images.view(), Mode::inference);
  const Tensor<float> results = program(images);
  CHECK(difference(results, executor.output()) <= 2 * tolerance<float>(40));
  ThreadPool pool(3);
  Workspace workspace(program, {.batch = 6, .pool = &pool});
  CHECK(program.predict(images, workspace) == results);
}

TEST_CASE("several inputs and outputs, an input as output, one value twice") {
  Graph<float> graph(1);
  const auto a = graph.input({3}, "a");
  const auto b = graph.input({3}, "b");
  const auto sum = a + b;
  const auto limited = relu(sum);
  graph.output(sum);
  graph.output(limited);
  graph.output(b);
  graph.output(reshape(sum, {1, 3}));
  const Program program = compile(graph);
  const Tensor<float> first({2, 3}, {1, 2, 3, 4, 5, 6}), second({2, 3}, {-2, 0, 1, 2, -9, 8});
  const TensorView<const float> inputs[] = {first, second};
  Workspace workspace(program, {.batch = 1});
  const std::vector<Tensor<float>> outputs = program.predict(inputs, workspace);
  REQUIRE(outputs.size() == 4);
  CHECK(outputs[0] == Tensor<float>({2, 3}, {-1, 2, 4, 6, -4, 14}));
  CHECK(outputs[1] == Tensor<float>({2, 3}, {0, 2, 4, 6, 0, 14}));
  CHECK(outputs[2] == second);
  CHECK(outputs[3] == Tensor<float>({2, 1, 3}, {-1, 2, 4, 6, -4, 14}));
}

TEST_CASE("a lowering of one's own replaces the layer by operations") {
  register_lowering("parabola", [](Lowering& layer) {
    const int square = layer.add(operations::Multiply{}, {layer.inputs()[0], layer.inputs()[0]},
                                 layer.output_shape());
    operations::DepthwiseConv2d shift;
    shift.shape.C = shift.shape.OC = shift.shape.groups = layer.output_shape().back();
    shift.shape.H = shift.shape.OH = layer.output_shape()[0];
    shift.shape.W = shift.shape.OW = layer.output_shape()[1];
    const std::vector<float> ones(static_cast<std::size_t>(shift.shape.C), 1.0f);
    shift.weight_tensor = layer.add_tensor("one", {1, 1, shift.shape.C}, ones);
    shift.bias_tensor = layer.add_tensor("shift", {shift.shape.C}, ones);
    return layer.add(shift, {square}, layer.output_shape());
  });
  Graph<float> graph(1);
  graph.output(apply<float>(std::make_unique<Parabola>(), {graph.input({2, 2, 3})}).named("curve"));
  const Program program = compile(graph);
  CHECK(program.custom_layers().empty());
  REQUIRE(program.operations().size() == 2);
  CHECK(program.operations()[0].name == "curve.1");
  CHECK(program.operations()[1].name == "curve");
  const Tensor<float> x = networks::images({2, 2, 3}, 2);
  const Tensor<float> y = program(x);
  for (std::int64_t i = 0; i < x.elements(); ++i)
    CHECK(y[i] == doctest::Approx(x[i] * x[i] + 1).epsilon(1e-6));
}

TEST_CASE("where an image is one pixel, a stride leads to no other example") {
  for (const std::int64_t groups : {1, 2}) {
    Graph<float> graph(3);
    graph.output(conv2d(graph.input({1, 1, 4}), 6, {.kernel = 1, .stride = 2, .groups = groups}));
    const Tensor<float> x = networks::images({1, 1, 4}, 5);
    const TensorView<const float> all = x;
    for (const Program& program : {compile(graph), quantize(graph, x).program}) {
      const Tensor<float> y = program(x);
      for (std::int64_t n = 0; n < 5; ++n) {
        const Tensor<float> alone = program(all.rows(n, 1));
        for (std::int64_t i = 0; i < 6; ++i) CHECK(y[n * 6 + i] == alone[i]);
      }
    }
  }
}

TEST_CASE("a kernel has the name of the row that runs it, and of its way of doing so") {
  Graph<float> graph(1);
  Value<float> x = graph.input({8, 8, 4});
  x = max_pool(sigmoid(depthwise_conv2d(x, {.kernel = 5, .padding = 2})) + x, {.kernel = 2});
  x = x * sigmoid(global_average_pool(x));
  graph.output(average_pool(relu(concat({x, x})), {.kernel = 2}));
  const Program program = compile(graph);
  std::vector<std::string> names;
  for (const OperationInfo& info : program.operations()) names.push_back(info.kernel);
  const auto row = [](std::string_view operation, const auto& table) {
    const std::string_view name = kernels::best_row(table).name;
    return text_of(operation, name.substr(name.find("_f32")));
  };
  const auto elementwise = kernels::elementwise_table<float>();
  const auto pooling = kernels::pooling_table<float>();
  CHECK(names == std::vector<std::string>{row("depthwise", kernels::depthwise_table<float>()),
                                          row("sigmoid", elementwise), row("add", elementwise),
                                          row("max_pool", pooling), row("average_pool", pooling),
                                          row("sigmoid", elementwise),
                                          row("multiply_channels", elementwise), "concat_f32",
                                          row("clamp", elementwise), row("average_pool", pooling)});
}

TEST_CASE("inputs that do not fit are refused with a sentence") {
  Graph<float> graph(1);
  graph.output(linear(graph.input({3}, "features"), 2));
  const Program program = compile(graph);
  CHECK_THROWS_WITH_AS(program(Tensor<float>({2, 4})),
                       "program: expected [3] with a batch in front for features, got [2, 4]",
                       Error);
  Workspace workspace(program);
  CHECK_THROWS_WITH_AS(program.predict(std::span<const TensorView<const float>>(), workspace),
                       "program: expected 1 inputs, got 0", Error);
  CHECK_THROWS_AS(Workspace(program, {.batch = 0}), Error);
  CHECK_THROWS_WITH_AS(
      program.make_outputs(std::int64_t{1} << 60),
      "program: expected from 0 to 2^42 bytes of outputs, got 1152921504606846976 examples of 8 "
      "bytes",
      Error);
  Graph<float> other(1);
  other.output(linear(other.input({300}), 2));
  Workspace of_another(compile(other));
  CHECK_THROWS_WITH_AS(
      program.predict(Tensor<float>({1, 3}), of_another),
      "program: expected a workspace that was made for it, got that of another program", Error);
  // Another program may lie where the first one lay.
  for (int i = 0; i < 20; ++i) {
    std::optional<Program> first(compile(other));
    Workspace of_first(*first);
    first.reset();
    const Program second = compile(other);
    CHECK_THROWS_AS(second.predict(Tensor<float>({1, 300}), of_first), Error);
  }
  Workspace moved = std::move(workspace);
  CHECK_THROWS_AS(program.predict(Tensor<float>({1, 3}), workspace), Error);
  CHECK(program.predict(Tensor<float>({1, 3}), moved) == program(Tensor<float>({1, 3})));
}
