#include "octet/graph/graph.hpp"

#include <doctest/doctest.h>

#include "octet/nn/linear.hpp"

using namespace octet;

TEST_CASE("a copy of a graph is deep") {
  Graph<double> net(9);
  net.output(linear(net.input({2}), 3));
  const Graph<double> copy = net.clone();
  net.parameters()[0]->value.fill(42);
  CHECK(copy.parameters()[0]->value[0] != 42);
  CHECK(copy.node(1).name == "linear_1");
}

TEST_CASE("a value is an output once, for it has one gradient") {
  Graph<double> net(1);
  const Value<double> x = linear(net.input({2}), 3);
  net.output(x);
  CHECK_THROWS_WITH_AS(net.output(x),
                       "output: expected a value that is no output yet, got linear_1", Error);
}
