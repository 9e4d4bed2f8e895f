#include "octet/optim/optimizer.hpp"

#include <doctest/doctest.h>

#include "octet/optim/adam.hpp"
#include "octet/optim/one_cycle.hpp"
#include "octet/optim/sgd.hpp"
#include "parameters.hpp"

using octet::Error;
using octet::Optimizer;
using octet::Parameter;
using octet::Safetensors;
using octet::SafetensorsWriter;
using octet::Tensor;
using octet::Update;

namespace {

const octet::Schedule schedule = octet::one_cycle({.max_learning_rate = 0.1, .total_steps = 20});

template <class T>
void train(TestParameters<T>& parameters, Optimizer<T>& optimizer, std::int64_t from,
           std::int64_t to) {
  for (std::int64_t step = from; step < to; ++step) {
    parameters.draw_gradients(static_cast<std::uint64_t>(step));
    optimizer.step(parameters.all, schedule(step));
  }
}

template <class T>
bool same_values(const TestParameters<T>& a, const TestParameters<T>& b) {
  return a.weight.value == b.weight.value && a.bias.value == b.bias.value &&
         a.scale.value == b.scale.value;
}

}  // namespace

TEST_CASE("optimizer: a saved and loaded one goes on bit for bit") {
  for (const bool with_adam : {true, false}) {
    CAPTURE(with_adam);
    const auto make = [&] {
      return with_adam ? octet::adam<float>() : octet::sgd<float>({.momentum = 0.9});
    };
    TestParameters<float> whole, parts;
    auto uninterrupted = make();
    train(whole, uninterrupted, 0, 20);

    auto first = make();
    train(parts, first, 0, 9);
    SafetensorsWriter file;
    first.save(file);
    auto second = make();
    second.load(Safetensors::parse(file.bytes()), parts.all);
    CHECK(second.steps() == 9);
    train(parts, second, 9, 20);
    CHECK(same_values(whole, parts));

    TestParameters<float> forgetful;
    auto third = make();
    train(forgetful, third, 0, 9);
    auto fresh = make();
    train(forgetful, fresh, 9, 20);
    CHECK_FALSE(same_values(whole, forgetful));
  }
}

TEST_CASE("optimizer: one that never stepped is saved and loaded, too") {
  TestParameters<double> parameters;
  SafetensorsWriter file;
  octet::adam<double>().save(file);
  auto loaded = octet::adam<double>();
  loaded.load(Safetensors::parse(file.bytes()), parameters.all);
  CHECK(loaded.steps() == 0);
  train(parameters, loaded, 0, 1);
  CHECK(loaded.steps() == 1);
}

TEST_CASE("optimizer: a state that does not fit is refused, and changes nothing") {
  TestParameters<double> parameters;
  auto optimizer = octet::adam<double>();
  train(parameters, optimizer, 0, 3);
  SafetensorsWriter writer;
  optimizer.save(writer);
  const Safetensors file = Safetensors::parse(writer.bytes(), {}, "state");
  auto other = octet::sgd<double>();
  CHECK_THROWS_WITH_AS(other.load(file, parameters.all),
                       "state: expected the state of sgd, got that of adam", Error);
  auto loaded = octet::adam<double>();
  std::vector<Parameter<double>*> fewer(parameters.all.begin(), parameters.all.end() - 1);
  CHECK_THROWS_WITH_AS(loaded.load(file, fewer),
                       "state: expected the state of 2 parameters, got that of 3 after 3 steps",
                       Error);
  std::vector<Parameter<double>*> swapped{parameters.all[1], parameters.all[0], parameters.all[2]};
  CHECK_THROWS_WITH_AS(loaded.load(file, swapped),
                       "state: tensor \"optimizer.0.mean\": expected shape [5], got [5, 7]", Error);
  writer.set_metadata("optimizer", R"({"rule":"adam","steps":3})");
  const Safetensors partial = Safetensors::parse(writer.bytes(), {}, "state");
  CHECK_THROWS_WITH_AS(loaded.load(partial, parameters.all),
                       "state: optimizer: JSON: expected a member \"parameters\", got an object "
                       "without it",
                       Error);
  CHECK(loaded.steps() == 0);
}

