// Quantization-aware training: what it simulates is what int8 computes.
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <functional>

#include "networks.hpp"
#include "nn/layer_alone.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/data/synthetic_faces.hpp"
#include "octet/data/transforms/normalize.hpp"
#include "octet/optim/adam.hpp"
#include "octet/program/insert_fake_quantize.hpp"
#include "octet/program/quantize.hpp"
#include "octet/train/evaluate_program.hpp"
#include "octet/train/fit.hpp"
#include "temporary_folder.hpp"

using namespace octet;

namespace {

using V = Value<float>;

/// A few steps of training towards outputs of -1 and 1, which move weights, statistics and ranges.
void train(const Graph<float>& graph, const Shape& input, int steps) {
  Executor<float> executor(graph);
  Optimizer<float> optimizer = adam<float>();
  for (int step = 0; step < steps; ++step) {
    const Tensor<float> x = networks::images(input, 6, static_cast<std::uint64_t>(step) + 100);
    executor.forward(x, Mode::training, static_cast<std::uint64_t>(step));
    const TensorView<const float> y = executor.output();
    for (std::int64_t i = 0; i < y.elements(); ++i)
      executor.output_gradient()[i] = y[i] - (i % 2 ? 1.0f : -1.0f);
    executor.backward();
    optimizer.step(graph.parameters(), {1e-3});
    graph.zero_gradients();
  }
}

Tensor<float> inference(const Graph<float>& graph, const Tensor<float>& x) {
  Executor<float> executor(graph, {.mode = Mode::inference});
  executor.forward(x, Mode::inference);
  Tensor<float> y(executor.output().shape());
  std::copy(executor.output().begin(), executor.output().end(), y.begin());
  return y;
}

double signal_to_noise(const Tensor<float>& expected, const Tensor<float>& y) {
  double signal = 0, noise = 0;
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    signal += std::pow(double{expected[i]}, 2);
    noise += std::pow(double{y[i]} - double{expected[i]}, 2);
  }
  return signal / noise;
}

std::vector<std::string> names_of(const Graph<float>& graph, std::string_view type) {
  std::vector<std::string> names;
  for (const Node<float>& node : graph.nodes())
    if (node.layer && node.layer->type() == type) names.push_back(node.name);
  return names;
}

}  // namespace

TEST_CASE("the graph in inference and its int8 program compute the same bits") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    for (const QuantizationScale scale :
         {QuantizationScale::observed, QuantizationScale::learned}) {
      const bool learned = scale == QuantizationScale::learned;
      CAPTURE(learned);
      const Graph<float> graph = insert_fake_quantize(
          networks::make(network),
          {.observer = learned ? RangeObserver::moving_average : RangeObserver::min_max,
           .activation_scale = scale,
           .weight_scale = scale,
           .schedule = {.quantize_from = 2, .freeze_batch_norm_from = 0}});
      train(graph, network.input, 6);
      const Program program = quantize(graph);
      const Tensor<float> x = networks::images(network.input, 9);
      CHECK(inference(graph, x) == program(x));
      // What was learned is worth something: int8 is close to float32 with the same weights.
      const Tensor<float> y = program(x), expected = compile(remove_fake_quantize(graph))(x);
      CHECK(signal_to_noise(expected, y) > 50);
    }
  }
}

