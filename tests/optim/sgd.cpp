#include "octet/optim/sgd.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "parameters.hpp"
#include "tolerance.hpp"

using octet::DecayKind;
using octet::SgdOptions;
using octet::kernels::Momentum;

namespace {

template <class T>
void check_against_the_formula(const SgdOptions& options) {
  TestParameters<T> parameters;
  auto optimizer = octet::sgd<T>(options);
  std::vector<double> p(parameters.weight.value.begin(), parameters.weight.value.end()), m(35);
  for (std::uint64_t step = 0; step < 10; ++step) {
    parameters.draw_gradients(step);
    for (std::size_t i = 0; i < 35; ++i) {
      double g = static_cast<double>(parameters.weight.gradient[static_cast<int>(i)]);
      const auto& decay = options.weight_decay;
      if (decay.kind == DecayKind::coupled) g += decay.factor * p[i];
      if (decay.kind == DecayKind::decoupled) p[i] -= 0.05 * decay.factor * p[i];
      m[i] = options.momentum * m[i] + g;
      p[i] -= 0.05 * (options.kind == Momentum::nesterov ? g + options.momentum * m[i] : m[i]);
    }
    optimizer.step(parameters.all, {0.05});
  }
  for (std::size_t i = 0; i < 35; ++i) {
    CAPTURE(i);
    CHECK(std::abs(static_cast<double>(parameters.weight.value[static_cast<int>(i)]) - p[i]) <=
          tolerance<T>(100, std::abs(p[i]) + 1));
  }
}

}  // namespace

TEST_CASE("sgd: one step and two by hand") {
  octet::Parameter<double> p{"p", octet::ParameterKind::weight, {1}};
  const auto two_steps = [&p](const SgdOptions& options) {
    auto optimizer = octet::sgd<double>(options);
    p.value[0] = 1;
    p.gradient[0] = 2;
    optimizer.step(std::vector{&p}, {0.5});
    p.gradient[0] = 4;
    optimizer.step(std::vector{&p}, {0.5});
    return p.value[0];
  };
  CHECK(two_steps({}) == 1 - 0.5 * 2 - 0.5 * 4);
  CHECK(two_steps({.momentum = 0.5}) == 1 - 0.5 * 2 - 0.5 * (0.5 * 2 + 4));
  CHECK(two_steps({.momentum = 0.5, .kind = Momentum::nesterov}) ==
        1 - 0.5 * (2 + 0.5 * 2) - 0.5 * (4 + 0.5 * (0.5 * 2 + 4)));
}

TEST_CASE("sgd: ten steps as in the formula") {
  for (const Momentum kind : {Momentum::heavy_ball, Momentum::nesterov}) {
    check_against_the_formula<double>({.momentum = 0.9, .kind = kind});
    check_against_the_formula<float>({.momentum = 0.9, .kind = kind});
    check_against_the_formula<double>(
        {.momentum = 0.9, .kind = kind, .weight_decay = {.factor = 0.1}});
    check_against_the_formula<double>(
        {.momentum = 0.9,
         .kind = kind,
         .weight_decay = {.factor = 0.1, .kind = DecayKind::decoupled}});
  }
}

TEST_CASE("sgd: a schedule's momentum takes the place of its own") {
  TestParameters<double> a, b;
  auto own = octet::sgd<double>({.momentum = 0.7}), given = octet::sgd<double>({.momentum = 0.1});
  for (std::uint64_t step = 0; step < 3; ++step) {
    a.draw_gradients(step), b.draw_gradients(step);
    own.step(a.all, {0.1});
    given.step(b.all, {0.1, 0.7});
  }
  CHECK(a.weight.value == b.weight.value);
}

TEST_CASE("sgd: mistakes have their sentence") {
  CHECK_THROWS_WITH_AS(octet::sgd<float>({.momentum = 1}),
                       "sgd: expected a momentum from 0 to below 1, got 1", octet::Error);
  CHECK_THROWS_WITH_AS(octet::sgd<float>({.weight_decay = {.factor = -1}}),
                       "sgd: expected a weight decay of at least 0, got -1", octet::Error);
}
