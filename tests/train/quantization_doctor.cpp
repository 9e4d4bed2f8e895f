// The doctor finds the layer that int8 hurts, and repairs it by what is cheapest.
#include "octet/train/quantization_doctor.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <string>

#include "octet/data/transforms/normalize.hpp"

using namespace octet;

namespace {

constexpr std::int64_t size = 6, classes = 3;

/// Images of noise; their classes come from the network itself, so that float32 is always right.
ImageDataset noise(std::int64_t count) {
  ImageDataset data;
  data.class_names = {"a", "b", "c"};
  std::vector<std::uint8_t> pixels(size * size);
  for (std::int64_t n = 0; n < count; ++n) {
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<std::uint8_t>(
          Random(3).below(static_cast<std::uint64_t>(n) * pixels.size() + i, 256));
    data.add({pixels.data(), size, size, 1}, 0);
  }
  return data;
}

Graph<float> healthy() {
  Graph<float> graph(5);
  auto x = graph.input({size, size, 1});
  x = relu(conv2d(x, 8, {.kernel = 3}));
  x = relu(conv2d(x, 8, {.kernel = 3}));
  graph.output(linear(flatten(x), classes));
  return graph;
}

Tensor<float>& parameter(Graph<float>& graph, const char* node, std::size_t index) {
  return graph.node(graph.find(node)).layer->parameters()[index]->value;
}

struct Patient {
  Graph<float> graph;
  ImageDataset judges = noise(300);
  Pipeline pipeline{normalize({.mean = {0.5f}, .deviation = {0.3f}})};
  Tensor<float> images;

  explicit Patient(Graph<float> network) : graph(std::move(network)) {
    const Evaluation truth = evaluate(graph, judges, pipeline);
    for (std::size_t i = 0; i < judges.labels.size(); ++i) judges.labels[i] = truth.predicted[i];
    Picture picture;
    images = Tensor<float>({64, size, size, 1});
    for (std::int64_t n = 0; n < 64; ++n) {
      pipeline.apply(judges.image(n), Random(0), picture);
      std::copy_n(picture.pixels.data(), size * size, images.data() + n * size * size);
    }
  }
  TreatedProgram treated(DoctorOptions options = {}) const {
    options.quantize.learned_rounding = {.pixels = 512, .batch = 64, .steps = 100};
    return quantize_with_doctor(graph, batches_of(images), judges, pipeline, options);
  }
};

const Treatment* find(const DoctorReport& report, const std::string& name) {
  for (const Treatment& treatment : report.treatments)
    if (treatment.name == name) return &treatment;
  return nullptr;
}

}  // namespace

TEST_CASE("channels of very different size are found, and balanced at no cost") {
  Graph<float> graph = healthy();
  // Channel c of the first layer 4^c times as large, and read as much less.
  for (std::int64_t c = 0; c < 8; ++c) {
    const auto factor = static_cast<float>(std::exp2(2 * c - 7));
    for (std::int64_t k = 0; k < 9; ++k) parameter(graph, "conv2d_1", 0)[c * 9 + k] *= factor;
    parameter(graph, "conv2d_1", 1)[c] *= factor;
    Tensor<float>& next = parameter(graph, "conv2d_2", 0);
    for (std::int64_t k = c; k < next.elements(); k += 8) next[k] /= factor;
  }
  const Patient patient(std::move(graph));
  const TreatedProgram treated = patient.treated();
  const DoctorReport& report = treated.doctor;
  CHECK(report.in_float.correct() == 300);
  REQUIRE(report.layers.size() == 3);
  CHECK(report.layers[0].layer != "linear_1");
  CHECK(report.layers[0].lost() >= report.layers[1].lost());
  CHECK(report.before.correct() < 285);
  const Treatment* const equalization = find(report, "equalization");
  REQUIRE(equalization);
  CHECK(equalization->applied);
  CHECK(equalization->bytes == equalization->bytes_before);
  CHECK(find(report, "equalization, ReLU for ReLU6") == nullptr);
  CHECK(report.after.correct() > report.before.correct() + 10);
  CHECK(treated.quantized.report.float_layers().empty());
  // What is returned is what was judged.
  const Evaluation again = evaluate(treated.quantized.program, patient.judges, patient.pipeline);
  CHECK(again.predicted == report.after.predicted);
}