TEST_CASE("the same bits where values are scaled, padded or kept in float32 on their way") {
  struct Case {
    std::string name;
    std::function<V(V)> build;
    std::vector<std::string> keep_float = {};
  };
  const Case cases[] = {
      {"a factor before its image",
       [](V x) {
         x = relu(conv2d(x, 8, {.kernel = 3, .padding = 1}));
         return linear(flatten(multiply(sigmoid(linear(global_average_pool(x), 8)), x)), 3);
       }},
      {"a pad with a value beyond all others",
       [](V x) {
         x = pad(relu(conv2d(x, 8, {.kernel = 3})), {.padding = 1, .value = 50});
         return linear(flatten(conv2d(x, 4, {.kernel = 3})), 3);
       }},
      {"pooling in float32",
       [](V x) {
         x = max_pool(conv2d(x, 8, {.kernel = 3}), {.kernel = 2});
         return linear(flatten(conv2d(x, 4, {.kernel = 1})), 3);
       },
       {"max_pool_1"}},
      {"dropout between float32 layers, beside int8",
       [](V x) {
         x = relu(conv2d(x, 8, {.kernel = 3, .padding = 1}));
         V y = conv2d(dropout(x, {.probability = 0.25}), 4, {.kernel = 3});
         return linear(flatten(y + conv2d(x, 4, {.kernel = 3})), 3);
       },
       {"conv2d_1", "conv2d_2"}},
      {"dropout between float32 and int8",
       [](V x) {
         x = dropout(relu(conv2d(x, 8, {.kernel = 3, .padding = 1})), {.probability = 0.25});
         return linear(flatten(conv2d(x, 4, {.kernel = 3})), 3);
       },
       {"conv2d_1"}}};
  for (const Case& each : cases) {
    CAPTURE(each.name);
    Graph<float> net(7);
    net.output(each.build(net.input({6, 6, 3})));
    const Graph<float> aware = insert_fake_quantize(net, {.keep_float = each.keep_float});
    train(aware, {6, 6, 3}, 6);
    const Program program = quantize(aware);
    const Tensor<float> x = networks::images({6, 6, 3}, 9);
    CHECK(inference(aware, x) == program(x));
    const Tensor<float> y = program(x), expected = compile(remove_fake_quantize(aware))(x);
    CHECK(signal_to_noise(expected, y) > 20);
  }
}

TEST_CASE("fake quantization stands where the int8 program quantizes") {
  const auto nodes = [](std::size_t network) {
    return names_of(insert_fake_quantize(networks::make(networks::all()[network])),
                    "fake_quantize");
  };
  // Both inputs of the sum and the sum; nothing between a convolution and what is fused into it.
  CHECK(nodes(1) == std::vector<std::string>{
                        "input.fake_quantize", "conv2d_1.fake_quantize", "conv2d_2.fake_quantize",
                        "conv2d_3.fake_quantize", "add_1.fake_quantize",
                        "global_average_pool_1.fake_quantize", "linear_1.fake_quantize"});
  // The inputs of a concat share its scale, but for the image, which others read too.
  const std::vector<std::string> joined = nodes(4);
  CHECK(std::count(joined.begin(), joined.end(), "concat_1.fake_quantize") == 1);
  CHECK(std::count(joined.begin(), joined.end(), "conv2d_1.fake_quantize") == 0);
  CHECK(std::count(joined.begin(), joined.end(), "input.fake_quantize") == 1);
}

TEST_CASE("removing fake quantization gives the network back; a fresh graph computes as before") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> before = networks::make(network);
    const Graph<float> aware = insert_fake_quantize(before);
    CHECK(is_quantization_aware(aware));
    CHECK(!is_quantization_aware(before));
    const Graph<float> after = remove_fake_quantize(aware);
    CHECK(describe(after).text() == describe(before).text());
    const Tensor<float> x = networks::images(network.input, 3);
    CHECK(inference(after, x) == inference(before, x));
    const Tensor<float> y = inference(aware, x), expected = inference(before, x);
    for (std::int64_t i = 0; i < y.elements(); ++i)
      CHECK(y[i] == doctest::Approx(expected[i]).epsilon(1e-4));
  }
}

