#include "octet/train/fit.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "message_of.hpp"
#include "octet/data/transforms/flip_crop.hpp"
#include "octet/data/transforms/mixing.hpp"
#include "octet/data/transforms/normalize.hpp"
#include "octet/nn/batch_norm.hpp"
#include "octet/nn/conv2d.hpp"
#include "octet/nn/dropout.hpp"
#include "octet/nn/global_pool.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/relu.hpp"
#include "octet/nn/reshape.hpp"
#include "octet/optim/adam.hpp"
#include "octet/optim/one_cycle.hpp"
#include "octet/optim/sgd.hpp"
#include "octet/train/range_test.hpp"
#include "temporary_folder.hpp"

using namespace octet;

namespace {

/// Pictures of bars: class 0 upright, 1 lying, 2 none, with noise.
ImageDataset bars(std::int64_t count, std::uint64_t seed) {
  ImageDataset data;
  data.class_names = {"upright", "lying", "none"};
  for (std::int64_t i = 0; i < count; ++i) {
    const Random random = Random(seed).substream(static_cast<std::uint64_t>(i));
    const auto label = static_cast<std::int32_t>(i % 3);
    Image image(8, 8, 1);
    for (std::int64_t k = 0; k < 64; ++k)
      image.pixels[static_cast<std::size_t>(k)] =
          static_cast<std::uint8_t>(random.below(static_cast<std::uint64_t>(k), 120));
    const std::int64_t place = 1 + random.below(100, 6);
    for (std::int64_t k = 0; k < 8 && label < 2; ++k)
      image.at(label == 0 ? k : place, label == 0 ? place : k) = 250;
    data.add(image, label);
  }
  return data;
}

Graph<float> small_network(std::uint64_t seed = 1) {
  Graph<float> graph(seed);
  auto x = graph.input({8, 8, 1});
  x = relu(batch_norm(conv2d(x, 8, {.kernel = 3, .padding = 1, .bias = Bias::none})));
  x = relu(batch_norm(conv2d(x, 8, {.kernel = 3, .padding = 1, .bias = Bias::none})));
  graph.output(linear(dropout(flatten(global_max_pool(x)), {.probability = 0.1}), 3));
  return graph;
}

/// All weights and buffers.
std::vector<Tensor<float>> tensors_of(const Graph<float>& graph) {
  std::vector<Tensor<float>> all;
  graph.for_each_tensor(
      [&](const std::string&, const Tensor<float>& tensor) { all.push_back(tensor); });
  return all;
}

struct Training {
  ImageDataset data = bars(90, 1);
  ImageDataset validation = bars(30, 2);
  Graph<float> graph = small_network();
  Optimizer<float> optimizer = adam<float>();

  FitResult run(FitOptions<float> options, int loader_threads = 1) {
    Loader loader(data, {random_flip(), random_crop({.padding = 1}), normalize()},
                  {.batch = 16, .seed = 5, .threads = loader_threads});
    options.epochs = options.epochs == 1 ? 3 : options.epochs;
    options.schedule =
        one_cycle({.max_learning_rate = 0.02, .total_steps = options.epochs * loader.steps()});
    options.validation = &validation;
    options.validation_pipeline = {normalize()};
    return fit(graph, loader, optimizer, options);
  }
};

}  // namespace

TEST_CASE("a network learns what can be learned") {
  Training training;
  const FitResult result = training.run({.epochs = 12});
  CHECK(result.outcome == FitOutcome::completed);
  CHECK(result.state.history.epochs.size() == 12);
  CHECK(result.state.step == 72);
  CHECK(result.state.best_accuracy > 0.8);
  const auto& epochs = result.state.history.epochs;
  CHECK(epochs.back().train_loss < 0.7 * epochs.front().train_loss);
}