TEST_CASE("optimizer: every parameter must be the one of the first step") {
  TestParameters<double> parameters;
  auto optimizer = octet::adam<double>();
  train(parameters, optimizer, 0, 1);
  const std::vector<Parameter<double>*> fewer{parameters.all[0]};
  CHECK_THROWS_WITH_AS(optimizer.step(fewer, {0.1}),
                       "adam: expected the 3 parameters of the first step, got 1", Error);
  const std::vector<Parameter<double>*> swapped{parameters.all[1], parameters.all[0],
                                                parameters.all[2]};
  CHECK_THROWS_WITH_AS(optimizer.step(swapped, {0.1}),
                       "adam: expected a parameter of shape [5, 7] in place 0, as in the first "
                       "step, got bias of shape [5]",
                       Error);
  parameters.bias.gradient = Tensor<double>({4});
  CHECK_THROWS_WITH_AS(optimizer.step(parameters.all, {0.1}),
                       "adam: expected a gradient of shape [5] for bias, got [4]", Error);
}

TEST_CASE("optimizer: a frozen parameter and its state stay, the others move as without it") {
  TestParameters<double> parameters, before;
  parameters.weight.learning_rate_factor = 0;
  auto optimizer = octet::adam<double>({.weight_decay = {.factor = 0.1}});
  train(parameters, optimizer, 0, 5);
  CHECK(parameters.weight.value == before.weight.value);
  CHECK_FALSE(parameters.bias.value == before.bias.value);
  SafetensorsWriter writer;
  optimizer.save(writer);
  const Safetensors file = Safetensors::parse(writer.bytes());
  CHECK(file.tensor<double>("optimizer.0.mean") == Tensor<double>({5, 7}));
  CHECK_FALSE(file.tensor<double>("optimizer.1.mean") == Tensor<double>({5}));

  TestParameters<double> free;
  auto reference = octet::adam<double>({.weight_decay = {.factor = 0.1}});
  train(free, reference, 0, 5);
  CHECK(free.bias.value == parameters.bias.value);
}

TEST_CASE("optimizer: the learning-rate factor multiplies the rate") {
  TestParameters<double> a, b;
  a.weight.learning_rate_factor = 0.25;
  auto first = octet::sgd<double>(), second = octet::sgd<double>();
  a.draw_gradients(0), b.draw_gradients(0);
  first.step(a.all, {1.0});
  second.step(b.all, {0.25});
  CHECK(a.weight.value == b.weight.value);
  CHECK_FALSE(a.bias.value == b.bias.value);
}

TEST_CASE("optimizer: the clock ticks once for a step, whatever the number of tensors") {
  TestParameters<double> three;
  Parameter<double> alone{"weight", octet::ParameterKind::weight, {5, 7}};
  alone.value = three.weight.value;
  auto a = octet::adam<double>(), b = octet::adam<double>();
  for (std::uint64_t step = 0; step < 4; ++step) {
    three.draw_gradients(step);
    alone.gradient = three.weight.gradient;
    a.step(three.all, {0.1});
    b.step(std::vector{&alone}, {0.1});
  }
  CHECK(a.steps() == 4);
  CHECK(alone.value == three.weight.value);
}

TEST_CASE("optimizer: the number of threads changes no bit") {
  Parameter<float> a{"big", octet::ParameterKind::weight, {50001}}, b = a;
  TestParameters<float>::draw(a.value, 1);
  b.value = a.value;
  octet::ThreadPool one(1), four(4);
  for (const bool with_adam : {true, false}) {
    auto first = with_adam ? octet::adam<float>() : octet::sgd<float>({.momentum = 0.9});
    auto second = first;
    for (std::uint64_t step = 0; step < 3; ++step) {
      TestParameters<float>::draw(a.gradient, 2 + step);
      b.gradient = a.gradient;
      first.step(std::vector{&a}, {0.1}, one);
      second.step(std::vector{&b}, {0.1}, four);
    }
    CHECK(a.value == b.value);
  }
}

TEST_CASE("optimizer: a rule of one's own") {
  Optimizer<double> sign_descent(
      {"sign", {"last"}, [](const Update<double>& update) {
         for (std::int64_t i = 0; i < update.parameter.value.elements(); ++i) {
           const double gradient = update.parameter.gradient[i];
           update.parameter.value[i] -= update.learning_rate * (gradient > 0 ? 1 : -1);
           update.state[0][i] = gradient;
         }
       }});
  TestParameters<double> parameters, before;
  parameters.draw_gradients(0);
  sign_descent.step(parameters.all, {0.5});
  for (std::int64_t i = 0; i < 35; ++i)
    CHECK(std::abs(parameters.weight.value[i] - before.weight.value[i]) ==
          doctest::Approx(0.5).epsilon(1e-14));
  SafetensorsWriter file;
  sign_descent.save(file);
  CHECK(Safetensors::parse(file.bytes()).tensor<double>("optimizer.1.last") ==
        parameters.bias.gradient);
}