TEST_CASE("layers kept in float32 stay as they are, and a saved graph goes on") {
  const networks::Network network = networks::all()[1];
  const Graph<float> graph =
      insert_fake_quantize(networks::make(network), {.keep_float = {"conv2d_2", "linear_1"}});
  CHECK(graph.node(graph.find("conv2d_2")).layer->type() == "conv2d");
  CHECK(graph.node(graph.find("conv2d_1")).layer->type() == "quantization_aware");
  CHECK(graph.find("linear_1.fake_quantize") < 0);
  train(graph, network.input, 3);
  const Program program = quantize(graph);
  int in_float = 0;
  for (const OperationInfo& info : program.operations())
    in_float += info.type == "conv2d" && info.element_type == ElementType::f32;
  CHECK(in_float == 2);

  const TemporaryFolder folder;
  const std::string path = folder.path("aware.safetensors");
  save_graph(graph, path);
  const LoadedGraph<float> loaded = load_graph<float>(path);
  const Tensor<float> x = networks::images(network.input, 5);
  CHECK(inference(loaded.graph, x) == inference(graph, x));
  CHECK(quantize(loaded.graph)(x) == program(x));
  train(graph, network.input, 2);
  train(loaded.graph, network.input, 2);
  CHECK(inference(loaded.graph, x) == inference(graph, x));
}

TEST_CASE("training computes the folded convolution with quantized weights") {
  Graph<float> net(3);
  net.output(relu6(batch_norm(conv2d(net.input({6, 6, 3}), 4, {.kernel = 3}))));
  const Graph<float> aware = insert_fake_quantize(net);
  Executor<float> executor(aware);
  const Tensor<float> x = networks::images({6, 6, 3}, 5);
  executor.forward(x, Mode::training);
  executor.forward(x, Mode::training);

  // By hand: quantized input, folded weights with the batch's statistics, quantized by the
  // converter's functions.
  auto& conv = static_cast<Conv2d<float>&>(*net.node(net.find("conv2d_1")).layer);
  const Tensor<float>& w = conv.weight().value;
  const auto quantizer = [&](const char* name) -> const FakeQuantize<float>& {
    return static_cast<const FakeQuantize<float>&>(*aware.node(aware.find(name)).layer);
  };
  const QuantizationParameters in = quantizer("input.fake_quantize").quantization();
  const QuantizationParameters out = quantizer("conv2d_1.fake_quantize").quantization();
  Conv2d<double> exact(3, 4, {.kernel = 3});
  Tensor<double> xq({5, 6, 6, 3});
  for (std::int64_t i = 0; i < x.elements(); ++i)
    xq[i] = double{dequantize_value(quantize_value(x[i], in), in)};
  // First without folding: what the batch norm sees, for its statistics.
  for (std::int64_t c = 0; c < 4; ++c) {
    float largest = 0;
    for (std::int64_t k = 0; k < 27; ++k) largest = (std::max)(largest, std::abs(w[c * 27 + k]));
    const float scale = symmetric_scale(largest);
    for (std::int64_t k = 0; k < 27; ++k)
      exact.weight().value[c * 27 + k] = quantize_weight(w[c * 27 + k], scale) * double{scale};
  }
  const Tensor<double> seen = forward<double>(exact, {xq});
  std::vector<double> factor, shift;
  for (std::int64_t c = 0; c < 4; ++c) {
    double mean = 0, square = 0;
    for (std::int64_t i = 0; i < 80; ++i) {
      mean += seen[i * 4 + c] / 80;
      square += seen[i * 4 + c] * seen[i * 4 + c] / 80;
    }
    factor.push_back(1 / std::sqrt(square - mean * mean + 1e-5));
    shift.push_back(-mean * factor.back());
  }
  for (std::int64_t c = 0; c < 4; ++c) {
    const auto f = static_cast<float>(factor[static_cast<std::size_t>(c)]);
    float largest = 0;
    for (std::int64_t k = 0; k < 27; ++k)
      largest = (std::max)(largest, std::abs(w[c * 27 + k] * f));
    const float scale = symmetric_scale(largest);
    for (std::int64_t k = 0; k < 27; ++k)
      exact.weight().value[c * 27 + k] = quantize_weight(w[c * 27 + k] * f, scale) * double{scale};
    exact.bias()->value[c] = shift[static_cast<std::size_t>(c)];
  }
  const Tensor<double> folded = forward<double>(exact, {xq});
  const TensorView<const float> y = executor.output();
  for (std::int64_t i = 0; i < folded.elements(); ++i) {
    const auto clamped = static_cast<float>((std::clamp)(folded[i], 0.0, 6.0));
    const float expected = dequantize_value(quantize_value(clamped, out), out);
    // Float sums may fall on the other side of a tie.
    CHECK(std::abs(y[i] - expected) <= out.scale * 1.01f);
    if (std::abs(std::remainder(clamped / out.scale, 1.0f)) < 0.49f)
      CHECK(y[i] == doctest::Approx(expected).epsilon(1e-6));
  }
}

