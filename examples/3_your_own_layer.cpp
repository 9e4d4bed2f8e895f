// Lesson 3: write your own layer, and check its gradient.
//
// A layer in Octet is a class that says its type and the shape of its output, computes forward and
// backward, hands out its parameters, and can be copied. Ours is Swish with a learned slope
// (Ramachandran et al., "Searching for activation functions", 2017):
//
//     y = x * s(beta * x),   s(z) = 1 / (1 + exp(-z))
//
// with one learned number, beta. With s' = s (1 - s), the derivatives that backward() needs are
//
//     dy/dx    = s + beta * x * s (1 - s)
//     dy/dbeta = x * x * s (1 - s)
//
// Nobody gets such formulas right every time, and a network trains somehow even with a wrong one.
// So every layer, ours and Octet's own, goes through check/gradient_check.hpp: it moves each number
// up and down a little in double precision, and compares the slope of the loss with what backward()
// says. It also checks the two rules that are easily forgotten: the gradient by an input is
// assigned, because the executor hands over memory with old numbers in it; the gradient by a
// parameter is added to what is there already.
//
// Once it is right, the layer is like any other: it trains, and where it has no int8 form, the
// converter leaves it as a float island and says so. A file holds its type, its attributes (ours
// has none) and its parameters; to load one, Octet is told how such a layer is made, by
// register_layer().

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "octet/octet.hpp"

/// The mistake that the checker is to find.
enum class Slip { none, forgotten_factor };

/// y = x * s(beta * x).
template <class T, Slip slip = Slip::none>
class LearnedSwish final : public octet::Layer<T> {
 public:
  LearnedSwish() : beta_("beta", octet::ParameterKind::weight, {1}) { beta_.value.fill(T{1}); }

  std::string_view type() const override { return "learned_swish"; }

  octet::Shape output_shape(std::span<const octet::Shape> inputs) const override {
    if (inputs.size() != 1) octet::fail("learned_swish: expected one input, got ", inputs.size());
    return inputs[0];
  }

  void forward(octet::Inputs<T> inputs, octet::TensorView<T> output, const octet::Pass&) override {
    for (std::int64_t i = 0; i < output.elements(); ++i) {
      const T x = inputs[0][i];
      output[i] = x * sigmoid(beta_.value[0] * x);
    }
  }

  void backward(octet::Inputs<T> inputs, octet::TensorView<const T>,
                octet::TensorView<const T> d_output, octet::InputGradients<T> d_inputs,
                const octet::Pass&) override {
    const T beta = beta_.value[0];
    for (std::int64_t i = 0; i < d_output.elements(); ++i) {
      const T x = inputs[0][i];
      const T s = sigmoid(beta * x);
      const T slope = slip == Slip::none ? s * (1 - s) : s;
      const T dy = d_output[i];
      beta_.gradient[0] += dy * x * x * slope;
      if (!d_inputs[0].empty()) d_inputs[0][i] = dy * (s + beta * x * slope);
    }
  }

  std::vector<octet::Parameter<T>*> parameters() override { return {&beta_}; }
  std::unique_ptr<octet::Layer<T>> clone() const override {
    return std::make_unique<LearnedSwish>(*this);
  }
  // What backward() does not read, the executor need not keep.
  bool backward_reads_output() const override { return false; }

 private:
  static T sigmoid(T z) { return 1 / (1 + std::exp(-z)); }

  octet::Parameter<T> beta_;
};

/// The function that puts it into a network, like those that Octet has.
template <class T>
octet::Value<T> learned_swish(octet::Value<T> x) {
  return octet::apply<T>(std::make_unique<LearnedSwish<T>>(), {x});
}

int main() {
  const std::vector<octet::Shape> input = {{3, 4}};
  const auto right = octet::check_gradient(LearnedSwish<double>(), input);
  std::printf("LearnedSwish as it is:            %s\n", right.text().c_str());
  const auto wrong = octet::check_gradient(LearnedSwish<double, Slip::forgotten_factor>(), input);
  std::printf("with a factor (1 - s) forgotten:  %s\n\n", wrong.text().c_str());

  // In a network, beta learns with all other parameters: y = x s(2 x) is found again from samples.
  octet::Graph<float> net(/*seed=*/1);
  net.output(learned_swish(net.input({1})));
  octet::Tensor<float> x({64, 1});
  for (std::int64_t i = 0; i < 64; ++i) x[i] = static_cast<float>(i - 32) / 16;

  octet::Executor<float> executor(net);
  octet::Parameter<float>& beta = *net.parameters()[0];
  for (int step = 0; step < 600; ++step) {
    net.zero_gradients();
    executor.forward(x, octet::Mode::training);
    for (std::int64_t i = 0; i < 64; ++i) {
      const float target = x[i] / (1 + std::exp(-2 * x[i]));
      executor.output_gradient()[i] = 2 * (executor.output()[i] - target) / 64;
    }
    executor.backward();
    beta.value[0] -= beta.gradient[0];
  }
  std::printf("learned beta = %.4f, expected 2\n", static_cast<double>(beta.value[0]));

  octet::register_layer<float>("learned_swish", [](const octet::Json& /*attributes*/) {
    return std::make_unique<LearnedSwish<float>>();
  });
  const std::string path = "your_own_layer.safetensors";
  octet::save_graph(net, path);
  const octet::LoadedGraph<float> loaded = octet::load_graph<float>(path);
  std::remove(path.c_str());
  std::printf("from a file: beta = %.4f\n",
              static_cast<double>(loaded.graph.parameters()[0]->value[0]));

  const bool learned = std::abs(beta.value[0] - 2) < 1e-2f;
  const bool kept = loaded.graph.parameters()[0]->value[0] == beta.value[0];
  return right.passed() && !wrong.passed() && learned && kept ? 0 : 1;
}
