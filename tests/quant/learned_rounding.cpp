// Learned rounding: weights go up or down, never further, and the errors of a layer cancel out.
#include "octet/quant/learned_rounding.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "octet/program/quantize.hpp"
#include "program/networks.hpp"

using namespace octet;

namespace {

LearnedRoundingOptions quick() { return {.pixels = 512, .batch = 64, .steps = 120}; }

QuantizedProgram rounded(const Graph<float>& graph, const Tensor<float>& images,
                         std::int64_t batch = 32, ThreadPool* pool = nullptr) {
  return quantize(graph, batches_of(images, batch),
                  {.rounding = WeightRounding::learned, .learned_rounding = quick()}, pool);
}

/// Sum of the squared differences between what two programs give.
double difference(const Program& a, const Program& b, const Tensor<float>& images) {
  const Tensor<float> first = a(images), second = b(images);
  double sum = 0;
  for (std::int64_t i = 0; i < first.elements(); ++i)
    sum += std::pow(double{first[i]} - double{second[i]}, 2);
  return sum;
}

}  // namespace

TEST_CASE("where all inputs move together, learned rounding finds what nearest cannot") {
  // Each filter has one weight of 127 steps, which gives the scale, and others of 0.3 to 0.5 steps,
  // that all go down if each goes to the nearest integer. On inputs that are nearly the same, their
  // sum is what counts: so some must go up, and the error is nearly 0.
  const char* const layers[] = {"linear", "grouped conv2d", "depthwise_conv2d",
                                "depthwise_conv2d of one channel"};
  for (const std::string layer : layers) {
    CAPTURE(layer);
    Graph<float> graph(5);
    const bool depthwise = layer.starts_with("depthwise"), one = layer.ends_with("one channel");
    const Shape input = layer == "linear" ? Shape{41} : Shape{3, 3, one ? 1 : 4};
    auto x = graph.input(input);
    if (layer == "linear")
      x = linear(x, 3);
    else if (depthwise)
      x = depthwise_conv2d(x, {.kernel = 3, .multiplier = one ? 8 : 2});
    else
      x = conv2d(x, 6, {.kernel = 3, .groups = 2});
    graph.output(x);
    Tensor<float>& weight = graph.node(1).layer->parameters()[0]->value;
    const std::int64_t OC = layer == "linear" ? 3 : depthwise ? 8 : 6;
    const std::int64_t run = weight.elements() / OC;
    const auto place = [&](std::int64_t oc, std::int64_t k) {
      return depthwise ? k * OC + oc : oc * run + k;
    };
    for (std::int64_t oc = 0; oc < OC; ++oc)
      for (std::int64_t k = 0; k < run; ++k)
        weight[place(oc, k)] = k == 0 ? 1.27f : 0.003f + 0.0018f * static_cast<float>(k) / 41;
    Tensor<float> images = networks::images(input, 64);
    for (std::int64_t i = 0; i < images.elements(); ++i)
      images[i] = 1 - 2 * static_cast<float>(i / (images.elements() / 64)) / 63 + images[i] / 100;

    const QuantizedProgram plain = quantize(graph, images), learned = rounded(graph, images);
    REQUIRE(learned.rounding.size() == 1);
    const LayerRounding& result = learned.rounding[0];
    CHECK(result.layer == graph.node(1).name);
    CHECK(result.weights == weight.elements());
    CHECK(result.changed > 0);
    CHECK(result.learned_error < result.nearest_error / 8);
    const Program exact = compile(graph);
    CHECK(difference(learned.program, exact, images) <
          difference(plain.program, exact, images) / 4);
    const auto q = learned.program.description().tensors[0].as<std::int8_t>();
    for (std::int64_t oc = 0; oc < OC; ++oc) {
      double sum = 0, wanted = 0;
      for (std::int64_t k = 0; k < run; ++k) {
        sum += q[static_cast<std::size_t>(place(oc, k))];
        wanted += double{weight[place(oc, k)]} * 100;
      }
      CHECK(std::abs(sum - wanted) < 2);
    }
  }
}

