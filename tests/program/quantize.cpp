// int8 programs: the same bits everywhere, close to float32, loud about what stays float32.
#include "octet/program/quantize.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "interpreter.hpp"
#include "networks.hpp"
#include "octet/program/file.hpp"
#include "octet/quant/equalize.hpp"

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
  CHECK_THROWS_WITH_AS(
      quantize(graph, x, {.keep_float = {"conv2d_9"}}),
      "quantize: expected the name of a layer (conv2d_1, conv2d_2, conv2d_3, add_1, "
      "max_pool_1, global_average_pool_1, linear_1), got \"conv2d_9\"",
      Error);

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

TEST_CASE("calibration wants a float32 program, and takes inputs and values of one number") {
  const Graph<float> graph = doubled_network();
  const Tensor<float> x = networks::images({4, 4, 2}, 4);
  const Program int8 = quantize(graph, x).program;
  CHECK_THROWS_WITH_AS(quantize(int8, batches_of(x)),
                       "calibration: expected a float32 program, but input.int8 is int8", Error);
  Graph<float> graph_of_one(2);
  graph_of_one.output(linear(graph_of_one.input({1}), 3));
  CHECK_NOTHROW(quantize(graph_of_one, networks::images({1}, 4)));
  Graph<float> scalar(2);
  scalar.output(relu(scalar.input({})));
  CHECK_NOTHROW(quantize(scalar, networks::images({}, 4)));
}

TEST_CASE("images with nothing on them, and networks with nothing to quantize") {
  const Graph<float> graph = doubled_network();
  Tensor<float> blank({3, 4, 4, 2}, 0.5f);
  blank[33] = 0.5f;
  CHECK_THROWS_WITH_AS(quantize(graph, blank),
                       "calibration: expected images with something on them, but input has one "
                       "value alone in each image",
                       Error);
  CHECK_THROWS_WITH_AS(quantize(graph, Tensor<float>({1, 4, 4, 2}, 2.0f)),
                       "calibration: expected images with something on them, but input has the "
                       "same value everywhere",
                       Error);
  Tensor<float> one_blank = networks::images({4, 4, 2}, 4);
  std::fill_n(one_blank.data() + 32, 32, 0.25f);
  CHECK(quantize(graph, one_blank).report.warnings ==
        std::vector<std::string>{"1 of 4 images is blank in input: every value is the same"});
  Tensor<float> many = networks::images({4, 4, 2}, 20);
  std::fill_n(many.data() + 32, 32, 0.25f);
  CHECK(quantize(graph, many).report.warnings.empty());

  Graph<float> nothing(1);
  nothing.output(softmax(flatten(nothing.input({2, 2, 2}))));
  CHECK_THROWS_WITH_AS(quantize(nothing, networks::images({2, 2, 2}, 2)),
                       "quantize: expected a layer that can run in int8, got none: softmax_1 "
                       "(softmax has no int8 form)",
                       Error);
}

TEST_CASE("images unlike those of the training are warned of") {
  const Graph<float> graph = doubled_network();
  const auto warnings = [&](double factor, double offset, std::int64_t count) {
    Tensor<float> x = networks::images({4, 4, 2}, count);
    // Uniform in [-1, 1] before: the deviation is 1 / sqrt(3).
    for (float& value : x) value = static_cast<float>(value * std::sqrt(3) * factor + offset);
    return quantize(graph, x, {.trained_on = InputMoments{}}).report.warnings;
  };
  CHECK(warnings(1, 0, 100).empty());
  CHECK(warnings(1, 0.5, 100).empty());
  CHECK(warnings(1, 0.8, 100).size() == 1);
  CHECK(warnings(1, 0.8, 100)[0].find("input has mean 0.") != std::string::npos);
  // Few images may differ by chance.
  CHECK(warnings(1, 0.8, 4).empty());
  CHECK(warnings(0.4, 0, 100).size() == 1);
  CHECK(warnings(2.2, 0, 100).size() == 1);
  CHECK(warnings(127, 127, 100).size() == 2);
}

TEST_CASE("ranges by every method: order, batches and threads change no bit; most are tighter") {
  const networks::Network network = networks::all()[1];
  const Graph<float> graph = networks::make(network);
  const Program program = compile(graph);
  Tensor<float> x = networks::images(network.input, 21);
  // Uniform noise, with an outlier on one image.
  x[7 * network.input.elements() + 5] = 9;
  Tensor<float> turned(x.shape());
  const std::int64_t size = network.input.elements();
  for (std::int64_t n = 0; n < 21; ++n)
    std::copy(x.data() + n * size, x.data() + (n + 1) * size, turned.data() + (20 - n) * size);
  ThreadPool two(2);
  for (std::size_t m = 0; m < range_method_names.size(); ++m) {
    CAPTURE(range_method_names[m]);
    const CalibrationOptions options{.range = static_cast<RangeMethod>(m), .percentile = 99};
    const Calibration first = calibrate(program, batches_of(x, 21), options);
    const Calibration second = calibrate(program, batches_of(turned, 4), options, &two);
    REQUIRE(first.images() == 21);
    REQUIRE(second.images() == 21);
    for (std::size_t i = 0; i < first.size(); ++i) {
      const Range range = first.range(i, options.range, options.percentile);
      CHECK(second.range(i, options.range, options.percentile) == range);
      CHECK(first.curve().back().ranges[i] == range);
      const Range extremes = first[i].histogram.extremes();
      CHECK(range.low >= extremes.low);
      CHECK(range.high <= extremes.high);
    }
    const Range input = first.range(0, options.range, options.percentile);
    if (options.range == RangeMethod::min_max)
      CHECK(input.high == 9);
    else if (options.range != RangeMethod::mean_squared_error)
      CHECK(input.high < 2);
    CHECK(sqnr_db(quantize(graph, x, {.range = options.range, .percentile = 99}).program(x),
                  program(x)) > 15);
  }
  CHECK_THROWS_AS(calibrate(program, batches_of(x), {.range = static_cast<RangeMethod>(9)}), Error);
}