TEST_CASE("a layer that nothing else helps stays float32, and its price is told") {
  Graph<float> graph = healthy();
  // Differences of large numbers: classes lie within a hundredth of what the last layer gives.
  Tensor<float>& bias = parameter(graph, "linear_1", 1);
  for (float& value : bias) value += 100;
  const Patient patient(std::move(graph));
  const TreatedProgram treated = patient.treated();
  const DoctorReport& report = treated.doctor;
  CHECK(report.layers[0].layer == "linear_1");
  CHECK(report.layers[0].lost() > 20);
  const Treatment* const kept = find(report, "float32: linear_1");
  REQUIRE(kept);
  CHECK(kept->applied);
  CHECK(kept->bytes > kept->bytes_before);
  CHECK(treated.quantized.report.float_layers() == std::vector<std::string>{"linear_1"});
  CHECK(report.after.correct() > 290);
}

TEST_CASE("no rounding is told of a layer that became float32 after it was learned") {
  int both = 0;
  for (const float offset : {20.0f, 60.0f, 200.0f}) {
    CAPTURE(offset);
    Graph<float> graph = healthy();
    Tensor<float>& bias = parameter(graph, "linear_1", 1);
    for (float& value : bias) value += offset;
    const TreatedProgram treated = Patient(std::move(graph)).treated({.significance = 1});
    const Treatment* const learned = find(treated.doctor, "learned rounding");
    REQUIRE(learned);
    const std::vector<std::string> left = treated.quantized.report.float_layers();
    CHECK(treated.quantized.rounding.size() == (learned->applied ? 3 - left.size() : 0));
    for (const LayerRounding& rounding : treated.quantized.rounding)
      CHECK(std::find(left.begin(), left.end(), rounding.layer) == left.end());
    both += learned->applied && !left.empty();
  }
  CHECK(both > 0);
}

TEST_CASE("a doctor keeps what it was given, but for graph and judges") {
  const Patient patient(healthy());
  QuantizationDoctor<float> doctor(patient.graph, batches_of(patient.images), patient.judges,
                                   Pipeline(patient.pipeline),
                                   DoctorOptions{.worst_layers = 0, .significance = 0});
  const DoctorReport report = doctor.run().doctor;
  CHECK(report.in_float.correct() == 300);
  CHECK(find(report, "float32: linear_1") == nullptr);
}

TEST_CASE("a healthy network is left alone where nothing pays, whatever the threads") {
  const Patient patient(healthy());
  ThreadPool one(1), three(3);
  const TreatedProgram first = patient.treated({.significance = 0, .pool = &one});
  const TreatedProgram second = patient.treated({.significance = 0, .pool = &three});
  for (const Treatment& treatment : first.doctor.treatments) CHECK(!treatment.applied);
  CHECK(first.doctor.before.predicted == first.doctor.after.predicted);
  REQUIRE(first.doctor.treatments.size() == second.doctor.treatments.size());
  for (std::size_t i = 0; i < first.doctor.treatments.size(); ++i) {
    CHECK(first.doctor.treatments[i].name == second.doctor.treatments[i].name);
    CHECK(first.doctor.treatments[i].agreement.mid_p ==
          second.doctor.treatments[i].agreement.mid_p);
  }
  CHECK_THROWS_AS(patient.treated({.ranking_images = 0}), Error);
  Graph<float> nothing(1);
  nothing.output(softmax(flatten(nothing.input({1, 1, 3}))));
  CHECK_THROWS_AS(quantize_with_doctor(nothing, batches_of(Tensor<float>({1, 1, 1, 3})),
                                       ImageDataset(), patient.pipeline),
                  Error);
}

TEST_CASE("the interval of a change of accuracy") {
  const Proportion change = accuracy_change(mcnemar(10, 30), 1000);
  CHECK(change.value == doctest::Approx(0.02));
  // 1.96 sqrt(40 - 0.4) / 1000
  CHECK(change.high - change.value == doctest::Approx(0.012334).epsilon(1e-3));
  CHECK(change.value - change.low == doctest::Approx(0.012334).epsilon(1e-3));
}
