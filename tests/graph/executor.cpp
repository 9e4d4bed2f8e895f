#include "octet/graph/executor.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <memory>
#include <new>
#include <vector>

#include "nn/layer_alone.hpp"
#include "octet/nn/add.hpp"
#include "octet/nn/batch_norm.hpp"
#include "octet/nn/conv2d.hpp"
#include "octet/nn/depthwise_conv2d.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/max_pool.hpp"
#include "octet/nn/relu.hpp"
#include "octet/nn/relu6.hpp"
#include "octet/nn/reshape.hpp"

using namespace octet;

namespace {

/// y = w * x, element by element; d_w is a sum over the batch.
class Weighted : public Layer<double> {
 public:
  explicit Weighted(const Shape& shape) : weight_("weight", ParameterKind::weight, shape) {}
  std::string_view type() const override { return "weighted"; }
  Shape output_shape(std::span<const Shape> inputs) const override { return inputs[0]; }
  void forward(Inputs<double> inputs, TensorView<double> output, const Pass&) override {
    for (std::int64_t i = 0; i < output.elements(); ++i)
      output[i] = weight_.value[i % weight_.value.elements()] * inputs[0][i];
  }
  void backward(Inputs<double> inputs, TensorView<const double>, TensorView<const double> d_output,
                InputGradients<double> d_inputs, const Pass&) override {
    const std::int64_t count = weight_.value.elements();
    for (std::int64_t i = 0; i < d_output.elements(); ++i) {
      weight_.gradient[i % count] += d_output[i] * inputs[0][i];
      if (!d_inputs[0].empty()) d_inputs[0][i] = d_output[i] * weight_.value[i % count];
    }
  }
  std::vector<Parameter<double>*> parameters() override { return {&weight_}; }
  void initialize(const Random& random) override {
    for (std::int64_t i = 0; i < weight_.value.elements(); ++i)
      weight_.value[i] = random.normal(static_cast<std::uint64_t>(i));
  }
  std::unique_ptr<Layer> clone() const override { return std::make_unique<Weighted>(*this); }
  bool backward_reads_output() const override { return false; }

 private:
  Parameter<double> weight_;
};

/// y = exp(x), which may overwrite its input, since its backward reads only the output.
class Exponential : public Layer<double> {
 public:
  std::string_view type() const override { return "exponential"; }
  Shape output_shape(std::span<const Shape> inputs) const override { return inputs[0]; }
  void forward(Inputs<double> inputs, TensorView<double> output, const Pass&) override {
    for (std::int64_t i = 0; i < output.elements(); ++i) output[i] = std::exp(0.3 * inputs[0][i]);
  }
  void backward(Inputs<double>, TensorView<const double> output, TensorView<const double> d_output,
                InputGradients<double> d_inputs, const Pass&) override {
    for (std::int64_t i = 0; i < output.elements(); ++i)
      d_inputs[0][i] = 0.3 * output[i] * d_output[i];
  }
  std::unique_ptr<Layer> clone() const override { return std::make_unique<Exponential>(*this); }
  bool backward_reads_inputs() const override { return false; }
  bool in_place() const override { return true; }
};

/// y = a + 2 b.
class Blend : public Layer<double> {
 public:
  std::string_view type() const override { return "blend"; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    if (!(inputs[0] == inputs[1]))
      fail("blend: expected two equal shapes, got ", inputs[0], " and ", inputs[1]);
    return inputs[0];
  }
  void forward(Inputs<double> inputs, TensorView<double> output, const Pass&) override {
    for (std::int64_t i = 0; i < output.elements(); ++i)
      output[i] = inputs[0][i] + 2 * inputs[1][i];
  }
  void backward(Inputs<double>, TensorView<const double>, TensorView<const double> d_output,
                InputGradients<double> d_inputs, const Pass&) override {
    for (std::int64_t i = 0; i < d_output.elements(); ++i) {
      const double d = d_output[i];
      if (!d_inputs[0].empty()) d_inputs[0][i] = d;
      if (!d_inputs[1].empty()) d_inputs[1][i] = 2 * d;
    }
  }
  std::unique_ptr<Layer> clone() const override { return std::make_unique<Blend>(*this); }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }
  bool in_place() const override { return true; }
};