TEST_CASE("the curve of ranges has points at powers of two and says when they settled") {
  const networks::Network network = networks::all()[1];
  const Program program = compile(networks::make(network));
  // The same two images again and again: nothing new after the second one.
  const Tensor<float> pair = networks::images(network.input, 2);
  const std::int64_t size = network.input.elements();
  Tensor<float> x(network.input.with_batch(20));
  for (std::int64_t n = 0; n < 20; ++n)
    std::copy_n(pair.data() + n % 2 * size, size, x.data() + n * size);
  const Calibration calibration = calibrate(program, batches_of(x, 5));
  std::vector<std::int64_t> images;
  for (const CalibrationPoint& point : calibration.curve()) images.push_back(point.images);
  CHECK(images == std::vector<std::int64_t>{1, 2, 4, 8, 16, 20});
  CHECK(calibration.curve()[0].largest_change > 0);
  CHECK(calibration.curve()[0].mean_change > 0);
  CHECK(calibration.curve()[1].largest_change == 0);
  CHECK(calibration.curve()[0].largest_cut > 0);
  CHECK(calibration.curve()[1].largest_cut == 0);
  CHECK(calibration.settled_after(0) == 2);
  CHECK(calibration.settled_after() == 1);
  CHECK(quantize(program, batches_of(x, 3)).report.text().find("the ranges of 1 of them hold") !=
        std::string::npos);
  CHECK(calibrate(program, batches_of(TensorView<const float>(pair).rows(0, 1)))
            .verdict()
            .find("one image does not tell") == 0);

  // The last image is ten times as bright as all others.
  for (std::int64_t i = 19 * size; i < 20 * size; ++i) x[i] *= 10;
  const Calibration moved = calibrate(program, batches_of(x, 5));
  CHECK(moved.settled_after() == 0);
  CHECK(moved.curve()[4].largest_change > 0.5);
  CHECK(moved.curve()[4].largest_cut > 0.02);
  CHECK(quantize(program, batches_of(x))
            .report.text()
            .find("more images may help: the ranges of 8 of these 20 cut off ") !=
        std::string::npos);

  // A single value that is three times the largest widens a range, and is no loss.
  for (std::int64_t i = 19 * size; i < 20 * size; ++i) x[i] /= 10;
  Tensor<float> rare({20 * 64, 8, 8, 4});
  for (std::int64_t n = 0; n < 20 * 64; ++n)
    std::copy_n(pair.data() + n % 2 * size, size, rare.data() + n * size);
  rare[1279 * size] = 3;
  const Calibration outlier = calibrate(program, batches_of(rare, 64));
  CHECK(outlier.curve().back().ranges[0].high == 3);
  CHECK(outlier.curve()[9].largest_change > 0.3);
  CHECK(outlier.settled_after() == 1);
}

TEST_CASE("equalization repairs a network whose channels were badly scaled") {
  Graph<float> graph(5);
  auto x = relu(conv2d(graph.input({8, 8, 3}), 12, {.kernel = 3}));
  graph.output(linear(global_average_pool(relu(conv2d(x, 8, {.kernel = 3}))), 4));
  const auto parameter = [&](const char* node, std::size_t index) -> Tensor<float>& {
    return graph.node(graph.find(node)).layer->parameters()[index]->value;
  };
  const Tensor<float> input = networks::images({8, 8, 3}, 24);
  const auto quality = [&](const Graph<float>& network) {
    return sqnr_db(quantize(network, input).program(input), compile(graph)(input));
  };
  const double before = quality(graph);
  // The same function: channel c of the first layer 2^c times as large, and read as much less.
  for (std::int64_t c = 0; c < 12; ++c) {
    const auto factor = static_cast<float>(std::exp2(c - 6));
    for (std::int64_t k = 0; k < 27; ++k) parameter("conv2d_1", 0)[c * 27 + k] *= factor;
    parameter("conv2d_1", 1)[c] *= factor;
    Tensor<float>& next = parameter("conv2d_2", 0);
    for (std::int64_t k = c; k < next.elements(); k += 12) next[k] /= factor;
  }
  const double spoiled = quality(graph), repaired = quality(equalize(graph));
  CHECK(spoiled < before - 10);
  CHECK(repaired > before - 3);
}

