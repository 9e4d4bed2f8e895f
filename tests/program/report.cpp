// The report's figures, against sums that can be checked by hand.
#include "octet/program/report.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "message_of.hpp"
#include "networks.hpp"
#include "octet/program/quantize.hpp"

using namespace octet;

TEST_CASE("report: SQNR is ten times the logarithm of signal to noise, infinite without noise") {
  CHECK(ErrorSums{100, 1, 1, 0}.sqnr_db() == doctest::Approx(20));
  CHECK(std::isinf(ErrorSums{100, 0, 1, 0}.sqnr_db()));
  CHECK(std::isinf(ErrorSums{0, 0, 1, 0}.sqnr_db()));
  for (const double noise : {1e-30, 1.0, 1e60}) {
    const double nothing_but_error = ErrorSums{0, noise, 1, 0}.sqnr_db();
    CHECK(std::isfinite(nothing_but_error));
    CHECK(nothing_but_error < -1000);
  }
}

TEST_CASE("report: ranges, errors and saturation of a layer are those of its outputs") {
  Graph<float> graph(2);
  auto x = graph.input({6, 6, 3});
  graph.output(linear(global_average_pool(relu(conv2d(x, 5, {.kernel = 3}))), 4));
  const Tensor<float> images = networks::images({6, 6, 3}, 20);
  // Half of what the convolution gives lies above this range.
  const QuantizedProgram quantized =
      quantize(graph, images, {.range = RangeMethod::percentile, .percentile = 60});
  const LayerReport& conv = quantized.report.layers.at(0);
  REQUIRE(conv.name == "conv2d_1");
  CHECK(quantized.report.images == 20);
  CHECK(conv.reason.empty());

  // The same from the two programs' own values.
  const Program program = compile(graph);
  std::vector<float> expected;
  Workspace workspace(program, {.batch = 20});
  Tensor<float> result(program.output_shape().with_batch(20));
  const TensorView<const float> inputs[] = {images};
  const TensorView<float> outputs[] = {result};
  program.run_observed(
      inputs, outputs, workspace,
      [&](int operation, int value, const std::byte* data, auto, auto N) {
        if (operation != 0) return;
        const auto* const numbers = reinterpret_cast<const float*>(data);
        expected.assign(numbers, numbers + N * program.description().value(value).shape.elements());
      });
  std::vector<double> got;
  double scale = 0;
  Workspace int8_workspace(quantized.program, {.batch = 20});
  quantized.program.run_observed(
      inputs, outputs, int8_workspace,
      [&](int operation, int value, const std::byte* data, auto, auto) {
        if (quantized.program.description().operations[static_cast<std::size_t>(operation)].name !=
            "conv2d_1")
          return;
        const ProgramValue& info = quantized.program.description().value(value);
        scale = double{info.scale};
        for (std::size_t i = 0; i < expected.size(); ++i)
          got.push_back(scale * (reinterpret_cast<const std::int8_t*>(data)[i] - info.zero_point));
      });
  REQUIRE(got.size() == expected.size());
  double signal = 0, noise = 0, lowest = 0, highest = 0;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double y = double{expected[i]};
    signal += y * y;
    noise += (y - got[i]) * (y - got[i]);
    lowest = (std::min)(lowest, y);
    highest = (std::max)(highest, y);
    cut +=
        y > double{conv.int8_range.high} + scale / 2 || y < double{conv.int8_range.low} - scale / 2;
  }
  CHECK(cut > got.size() / 10);
  CHECK(conv.saturated ==
        doctest::Approx(static_cast<double>(cut) / static_cast<double>(got.size())));
  CHECK(conv.sqnr_db == doctest::Approx(10 * std::log10(signal / noise)).epsilon(1e-4));
  CHECK(double{conv.float_range.low} == doctest::Approx(lowest));
  CHECK(double{conv.float_range.high} == doctest::Approx(highest));
  CHECK(conv.int8_range.high < conv.float_range.high);
}

TEST_CASE("report: only operations of one name are compared, and they have to have one shape") {
  Graph<float> graph(2);
  auto x = graph.input({6, 6, 3});
  graph.output(linear(flatten(relu(conv2d(x, 5, {.kernel = 3}))), 4));
  const Tensor<float> images = networks::images({6, 6, 3}, 9);
  const Program program = compile(graph);
  const Calibration calibration = calibrate(program, batches_of(images));
  const Quantizer quantizer(program.description(), calibration, {});
  const auto reported = [&](const auto& change) {
    ProgramDescription description = Quantizer(program.description(), calibration, {}).run();
    change(description);
    return compare(program, Program(std::move(description)), calibration, quantizer.decisions(),
                   batches_of(images));
  };
  const auto renamed = [](ProgramDescription& description) {
    for (Operation& operation : description.operations)
      if (operation.name == "conv2d_1") operation.name = "another";
  };
  const QuantizationReport report = reported(renamed);
  REQUIRE(report.layers.size() == 1);
  CHECK(report.layers[0].name == "linear_1");
  CHECK(report.layers[0].sqnr_db > 20);
  const auto exchanged = [](ProgramDescription& description) {
    for (Operation& operation : description.operations)
      operation.name = operation.name == "conv2d_1"   ? "linear_1"
                       : operation.name == "linear_1" ? "conv2d_1"
                                                      : operation.name;
  };
  CHECK(message_of([&] { reported(exchanged); }) ==
        "report: conv2d_1: expected [4, 4, 5] from both programs, got [4] from int8");
}