Value<double> weighted(Value<double> x) {
  return apply<double>(std::make_unique<Weighted>(x.shape()), {x});
}
Value<double> exponential(Value<double> x) {
  return apply<double>(std::make_unique<Exponential>(), {x});
}
Value<double> blend(Value<double> a, Value<double> b) {
  return apply<double>(std::make_unique<Blend>(), {a, b});
}

/// The sum of all outputs, each weighted by a fixed random number.
double loss(Executor<double>& executor, const Tensor<double>& x, std::vector<Tensor<double>>& d) {
  executor.forward(x, Mode::training);
  double sum = 0;
  for (std::size_t k = 0; k < executor.graph().outputs().size(); ++k) {
    const auto y = executor.output(static_cast<int>(k));
    d.resize(executor.graph().outputs().size());
    d[k] = random_tensor<double>(y.shape(), 100 + k);
    for (std::int64_t i = 0; i < y.elements(); ++i) sum += d[k][i] * y[i];
  }
  return sum;
}

/// Compares every parameter's gradient with central differences.
void check_gradients(Graph<double>& net, std::int64_t batch) {
  Executor<double> executor(net);
  const Tensor<double> x =
      random_tensor<double>(net.node(net.inputs()[0]).shape.with_batch(batch), 7);
  std::vector<Tensor<double>> d;
  loss(executor, x, d);
  for (std::size_t k = 0; k < d.size(); ++k) {
    const auto gradient = executor.output_gradient(static_cast<int>(k));
    std::copy(d[k].begin(), d[k].end(), gradient.begin());
  }
  net.zero_gradients();
  executor.backward();
  for (Parameter<double>* const parameter : net.parameters())
    for (std::int64_t i = 0; i < parameter->value.elements(); ++i) {
      const double saved = parameter->value[i], step = 1e-5;
      parameter->value[i] = saved + step;
      const double above = loss(executor, x, d);
      parameter->value[i] = saved - step;
      const double below = loss(executor, x, d);
      parameter->value[i] = saved;
      CHECK(parameter->gradient[i] == doctest::Approx((above - below) / (2 * step)).epsilon(1e-6));
    }
}

}  // namespace

TEST_CASE("gradients through a chain with layers that work in place") {
  Graph<double> net(1);
  auto x = weighted(net.input({2, 3}));
  x = exponential(exponential(weighted(exponential(x))));
  net.output(weighted(x));
  check_gradients(net, 1);
  check_gradients(net, 3);
}

TEST_CASE("gradients add up where a value has several readers") {
  Graph<double> net(2);
  auto x = weighted(net.input({4}));
  auto a = exponential(x);
  auto b = weighted(x);
  auto c = blend(a, b);
  net.output(blend(blend(c, x), blend(b, b)));
  check_gradients(net, 2);
}

TEST_CASE("gradients with several outputs, one of which feeds another") {
  Graph<double> net(3);
  auto x = weighted(net.input({3}));
  auto y = exponential(x);
  net.output(y);
  net.output(blend(exponential(y), weighted(x)));
  check_gradients(net, 2);
}

TEST_CASE("a branch that leads to no output does no harm") {
  Graph<double> net(4);
  auto x = weighted(net.input({3}));
  weighted(x);
  net.output(exponential(x));
  Executor<double> executor(net);
  const Tensor<double> input = random_tensor<double>({2, 3}, 1);
  executor.forward(input, Mode::training);
  executor.output_gradient().data()[0] = 1;
  executor.backward();
}

TEST_CASE("layers in place save memory, inference needs no more than two buffers of a chain") {
  Graph<double> net(5);
  auto x = weighted(net.input({16}));
  for (int i = 0; i < 6; ++i) x = exponential(weighted(x));
  net.output(x);
  CHECK(Executor<double>(net, {.mode = Mode::inference}).arena_elements() == 2 * 16);
  // Each exponential takes the place of its input: 7 activations and 2 gradients are alive at most.
  CHECK(Executor<double>(net).arena_elements() <= 9 * 16);
}