TEST_CASE("weights go to one of their two neighbours; scales and biases stay") {
  const networks::Network network = networks::all()[3];
  const Graph<float> graph = networks::make(network);
  const Tensor<float> images = networks::images(network.input, 24);
  const QuantizedProgram plain = quantize(graph, images), learned = rounded(graph, images);
  const Program exact = compile(graph);
  std::int64_t changed = 0, elsewhere = 0;
  const ProgramDescription& before = plain.program.description();
  const ProgramDescription& after = learned.program.description();
  REQUIRE(before.tensors.size() == after.tensors.size());
  for (std::size_t t = 0; t < before.tensors.size(); ++t) {
    const ProgramTensor &a = before.tensors[t], &b = after.tensors[t];
    REQUIRE(a.name == b.name);
    if (a.type != ElementType::s8) {
      CHECK(a.bytes == b.bytes);
      continue;
    }
    const auto scale = before.tensors[t + 2].as<float>();
    const ProgramTensor* weight = nullptr;
    for (const ProgramTensor& each : exact.description().tensors)
      if (each.name == a.name) weight = &each;
    REQUIRE(weight);
    const bool depthwise = a.name.find("depthwise") != std::string::npos;
    const std::size_t count = a.bytes.size(), OC = scale.size();
    for (std::size_t i = 0; i < count; ++i) {
      const float s = scale[depthwise ? i % OC : i / (count / OC)];
      const int q = b.as<std::int8_t>()[i];
      changed += q != a.as<std::int8_t>()[i];
      elsewhere += std::abs(weight->as<float>()[i] / s - static_cast<float>(q)) >= 1.0f;
    }
  }
  CHECK(elsewhere == 0);
  std::int64_t told = 0;
  for (const LayerRounding& layer : learned.rounding) {
    told += layer.changed;
    CHECK(layer.learned_error <= layer.nearest_error);
  }
  CHECK(changed == told);
  CHECK(changed > 0);
}

TEST_CASE("neither the number of threads nor the size of the batches changes a bit") {
  for (const int number : {0, 3}) {
    const networks::Network network = networks::all()[static_cast<std::size_t>(number)];
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const Tensor<float> images = networks::images(network.input, 21);
    const QuantizedProgram expected = rounded(graph, images);
    ThreadPool pool(3);
    const QuantizedProgram again = rounded(graph, images, 5, &pool);
    const ProgramDescription& a = expected.program.description();
    const ProgramDescription& b = again.program.description();
    for (std::size_t t = 0; t < a.tensors.size(); ++t)
      CHECK(a.tensors[t].bytes == b.tensors[t].bytes);
    for (std::size_t i = 0; i < expected.rounding.size(); ++i)
      CHECK(expected.rounding[i].learned_error == again.rounding[i].learned_error);
    CHECK(expected.rounding[0].changed > 0);
  }
}

TEST_CASE("no sum leaves int32 because weights were rounded up") {
  // All weights are 126.4 steps. Rounded up, 66,836 of them with inputs of 255 steps are too many.
  for (const std::int64_t K : {66000, 66836}) {
    CAPTURE(K);
    const auto size = static_cast<std::size_t>(K);
    const std::vector<float> weight(size, 126.4f), scale(1, 1.0f);
    const std::vector<std::int8_t> nearest(size, 126), patches(4 * size, 1);
    const std::vector<std::int32_t> bias(1, 0);
    const std::vector<float> targets(4, 127.0f * static_cast<float>(K));
    const RoundingProblem problem{.shape = kernels::linear_shape(1, K, 1),
                                  .input = {1.0f, 0},
                                  .weight = weight,
                                  .nearest = nearest,
                                  .scale = scale,
                                  .bias = bias,
                                  .patches = patches,
                                  .targets = targets};
    ThreadPool pool(1);
    const RoundingSolution solution = learn_rounding(problem, {.steps = 20}, pool);
    CHECK(solution.changed == (K == 66000 ? K : 0));
    CHECK(solution.weight[0] == (K == 66000 ? 127 : 126));
  }
}

TEST_CASE("options that make no sense are told") {
  Graph<float> graph(5);
  graph.output(linear(graph.input({4}), 2));
  const Tensor<float> images = networks::images({4}, 4);
  const auto with = [&](LearnedRoundingOptions options) {
    return quantize(graph, images,
                    {.rounding = WeightRounding::learned, .learned_rounding = options});
  };
  CHECK_THROWS_AS(with({.pixels = 0}), Error);
  CHECK_THROWS_AS(with({.steps = 0}), Error);
  CHECK_THROWS_AS(with({.learning_rate = 0}), Error);
  CHECK_THROWS_AS(with({.warm_up = 2}), Error);
  CHECK_THROWS_AS(with({.first_exponent = 1}), Error);
  CHECK_THROWS_WITH_AS(quantize(graph, images, {.keep_float = {"conv"}}),
                       "quantize: expected the name of a layer (linear_1), got \"conv\"", Error);
  CHECK_THROWS_WITH_AS(quantize(graph, images, {.layer_ranges = {{"conv", {}}}}),
                       "quantize: expected the name of a layer (input, linear_1), got \"conv\"",
                       Error);
  const auto input_range = [&](RangeMethod method) {
    const QuantizeOptions options{.percentile = 50, .layer_ranges = {{"input", method}}};
    return quantize(graph, images, options).program.description().values[1].scale;
  };
  CHECK(input_range(RangeMethod::percentile) < input_range(RangeMethod::min_max));
}
