#include "octet/nn/registry.hpp"

#include <algorithm>
#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"

using namespace octet;

namespace {

struct Example {
  std::unique_ptr<Layer<float>> layer;
  std::vector<Shape> inputs;
};

/// Each built-in layer, with options that are not the defaults.
std::vector<Example> examples() {
  std::vector<Example> all;
  const auto add = [&](auto layer, std::vector<Shape> inputs) {
    all.push_back({layer.clone(), std::move(inputs)});
  };
  add(AdaptiveAveragePool<float>({2, 3}), {{5, 6, 4}});
  add(AdaptiveMaxPool<float>({3, 2}), {{5, 6, 4}});
  add(Add<float>(), {{5, 6, 4}, {5, 6, 4}});
  add(AveragePool<float>(
          {.kernel = 3, .stride = {1, 2}, .padding = 1, .over = AverageOver::window}),
      {{5, 6, 4}});
  add(BatchNorm<float>(
          4, {.momentum = 0.2, .epsilon = 1e-3, .running_statistics = RunningStatistics::frozen}),
      {{5, 6, 4}});
  add(Concat<float>(), {{5, 6, 4}, {5, 6, 3}});
  add(Conv2d<float>(4, 6,
                    {.kernel = {3, 2},
                     .stride = {1, 2},
                     .padding = {1, 0, 2, 1},
                     .dilation = {1, 2},
                     .groups = 2,
                     .bias = Bias::none,
                     .weight_initializer = Initializer::glorot_normal()}),
      {{5, 6, 4}});
  add(DepthwiseConv2d<float>(4, {.kernel = 3, .stride = 2, .padding = same, .multiplier = 2}),
      {{5, 6, 4}});
  add(Dropout<float>({.probability = 0.25}), {{5, 6, 4}});
  add(Flatten<float>(), {{5, 6, 4}});
  add(Gelu<float>(), {{7}});
  add(GlobalAveragePool<float>(), {{5, 6, 4}});
  add(GlobalMaxPool<float>(), {{5, 6, 4}});
  add(HardSigmoid<float>(), {{7}});
  add(HardSwish<float>(), {{7}});
  add(LeakyRelu<float>(LeakyReluFunction({.slope = 0.3})), {{7}});
  add(Linear<float>(7, 3, {.bias = Bias::none, .weight_initializer = Initializer::normal(0, 2)}),
      {{7}});
  add(MaxPool<float>({.kernel = {2, 3}, .stride = 1, .padding = same}), {{5, 6, 4}});
  add(Multiply<float>(), {{5, 6, 4}, {4}});
  add(Pad<float>({.padding = {1, 2, 3, 4}, .value = 0.5}), {{5, 6, 4}});
  add(Relu<float>(), {{7}});
  add(Relu6<float>(), {{7}});
  add(Reshape<float>({10, 12}), {{5, 6, 4}});
  add(Sigmoid<float>(), {{7}});
  add(Silu<float>(), {{7}});
  add(Softmax<float>(), {{7}});
  add(Tanh<float>(), {{7}});
  return all;
}

TEST_CASE("every layer is made again from its type and attributes, and by clone()") {
  std::vector<std::string> seen;
  for (const Example& each : examples()) {
    const std::string type(each.layer->type());
    CAPTURE(type);
    seen.push_back(type);
    each.layer->initialize(Random(4));
    for (Buffer<float>* const buffer : each.layer->buffers()) buffer->value.fill(1.5f);
    const Json attributes = Json::parse(each.layer->attributes().text());
    const std::unique_ptr<Layer<float>> made = make_layer<float>(type, attributes);
    const std::unique_ptr<Layer<float>> copy = each.layer->clone();
    CHECK(made->type() == type);
    CHECK(made->attributes().text() == each.layer->attributes().text());

    const auto parameters = each.layer->parameters(), empty = made->parameters();
    REQUIRE(parameters.size() == empty.size());
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      REQUIRE(parameters[p]->name == empty[p]->name);
      REQUIRE(parameters[p]->value.shape() == empty[p]->value.shape());
      CHECK(copy->parameters()[p]->value.data() != parameters[p]->value.data());
      empty[p]->value = parameters[p]->value;
    }
    const auto buffers = each.layer->buffers(), fresh = made->buffers();
    REQUIRE(buffers.size() == fresh.size());
    for (std::size_t b = 0; b < buffers.size(); ++b) fresh[b]->value = buffers[b]->value;

    std::vector<Tensor<float>> inputs;
    for (const Shape& shape : each.inputs)
      inputs.push_back(random_tensor<float>(shape.with_batch(2), 8));
    const Pass pass{.mode = Mode::training, .random = Random(2)};
    const Tensor<float> y = forward(*each.layer, inputs, pass);
    CHECK(forward(*made, inputs, pass) == y);
    CHECK(forward(*copy, inputs, pass) == y);
  }
  std::sort(seen.begin(), seen.end());
  std::vector<std::string> built_in = LayerRegistry<float>().names();
  CHECK(seen == built_in);
}

