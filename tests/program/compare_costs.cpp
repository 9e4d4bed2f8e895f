#include "octet/program/compare_costs.hpp"

#include <doctest/doctest.h>

#include "networks.hpp"
#include "octet/program/quantize.hpp"

using namespace octet;

namespace {

OperationCost cost(const std::string& kernel, double milliseconds) {
  OperationCost cost{};
  cost.info.kernel = kernel;
  cost.milliseconds = milliseconds;
  return cost;
}

}  // namespace

TEST_CASE("a ratio counts all that either form computes in an operation, in both") {
  std::vector<CostPair> rows(5);
  rows[0] = {"conv2d_1", "conv2d", cost("a", 6), cost("b", 1), 0, 0};
  rows[1] = {"depthwise_1", "depthwise_conv2d", cost("in conv2d_1", 0), cost("c", 2), 1, 1};
  rows[2] = {"conv2d_2", "conv2d", cost("a", 4), cost("b", 1), 2, 2};
  rows[3] = {"max_pool_1", "max_pool2d", cost("d", 2), cost("in conv2d_2", 0), 3, 3};
  rows[4] = {"input.int8", "quantize", {}, cost("e", 1), 0, 4};
  find_ratios(rows);
  CHECK(rows[0].ratio == 2);
  CHECK(rows[1].ratio == 0);
  CHECK(rows[2].ratio == 6);
  CHECK(rows[3].ratio == 0);
  CHECK(rows[4].ratio == 0);
}

TEST_CASE("operations of one name stand side by side, conversions where they happen") {
  Graph<float> graph(1);
  graph.output(linear(flatten(relu(conv2d(graph.input({6, 6, 2}), 5, {.kernel = 3}))), 3));
  const Tensor<float> images = networks::images({6, 6, 2}, 4);
  const Program float32 = compile(graph);
  const Program int8 = quantize(graph, images).program;
  const CostComparison both = compare_costs(&float32, &int8, images, {.rounds = 3});
  REQUIRE(both.operations.size() >= 3);
  CHECK(both.operations.front().type == "quantize");
  CHECK_FALSE(both.operations.front().float32);
  for (const CostPair& pair : both.operations) {
    CHECK(pair.type != "reshape");
    if (pair.float32 && pair.int8) CHECK(pair.float32->info.name == pair.int8->info.name);
    if (pair.type == "conv2d") CHECK(pair.ratio > 0);
  }
  const Program* const none = nullptr;
  const CostComparison alone = compare_costs(&float32, none, images, {.rounds = 1});
  CHECK(alone.int8_milliseconds == 0);
  for (const CostPair& pair : alone.operations) CHECK(pair.ratio == 0);
}
