#include "octet/graph/execution_plan.hpp"

#include <doctest/doctest.h>
#include <set>

#include "octet/core/random.hpp"
#include "octet/graph/executor.hpp"
#include "octet/nn/add.hpp"
#include "octet/nn/batch_norm.hpp"
#include "octet/nn/conv2d.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/max_pool.hpp"
#include "octet/nn/relu.hpp"
#include "octet/nn/reshape.hpp"
#include "octet/nn/tanh.hpp"

using namespace octet;

namespace {

/// The nodes of conv2d, batch_norm, relu, flatten, linear are 1 to 5; 0 is the input.
Graph<float> chain() {
  Graph<float> net(1);
  auto x = relu(batch_norm(conv2d(net.input({8, 8, 3}), 16, {.kernel = 3, .padding = 1})));
  net.output(linear(flatten(x), 7));
  return net;
}

ExecutionPlan plan_of(const Graph<float>& net, Mode mode) {
  for (const Node<float>& node : net.nodes())
    if (node.layer) node.layer->attach(net);
  return plan_execution(net, mode, Precision::float32);
}

}  // namespace

TEST_CASE("a ReLU after a batch norm is left to it, and lies where it lies") {
  const Graph<float> net = chain();
  const ExecutionPlan plan = plan_of(net, Mode::training);
  CHECK(plan.limits_after[2] != nullptr);
  CHECK(plan.fused_limits[3] == plan.limits_after[2]);
  CHECK(plan.activation[3] == plan.activation[2]);
  CHECK(plan.gradient[3] == plan.gradient[2]);
  CHECK(plan.activation[1] != plan.activation[2]);
}

TEST_CASE("inference plans no gradients, and two buffers in turn") {
  const Graph<float> net = chain();
  const ExecutionPlan plan = plan_of(net, Mode::inference);
  for (int i = 0; i < net.size(); ++i) CHECK(plan.gradient[static_cast<std::size_t>(i)] == -1);
  CHECK(plan.activation[0] == -1);  // An input lies with the caller.
  const std::set<std::int64_t> places(plan.memory.offsets.begin(), plan.memory.offsets.end());
  CHECK(places.size() == 2);
  CHECK(plan.memory.size == 8 * 8 * 16 + 16);  // All values begin at multiples of 16.
}

TEST_CASE("nothing before the first layer that learns needs a gradient") {
  Graph<float> net = chain();
  const auto freeze = [&](int node) {
    for (Parameter<float>* const parameter : net.node(node).layer->parameters())
      parameter->learning_rate_factor = 0;
  };
  freeze(1);
  const ExecutionPlan some = plan_of(net, Mode::training);
  CHECK(some.needs_gradient == std::vector<bool>{false, false, true, true, true, true});
  CHECK(some.gradient[1] == -1);
  CHECK(some.temporary[2] == std::vector<int>{-1});
  freeze(2);
  const ExecutionPlan fewer = plan_of(net, Mode::training);
  CHECK(fewer.needs_gradient == std::vector<bool>{false, false, false, false, false, true});
  CHECK(fewer.memory.size < some.memory.size);
}

TEST_CASE("a value with two readers gets each one's gradient in a place of its own first") {
  Graph<float> net(1);
  auto x = linear(net.input({4}), 8);
  net.output(tanh(x) + x);  // tanh is node 2, the sum node 3
  const ExecutionPlan plan = plan_of(net, Mode::training);
  REQUIRE(plan.temporary[2].size() == 1);
  REQUIRE(plan.temporary[3].size() == 2);
  CHECK(plan.temporary[2][0] >= 0);
  CHECK(plan.temporary[3][0] == -1);  // Only the sum reads what tanh gives.
  CHECK(plan.temporary[3][1] >= 0);
  CHECK(plan.temporary[3][1] != plan.gradient[1]);
  // tanh must not overwrite what the sum reads later.
  CHECK(plan.activation[2] != plan.activation[1]);
}

TEST_CASE("a pooling that the batch norm before it computes needs no place for what lies between") {
  Graph<float> net(1);
  const auto x = batch_norm(conv2d(net.input({8, 8, 1}), 16, {.kernel = 3, .padding = 1}));
  net.output(max_pool(relu(x), {.kernel = 2}));  // batch_norm, relu, max_pool are nodes 2, 3, 4
  const ExecutionPlan plan = plan_of(net, Mode::training);
  REQUIRE(plan.fusion.written[2] == 4);
  CHECK(plan.fusion.owner[3] == 2);
  CHECK(plan.fusion.owner[4] == 2);
  CHECK(plan.activation[4] == plan.activation[2]);
  CHECK(plan.activation[3] == plan.activation[2]);
  // Who observes gets both of them.
  CHECK(plan.between[3] == plan.between[2] + 8 * 8 * 16);
  CHECK(plan.between_size == 2 * 8 * 8 * 16);
  CHECK(plan_of(net, Mode::inference).fusion.owner[4] == -1);
}

TEST_CASE("a layer that is frozen or set free between two steps learns accordingly") {
  Tensor<float> x({6, 8, 8, 3});
  for (std::int64_t i = 0; i < x.elements(); ++i)
    x[i] = static_cast<float>(Random(1).normal(static_cast<std::uint64_t>(i)));
  const auto make = [] {
    Graph<float> net(3);
    Value<float> value = net.input({8, 8, 3});
    value = relu(batch_norm(conv2d(value, 8, {.kernel = 3, .padding = 1})));
    value = relu(batch_norm(conv2d(value, 8, {.kernel = 3, .padding = 1})));
    net.output(linear(flatten(value), 2));
    return net;
  };
  const auto gradients = [&](const Graph<float>& net, Executor<float>& executor) {
    net.zero_gradients();
    executor.forward(x, Mode::training);
    const TensorView<float> gradient = executor.output_gradient();
    std::fill(gradient.begin(), gradient.end(), 0.5f);
    executor.backward();
    std::vector<Tensor<float>> all;
    for (const Parameter<float>* const each : net.parameters()) all.push_back(each->gradient);
    return all;
  };
  const auto freeze_first = [](const Graph<float>& net, double factor) {
    net.set_learning_rate_factor("conv2d_1", factor);
    net.set_learning_rate_factor("batch_norm_1", factor);
  };
  const Graph<float> free = make(), frozen = make(), changing = make();
  freeze_first(frozen, 0);
  freeze_first(changing, 0);
  Executor<float> of_free(free), of_frozen(frozen), of_changing(changing);
  const auto all = gradients(free, of_free), some = gradients(frozen, of_frozen);
  CHECK_FALSE(all[0] == some[0]);
  CHECK(gradients(changing, of_changing) == some);
  freeze_first(changing, 1);
  CHECK(gradients(changing, of_changing) == all);
  freeze_first(changing, 0);
  CHECK(gradients(changing, of_changing) == some);
}