TEST_CASE("outputs beside the first one are not trained, and change nothing") {
  Training training, alone;
  training.graph.output({&training.graph, training.graph.find("flatten_1")});
  alone.run({});
  training.run({});
  CHECK(tensors_of(training.graph) == tensors_of(alone.graph));
  const RangeTestOptions options{.steps = 10};
  Loader loader(alone.data, {normalize()}, {.batch = 30, .seed = 5});
  const auto curve = range_test(training.graph, loader, adam<float>(), options);
  const auto expected = range_test(alone.graph, loader, adam<float>(), options);
  for (std::size_t i = 0; i < curve.size(); ++i) CHECK(curve[i].loss == expected[i].loss);
}

TEST_CASE("the number of threads changes no bit of the weights") {
  std::vector<Tensor<float>> reference;
  for (const int threads : {1, 2, 4}) {
    CAPTURE(threads);
    ThreadPool pool(threads);
    Training training;
    training.run({.pool = &pool}, threads - 1);
    if (reference.empty()) reference = tensors_of(training.graph);
    CHECK(tensors_of(training.graph) == reference);
  }
}

TEST_CASE("bf16 trains as well as float32, in the same bits with any number of threads") {
  const auto final_loss = [](Training& training, Precision precision, std::uint64_t seed) {
    training.graph = small_network(seed);
    return training.run({.epochs = 12, .precision = precision})
        .state.history.epochs.back()
        .train_loss;
  };
  Training single, rounded;
  const double expected = final_loss(single, Precision::float32, 1);
  double noise = 0;
  for (const std::uint64_t seed : {2, 3, 4}) {
    Training other;
    noise = (std::max)(noise, std::abs(final_loss(other, Precision::float32, seed) - expected));
  }
  CHECK(std::abs(final_loss(rounded, Precision::bf16, 1) - expected) <= noise);
  // Without AMX, layers this narrow are multiplied in float32.
  CHECK((tensors_of(rounded.graph) == tensors_of(single.graph)) ==
        (kernels::select_bf16().isa != Isa::amx));
  ThreadPool pool(3);
  Training threaded;
  threaded.run({.epochs = 12, .precision = Precision::bf16, .pool = &pool});
  CHECK(tensors_of(threaded.graph) == tensors_of(rounded.graph));
}

TEST_CASE("a training in float32 is not resumed in bf16") {
  if (!kernels::bf16_is_fast()) return;
  const TemporaryFolder folder;
  Training training;
  training.run({.folder = folder.path()});
  CHECK_THROWS_WITH_AS(
      training.run({.folder = folder.path(), .start = Start::resume, .precision = Precision::bf16}),
      text_of(folder.path(),
              "/checkpoint.safetensors: cannot be resumed: it was trained with "
              "precision = nothing, now it is \"bf16\"")
          .c_str(),
      Error);
}

TEST_CASE("an interrupted and resumed training ends in the same bits") {
  Training whole;
  const FitResult uninterrupted = whole.run({});
  // After 6 of 18 steps the first epoch has no batch left, but its end is still to come.
  for (const int interrupted_after : {1, 6, 8, 17}) {
    CAPTURE(interrupted_after);
    const TemporaryFolder folder;
    {
      Training first;
      int steps = 0;
      FitOptions<float> options{.folder = folder.path()};
      options.stop = [&] { return steps >= interrupted_after; };
      options.on_step = [&](const TrainingStatus&) { ++steps; };
      CHECK(first.run(options).outcome == FitOutcome::interrupted);
    }
    Training second;
    const FitResult result = second.run({.folder = folder.path(), .start = Start::resume});
    CHECK(result.outcome == FitOutcome::completed);
    CHECK(tensors_of(second.graph) == tensors_of(whole.graph));
    REQUIRE(result.state.history.epochs.size() == 3);
    for (std::size_t epoch = 0; epoch < 3; ++epoch) {
      CAPTURE(epoch);
      const EpochRecord& record = result.state.history.epochs[epoch];
      const EpochRecord& expected = uninterrupted.state.history.epochs[epoch];
      CHECK(record.epoch == static_cast<int>(epoch));
      CHECK(record.step == expected.step);
      CHECK(record.learning_rate == expected.learning_rate);
      CHECK(record.train_loss == expected.train_loss);
      CHECK(record.validation_loss == expected.validation_loss);
    }
    const LoadedGraph<float> saved = load_graph<float>(folder.path("model.safetensors"));
    CHECK(tensors_of(saved.graph) == tensors_of(whole.graph));
  }
}