TEST_CASE("batches of changing size give each example the same result") {
  Graph<double> net(6);
  net.output(blend(exponential(weighted(net.input({5}))), net.value(0)));
  Executor<double> executor(net, {.mode = Mode::inference});
  const Tensor<double> x = random_tensor<double>({7, 5}, 3);
  executor.forward(x, Mode::inference);
  const std::vector<double> all(executor.output().begin(), executor.output().end());
  for (std::int64_t n : {1, 4, 7}) {
    executor.forward(x.view().rows(7 - n, n), Mode::inference);
    for (std::int64_t i = 0; i < n * 5; ++i)
      CHECK(executor.output()[i] == all[static_cast<std::size_t>((7 - n) * 5 + i)]);
  }
}

TEST_CASE("a ReLU left to the batch norm before it changes no bit, forwards or backwards") {
  // An output keeps the values of a batch norm, so that its ReLU has to work by itself.
  enum class Kept { nothing, batch_norms };
  const auto network = [](Kept kept) {
    Graph<float> net(6);
    Value<float> x = net.input({5, 4, 3});
    std::vector<Value<float>> normalized;
    for (const auto activation : {relu<float>, relu6<float>}) {
      normalized.push_back(batch_norm(conv2d(x, 20, {.kernel = 3, .padding = 1})));
      x = activation(normalized.back());
    }
    net.output(x);
    for (const Value<float>& each : normalized)
      if (kept == Kept::batch_norms) net.output(each);
    for (Parameter<float>* const parameter : net.parameters())
      for (float& value : parameter->value) value = 2 * value + 0.125f;
    return net;
  };
  const Graph<float> fused = network(Kept::nothing), apart = network(Kept::batch_norms);
  Executor<float> a(fused), b(apart);
  Tensor<float> x({6, 5, 4, 3});
  for (std::int64_t i = 0; i < x.elements(); ++i)
    x[i] = static_cast<float>(Random(3).normal(static_cast<std::uint64_t>(i)));
  for (const Mode mode : {Mode::training, Mode::inference}) {
    a.forward(x, mode);
    b.forward(x, mode);
    CHECK(std::equal(a.output().begin(), a.output().end(), b.output().begin()));
    for (Executor<float>* const executor : {&a, &b})
      for (std::int64_t i = 0; i < a.output().elements(); ++i)
        executor->output_gradient()[i] =
            static_cast<float>(Random(4).normal(static_cast<std::uint64_t>(i)));
    for (const int output : {1, 2}) std::fill_n(b.output_gradient(output).data(), 2400, 0.0f);
    a.backward();
    b.backward();
    for (std::size_t i = 0; i < fused.parameters().size(); ++i) {
      CAPTURE(i);
      CHECK(fused.parameters()[i]->gradient == apart.parameters()[i]->gradient);
      CHECK(fused.parameters()[i]->gradient != Tensor<float>(fused.parameters()[i]->value.shape()));
    }
  }
  // Who asks sees what the batch norm itself says, and the rest stays the same.
  std::vector<float> seen;
  a.forward(x, Mode::inference, 0, [&](int node, TensorView<const float> output) {
    if (fused.node(node).name == "batch_norm_2") seen.assign(output.begin(), output.end());
  });
  CHECK(std::equal(seen.begin(), seen.end(), b.output(2).begin()));
  CHECK(std::equal(a.output().begin(), a.output().end(), b.output().begin()));
}

