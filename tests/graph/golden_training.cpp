// Twenty steps of training a small residual network, against numbers recorded from PyTorch: losses,
// logits, every gradient, the weights after one step and after all. See tests/golden/record.py.
#include <cmath>
#include <doctest/doctest.h>
#include <map>

#include "octet/core/safetensors.hpp"
#include "octet/graph/executor.hpp"
#include "octet/graph/graph.hpp"
#include "octet/nn/add.hpp"
#include "octet/nn/batch_norm.hpp"
#include "octet/nn/conv2d.hpp"
#include "octet/nn/depthwise_conv2d.hpp"
#include "octet/nn/global_pool.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/losses/cross_entropy.hpp"
#include "octet/nn/max_pool.hpp"
#include "octet/nn/relu.hpp"
#include "octet/nn/relu6.hpp"
#include "octet/nn/reshape.hpp"
#include "octet/optim/adam.hpp"
#include "octet/optim/one_cycle.hpp"
#include "tolerance.hpp"

using namespace octet;

namespace {

const std::string folder = OCTET_SOURCE_DIR "/tests/golden/train_onecycle_";
constexpr std::int64_t steps = 20, N = 16;

struct Recorded {
  Safetensors tensors;
  Json rows;
  explicit Recorded(const std::string& name)
      : tensors(Safetensors::read(folder + name + ".safetensors")) {
    const auto bytes = read_file(folder + name + ".json");
    rows = Json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  double number(std::int64_t step, const char* key) const {
    return rows.as_array()[static_cast<std::size_t>(step)][key].as_number();
  }
};

// A recorded tensor as numbers of type T in Octet's layout: convolution weights from [OC, C, KH,
// KW] to [OC, KH, KW, C], depthwise ones from [C, 1, KH, KW] to [KH, KW, C].
template <class T>
Tensor<T> recorded(const Safetensors& file, const std::string& name) {
  Tensor<double> from;
  if (file.find(name) && file.find(name)->dtype == "F32") {
    const Tensor<float> single = file.tensor<float>(name);
    from = Tensor<double>(single.shape());
    std::copy(single.begin(), single.end(), from.begin());
  } else {
    from = file.tensor<double>(name);
  }
  const auto convert = [](double value) { return static_cast<T>(value); };
  if (from.shape().rank() != 4) {
    Tensor<T> same(from.shape());
    std::transform(from.begin(), from.end(), same.begin(), convert);
    return same;
  }
  const bool depthwise = name.find(".dw.") != std::string::npos;
  const Shape& s = from.shape();
  Tensor<T> to(depthwise ? Shape{s[2], s[3], s[0]} : Shape{s[0], s[2], s[3], s[1]});
  for (std::int64_t oc = 0; oc < s[0]; ++oc)
    for (std::int64_t c = 0; c < s[1]; ++c)
      for (std::int64_t k = 0; k < s[2] * s[3]; ++k)
        to[depthwise ? k * s[0] + oc : (oc * s[2] * s[3] + k) * s[1] + c] =
            convert(from[(oc * s[1] + c) * s[2] * s[3] + k]);
  return to;
}

// The name in the record of a tensor that Octet calls "b1.gamma", "b1.running_variance" ...
std::string recorded_name(const std::string& name) {
  static const std::map<std::string, std::string> names = {
      {"gamma", "weight"}, {"beta", "bias"}, {"running_variance", "running_var"}};
  const auto dot = name.find('.');
  const auto found = names.find(name.substr(dot + 1));
  return found == names.end() ? name : name.substr(0, dot + 1) + found->second;
}

template <class T>
Graph<T> make_network() {
  Graph<T> net(1);
  const auto x = net.input({24, 24, 1});
  const auto convolved = conv2d(x, 8, {.kernel = 3, .stride = 2, .padding = 1, .bias = Bias::none});
  const auto a = relu(batch_norm(convolved.named("c1")).named("b1"));
  const auto filtered = depthwise_conv2d(a, {.kernel = 3, .padding = 1, .bias = Bias::none});
  auto y = relu6(batch_norm(filtered.named("dw")).named("b2"));
  y = batch_norm(conv2d(y, 8, {.kernel = 1, .bias = Bias::none}).named("pw")).named("b3");
  y = conv2d(relu(a + y), 16, {.kernel = 3, .stride = 2, .padding = 1}).named("c2");
  y = max_pool(relu(y), {.kernel = 2});
  net.output(linear(flatten(global_average_pool(y)), 7).named("fc"));
  const Safetensors inputs = Safetensors::read(folder + "inputs.safetensors");
  net.for_each_tensor([&](const std::string& name, Tensor<T>& tensor) {
    const Tensor<T> first = recorded<T>(inputs, "init." + recorded_name(name));
    REQUIRE(first.shape() == tensor.shape());
    tensor = first;
  });
  return net;
}

template <class T>
double largest(const Tensor<T>& tensor) {
  double top = 0;
  for (const T value : tensor) top = std::max(top, std::abs(static_cast<double>(value)));
  return top;
}

// Every element within `relative` of the recorded tensor's largest one.
template <class T>
void check_close(const std::string& name, TensorView<const T> got, const Tensor<T>& expected,
                 double relative) {
  CAPTURE(name);
  REQUIRE(got.shape() == expected.shape());
  double worst = 0;
  for (std::int64_t i = 0; i < expected.elements(); ++i)
    worst =
        std::max(worst, std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])));
  CHECK(worst <= relative * largest(expected));
}

