// What a profile says of a program whose costs can be counted by hand.
#include "octet/program/profile.hpp"

#include <doctest/doctest.h>

#include "networks.hpp"
#include "octet/nn/conv2d.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/relu.hpp"
#include "octet/nn/reshape.hpp"
#include "octet/program/quantize.hpp"

using namespace octet;

namespace {

// 6 x 6 x 2 -> 3x3 -> 4 x 4 x 5 -> 80 -> 3.
Graph<float> one_convolution() {
  Graph<float> graph(1);
  const auto x = graph.input({6, 6, 2});
  graph.output(linear(flatten(relu(conv2d(x, 5, {.kernel = 3}))), 3));
  return graph;
}

}  // namespace

TEST_CASE("a profile counts multiplications and bytes of the whole batch") {
  const Program program = compile(one_convolution());
  const Tensor<float> images = networks::images({6, 6, 2}, 7);
  Profiler profiler(program, TensorView<const float>(images));
  for (int i = 0; i < 3; ++i) profiler.round();
  const std::vector<OperationCost> costs = profiler.costs();
  REQUIRE(costs.size() == 3);
  CHECK(profiler.batch() == 7);

  CHECK(costs[0].info.type == "conv2d");
  CHECK(costs[0].multiply_adds == 7 * 4 * 4 * 5 * 3 * 3 * 2);
  CHECK(costs[0].bytes_moved == 4 * (7 * 6 * 6 * 2 + 5 * 3 * 3 * 2 + 5 + 7 * 4 * 4 * 5));
  CHECK(costs[1].info.type == "reshape");
  CHECK(costs[1].bytes_moved == 0);
  CHECK(costs[2].multiply_adds == 7 * 80 * 3);
  CHECK(costs[2].bytes_moved == 4 * (7 * 80 + 80 * 3 + 3 + 7 * 3));

  double sum = 0;
  for (const OperationCost& cost : costs) {
    CHECK(cost.milliseconds >= 0);
    sum += cost.milliseconds;
  }
  CHECK(sum > 0);
  CHECK(profiler.milliseconds() > 0);
}

TEST_CASE("int8 moves a quarter of the activations") {
  const Tensor<float> images = networks::images({6, 6, 2}, 4);
  const QuantizedProgram quantized = quantize(one_convolution(), images);
  ThreadPool pool(2);
  Profiler profiler(quantized.program, TensorView<const float>(images), &pool);
  profiler.round();
  bool found = false;
  for (const OperationCost& cost : profiler.costs()) {
    if (cost.info.type != "conv2d" || cost.info.shape.rank() != 3) continue;
    found = true;
    // Weights of one byte, a bias and a scale of four for each of the five channels.
    CHECK(cost.bytes_moved == 4 * (6 * 6 * 2) + 5 * 3 * 3 * 2 + 2 * 4 * 5 + 4 * (4 * 4 * 5));
  }
  CHECK(found);
}

TEST_CASE("a profile asks for inputs that fit, and for a round before its results") {
  const Program program = compile(one_convolution());
  const Tensor<float> images = networks::images({6, 6, 2}, 2);
  CHECK_THROWS_WITH_AS(
      Profiler(program, TensorView<const float>(images.data(), {2, 6, 2, 6})),
      "program: expected [6, 6, 2] with a batch in front for input, got [2, 6, 2, 6]", Error);
  Profiler profiler(program, TensorView<const float>(images));
  CHECK_THROWS_WITH_AS(profiler.costs(), "profile: expected at least one round", Error);
  CHECK_THROWS_AS(profiler.milliseconds(), Error);
}