TEST_CASE("a batch norm's gradient that the convolution before it completes has the same bits") {
  // An output keeps the values of a convolution, so that its gradient has to be there in full.
  enum class Kept { nothing, convolutions };
  const auto network = [](Kept kept) {
    Graph<float> net(6);
    Value<float> x = net.input({9, 8, 3});
    std::vector<Value<float>> convolutions;
    for (int i = 0; i < 3; ++i) {
      convolutions.push_back(conv2d(x, 20, {.kernel = 3, .padding = 1, .bias = Bias::none}));
      x = relu(batch_norm(convolutions.back()));
    }
    net.output(x);
    for (const Value<float>& each : convolutions)
      if (kept == Kept::convolutions) net.output(each);
    return net;
  };
  const Graph<float> deferred = network(Kept::nothing), full = network(Kept::convolutions);
  ThreadPool pool(2);
  Executor<float> a(deferred, {.pool = &pool, .precision = Precision::bf16});
  Executor<float> b(full, {.pool = &pool, .precision = Precision::bf16});
  CHECK((a.precision() == Precision::bf16) == kernels::bf16_is_fast());
  Tensor<float> x({6, 9, 8, 3});
  for (std::int64_t i = 0; i < x.elements(); ++i)
    x[i] = static_cast<float>(Random(3).normal(static_cast<std::uint64_t>(i)));
  for (int step = 0; step < 2; ++step) {
    for (Executor<float>* const executor : {&a, &b}) {
      executor->forward(x, Mode::training);
      for (std::int64_t i = 0; i < executor->output().elements(); ++i)
        executor->output_gradient()[i] =
            static_cast<float>(Random(4).normal(static_cast<std::uint64_t>(i)));
    }
    CHECK(std::equal(a.output().begin(), a.output().end(), b.output().begin()));
    for (const int output : {1, 2, 3})
      std::fill_n(b.output_gradient(output).data(), b.output(output).elements(), 0.0f);
    a.backward();
    b.backward();
    for (std::size_t i = 0; i < full.parameters().size(); ++i) {
      CAPTURE(i);
      CHECK(deferred.parameters()[i]->gradient == full.parameters()[i]->gradient);
    }
  }
}

namespace {

/// Whether outputs, besides the result, keep the values of batch norms, so that no layer can do
/// their work.
enum class Kept { nothing, batch_norms };

/// Builds a network, and the same again with its batch norms kept.
struct FusedAndApart {
  std::vector<Graph<float>> graphs;

  template <class Build>
  FusedAndApart(const Shape& input, const Build& build) {
    for (const Kept kept : {Kept::nothing, Kept::batch_norms}) {
      Graph<float>& net = graphs.emplace_back(6);
      std::vector<Value<float>> normalized;
      const auto normalize = [&](Value<float> x) {
        normalized.push_back(batch_norm(x));
        return normalized.back();
      };
      net.output(build(net.input(input), normalize));
      for (const Value<float>& each : normalized)
        if (kept == Kept::batch_norms) net.output(each);
      for (Parameter<float>* const parameter : net.parameters())
        for (float& value : parameter->value) value = 2 * value + 0.125f;
    }
  }
  const Graph<float>& fused() const { return graphs[0]; }
  const Graph<float>& apart() const { return graphs[1]; }
};

/// Compares outputs, bit by bit, and gradients, for several numbers of threads.
void compare(const FusedAndApart& nets, const Tensor<float>& x, Precision precision) {
  CAPTURE(to_text(precision));
  const auto& expected = nets.apart().parameters();
  std::vector<Tensor<float>> gradients;
  for (const int threads : {1, 2, 3}) {
    CAPTURE(threads);
    ThreadPool pool(threads);
    Executor<float> a(nets.fused(), {.pool = &pool, .precision = precision});
    Executor<float> b(nets.apart(), {.pool = &pool, .precision = precision});
    CHECK(a.arena_elements() < b.arena_elements());
    for (const Mode mode : {Mode::inference, Mode::training}) {
      a.forward(x, mode);
      b.forward(x, mode);
      CHECK(std::equal(a.output().begin(), a.output().end(), b.output().begin()));
    }
    for (Executor<float>* const executor : {&a, &b})
      for (std::int64_t i = 0; i < a.output().elements(); ++i)
        executor->output_gradient()[i] =
            static_cast<float>(Random(4).normal(static_cast<std::uint64_t>(i)));
    for (int output = 1; output < static_cast<int>(nets.apart().outputs().size()); ++output)
      std::fill_n(b.output_gradient(output).data(), b.output(output).elements(), 0.0f);
    nets.fused().zero_gradients();
    nets.apart().zero_gradients();
    a.backward();
    b.backward();
    // Sums of the backward pass run in another order, which bf16 rounds further. The gradient by a
    // bias before a batch norm is zero but for rounding.
    const float tolerance = a.precision() == Precision::bf16 ? 1e-2f : 1e-4f;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(i);
      const Tensor<float>& actual = nets.fused().parameters()[i]->gradient;
      float largest = 0, difference = 0;
      for (std::int64_t k = 0; k < actual.elements(); ++k) {
        largest = (std::max)(largest, std::fabs(expected[i]->gradient[k]));
        difference = (std::max)(difference, std::fabs(actual[k] - expected[i]->gradient[k]));
      }
      CHECK(largest > 0);
      CHECK(difference <= tolerance * (largest + 1));
      if (threads == 1)
        gradients.push_back(actual);
      else
        CHECK(actual == gradients[i]);
    }
  }
}

