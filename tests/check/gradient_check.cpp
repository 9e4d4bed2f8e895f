// The checker passes a right layer, and finds each way of being wrong.
#include "octet/check/gradient_check.hpp"

#include <doctest/doctest.h>

using namespace octet;

namespace {

/// How a layer y = w[c] * x^2 is wrong.
enum class Fault {
  none,
  wrong_factor_of_input,
  wrong_factor_of_parameter,
  one_element_wrong,
  assigns_to_parameter,
  adds_to_input,
  leaves_an_input_element,
  leaves_an_output_element,
  reads_freed_inputs,
  reads_freed_output,
  differs_in_second_pass,
  differs_in_place,
  differs_in_place_backward,
  forgets_parameter_if_nobody_needs_the_input,
  depends_on_threads,
  depends_on_threads_backward,
};

class Square final : public Layer<double> {
 public:
  Square(std::int64_t channels, Fault fault)
      : fault_(fault), weight_("weight", ParameterKind::weight, {channels}) {}

  std::string_view type() const override { return "square"; }
  Shape output_shape(std::span<const Shape> inputs) const override { return inputs[0]; }
  void forward(Inputs<double> inputs, TensorView<double> output, const Pass& pass) override {
    const bool shared = inputs[0].data() == output.data();
    for (std::int64_t i = 0; i < output.elements(); ++i) {
      if (fault_ == Fault::leaves_an_output_element && i == 3) continue;
      output[i] = weight_.value[i % weight_.value.elements()] * inputs[0][i] * inputs[0][i];
    }
    if (fault_ == Fault::differs_in_place && shared) output[0] += 1;
    if (fault_ == Fault::differs_in_second_pass) output[0] += passes_++;
    if (fault_ == Fault::depends_on_threads && pass.threads().threads() > 1) output[0] += 1;
  }
  void backward(Inputs<double> inputs, TensorView<const double> output,
                TensorView<const double> d_output, InputGradients<double> d_inputs,
                const Pass& pass) override {
    const std::int64_t channels = weight_.value.elements();
    const bool needed = !d_inputs[0].empty(), shared = d_inputs[0].data() == d_output.data();
    for (std::int64_t i = 0; i < d_output.elements(); ++i) {
      const std::int64_t c = i % channels;
      double d_weight = d_output[i] * inputs[0][i] * inputs[0][i];
      double d_input = d_output[i] * 2 * weight_.value[c] * inputs[0][i];
      if (fault_ == Fault::wrong_factor_of_parameter) d_weight *= 1 + 1e-5;
      if (fault_ == Fault::wrong_factor_of_input) d_input *= 1 + 1e-5;
      if (fault_ == Fault::one_element_wrong && i == 7) d_input *= 1 + 1e-5;
      if (fault_ == Fault::reads_freed_output) d_input += 0 * output[i];
      if (fault_ == Fault::differs_in_place_backward && shared) d_input *= 2;
      if (fault_ == Fault::forgets_parameter_if_nobody_needs_the_input && !needed) d_weight = 0;
      if (fault_ == Fault::assigns_to_parameter && i < channels) weight_.gradient[c] = 0;
      weight_.gradient[c] += d_weight;
      if (!needed || (fault_ == Fault::leaves_an_input_element && i == 5)) continue;
      if (fault_ == Fault::adds_to_input)
        d_inputs[0][i] += d_input;
      else
        d_inputs[0][i] = d_input;
    }
    if (fault_ == Fault::depends_on_threads_backward && pass.threads().threads() > 1)
      weight_.gradient[0] += 1e-15 + weight_.gradient[0] * 1e-14;
  }
  std::vector<Parameter<double>*> parameters() override { return {&weight_}; }
  std::unique_ptr<Layer<double>> clone() const override { return std::make_unique<Square>(*this); }
  bool backward_reads_inputs() const override { return fault_ != Fault::reads_freed_inputs; }
  bool backward_reads_output() const override { return false; }
  bool in_place() const override { return true; }