TEST_CASE("report: the table and the JSON say which layers stay float32, and why") {
  Graph<float> graph(2);
  auto x = graph.input({6, 6, 3});
  graph.output(softmax(linear(flatten(relu(conv2d(x, 5, {.kernel = 3}))), 4)));
  const QuantizationReport report = quantize(graph, networks::images({6, 6, 3}, 3)).report;
  CHECK(report.float_layers() == std::vector<std::string>{"softmax_1"});
  const std::string text = report.text();
  CHECK(text.find("2 of 3 layers run in int8; float32: softmax_1") != std::string::npos);
  CHECK(text.find("measured on 3 images") != std::string::npos);
  const Json json = Json::parse(report.json().text());
  CHECK(json["layers"].as_array().size() == 3);
  CHECK(json["layers"].as_array()[2]["float_because"].as_string().size() > 3);
  CHECK(json["int8_bytes"].as_integer() == report.int8_bytes);
  CHECK(report.int8_bytes < report.float_bytes / 2);
}

TEST_CASE("report: equal parts hold every value of a histogram once") {
  Histogram histogram;
  histogram.observe(std::vector<float>{-1, -0.26f, 0, 0, 0.24f, 0.26f, 2.9f, 3});
  const EqualBins bins = equal_bins(histogram, {-1, 3}, 8);
  CHECK(bins.counts == std::vector<std::uint64_t>{1, 1, 4, 0, 0, 0, 0, 2});
  CHECK(equal_bins(histogram, {0, 0}, 2).counts == std::vector<std::uint64_t>{8, 0});
}

TEST_CASE("report: weights on the grid of their channels, by hand") {
  const std::vector<float> weights = {1, -2, 0.5f, 0.25f};
  const std::vector<float> scales = {0.5f, 0.25f};
  const auto check = [](const WeightReport& report, double noise, int most) {
    CHECK(report.range == Range{-2, 1});
    CHECK(report.scale == Range{0.25f, 0.5f});
    CHECK(report.count() == 4);
    CHECK(report.sqnr_db == doctest::Approx(10 * std::log10(5.3125 / noise)));
    CHECK(report.codes[static_cast<std::size_t>(most + 127)] > 0);
  };
  // [OC, 2]: 1, -2 in steps of 1/2, and 1/2, 1/4 in steps of 1/4; one step off in the last.
  check(weight_report(weights, std::vector<std::int8_t>{2, -4, 2, 2}, scales, OutputChannel::first),
        0.0625, -4);
  // [2, OC]: 1, 1/2 in steps of 1/2, and -2, 1/4 in steps of 1/4.
  check(weight_report(weights, std::vector<std::int8_t>{2, -8, 1, 0}, scales, OutputChannel::last),
        0.0625, -8);
  const WeightReport exact =
      weight_report(weights, std::vector<std::int8_t>{2, -4, 2, 1}, scales, OutputChannel::first);
  CHECK(std::isinf(exact.sqnr_db));
  CHECK(exact.codes_in_use() == 3);
  CHECK(weight_report(weights, {}, {}, OutputChannel::first).codes.empty());
}

TEST_CASE("report: histograms hold every output and every weight of a layer") {
  Graph<float> graph(2);
  auto x = graph.input({6, 6, 3});
  x = relu(conv2d(x, 5, {.kernel = 3}));
  graph.output(linear(flatten(depthwise_conv2d(x, {.kernel = 3})), 4));
  const QuantizationReport report =
      quantize(graph, networks::images({6, 6, 3}, 7), {.keep_float = {"linear_1"}}).report;
  REQUIRE(report.layers.size() == 3);
  const std::uint64_t outputs[] = {16 * 5, 4 * 5, 4}, weights[] = {27 * 5, 9 * 5, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    const LayerReport& layer = report.layers[i];
    CAPTURE(layer.name);
    std::uint64_t sum = 0;
    for (const std::uint64_t count : layer.activations.counts) sum += count;
    CHECK(sum == 7 * outputs[i]);
    REQUIRE(layer.weights);
    CHECK(layer.weights->count() == weights[i]);
    if (i == 2) continue;
    // Each channel's largest weight lies at the end of its grid.
    CHECK(layer.weights->codes.front() + layer.weights->codes.back() >= 5);
    CHECK(layer.weights->sqnr_db > 35);
    CHECK(layer.activations.range.low <= layer.float_range.low);
    CHECK(layer.activations.range.high >= layer.int8_range.high);
  }
}