/// Has weights like a linear layer, and a forward pass that ends in the middle.
class Failing final : public Layer<float> {
 public:
  std::string_view type() const override { return "linear"; }
  Shape output_shape(std::span<const Shape>) const override { return {2}; }
  void forward(Inputs<float>, TensorView<float>, const Pass&) override { fail("no memory"); }
  void backward(Inputs<float>, TensorView<const float>, TensorView<const float>,
                InputGradients<float>, const Pass&) override {}
  std::vector<Parameter<float>*> parameters() override { return {&weight_}; }
  std::unique_ptr<Layer<float>> clone() const override { return std::make_unique<Failing>(*this); }

 private:
  Parameter<float> weight_{"weight", ParameterKind::weight, {2, 3}};
};

TEST_CASE("a layer that fails has its own weights again") {
  Graph<float> net(1);
  net.output(apply<float>(std::make_unique<QuantizationAware<float>>(std::make_unique<Failing>(),
                                                                     QuantizationAwareOptions{}),
                          {net.input({3})}));
  Tensor<float>& weight = net.parameters()[0]->value;
  for (std::int64_t i = 0; i < 6; ++i) weight[i] = 0.37f * static_cast<float>(i);
  const Tensor<float> before = weight;
  Executor<float> executor(net);
  CHECK_THROWS_WITH_AS(executor.forward(networks::images({3}, 2), Mode::training), "no memory",
                       Error);
  CHECK(weight == before);
}

TEST_CASE("gradients pass straight through the quantized weights") {
  // Where nothing is quantized yet, everything is as in the layer itself.
  Conv2d<double> conv(2, 3, {.kernel = 2});
  const auto result = check_gradient<double>(
      QuantizationAware<double>(conv.clone(), {.quantize_from = 1000}), {{4, 4, 2}});
  CHECK_MESSAGE(result.passed(), result.text());

  // Afterwards gradients are those of a layer that has the quantized weights.
  const Pass training{.mode = Mode::training};
  conv.initialize(Random(1));
  QuantizationAware<double> aware(conv.clone(), {});
  const std::vector<Tensor<double>> x = {random_tensor<double>({2, 4, 4, 2}, 1)};
  const Tensor<double> y = forward<double>(aware, x, training);
  const Tensor<double> dy = random_tensor<double>(y.shape(), 2);
  const Tensor<double> before = aware.parameters()[0]->value;
  const Tensor<double> dx = backward<double>(aware, x, y, dy, training)[0];
  CHECK(aware.parameters()[0]->value == before);
  for (std::int64_t c = 0; c < 3; ++c) {
    double largest = 0;
    for (std::int64_t k = 0; k < 8; ++k) largest = (std::max)(largest, std::abs(before[c * 8 + k]));
    const float scale = symmetric_scale(static_cast<float>(largest));
    for (std::int64_t k = 0; k < 8; ++k)
      conv.weight().value[c * 8 + k] =
          double{FakeQuantized(static_cast<float>(before[c * 8 + k]), scale, 0, {-127, 127}).value};
  }
  CHECK(!(conv.weight().value == before));
  CHECK(forward<double>(conv, x, training) == y);
  CHECK(backward<double>(conv, x, y, dy, training)[0] == dx);
  CHECK(conv.weight().gradient == aware.parameters()[0]->gradient);

  // Learned scales: those weights that are cut off get no gradient, their scale does.
  QuantizationAware<double> learning(conv.clone(), {.weight_scale = QuantizationScale::learned});
  forward<double>(learning, x, training);
  Parameter<double>& weight = *learning.parameters()[0];
  Parameter<double>& scale = *learning.parameters().back();
  REQUIRE(scale.name == "weight_scale");
  scale.value[1] /= 4;
  weight.gradient.fill(1);
  const Tensor<double> z = forward<double>(learning, x, training);
  backward<double>(learning, x, z, dy, training);
  int cut = 0;
  for (std::int64_t i = 0; i < weight.value.elements(); ++i) {
    const bool inside = std::abs(weight.value[i]) <= 127.4 * scale.value[i / 8];
    CHECK((weight.gradient[i] == 1) == !inside);
    cut += !inside;
  }
  CHECK(cut > 0);
  CHECK(scale.gradient[1] != 0);

  // One that a step took below zero comes back to where forward uses it: all is cut off.
  scale.value[1] = -0.01;
  weight.gradient.fill(1);
  scale.gradient.fill(0);
  const Tensor<double> dead = forward<double>(learning, x, training);
  backward<double>(learning, x, dead, dy, training);
  CHECK(scale.value[1] > 0);
  for (std::int64_t k = 0; k < 8; ++k) CHECK(weight.gradient[8 + k] == 1);
  CHECK(scale.gradient[1] != 0);
}