TEST_CASE("bias correction repairs a layer that lost its small weights to a large one") {
  for (const bool depthwise : {false, true}) {
    CAPTURE(depthwise);
    Graph<float> graph(5);
    auto x = graph.input({6, 6, 4});
    x = depthwise ? depthwise_conv2d(x, {.kernel = 3, .padding = 1})
                  : conv2d(x, 4, {.kernel = 3, .padding = 1, .groups = 2});
    graph.output(linear(global_average_pool(x), 3));
    // One weight of 1 for each filter, all others below half a step of 1 / 127.
    Tensor<float>& weight = graph.node(1).layer->parameters()[0]->value;
    for (std::int64_t i = 0; i < weight.elements(); ++i)
      weight[i] = depthwise ? (i < 4 ? 1.0f : 0.0035f) : (i % 18 == 0 ? 1.0f : 0.0035f);
    // Inputs with a mean of 1, so that the small weights matter.
    Tensor<float> input = networks::images({6, 6, 4}, 30);
    for (float& value : input) value = value / 2 + 1;
    const Program exact = compile(graph);
    const auto quality = [&](BiasCorrection correction) {
      return sqnr_db(quantize(graph, input, {.bias_correction = correction}).program(input),
                     exact(input));
    };
    const double plain = quality(BiasCorrection::none);
    const double corrected = quality(BiasCorrection::mean_error);
    CAPTURE(plain);
    CHECK(corrected > plain + 6);
    CHECK(corrected > 35);
  }
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

TEST_CASE("weights and biases that are not finite are refused") {
  const std::vector<float> one = {1}, none = {NAN}, endless = {INFINITY}, scale = {0.1f};
  CHECK_THROWS_AS(quantize_weights(one, none, 1, OutputChannel::first), Error);
  CHECK_THROWS_AS(quantize_weights(one, endless, 1, OutputChannel::first), Error);
  CHECK_THROWS_AS(quantize_weights(none, one, 1, OutputChannel::first, scale), Error);
}

TEST_CASE("weights: per channel, symmetric, and a bias that always fits") {
  const std::vector<float> weight = {1, -2, 0.5f, 0, 0, 0, 1e-12f, 0, 0};
  const std::vector<float> bias = {0.25f, 3, -100};
  const QuantizedWeights q = quantize_weights(weight, bias, 0.02f, OutputChannel::first);
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
  const QuantizedWeights t = quantize_weights(turned, bias, 0.02f, OutputChannel::last);
  CHECK(t.scale == q.scale);
  CHECK(t.weight[3] == -127);
}

TEST_CASE("weights: a reduction too long for int32 gets a coarser scale, and stays int8") {
  const std::int64_t K = 3 * kernels::conv2d_s8_max_depth();
  const std::vector<float> bias = {0.5f, -0.5f};
  std::vector<float> weight(static_cast<std::size_t>(2 * K), 0.25f);
  // Only the first channel is too large: the second has one weight that makes all others small.
  for (std::int64_t k = 0; k < K; ++k) weight[static_cast<std::size_t>(K + k)] = k ? 0.001f : 1.0f;
  const QuantizedWeights q = quantize_weights(weight, bias, 0.02f, OutputChannel::first);
  for (std::int64_t oc = 0; oc < 2; ++oc) {
    std::int64_t magnitude = 0;
    for (std::int64_t k = 0; k < K; ++k)
      magnitude += std::abs(int{q.weight[static_cast<std::size_t>(oc * K + k)]});
    CHECK(magnitude * 255 + std::abs(q.bias[static_cast<std::size_t>(oc)]) <= INT32_MAX);
  }
  CHECK(q.weight[0] == 42);  // a third of 127
  CHECK(q.weight[0] * q.scale[0] == doctest::Approx(0.25).epsilon(0.02));
  CHECK(q.scale[1] == 1.0f / 127);

  Graph<float> graph(1);
  graph.output(linear(graph.input({K}), 2));
  const QuantizedProgram quantized = quantize(graph, networks::images({K}, 2));
  CHECK(quantized.program.operations()[1].element_type == ElementType::s8);
}

// tests/emulated/programs.sh asks for it, and lets other machines compute the same.
TEST_CASE("int8 programs for other machines" * doctest::skip()) {
  int number = 0;
  for (const networks::Network& network : networks::all()) {
    const QuantizedProgram quantized =
        quantize(networks::make(network), networks::images(network.input, 16));
    // What stays float32 is not bound to any bits.
    if (!quantized.report.float_layers().empty()) continue;
    const Tensor<float> x = networks::images(network.input, 5);
    const Tensor<float> y = Program(quantized.program.description(), {.isa = Isa::scalar})(x);
    SafetensorsWriter expected;
    expected.add("x", x);
    expected.add("y", y);
    expected.write(text_of("expected", number, ".safetensors"));
    save_program(quantized.program, text_of("program", number++, ".safetensors"));
  }
  CHECK(number >= 4);
}