/// Who asks sees what lies in between, and the rest stays the same.
void compare_observed(const FusedAndApart& nets, const Tensor<float>& x) {
  for (const Mode mode : {Mode::inference, Mode::training}) {
    Executor<float> a(nets.fused()), b(nets.apart());
    b.forward(x, mode);
    int seen = 0;
    a.forward(x, mode, 0, [&](int node, TensorView<const float> output) {
      if (nets.fused().node(node).layer->type() != "batch_norm") return;
      const TensorView<const float> expected = b.output(++seen);
      CHECK(output.shape() == expected.shape());
      CHECK(std::equal(output.begin(), output.end(), expected.begin()));
    });
    CHECK(seen == static_cast<int>(nets.apart().outputs().size()) - 1);
    CHECK(std::equal(a.output().begin(), a.output().end(), b.output().begin()));
  }
}

Tensor<float> random_floats(const Shape& shape) {
  Tensor<float> tensor(shape);
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor[i] = static_cast<float>(Random(3).normal(static_cast<std::uint64_t>(i)));
  return tensor;
}

}  // namespace

TEST_CASE("a max pooling that the batch norm before it computes gives the same") {
  const FusedAndApart nets({24, 16, 3}, [](Value<float> x, const auto& normalize) {
    const Conv2dOptions same{.kernel = 3, .padding = 1, .bias = Bias::none};
    x = max_pool(relu(normalize(conv2d(x, 20, same))));
    x = max_pool(normalize(conv2d(x, 33, same)), {.kernel = {3, 2}});
    return max_pool(relu6(normalize(conv2d(x, 16, same))), {.kernel = {1, 4}});
  });
  const Tensor<float> x = random_floats({5, 24, 16, 3});
  for (const Precision precision : {Precision::float32, Precision::bf16})
    compare(nets, x, precision);
  compare_observed(nets, x);
}

TEST_CASE("a max pooling that follows a 1x1 or a depthwise convolution's batch norm is the same") {
  for (const bool with_relu : {false, true}) {
    CAPTURE(with_relu);
    const FusedAndApart nets({24, 16, 3}, [&](Value<float> x, const auto& normalize) {
      const auto pooled = [&](Value<float> y) {
        y = normalize(y);
        return max_pool(with_relu ? relu(y) : y, {.kernel = 2});
      };
      x = pooled(conv2d(x, 20, {.kernel = 1, .bias = Bias::none}));
      x = pooled(depthwise_conv2d(x, {.kernel = 3, .padding = 1, .bias = Bias::none}));
      return pooled(conv2d(x, 16, {.kernel = 1, .bias = Bias::none}));
    });
    const Tensor<float> x = random_floats({5, 24, 16, 3});
    for (const Precision precision : {Precision::float32, Precision::bf16})
      compare(nets, x, precision);
    compare_observed(nets, x);
  }
}