TEST_CASE("the schedule: observe, quantize, freeze the statistics") {
  const networks::Network network = networks::all()[1];
  const Graph<float> graph = insert_fake_quantize(
      networks::make(network),
      {.schedule = {.quantize_from = 2, .freeze_observers_from = 4, .freeze_batch_norm_from = 5}});
  const auto& quantizer = static_cast<const FakeQuantize<float>&>(
      *graph.node(graph.find("conv2d_1.fake_quantize")).layer);
  const auto& norm =
      static_cast<const AbsorbedBatchNorm<float>&>(*graph.node(graph.find("batch_norm_1")).layer);
  const auto state = [&] {
    return std::pair(quantizer.range(), norm.batch_norm()->running_mean());
  };
  CHECK_THROWS_WITH_AS(quantize(graph),
                       "fake_quantize: expected at least one step of training, which observes the "
                       "range",
                       Error);
  train(graph, network.input, 3);
  const auto early = state();
  train(graph, network.input, 1);
  const auto observed = state();
  CHECK(!(observed.first == early.first));
  train(graph, network.input, 1);
  const auto frozen = state();
  CHECK(frozen.first == observed.first);
  CHECK(!(frozen.second == observed.second));
  train(graph, network.input, 2);
  CHECK(state() == frozen);
  const Tensor<float> x = networks::images(network.input, 5);
  CHECK(inference(graph, x) == quantize(graph)(x));
  const QuantizationSchedule schedule = QuantizationSchedule::fine_tuning(300);
  CHECK(schedule.quantize_from == 15);
  CHECK(schedule.freeze_observers_from == 150);
  CHECK(schedule.freeze_batch_norm_from == 200);
  CHECK(QuantizationSchedule::from_scratch(300).quantize_from == 60);
  CHECK(QuantizationSchedule::from_scratch(300).freeze_observers_from == 270);
}

TEST_CASE("the schedule freezes batch norms that nothing absorbs, too, in int8 and in float32") {
  for (const bool in_int8 : {true, false}) {
    Graph<float> net(1);
    V x = net.input({6, 6, 2});
    const V a = relu(conv2d(x, 4, {.padding = 1}).named("before"));
    net.output(
        linear(flatten(relu(batch_norm(a + conv2d(a, 4, {.padding = 1})).named("norm"))), 2));
    QuantizationAwareTraining options{.schedule = {.freeze_batch_norm_from = 2}};
    if (!in_int8) options.keep_float = {"norm"};
    const Graph<float> graph = insert_fake_quantize(net, options);
    const auto mean = [&] {
      Layer<float>& layer = *graph.node(graph.find("norm")).layer;
      return *find_tensor(layer, "running_mean");
    };
    const Tensor<float> before = mean();
    train(graph, {6, 6, 2}, 2);
    const Tensor<float> frozen = mean();
    CHECK(!(frozen == before));
    train(graph, {6, 6, 2}, 2);
    CHECK(mean() == frozen);
    const Tensor<float> images = networks::images({6, 6, 2}, 5);
    CHECK(inference(graph, images) == quantize(graph)(images));
    const TemporaryFolder folder;
    save_graph(graph, folder.path("aware.safetensors"));
    CHECK(inference(load_graph<float>(folder.path("aware.safetensors")).graph, images) ==
          inference(graph, images));
  }
}