// How far, relative to the largest element, results may lie from the recorded ones.
struct Bounds {
  double loss, gradient, after_one, final;
};

// Trains as recorded, and compares with the record if there is one.
template <class T>
Graph<T> train(const OneCycleOptions& options, ThreadPool& pool, const Recorded* record = nullptr,
               const Bounds& bounds = {}) {
  const Safetensors inputs = Safetensors::read(folder + "inputs.safetensors");
  const Tensor<T> X = recorded<T>(inputs, "X");
  const Tensor<std::int64_t> Y = inputs.tensor<std::int64_t>("Y");
  Graph<T> net = make_network<T>();
  Executor<T> executor(net, {.pool = &pool});
  Optimizer<T> optimizer = adam<T>();
  const Schedule schedule = one_cycle(options);
  const auto batch = [&](std::int64_t step) {
    return TensorView<const T>(X).rows(step, 1).reshaped({N, 24, 24, 1});
  };
  for (std::int64_t step = 0; step < steps; ++step) {
    CAPTURE(step);
    std::vector<std::int32_t> labels;
    for (std::int64_t n = 0; n < N; ++n)
      labels.push_back(static_cast<std::int32_t>(Y[step * N + n]));
    net.zero_gradients();
    executor.forward(batch(step), Mode::training, static_cast<std::uint64_t>(step));
    const std::string number = std::to_string(step);
    if (record && step < 2)
      check_close<T>("logits" + number, executor.output(),
                     recorded<T>(record->tensors, "logits" + number), bounds.gradient);
    const double loss =
        cross_entropy<T>(executor.output(), labels, {}, executor.output_gradient(), pool);
    if (record) {
      const double expected = record->number(step, "loss");
      CHECK(std::abs(loss - expected) <= bounds.loss * expected);
    }
    executor.backward();
    if (record && step < 2)
      for (const Node<T>& node : net.nodes())
        for (Parameter<T>* const p :
             node.layer ? node.layer->parameters() : std::vector<Parameter<T>*>{}) {
          const std::string name = recorded_name(node.name + "." + p->name);
          check_close<T>(name, p->gradient,
                         recorded<T>(record->tensors, "grad" + number + "." + name),
                         bounds.gradient);
        }
    const Rate rate = schedule(step);
    if (record) {
      CHECK(std::abs(rate.learning_rate - record->number(step, "learning_rate")) <= 1e-12);
      CHECK(std::abs(rate.momentum.value() - record->number(step, "momentum")) <= 1e-12);
    }
    optimizer.step(net.parameters(), rate, pool);
    if (record && step == 0)
      net.for_each_tensor([&](const std::string& name, const Tensor<T>& tensor) {
        check_close<T>(name, tensor, recorded<T>(record->tensors, "after1." + recorded_name(name)),
                       bounds.after_one);
      });
  }
  if (record) {
    net.for_each_tensor([&](const std::string& name, const Tensor<T>& tensor) {
      check_close<T>(name, tensor, recorded<T>(record->tensors, "final." + recorded_name(name)),
                     bounds.final);
    });
    executor.forward(batch(0), Mode::inference);
    check_close<T>("final_eval_logits", executor.output(),
                   recorded<T>(record->tensors, "final_eval_logits"), bounds.final);
  }
  return net;
}

const OneCycleOptions three_linear{.max_learning_rate = 0.02,
                                   .total_steps = steps,
                                   .phases = OneCyclePhases::three,
                                   .annealing = Annealing::linear};
const OneCycleOptions two_cosine{.max_learning_rate = 0.02, .total_steps = steps};

}  // namespace

TEST_CASE("golden training: in double, each step as recorded from PyTorch") {
  const Bounds bounds{.loss = 1e-9, .gradient = 1e-11, .after_one = 1e-9, .final = 1e-8};
  const Recorded three("threephase_linear_f64"), two("twophase_cos_f64");
  train<double>(three_linear, default_thread_pool(), &three, bounds);
  train<double>(two_cosine, default_thread_pool(), &two, bounds);
}

TEST_CASE("golden training: in float, as close as its sums allow") {
  // The longest sums, over a batch's pixels, have 16 * 12 * 12 terms. Adam divides a gradient by
  // its own size, so that weights with a small gradient inherit its larger relative error.
  const double sums = tolerance<float>(16 * 12 * 12);
  const Bounds bounds{
      .loss = sums, .gradient = 4 * sums, .after_one = 10 * sums, .final = 10 * sums};
  const Recorded single("threephase_linear_f32"), exact("threephase_linear_f64");
  train<float>(three_linear, default_thread_pool(), &single, bounds);
  train<float>(three_linear, default_thread_pool(), &exact, bounds);
}

TEST_CASE("golden training: the number of threads changes no bit of the weights") {
  ThreadPool one(1), two(2), four(4);
  const Graph<float> alone = train<float>(two_cosine, one);
  for (ThreadPool* const pool : {&two, &four}) {
    const Graph<float> shared = train<float>(two_cosine, *pool);
    std::map<std::string, Tensor<float>> weights;
    shared.for_each_tensor(
        [&](const std::string& name, const Tensor<float>& tensor) { weights[name] = tensor; });
    int compared = 0;
    alone.for_each_tensor([&](const std::string& name, const Tensor<float>& tensor) {
      CAPTURE(name);
      CHECK(weights.at(name) == tensor);
      ++compared;
    });
    CHECK(compared == 19);
  }
}