TEST_CASE("who observes sees two values that fusion leaves out, and no backward pass follows") {
  const FusedAndApart nets({12, 12, 8}, [](Value<float> x, const auto& normalize) {
    const Conv2dOptions same{.kernel = 3, .padding = 1, .bias = Bias::none};
    const Value<float> a = normalize(conv2d(x, 20, same)), b = normalize(conv2d(x, 20, same));
    return max_pool(a, {.kernel = 2}) + max_pool(b, {.kernel = 2});
  });
  const Tensor<float> x = random_floats({3, 12, 12, 8});
  compare_observed(nets, x);
  Executor<float> executor(nets.fused());
  executor.forward(x, Mode::training, 0, [](int, TensorView<const float>) {});
  CHECK_THROWS_WITH_AS(executor.backward(),
                       "executor: expected a forward pass without an observer before backward()",
                       Error);
}

TEST_CASE("an executor for inference has no gradients, and says so") {
  Graph<float> net(1);
  net.output(linear(net.input({3}), 2));
  Executor<float> executor(net, {.mode = Mode::inference});
  executor.forward(random_floats({2, 3}), Mode::inference);
  const char* const sentence =
      "executor: expected one made for Mode::training, which has gradients, got one for inference";
  CHECK_THROWS_WITH_AS(executor.output_gradient(), sentence, Error);
  CHECK_THROWS_WITH_AS(executor.zero_output_gradients(), sentence, Error);
  CHECK_THROWS_WITH_AS(executor.backward(), sentence, Error);
}

TEST_CASE("what nobody has memory for is refused, and a smaller batch goes on") {
  Graph<float> net(1);
  Value<float> x = net.input({1 << 20, 1 << 20, 128});
  net.output(x + relu(x));
  CHECK_THROWS_AS(Executor<float>{net}, Error);
  Graph<float> wide(1);
  wide.output(linear(wide.input({1}), 1 << 10));
  Executor<float> executor(wide);
  const std::vector<float> none(1);
  const TensorView<const float> huge(none.data(), Shape{std::int64_t{1} << 50, 1});
  CHECK_THROWS_AS(executor.forward(huge, Mode::inference), Error);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const TensorView<const float> large(none.data(), Shape{std::int64_t{1} << 36, 1});
  CHECK_THROWS_AS(executor.forward(large, Mode::inference), std::bad_alloc);
#endif
  executor.forward(TensorView<const float>(none.data(), Shape{1, 1}), Mode::inference);
  CHECK(executor.output().elements() == 1 << 10);
}

TEST_CASE("a batch norm whose work the next convolution does gives the same") {
  const FusedAndApart nets({25, 14, 8}, [](Value<float> x, const auto& normalize) {
    const Conv2dOptions pixel{.kernel = 1, .bias = Bias::none};
    const DepthwiseConv2dOptions square{.kernel = 3, .padding = 1, .bias = Bias::none};
    x = relu6(normalize(conv2d(x, 20, pixel)));
    x = relu(normalize(depthwise_conv2d(x, square)));
    x = normalize(conv2d(x, 17, pixel));
    x = relu6(normalize(
        depthwise_conv2d(x, {.kernel = 3, .stride = 2, .padding = 1, .bias = Bias::none})));
    x = relu(normalize(conv2d(x, 70, {.kernel = 1})));
    x = normalize(depthwise_conv2d(x, {.kernel = {2, 5}, .dilation = {2, 1}, .multiplier = 2}));
    return conv2d(relu(x), 9, pixel);
  });
  const Tensor<float> x = random_floats({9, 25, 14, 8});
  for (const Precision precision : {Precision::float32, Precision::bf16})
    compare(nets, x, precision);
  compare_observed(nets, x);
}