TEST_CASE("fit trains it unchanged: its accuracy is the program's, and it resumes bit for bit") {
  const Splits faces = synthetic_face_splits(160, 0, 80, {.H = 16, .W = 16});
  const Pipeline prepare{normalize(channel_statistics(faces.train))};
  Loader loader(faces.train, prepare, {.batch = 20, .seed = 1});
  const auto network = [] {
    Graph<float> net(1);
    auto x = net.input({16, 16, 1});
    x = relu(batch_norm(conv2d(x, 8, {.kernel = 3, .stride = 2, .bias = Bias::none})));
    x = relu(x + batch_norm(conv2d(x, 8, {.kernel = 3, .padding = 1})));
    x = relu6(batch_norm(depthwise_conv2d(x, {.kernel = 3})));
    net.output(linear(dropout(global_average_pool(x)), 7));
    return net;
  };
  const QuantizationAwareTraining aware{.activation_scale = QuantizationScale::learned,
                                        .weight_scale = QuantizationScale::learned,
                                        .schedule = QuantizationSchedule::fine_tuning(24)};
  const auto options = [&](const std::string& folder) {
    FitOptions<float> options;
    options.epochs = 3;
    options.schedule = constant_rate(3e-3);
    options.folder = folder;
    options.validation = &faces.test;
    options.validation_pipeline = prepare;
    return options;
  };
  const TemporaryFolder whole, parts;

  // From scratch.
  const Graph<float> graph = insert_fake_quantize(network(), aware);
  Optimizer<float> optimizer = adam<float>();
  const FitResult result = fit(graph, loader, optimizer, options(whole.path()));

  const Program program = quantize(graph);
  const Evaluation simulated = evaluate(graph, faces.test, prepare);
  const Evaluation real = evaluate(program, faces.test, prepare);
  CHECK(simulated.predicted == real.predicted);
  CHECK(simulated.loss == real.loss);
  CHECK(result.state.history.epochs.back().validation_accuracy == real.accuracy().value);

  // Interrupted in the middle of the second epoch, after the first quantized steps.
  const Graph<float> first = insert_fake_quantize(network(), aware);
  Optimizer<float> first_optimizer = adam<float>();
  FitOptions<float> stopping = options(parts.path());
  int steps = 0;
  stopping.stop = [&] { return ++steps == 11; };
  CHECK(fit(first, loader, first_optimizer, stopping).outcome == FitOutcome::interrupted);
  const Graph<float> second = insert_fake_quantize(network(), aware);
  Optimizer<float> second_optimizer = adam<float>();
  FitOptions<float> resuming = options(parts.path());
  resuming.start = Start::resume;
  fit(second, loader, second_optimizer, resuming);
  const auto same = [](const Graph<float>& a, const Graph<float>& b) {
    std::vector<Tensor<float>> tensors;
    a.for_each_tensor([&](const std::string&, const Tensor<float>& t) { tensors.push_back(t); });
    std::size_t next = 0;
    b.for_each_tensor(
        [&](const std::string&, const Tensor<float>& t) { CHECK(tensors.at(next++) == t); });
    CHECK(next == tensors.size());
  };
  same(second, graph);

  // From a float checkpoint: the quantized network begins where the other one ended.
  const Graph<float> trained = remove_fake_quantize(graph);
  const Graph<float> again = insert_fake_quantize(trained);
  const Evaluation before = evaluate(trained, faces.test, prepare);
  const Evaluation begun = evaluate(again, faces.test, prepare);
  CHECK(begun.loss == doctest::Approx(before.loss).epsilon(1e-4));
  // Threads change nothing.
  ThreadPool one(1), three(3);
  const Graph<float> alone = insert_fake_quantize(trained), shared = insert_fake_quantize(trained);
  for (const auto& [net, pool] : {std::pair(&alone, &one), std::pair(&shared, &three)}) {
    Optimizer<float> own = adam<float>();
    FitOptions<float> brief;
    brief.schedule = constant_rate(1e-3);
    brief.pool = pool;
    fit(*net, loader, own, brief);
  }
  same(alone, shared);
}

