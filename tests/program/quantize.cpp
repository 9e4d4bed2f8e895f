// int8 programs: the same bits everywhere, close to float32, loud about what stays float32.
#include "octet/program/quantize.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "interpreter.hpp"
#include "networks.hpp"

using namespace octet;

namespace {

double sqnr_db(const Tensor<float>& got, const Tensor<float>& expected) {
  double signal = 0, noise = 0;
  for (std::int64_t i = 0; i < got.elements(); ++i) {
    signal += double{expected[i]} * double{expected[i]};
    noise += std::pow(double{got[i]} - double{expected[i]}, 2);
  }
  return 10 * std::log10(signal / noise);
}

/// y = 2 x, with an int8 form if one is registered.
class Doubled final : public Layer<float> {
 public:
  std::string_view type() const override { return "doubled"; }
  Shape output_shape(std::span<const Shape> inputs) const override { return inputs[0]; }
  void forward(Inputs<float> inputs, TensorView<float> output, const Pass&) override {
    for (std::int64_t i = 0; i < output.elements(); ++i) output[i] = 2 * inputs[0][i];
  }
  void backward(Inputs<float>, TensorView<const float>, TensorView<const float>,
                InputGradients<float>, const Pass&) override {}
  std::unique_ptr<Layer<float>> clone() const override { return std::make_unique<Doubled>(); }
};

Graph<float> doubled_network() {
  Graph<float> graph(1);
  auto x = graph.input({4, 4, 2});
  x = relu(conv2d(x, 3, {.kernel = 3}));
  x = apply<float>(std::make_unique<Doubled>(), {x});
  graph.output(linear(flatten(x), 2));
  return graph;
}

}  // namespace

TEST_CASE("an int8 program gives the bits of the contract, on every instruction set") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const Tensor<float> x = networks::images(network.input, 7);
    const QuantizedProgram quantized = quantize(graph, x);
    const Tensor<float> result = quantized.program(x);

    // Value by value against plain loops over the formulas of the contract.
    std::vector<TensorView<float>> outputs;
    Tensor<float> again(result.shape());
    outputs.push_back(again);
    const TensorView<const float> input = x;
    Workspace workspace(quantized.program, {.batch = 7});
    const ProgramDescription& description = quantized.program.description();
    Interpreter interpreter(description, x);
    quantized.program.run_observed(
        {&input, 1}, outputs, workspace,
        [&](int operation, int value, const std::byte* data, std::int64_t, std::int64_t N) {
          const ProgramValue& info = description.value(value);
          CAPTURE(description.operations[static_cast<std::size_t>(operation)].name);
          const std::int64_t count = N * info.shape.elements();
          if (info.type == ElementType::s8) {
            const std::vector<std::int8_t>& expected = interpreter.run_int8(operation);
            const auto* const got = reinterpret_cast<const std::int8_t*>(data);
            CHECK(std::equal(got, got + count, expected.begin(), expected.end()));
          } else {
            // What stays float32 is not part of the contract: it is taken as it is.
            const auto* const got = reinterpret_cast<const float*>(data);
            interpreter.accept(operation, {got, got + count});
          }
        });
    CHECK(again == result);

    for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx_vnni, Isa::avx512, Isa::avx512_vnni,
                          Isa::avx512_bf16, Isa::amx}) {
      if (!isa_allowed(isa)) continue;
      CAPTURE(to_text(isa));
      const Program other(quantized.program.description(), {.isa = isa});
      // Float islands may round differently; without any, the bits must be the same.
      if (quantized.report.float_layers().empty()) CHECK(other(x) == result);
    }
    for (const int threads : {1, 3})
      for (const std::int64_t batch : {1, 3, 7, 10}) {
        CAPTURE(threads);
        CAPTURE(batch);
        ThreadPool pool(threads);
        Workspace pieces(quantized.program, {.batch = batch, .pool = &pool});
        CHECK(quantized.program.predict(x, pieces) == result);
      }
  }
}

TEST_CASE("int8 stays close to float32") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const Tensor<float> x = networks::images(network.input, 40);
    const QuantizedProgram quantized = quantize(graph, x, {.range = RangeMethod::min_max});
    // 8 bits of a uniform signal are 50 dB; the layers' noise adds up.
    CHECK(sqnr_db(quantized.program(x), compile(graph)(x)) > 22);
    for (const LayerReport& layer : quantized.report.layers) {
      CAPTURE(layer.name);
      CHECK(layer.sqnr_db > 18);
      CHECK(layer.saturated == 0);
    }
  }
}

TEST_CASE("everything that has an int8 form runs in int8; the rest is named with its reason") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const QuantizedProgram quantized = quantize(graph, networks::images(network.input, 4));
    const std::vector<std::string> left = quantized.report.float_layers();
    if (network.name == "activations") {
      CHECK(left == std::vector<std::string>{"softmax_1"});
    } else if (network.name == "lonely batch norm and adaptive windows") {
      CHECK(left == std::vector<std::string>{"adaptive_max_pool_1"});
    } else {
      CHECK(left.empty());
    }
    CHECK(quantized.report.text().find("layers run in int8") != std::string::npos);
    CHECK(Json::parse(quantized.report.json().text())["layers"].as_array().size() ==
          quantized.report.layers.size());
  }
}