TEST_CASE("no change of an attribute makes anything but a layer or an error") {
  // What a hostile file may hold where a number, a word or a list is expected.
  const char* const hostile[] = {"null",
                                 "-1",
                                 "0",
                                 "1e300",
                                 "9223372036854775807",
                                 "\"x\"",
                                 "[]",
                                 "{}",
                                 "[-1,-1]",
                                 "[0,0]",
                                 "[2147483647,2147483647]",
                                 "true",
                                 "[1e9,3]",
                                 "2147483647",
                                 "[1,2,3,4,5,6,7,8,9]",
                                 "[2147483647,2147483647,2147483647,2147483647]"};
  int refused = 0;
  for (const Example& each : examples()) {
    const Json right = each.layer->attributes();
    for (const auto& member : right.as_object())
      for (const char* const text : hostile) {
        const std::string name = member.first;
        CAPTURE(name);
        CAPTURE(text);
        Json attributes = right;
        attributes.set(name, Json::parse(text));
        const std::string message = message_of([&] {
          const auto layer = make_layer<float>(each.layer->type(), attributes, 10000);
          layer->output_shape(each.inputs);
        });
        if (message.empty()) continue;
        ++refused;
        const bool names_layer = message.find(each.layer->type()) == 0;
        const bool names_shape = message.find("shape: ") == 0;
        CHECK_MESSAGE((names_layer || names_shape), message);
      }
  }
  CHECK(refused > 500);
}

TEST_CASE("a missing attribute is named") {
  for (const Example& each : examples()) {
    const Json attributes = each.layer->attributes();
    if (attributes.as_object().empty()) continue;
    const std::string message =
        message_of([&] { make_layer<float>(each.layer->type(), Json::object()); });
    CHECK(message.find(text_of(each.layer->type(), ": expected an attribute \"")) == 0);
  }
}

TEST_CASE("the registry refuses what asks for more parameters than there are") {
  const Json attributes = Linear<float>(100, 100).attributes();
  CHECK(make_layer<float>("linear", attributes, 10000) != nullptr);
  CHECK(message_of([&] { make_layer<float>("linear", attributes, 9999); }) ==
        "linear: expected at most 9999 parameters, its attributes ask for [100, 100] = 10000");
}

TEST_CASE("an unknown type is named") {
  CHECK(
      message_of([&] { make_layer<float>("conv3d", Json::object()); }) ==
      "layer registry: expected a known type of layer, got \"conv3d\"; register_layer() adds one");
}

TEST_CASE("layers of one's own can be registered, once") {
  register_layer<float>("twice_relu", [](const Json&) { return std::make_unique<Relu<float>>(); });
  CHECK(make_layer<float>("twice_relu", Json::object())->type() == "relu");
  CHECK(message_of([&] {
          register_layer<float>("twice_relu", factory_of<float, Relu<float>>());
        }) == "layer registry: expected a new name, but twice_relu is taken");
}

}  // namespace