TEST_CASE("names in a file that lead elsewhere get a sentence") {
  const auto complaint_of = [](QuantizationAwareOptions options, bool runs) {
    Graph<float> graph(1);
    Value<float> x = relu(graph.input({3}));
    x = graph.add(std::make_unique<FakeQuantize<float>>(), {&x, 1}, Parameters::keep);
    const Linear<float> layer(3, 4);
    x = graph.add(std::make_unique<QuantizationAware<float>>(layer.clone(), std::move(options)),
                  {&x, 1}, Parameters::draw);
    graph.output(x);
    try {
      if (runs)
        inference(graph, networks::images({3}, 2));
      else
        quantize(graph);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(complaint_of({.batch_norm = "relu_1"}, false) ==
        "quantization_aware: expected a node \"relu_1\" of the type absorbed_batch_norm");
  CHECK(complaint_of({.batch_norm = "nobody"}, true) ==
        "quantization_aware: expected a node \"nobody\" of the type absorbed_batch_norm");
  CHECK(complaint_of({.input_quantizers = {"relu_1"}}, true) ==
        "quantization_aware: expected a node \"relu_1\" of the type fake_quantize");
  CHECK(complaint_of({}, true) ==
        "quantization_aware: expected the names of 1 input quantizers and of an output quantizer");
}

TEST_CASE("what cannot be made quantization-aware") {
  Graph<float> nothing(1);
  nothing.output(softmax(flatten(nothing.input({2, 2, 2}))));
  CHECK_THROWS_WITH_AS(insert_fake_quantize(nothing),
                       "quantize: expected a layer that can run in int8, got none: softmax_1 "
                       "(softmax has no int8 form)",
                       Error);
  const Graph<float> graph = networks::make(networks::all()[0]);
  CHECK_THROWS_WITH_AS(insert_fake_quantize(insert_fake_quantize(graph)),
                       "insert_fake_quantize: expected a graph without fake-quantize nodes", Error);
  CHECK_THROWS_AS(insert_fake_quantize(graph, {.keep_float = {"conv2d_9"}}), Error);
  CHECK_THROWS_AS(quantize(graph), Error);
  CHECK_THROWS_WITH_AS(compile(insert_fake_quantize(graph)),
                       "compile: conv2d_1: expected a network without fake quantization; "
                       "quantize(graph) makes the program of one that was trained with it",
                       Error);
  Graph<float> nothing_inside(1);
  nothing_inside.output(
      apply<float>(std::make_unique<QuantizationAware<float>>(std::make_unique<Dropout<float>>(),
                                                              QuantizationAwareOptions{}),
                   {nothing_inside.input({3})}));
  CHECK_THROWS_WITH_AS(
      inference(nothing_inside, networks::images({3}, 2)),
      "quantization_aware: expected a layer that is one operation, got dropout, which is 0", Error);
  Graph<float> mixed(1);
  const V x = dropout(mixed.input({4, 4, 2}));
  mixed.output(linear(flatten(conv2d(x, 2, {.kernel = 3}) + conv2d(x, 2, {.kernel = 3})), 2));
  CHECK_THROWS_WITH_AS(insert_fake_quantize(mixed, {.keep_float = {"conv2d_1"}}),
                       "insert_fake_quantize: expected either int8 or float32 layers behind "
                       "dropout_1, got both; a dropout for each would serve",
                       Error);
}