 private:
  Fault fault_;
  int passes_ = 0;
  Parameter<double> weight_;
};

GradientCheckResult check_fault(Fault fault) { return check_gradient(Square(3, fault), {{4, 3}}); }

TEST_CASE("the gradient check passes a right layer") {
  const GradientCheckResult result = check_fault(Fault::none);
  CHECK_MESSAGE(result.passed(), result.text());
  CHECK(result.elements_checked == 2 * 4 * 3 + 3);
  CHECK(result.worst_error < 1e-9);
  CHECK(result.text().find("passed: 27 elements") == 0);
}

TEST_CASE("the gradient check finds a wrong gradient, and where it is") {
  const GradientCheckResult input = check_fault(Fault::wrong_factor_of_input);
  CHECK_FALSE(input.passed());
  CHECK(input.worst_error == doctest::Approx(1e-5).epsilon(0.01));
  CHECK(input.where.find("input 0 element") == 0);
  CHECK(input.broken_rules.empty());

  const GradientCheckResult parameter = check_fault(Fault::wrong_factor_of_parameter);
  CHECK_FALSE(parameter.passed());
  CHECK(parameter.where.find("weight element") == 0);
  CHECK(parameter.text().find("FAILED") == 0);

  const GradientCheckResult element = check_fault(Fault::one_element_wrong);
  CHECK_FALSE(element.passed());
  CHECK(element.where == "input 0 element 7");
  CHECK(element.by_backward != element.by_difference);
  CHECK(
      check_gradient(Square(3, Fault::one_element_wrong), {{4, 3}}, {.tolerance = 1e-4}).passed());
}

TEST_CASE("the gradient check finds each broken rule of the interface") {
  const auto finds = [](Fault fault, const std::string& sentence) {
    const GradientCheckResult result = check_fault(fault);
    CAPTURE(sentence);
    CHECK_FALSE(result.passed());
    CHECK_MESSAGE(result.text().find(sentence) != std::string::npos, result.text());
  };
  finds(Fault::assigns_to_parameter, "does not add to the gradient of weight: element 0 was 0.75");
  finds(Fault::adds_to_input, "backward: element 0 of d_inputs[0] is NaN");
  finds(Fault::leaves_an_input_element, "backward: element 5 of d_inputs[0] is NaN");
  finds(Fault::leaves_an_output_element, "forward: element 3 of the output is nan");
  finds(Fault::reads_freed_inputs, "backward: element 0 of d_inputs[0] is NaN");
  finds(Fault::reads_freed_output, "backward: element 0 of d_inputs[0] is NaN");
  finds(Fault::differs_in_second_pass, "forward: a second pass with the same inputs");
  finds(Fault::differs_in_place, "forward: in_place() is true, but the output differs");
  finds(Fault::differs_in_place_backward, "backward: in_place() is true, but gradients differ");
  finds(Fault::forgets_parameter_if_nobody_needs_the_input,
        "backward: other gradients change if nobody needs d_inputs[0]");
  finds(Fault::depends_on_threads, "forward: the output depends on the number of threads");
  finds(Fault::depends_on_threads_backward, "backward: the gradients depend on the number of");
}

TEST_CASE("the gradient check takes inputs and parameters from its caller") {
  Square layer(1, Fault::none);
  layer.parameters()[0]->value.fill(3);
  GradientCheckOptions options;
  options.batch = 1;
  options.parameters = CheckedParameters::kept;
  options.fill_input = [](std::size_t, TensorView<double> values) { values[0] = 5; };
  const GradientCheckResult result = check_gradient(layer, {{1}}, options);
  CHECK_MESSAGE(result.passed(), result.text());
  // The gradients are 2 w x = 30 and x^2 = 25 times one upstream number.
  const double upstream = result.by_backward / (result.where == "weight element 0" ? 25 : 30);
  CHECK(upstream == doctest::Approx(Random(1).substream(1000).normal(0)));
  CHECK(layer.parameters()[0]->gradient[0] == 0);
}

/// y = slope * x, whose copies forget the slope.
class Forgetful final : public Layer<double> {
 public:
  explicit Forgetful(double slope = 1) : slope_(slope) {}
  std::string_view type() const override { return "forgetful"; }
  Json attributes() const override { return Json::object().set("slope", slope_); }
  Shape output_shape(std::span<const Shape> inputs) const override { return inputs[0]; }
  void forward(Inputs<double> inputs, TensorView<double> output, const Pass&) override {
    for (std::int64_t i = 0; i < output.elements(); ++i) output[i] = slope_ * inputs[0][i];
  }
  void backward(Inputs<double>, TensorView<const double>, TensorView<const double> d_output,
                InputGradients<double> d_inputs, const Pass&) override {
    for (std::int64_t i = 0; i < d_inputs[0].elements(); ++i) d_inputs[0][i] = slope_ * d_output[i];
  }
  std::unique_ptr<Layer<double>> clone() const override { return std::make_unique<Forgetful>(); }

 private:
  double slope_;
};

TEST_CASE("the gradient check compares a copy's attributes with the layer's") {
  CHECK(check_gradient(Forgetful(), {{4}}).passed());
  CHECK(check_gradient(Forgetful(3), {{4}}).broken_rules ==
        std::vector<std::string>{
            "clone(): expected the attributes {\"slope\":3}, got {\"slope\":1}"});
}

/// y = beta * x, whose copies forget beta.
class Fresh : public Layer<double> {
 public:
  std::string_view type() const override { return "fresh"; }
  Shape output_shape(std::span<const Shape> inputs) const override { return inputs[0]; }
  void forward(Inputs<double> inputs, TensorView<double> output, const Pass&) override {
    for (std::int64_t i = 0; i < output.elements(); ++i) output[i] = beta.value[0] * inputs[0][i];
  }
  void backward(Inputs<double> inputs, TensorView<const double>, TensorView<const double> d_output,
                InputGradients<double> d_inputs, const Pass&) override {
    for (std::int64_t i = 0; i < d_output.elements(); ++i) {
      beta.gradient[0] += inputs[0][i] * d_output[i];
      if (!d_inputs[0].empty()) d_inputs[0][i] = beta.value[0] * d_output[i];
    }
  }
  std::vector<Parameter<double>*> parameters() override { return {&beta}; }
  std::unique_ptr<Layer<double>> clone() const override { return std::make_unique<Fresh>(); }
  Parameter<double> beta{"beta", ParameterKind::weight, {1}};
};

TEST_CASE("the gradient check compares a copy's parameters with the layer's") {
  Fresh layer;
  CHECK(check_gradient(layer, {{4}}).passed());
  layer.beta.value[0] = 3;
  CHECK(check_gradient(layer, {{4}}).broken_rules ==
        std::vector<std::string>{"clone(): expected a copy of the parameter beta"});
}

TEST_CASE("the gradient check fails if there is nothing to check") {
  CHECK_FALSE(check_gradient(Square(0, Fault::none), {{0}}).passed());
  GradientCheckOptions options;
  options.batch = 0;
  CHECK_THROWS_WITH_AS(check_gradient(Square(0, Fault::none), {{4}}, options),
                       "check_gradient: expected a batch of at least 1, got 0", Error);
}

}  // namespace