TEST_CASE("layers can be kept in float32, and get ranges of their own") {
  const networks::Network network = networks::all()[1];
  const Graph<float> graph = networks::make(network);
  const Tensor<float> x = networks::images(network.input, 8);
  const QuantizedProgram kept = quantize(graph, x, {.keep_float = {"conv2d_2", "linear_1"}});
  CHECK(kept.report.float_layers() == std::vector<std::string>{"conv2d_2", "linear_1"});
  CHECK(kept.report.text().find("kept on request") != std::string::npos);
  CHECK_THROWS_WITH_AS(quantize(graph, x, {.keep_float = {"conv2d_9"}}),
                       "quantize: expected the name of a layer, got \"conv2d_9\"", Error);

  const auto highest = [&](const QuantizeOptions& options) {
    return quantize(graph, x, options).report.layers[0].int8_range.high;
  };
  const float all = highest({.range = RangeMethod::min_max});
  const float most = highest({.range = RangeMethod::percentile, .percentile = 90});
  CHECK(most < all);
  CHECK(highest({.range = RangeMethod::percentile,
                 .percentile = 90,
                 .layer_ranges = {{"conv2d_1", RangeMethod::min_max}}}) == all);
}

TEST_CASE("a layer of one's own survives as a float island, or runs in int8 if it has a form") {
  const Graph<float> graph = doubled_network();
  const Tensor<float> x = networks::images({4, 4, 2}, 6);
  const QuantizedProgram island = quantize(graph, x);
  CHECK(island.report.float_layers() == std::vector<std::string>{"doubled_1"});
  CHECK(island.program.custom_layers() == std::vector<std::string>{"doubled_1"});
  CHECK(sqnr_db(island.program(x), compile(graph)(x)) > 25);

  register_int8_form("doubled", [](Layer<float>&) -> CustomLayer::RunS8 {
    return [](std::span<const CustomLayer::S8Tensor> inputs, const CustomLayer::S8Tensor& output,
              ThreadPool*) {
      for (std::int64_t i = 0; i < output.shape.elements(); ++i)
        output.data[i] = quantize_value(
            2 * dequantize_value(inputs[0].data[i], {inputs[0].scale, inputs[0].zero_point}),
            {output.scale, output.zero_point});
    };
  });
  const QuantizedProgram whole = quantize(graph, x);
  CHECK(whole.report.float_layers().empty());
  CHECK(sqnr_db(whole.program(x), compile(graph)(x)) > 25);
}

TEST_CASE("bad calibration is refused with a sentence") {
  const Graph<float> graph = doubled_network();
  CHECK_THROWS_WITH_AS(quantize(graph, BatchSource([](const BatchVisitor&) {})),
                       "calibration: expected at least one image, got none", Error);
  Tensor<float> x = networks::images({4, 4, 2}, 2);
  x[5] = std::nanf("");
  CHECK_THROWS_WITH_AS(
      quantize(graph, x),
      "calibration: expected finite activations, but input computed 1 infinities or NaNs", Error);
  CHECK_THROWS_AS(quantize(graph, Tensor<float>({2, 4, 4, 3})), Error);
  CHECK_THROWS_WITH_AS(quantize(graph, networks::images({4, 4, 2}, 2),
                                {.range = RangeMethod::percentile, .percentile = 0}),
                       "calibration: expected a percentile above 0 and up to 100, got 0", Error);
}

TEST_CASE("the order of the images and the size of the batches change no bit") {
  const networks::Network network = networks::all()[3];
  const Graph<float> graph = networks::make(network);
  const Tensor<float> x = networks::images(network.input, 11);
  Tensor<float> turned(x.shape());
  const std::int64_t size = network.input.elements();
  for (std::int64_t n = 0; n < 11; ++n)
    std::copy(x.data() + n * size, x.data() + (n + 1) * size, turned.data() + (10 - n) * size);
  const Tensor<float> expected = quantize(graph, batches_of(x, 11)).program(x);
  CHECK(quantize(graph, batches_of(turned, 3)).program(x) == expected);
  ThreadPool pool(2);
  CHECK(quantize(graph, batches_of(turned, 4), {}, &pool).program(x) == expected);
}

TEST_CASE("weights: per channel, symmetric, and a bias that always fits") {
  const std::vector<float> weight = {1, -2, 0.5f, 0, 0, 0, 1e-12f, 0, 0};
  const std::vector<float> bias = {0.25f, 3, -100};
  const QuantizedWeights q = quantize_weights(weight, bias, 0.02f, false);
  CHECK(q.scale[0] == 2.0f / 127);
  CHECK(q.weight[0] == 64);  // 63.5 goes to the even neighbour
  CHECK(q.weight[1] == -127);
  CHECK(q.weight[2] == 32);  // 31.75
  for (std::size_t oc = 0; oc < 3; ++oc) {
    CHECK(std::abs(q.bias[oc]) <= 1 << 29);
    CHECK(q.bias[oc] * (0.02f * double{q.scale[oc]}) == doctest::Approx(bias[oc]).epsilon(1e-3));
  }
  // The same weights, channel last.
  const std::vector<float> turned = {1, 0, 1e-12f, -2, 0, 0, 0.5f, 0, 0};
  const QuantizedWeights t = quantize_weights(turned, bias, 0.02f, true);
  CHECK(t.scale == q.scale);
  CHECK(t.weight[3] == -127);
}