TEST_CASE("what is frozen before a fused layer changes nothing") {
  FusedAndApart nets({10, 10, 8}, [](Value<float> x, const auto& normalize) {
    const Conv2dOptions pixel{.kernel = 1, .bias = Bias::none};
    for (const std::int64_t channels : {16, 24, 8}) x = relu(normalize(conv2d(x, channels, pixel)));
    return conv2d(x, 5, pixel);
  });
  for (const Graph<float>& net : nets.graphs)
    for (std::size_t i = 0; i < 6; ++i) net.parameters()[i]->learning_rate_factor = 0;
  const Tensor<float> x = random_floats({3, 10, 10, 8});
  std::vector<Tensor<float>> gradients[2];
  for (std::size_t i = 0; i < 2; ++i) {
    Executor<float> executor(nets.graphs[i]);
    executor.forward(x, Mode::training);
    for (std::size_t output = 0; output < nets.graphs[i].outputs().size(); ++output) {
      const TensorView<float> gradient = executor.output_gradient(static_cast<int>(output));
      std::fill(gradient.begin(), gradient.end(), output ? 0.0f : 1.0f);
    }
    executor.backward();
    for (const Parameter<float>* const parameter : nets.graphs[i].parameters())
      gradients[i].push_back(parameter->gradient);
  }
  for (std::size_t i = 0; i < gradients[0].size(); ++i) {
    CAPTURE(i);
    for (std::int64_t k = 0; k < gradients[0][i].elements(); ++k)
      CHECK(gradients[0][i][k] == doctest::Approx(gradients[1][i][k]).epsilon(1e-3));
    CHECK((gradients[0][i][0] == 0) == (i < 6));
  }
}

TEST_CASE("gradients through a batch norm that pools, in double") {
  for (const auto activation : {relu<double>, relu6<double>}) {
    Graph<double> net(8);
    auto x = batch_norm(conv2d(net.input({4, 6, 2}), 3, {.kernel = 3, .padding = 1}));
    x = weighted(max_pool(activation(x), {.kernel = {2, 3}}));
    net.output(batch_norm(weighted(x)));
    check_gradients(net, 3);
  }
  Graph<double> net(9);
  net.output(weighted(max_pool(batch_norm(weighted(net.input({4, 4, 3}))))));
  check_gradients(net, 4);
}

TEST_CASE("an input may be an output") {
  Graph<double> net(7);
  const auto x = net.input({3});
  net.output(x);
  net.output(exponential(x));
  Executor<double> executor(net, {.mode = Mode::inference});
  const Tensor<double> values({2, 3}, {1, 2, 3, 4, 5, 6});
  executor.forward(values, Mode::inference);
  REQUIRE(executor.output(0).shape() == values.shape());
  REQUIRE(executor.output(0).elements() == 6);
  CHECK(std::equal(values.begin(), values.end(), executor.output(0).begin()));
  CHECK(executor.output(1)[5] == std::exp(0.3 * 6));
}

TEST_CASE("inputs that do not fit are refused with a sentence") {
  Graph<double> net(7);
  net.output(exponential(net.input({5})));
  Executor<double> executor(net);
  CHECK_THROWS_WITH_AS(executor.forward(Tensor<double>({2, 4}), Mode::inference),
                       "executor: expected [5] with a batch in front for input, got [2, 4]", Error);
  Graph<double> other(8);
  CHECK_THROWS_AS(blend(other.input({5}), net.value(0)), Error);
  CHECK_THROWS_WITH_AS(blend(net.value(0), net.input({4})),
                       "blend: expected two equal shapes, got [5] and [4]", Error);
  CHECK_THROWS_AS(Executor<double>(other, {}), Error);
}

TEST_CASE("a tensor that was moved from, and a backward pass without a forward one, are refused") {
  Graph<float> net(7);
  net.output(linear(net.input({5}), 2));
  Executor<float> executor(net);
  CHECK_THROWS_WITH_AS(executor.backward(),
                       "executor: expected a forward pass without an observer before backward()",
                       Error);
  Tensor<float> x({3, 5});
  const Tensor<float> y = std::move(x);
  CHECK_THROWS_WITH_AS(executor.forward(x, Mode::training),
                       "executor: expected a tensor for input, got one that was moved from", Error);
  executor.forward(y, Mode::training);
}