TEST_CASE("a checkpoint of another training is refused, and the sentence says why") {
  const TemporaryFolder folder;
  Training first;
  first.run({.folder = folder.path()});
  const auto complaint = [&](FitOptions<float> options) {
    Training second;
    options.folder = folder.path();
    options.start = Start::resume;
    try {
      second.run(options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(complaint({.loss = {.label_smoothing = 0.1}}).find("label_smoothing") != std::string::npos);
  CHECK(complaint({.loss = {.class_weights = {1, 2, 0.5}}})
            .find("class_weights = nothing, now it is [1,2,0.5]") != std::string::npos);
  CHECK(complaint({.clip_norm = 1}).find("clip_norm") != std::string::npos);
  CHECK(complaint({.clip_value = 1}).find("clip_value") != std::string::npos);
  CHECK(complaint({.epochs = 5}).find("epochs") != std::string::npos);
  CHECK(complaint({.settings = Json::object().set("mixup", 0.2)})
            .find("mixup = nothing, now it is 0.2") != std::string::npos);
  Training third;
  const TemporaryFolder mixed;
  third.run({.folder = mixed.path(), .settings = Json::object().set("mixup", 0.2)});
  CHECK_THROWS_WITH_AS(
      third.run({.folder = mixed.path(), .start = Start::resume}),
      text_of(mixed.path(),
              "/checkpoint.safetensors: cannot be resumed: it was trained with mixup = "
              "0.2, now it is nothing")
          .c_str(),
      Error);

  AlignedVector<std::byte> bytes = read_file(folder.path("checkpoint.safetensors"));
  bytes[bytes.size() / 2] ^= std::byte{4};
  write_file(folder.path("checkpoint.safetensors"), std::span<const std::byte>(bytes));
  CHECK(complaint({}).find("checkpoint.safetensors") != std::string::npos);
}

TEST_CASE("a training is not resumed with another schedule, or another order of the images") {
  const TemporaryFolder folder;
  const ImageDataset data = bars(90, 1);
  const auto complaint = [&](Schedule schedule, const LoaderOptions& how, Start start) {
    Graph<float> graph = small_network();
    Optimizer<float> optimizer = sgd<float>();
    Loader loader(data, {normalize()}, how);
    try {
      fit(graph, loader, optimizer,
          {.epochs = 2,
           .schedule = std::move(schedule),
           .folder = folder.path(),
           .start = start,
           .stop = [] { return true; }});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const LoaderOptions usual{.batch = 16, .seed = 5};
  const Schedule wave = [](std::int64_t step) {
    return Rate{0.01 * static_cast<double>(1 + step % 3), 0.9};
  };
  CHECK(complaint(wave, usual, Start::fresh).empty());
  CHECK(complaint(wave, usual, Start::resume).empty());
  CHECK(complaint(constant_rate(0.01), usual, Start::resume)
            .find("trained with rates = \"0.01/0.9 0.02/0.9 0.03/0.9") != std::string::npos);
  const auto other_momentum = [&](std::int64_t step) {
    return Rate{wave(step).learning_rate, step < 11 ? 0.9 : 0.8};
  };
  CHECK(complaint(other_momentum, usual, Start::resume).find("rates") != std::string::npos);
  CHECK(complaint(wave, {.batch = 16, .seed = 6}, Start::resume).find("order_seed = \"5\"") !=
        std::string::npos);
  CHECK(complaint(wave, {.batch = 16, .order = Order::sequential, .seed = 5}, Start::resume)
            .find("order = nothing, now it is \"sequential\"") != std::string::npos);
  CHECK(complaint(wave, {.batch = 16, .last_batch = LastBatch::drop, .seed = 5}, Start::resume)
            .find("last_batch") != std::string::npos);
  CHECK(complaint(wave, {.batch = 16, .seed = 5, .batch_transforms = {mixup()}}, Start::resume)
            .find("batch_transforms") != std::string::npos);
}

TEST_CASE("a training is not resumed with other nodes frozen") {
  const TemporaryFolder folder;
  const auto run = [&](double factor, Start start) {
    Training training;
    training.graph.set_learning_rate_factor("conv2d_1", factor);
    return message_of([&] {
      training.run({.folder = folder.path(), .start = start, .stop = [] { return true; }});
    });
  };
  CHECK(run(0, Start::fresh).empty());
  CHECK(run(0, Start::resume).empty());
  CHECK(run(1, Start::resume)
            .find("it was trained with learning_rate_factors = {\"conv2d_1.weight\":0}") !=
        std::string::npos);
}

TEST_CASE("what is thawed on the way is so in a resumed training, too") {
  const TemporaryFolder folder;
  const auto run = [&](Training& training, FitOptions<float> options) {
    training.graph.freeze("conv2d_1");
    options.folder = folder.path();
    options.on_epoch = [&](const EpochRecord&) {
      training.graph.set_learning_rate_factor("conv2d_1", 1);
    };
    return training.run(options).state.step;
  };
  Training whole, first, second;
  CHECK(run(whole, {}) == 18);
  int steps = 0;
  CHECK(run(first, {.stop = [&] { return ++steps >= 10; }}) == 7);
  CHECK(run(second, {.start = Start::resume}) == 18);
  CHECK(tensors_of(second.graph) == tensors_of(whole.graph));
  CHECK(!(tensors_of(second.graph)[0] == tensors_of(small_network())[0]));
}

TEST_CASE("a momentum that is none is refused") {
  Training training;
  CHECK(message_of([&] {
          Loader loader(training.data, {normalize()}, {.batch = 16});
          fit(training.graph, loader, training.optimizer, {.schedule = [](std::int64_t) {
                return Rate{0.1, 1.0};
              }});
        }) == "fit: expected a schedule of momenta from 0 to below 1, got 1 for step 1");
}

TEST_CASE("training that breaks names step and layer, and the last good checkpoint, if any") {
  const TemporaryFolder folder;
  // The error of a training whose weights break right after one of its 18 steps.
  const auto complaint = [&](int broken_after, FitOptions<float> options) {
    Training training;
    int steps = 0;
    options.on_step = [&](const TrainingStatus&) {
      if (++steps == broken_after)
        training.graph.parameters()[3]->value[0] = std::numeric_limits<float>::quiet_NaN();
    };
    try {
      training.run(options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(complaint(4, {}) ==
        "training: the loss is nan in step 5 (epoch 1, step 5 of 6); first seen in the parameter "
        "conv2d_2.weight");
  CHECK(complaint(4, {.folder = folder.path()}) ==
        "training: the loss is nan in step 5 (epoch 1, step 5 of 6); first seen in the parameter "
        "conv2d_2.weight; no checkpoint had been written yet");
  CHECK(complaint(12, {}) ==
        "training: a weight is not finite in step 12 (epoch 2, step 6 of 6); first seen in "
        "conv2d_2.weight");
  CHECK(complaint(12, {.folder = folder.path()}) ==
        "training: a weight is not finite in step 12 (epoch 2, step 6 of 6); first seen in "
        "conv2d_2.weight; the last good checkpoint, after step 6, is kept");
  CHECK(complaint(4, {.folder = folder.path(), .checkpoint_interval = 1}) ==
        "training: a weight is not finite in step 4 (epoch 1, step 4 of 6); first seen in "
        "conv2d_2.weight; the last good checkpoint, after step 3, is kept");
  const LoadedGraph<float> kept = load_graph<float>(folder.path("checkpoint.safetensors"));
  CHECK(first_non_finite_tensor(kept.graph).empty());
  CHECK(kept.metadata.at("octet.training").find("\"step\":3,") != std::string::npos);
  // Resumed after step 3, it breaks before it has written a checkpoint of its own.
  CHECK(complaint(1, {.folder = folder.path(), .start = Start::resume}) ==
        "training: the loss is nan in step 5 (epoch 1, step 5 of 6); first seen in the parameter "
        "conv2d_2.weight; the last good checkpoint, after step 3, is kept");
}

TEST_CASE("what would fail after the first epoch is told before the first step") {
  const auto complaint = [](Training& training, FitOptions<float> options) {
    int steps = 0;
    options.on_step = [&](const TrainingStatus&) { ++steps; };
    std::string message = message_of([&] { training.run(options); });
    CHECK(steps == 0);
    return message;
  };
  Training none, four;
  none.validation = none.validation.empty_copy();
  CHECK(complaint(none, {}) == "fit: expected a validation dataset with images, got an empty one");
  four.validation.class_names.push_back("crossed");
  CHECK(complaint(four, {}) ==
        "fit: expected a validation dataset of 3 classes, as the training dataset has, got one of "
        "4");
  Training two;
  two.graph = Graph<float>(1);
  two.graph.output(linear(flatten(two.graph.input({8, 8, 1})), 2));
  CHECK(complaint(two, {}) ==
        "fit: expected an output of [3], a logit for each class of the dataset, got [2]");
  const TemporaryFolder folder;
  Training training;
  CHECK(complaint(training, {.folder = folder.path("missing")}) ==
        folder.path("missing/checkpoint.safetensors") +
            ": cannot be written: No such file or directory");
  std::filesystem::create_directory(folder.path("history.csv"));
  CHECK(complaint(training, {.folder = folder.path()}) ==
        folder.path("history.csv") + ": expected a file or nothing, got a folder or a device");
}

TEST_CASE("the line of an epoch has room for losses of hundreds of digits") {
  const ImageDataset data = bars(6, 1);
  Graph<double> graph(1);
  graph.output(linear(flatten(graph.input({8, 8, 1})), 3));
  for (double& weight : graph.parameters()[0]->value) weight *= 1e300;
  Loader loader(data, {}, {.batch = 6});
  Optimizer<double> optimizer = sgd<double>();
  std::FILE* const progress = std::tmpfile();
  REQUIRE(progress);
  fit(graph, loader, optimizer, {.validation = &data, .progress = progress});
  std::rewind(progress);
  std::string text(4096, ' ');
  text.resize(std::fread(text.data(), 1, text.size(), progress));
  std::fclose(progress);
  const std::size_t loss = text.find("validation loss ");
  REQUIRE(loss != text.npos);
  CHECK(text.find(".", loss) - loss > 250);
  CHECK(text.find("accuracy", loss) != text.npos);
}

TEST_CASE("a frozen node keeps its bits, a slow one learns by its share") {
  const ImageDataset data = bars(90, 1);
  const auto trained = [&](const auto& prepare) {
    Graph<float> graph = small_network();
    prepare(graph);
    Optimizer<float> optimizer = sgd<float>({.momentum = 0});
    Loader loader(data, {normalize()}, {.batch = 90});
    fit(graph, loader, optimizer, {.schedule = constant_rate(0.1)});
    return graph;
  };
  const auto weight = [](const Graph<float>& graph, const char* name) {
    return graph.node(graph.find(name)).layer->parameters()[0]->value;
  };
  const Graph<float> fresh = small_network();
  const Graph<float> usual = trained([](Graph<float>&) {});
  const Graph<float> frozen = trained([](Graph<float>& graph) { graph.freeze("conv2d_1"); });
  const Graph<float> slow =
      trained([](Graph<float>& graph) { graph.set_learning_rate_factor("conv2d_1", 0.5); });
  CHECK_FALSE(weight(usual, "conv2d_1") == weight(fresh, "conv2d_1"));
  CHECK(weight(frozen, "conv2d_1") == weight(fresh, "conv2d_1"));
  // One step for the whole set: what the first layer does changes no other one's gradient.
  for (const Graph<float>* const graph : {&frozen, &slow})
    CHECK(weight(*graph, "conv2d_2") == weight(usual, "conv2d_2"));
  const Tensor<float> before = weight(fresh, "conv2d_1"), after = weight(usual, "conv2d_1");
  const Tensor<float> half = weight(slow, "conv2d_1");
  for (std::int64_t i = 0; i < before.elements(); ++i)
    CHECK(half[i] == doctest::Approx((before[i] + after[i]) / 2).epsilon(1e-5));

  CHECK_THROWS_WITH_AS(fresh.freeze("conv2d_9"),
                       "graph: expected the name of a node, got \"conv2d_9\"", Error);
  CHECK_THROWS_AS(fresh.set_learning_rate_factor("", 1), Error);
  // Nodes without parameters have nothing to freeze.
  fresh.freeze("input");
}

TEST_CASE("options that a training cannot follow are refused before its first step") {
  Training training;
  const std::vector<Tensor<float>> before = tensors_of(training.graph);
  Loader loader(training.data, {normalize()}, {.batch = 16});
  const auto complaint = [&](FitOptions<float> options) {
    return message_of([&] { fit(training.graph, loader, training.optimizer, options); });
  };
  CHECK(complaint({.schedule = {}}) == "fit: expected a schedule, got an empty function");
  CHECK(complaint({.schedule = constant_rate(-1)}) ==
        "fit: expected a schedule of finite rates of at least 0, got -1 for step 1");
  CHECK(complaint({.clip_norm = -1}) ==
        "fit: expected clip_norm and clip_value of at least 0, got -1 and 0");
  CHECK(complaint({.clip_value = std::nan("")}) ==
        "fit: expected clip_norm and clip_value of at least 0, got 0 and nan");
  CHECK(complaint({.metadata = {{"classes", "[]"}, {"octet.training", "{}"}}}) ==
        "fit: expected metadata keys that do not begin with \"octet.\", got \"octet.training\"");
  CHECK(tensors_of(training.graph) == before);
}

TEST_CASE("a loss that explodes is noticed") {
  Training training;
  training.optimizer = sgd<float>();
  Loader loader(training.data, {normalize()}, {.batch = 16});
  CHECK_THROWS_AS(fit(training.graph, loader, training.optimizer,
                      {.epochs = 20, .schedule = constant_rate(1e30)}),
                  Error);
}

TEST_CASE("a range test finds a rate at which a network learns, and leaves the network alone") {
  Training training;
  Loader loader(training.data, {normalize()}, {.batch = 60, .seed = 5});
  const RangeTestOptions options{
      .first_learning_rate = 1e-5, .last_learning_rate = 10, .steps = 40};
  const auto curve = range_test(training.graph, loader, training.optimizer, options);
  CHECK(tensors_of(training.graph) == tensors_of(small_network()));
  CHECK(training.optimizer.steps() == 0);
  const double rate = steepest_learning_rate(curve);
  CHECK(rate > 1e-4);
  CHECK(rate < 1);
  CAPTURE(rate);
  fit(training.graph, loader, training.optimizer, {.epochs = 20, .schedule = constant_rate(rate)});
  Executor<float> executor(training.graph, {.mode = Mode::inference});
  CHECK(evaluate(executor, training.validation, {normalize()}).loss < 0.7 * curve[0].loss);

  // A second time, with other threads, in another epoch of the loader: the same curve.
  loader.start(3, 2);
  ThreadPool pool(3);
  const auto again = range_test(small_network(), loader, adam<float>(), options, {}, pool);
  REQUIRE(again.size() == curve.size());
  for (std::size_t i = 0; i < curve.size(); ++i) CHECK(again[i].loss == curve[i].loss);
}

TEST_CASE("training ends early when validation does not become better") {
  Training training;
  // Nothing but the running statistics moves, and they soon settle.
  for (Parameter<float>* const parameter : training.graph.parameters())
    parameter->learning_rate_factor = 1e-30;
  const FitResult result = training.run({.epochs = 40, .patience = 2});
  CHECK(result.outcome == FitOutcome::stopped_early);
  CHECK(result.state.epoch < 40);
  CHECK(result.state.epoch - 1 - result.state.best_epoch >= 2);
}
