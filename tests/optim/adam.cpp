#include "octet/optim/adam.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "parameters.hpp"
#include "tolerance.hpp"

using octet::AdamOptions;
using octet::DecayedParameters;
using octet::DecayKind;
using octet::Tensor;

namespace {

// Adam for one number, written down from the paper.
struct PlainAdam {
  double m = 0, v = 0;
  int t = 0;
  double step(double p, double g, double rate, double beta1, const AdamOptions& o) {
    ++t;
    if (o.weight_decay.kind == DecayKind::coupled) g += o.weight_decay.factor * p;
    if (o.weight_decay.kind == DecayKind::decoupled) p -= rate * o.weight_decay.factor * p;
    m = beta1 * m + (1 - beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    const double mean = m / (1 - std::pow(beta1, t)), square = v / (1 - std::pow(o.beta2, t));
    return p - rate * mean / (std::sqrt(square) + o.epsilon);
  }
};

template <class T>
void check_against_the_paper(const AdamOptions& options, bool cycle) {
  TestParameters<T> parameters;
  auto optimizer = octet::adam<T>(options);
  std::vector<PlainAdam> plain(35);
  std::vector<double> expected(parameters.weight.value.begin(), parameters.weight.value.end());
  for (std::uint64_t step = 0; step < 10; ++step) {
    parameters.draw_gradients(step);
    const double rate = 0.01 * static_cast<double>(step + 1);
    octet::Rate given{rate};
    if (cycle) given.momentum = 0.95 - 0.01 * static_cast<double>(step);
    for (std::size_t i = 0; i < 35; ++i)
      expected[i] = plain[i].step(
          expected[i], static_cast<double>(parameters.weight.gradient[static_cast<int>(i)]), rate,
          given.momentum.value_or(options.beta1), options);
    optimizer.step(parameters.all, given);
  }
  for (std::size_t i = 0; i < 35; ++i) {
    CAPTURE(i);
    CHECK(std::abs(static_cast<double>(parameters.weight.value[static_cast<int>(i)]) -
                   expected[i]) <= tolerance<T>(100, std::abs(expected[i]) + 1));
  }
}

}  // namespace

TEST_CASE("adam: the first step moves every element by the rate against its gradient") {
  TestParameters<double> parameters, before;
  parameters.draw_gradients(0);
  octet::adam<double>({.epsilon = 1e-300}).step(parameters.all, {0.125});
  for (std::int64_t i = 0; i < 35; ++i)
    CHECK(parameters.weight.value[i] ==
          doctest::Approx(before.weight.value[i] -
                          std::copysign(0.125, parameters.weight.gradient[i]))
              .epsilon(1e-13));
}

TEST_CASE("adam: ten steps as in the paper, with fixed and with cycled beta1") {
  for (const bool cycle : {false, true}) {
    check_against_the_paper<double>({}, cycle);
    check_against_the_paper<float>({}, cycle);
    check_against_the_paper<double>({.beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-3}, cycle);
    check_against_the_paper<double>({.weight_decay = {.factor = 0.1}}, cycle);
    check_against_the_paper<double>({.weight_decay = {.factor = 0.1, .kind = DecayKind::decoupled}},
                                    cycle);
  }
}

TEST_CASE("adam_w: decays by itself, by 0.01, and apart from the gradient") {
  TestParameters<double> a, b;
  auto first = octet::adam_w<double>();
  auto second =
      octet::adam<double>({.weight_decay = {.factor = 0.01, .kind = DecayKind::decoupled}});
  for (std::uint64_t step = 0; step < 3; ++step) {
    a.draw_gradients(step), b.draw_gradients(step);
    first.step(a.all, {0.5});
    second.step(b.all, {0.5});
  }
  CHECK(a.weight.value == b.weight.value);

  TestParameters<double> still, before;
  octet::adam_w<double>().step(still.all, {0.5});
  for (std::int64_t i = 0; i < 35; ++i)
    CHECK(still.weight.value[i] ==
          doctest::Approx(before.weight.value[i] * (1 - 0.5 * 0.01)).epsilon(1e-14));

  TestParameters<double> with_beta;
  octet::adam_w<double>({.beta1 = 0.8}).step(with_beta.all, {0.5});
  CHECK(with_beta.weight.value == still.weight.value);
}

TEST_CASE("adam: a parameter that thaws begins as at the first step, also after loading") {
  TestParameters<double> thawing, fresh;
  auto late = octet::adam<double>(), early = octet::adam<double>();
  thawing.weight.learning_rate_factor = 0;
  for (int step = 0; step < 100; ++step) late.step(thawing.all, {0.5});
  thawing.weight.learning_rate_factor = 1;
  octet::SafetensorsWriter writer;
  late.save(writer);
  auto loaded = octet::adam<double>();
  loaded.load(octet::Safetensors::parse(writer.bytes(), {}, "state"), thawing.all);
  for (std::uint64_t step = 0; step < 3; ++step) {
    thawing.draw_gradients(step), fresh.draw_gradients(step);
    loaded.step(thawing.all, {0.5});
    early.step(fresh.all, {0.5});
  }
  CHECK(thawing.weight.value == fresh.weight.value);
}

TEST_CASE("adam: weight decay spares biases and normalization on request") {
  for (const DecayKind kind : {DecayKind::coupled, DecayKind::decoupled}) {
    TestParameters<double> some, all, before;
    octet::adam<double>(
        {.weight_decay = {.factor = 0.1, .kind = kind, .parameters = DecayedParameters::weights}})
        .step(some.all, {0.5});
    octet::adam<double>({.weight_decay = {.factor = 0.1, .kind = kind}}).step(all.all, {0.5});
    CHECK_FALSE(some.weight.value == before.weight.value);
    CHECK(some.bias.value == before.bias.value);
    CHECK(some.scale.value == before.scale.value);
    CHECK_FALSE(all.bias.value == before.bias.value);
    CHECK_FALSE(all.scale.value == before.scale.value);
  }
}

TEST_CASE("adam: mistakes have their sentence") {
  CHECK_THROWS_WITH_AS(octet::adam<float>({.beta1 = 1}),
                       "adam: expected betas from 0 to below 1, got 1", octet::Error);
  CHECK_THROWS_AS(octet::adam<float>({.beta2 = -0.1}), octet::Error);
  CHECK_THROWS_WITH_AS(octet::adam<double>({.epsilon = 0}),
                       "adam: expected an epsilon above 0 in the parameters' type, got 0",
                       octet::Error);
  CHECK_THROWS_WITH_AS(octet::adam<float>({.epsilon = 1e-300}),
                       "adam: expected an epsilon above 0 in the parameters' type, got 1e-300",
                       octet::Error);
  CHECK_THROWS_WITH_AS(octet::adam<float>({.weight_decay = {.factor = -1}}),
                       "adam: expected a weight decay of at least 0, got -1", octet::Error);
}
