// Each way in which a description can make no sense gets its sentence.
#include "octet/program/validate.hpp"

#include <doctest/doctest.h>
#include <functional>

#include "networks.hpp"
#include "octet/program/int8_weights.hpp"
#include "octet/program/quantize.hpp"

using namespace octet;

namespace {

/// conv2d (3x3, 4 to 8 channels) and a linear layer, in int8 with conversions around them.
ProgramDescription int8_description() {
  Graph<float> graph(3);
  auto x = graph.input({4, 4, 4});
  graph.output(linear(flatten(relu(conv2d(x, 8, {.kernel = 3}))), 2));
  return quantize(graph, networks::images({4, 4, 4}, 2)).program.description();
}

template <class Kind>
Operation& find(ProgramDescription& d) {
  for (Operation& operation : d.operations)
    if (operation.as<Kind>()) return operation;
  throw std::logic_error("no such operation");
}

/// Replaces an operation's parameters by a changed copy.
template <class Kind>
void change(ProgramDescription& d, const std::function<void(Kind&)>& how) {
  Operation& operation = find<Kind>(d);
  Kind kind = *operation.as<Kind>();
  how(kind);
  operation.parameters = kind;
}

/// What validate() says about the description with one change.
std::string complaint(const std::function<void(ProgramDescription&)>& how) {
  ProgramDescription d = int8_description();
  how(d);
  try {
    validate(d);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("validate: what compile and quantize make is valid") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    CHECK_NOTHROW(validate(compile(graph).description()));
    CHECK_NOTHROW(
        validate(quantize(graph, networks::images(network.input, 2)).program.description()));
  }
  CHECK(complaint([](ProgramDescription&) {}).empty());
}

TEST_CASE("validate: values, inputs and outputs") {
  using D = ProgramDescription;
  CHECK(complaint([](D& d) { d.values[1].scale = 0; }).find("finite scale above 0") !=
        std::string::npos);
  CHECK(complaint([](D& d) { d.values[1].zero_point = 128; }).find("[-128, 127]") !=
        std::string::npos);
  CHECK(complaint([](D& d) { d.values[0].shape = {0}; }).find("elements in at most 7") !=
        std::string::npos);
  CHECK(complaint([](D& d) { d.inputs = {}; }) ==
        "program: expected at least one input and one output");
  CHECK(complaint([](D& d) { d.outputs = {99}; }).find("got 99") != std::string::npos);
  CHECK(complaint([](D& d) { d.outputs = {1}; }) ==
        "program: expected outputs to be float32 and computed by an operation");
  CHECK(complaint([](D& d) {
          d.inputs = {0, 0};
        }) == "program: expected inputs to be float32 and different from each other");
}

TEST_CASE("validate: order and indices of operations") {
  using D = ProgramDescription;
  CHECK(complaint([](D& d) {
          std::swap(d.operations[0], d.operations[1]);
        }).find("before it is computed") != std::string::npos);
  CHECK(complaint([](D& d) { d.operations[1].output = d.operations[0].output; }).find("again") !=
        std::string::npos);
  CHECK(complaint([](D& d) { d.operations[1].inputs = {-1}; }).find("got -1") != std::string::npos);
  CHECK(complaint([](D& d) { d.operations[1].inputs = {}; }).find("expected 1 inputs, got 0") !=
        std::string::npos);
}

TEST_CASE("validate: convolutions") {
  using operations::Conv2d;
  const auto conv = [](const std::function<void(Conv2d&)>& how) {
    return complaint([&](ProgramDescription& d) { change<Conv2d>(d, how); });
  };
  CHECK(conv([](Conv2d& c) { c.shape.stride_h = 0; }).find("expected an extent from 1") !=
        std::string::npos);
  CHECK(conv([](Conv2d& c) { c.shape.groups = 3; }).find("expected groups that divide") !=
        std::string::npos);
  CHECK(conv([](Conv2d& c) { c.weight_tensor = 77; }).find("expected the number of a tensor") !=
        std::string::npos);
  CHECK(conv([](Conv2d& c) { c.bias_tensor = c.weight_tensor; }).find("expected shape [8]") !=
        std::string::npos);
  CHECK(conv([](Conv2d& c) {
          c.clamp = {2, 1};
        }).find("expected a clamp from low to high") != std::string::npos);
  CHECK(conv([](Conv2d& c) { c.shape.H = 5; }).find("expected an image of shape [5, 4, 4]") !=
        std::string::npos);
  // Sizes whose product is 0 modulo 2^64.
  CHECK(conv([](Conv2d& c) {
          c.shape.stride_h = c.shape.stride_w = 1 << 24;
          c.shape.dilation_h = c.shape.dilation_w = 1 << 24;
        }).find("expected windows that reach over at most 268435456 numbers") != std::string::npos);
}

TEST_CASE("validate: a product of values without dimensions") {
  const auto product = [](const Shape& a, const Shape& b) {
    ProgramDescription d;
    d.values = {{.name = "a", .shape = a}, {.name = "b", .shape = b}, {.name = "c", .shape = a}};
    d.inputs = {0, 1};
    d.outputs = {2};
    d.operations.push_back({"multiply_1", {0, 1}, 2, operations::Multiply{}});
    try {
      validate(d);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(product({2, 3}, {3}).empty());
  CHECK(product({}, {}).find("expected at least one dimension") != std::string::npos);
  CHECK(product({3}, {}).find("expected a second input of shape [3] or of 3 channels") !=
        std::string::npos);
}

TEST_CASE("validate: int8 weights, and the proof that no int32 sum overflows") {
  const auto tensor_of = [](ProgramDescription & d, int operations::Conv2d::*which) -> auto& {
    return d.tensors[static_cast<std::size_t>(
        find<operations::Conv2d>(d).as<operations::Conv2d>()->*which)];
  };
  CHECK(complaint([&](ProgramDescription& d) {
          tensor_of(d, &operations::Conv2d::weight_tensor).bytes[0] = std::byte{0x80};
        }).find("expected int8 weights in [-127, 127], got -128") != std::string::npos);
  // 36 weights of at most 127: a bias up to INT32_MAX - 36 * 127 * 255 is safe whatever they are.
  const auto with_bias = [&](std::int32_t bias) {
    return complaint([&](ProgramDescription& d) {
      for (std::byte& weight : tensor_of(d, &operations::Conv2d::weight_tensor).bytes)
        weight = std::byte{127};
      std::memcpy(tensor_of(d, &operations::Conv2d::bias_tensor).bytes.data(), &bias, sizeof bias);
    });
  };
  constexpr std::int32_t largest = INT32_MAX - 36 * 127 * 255;
  CHECK(with_bias(largest).empty());
  CHECK(with_bias(-largest).empty());
  CHECK(with_bias(largest + 1).find("may overflow its int32 sum") != std::string::npos);
  CHECK(with_bias(INT32_MIN).find("may overflow its int32 sum") != std::string::npos);
  CHECK(complaint([&](ProgramDescription& d) {
          const float infinite = std::numeric_limits<float>::infinity();
          std::memcpy(tensor_of(d, &operations::Conv2d::scale_tensor).bytes.data(), &infinite, 4);
        }).find("finite weight scales") != std::string::npos);
}

TEST_CASE("validate: int8 weights of a float32 layer") {
  const auto complaint_of = [](const std::function<void(operations::Conv2d&)>& how, float scale) {
    Graph<float> graph(3);
    graph.output(relu(conv2d(graph.input({4, 4, 4}), 8, {.kernel = 3})));
    ProgramDescription d = with_int8_weights(compile(graph)).description();
    change<operations::Conv2d>(d, how);
    ProgramTensor& scales = d.tensors.back();
    std::memcpy(scales.bytes.data() + 4, &scale, 4);
    try {
      validate(d);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto same = [](operations::Conv2d&) {};
  CHECK(complaint_of(same, 0.5f) == "");
  CHECK(complaint_of(same, 0).find("finite weight scales above 0, got 0") != std::string::npos);
  CHECK(complaint_of(same, std::nanf("")).find("finite weight scales") != std::string::npos);
  CHECK(complaint_of([](operations::Conv2d& c) { c.scale_tensor = -1; }, 1)
            .find("expected the number of a tensor") != std::string::npos);
  CHECK(complaint_of([](operations::Conv2d& c) { c.scale_tensor = c.bias_tensor; }, 1) !=
        "");  // A bias may be negative or 0.
  // Weights that are float32 have no scales, whatever a file says.
  const std::string unknown = complaint([](ProgramDescription& d) {
    Graph<float> graph(3);
    graph.output(relu(conv2d(graph.input({4, 4, 4}), 8, {.kernel = 3})));
    d = compile(graph).description();
    change<operations::Conv2d>(d, [](operations::Conv2d& c) { c.scale_tensor = 9999; });
  });
  CHECK(unknown.find("expected no weight scales for float32 weights") != std::string::npos);
}
