#include "octet/optim/one_cycle.hpp"

#include <doctest/doctest.h>

#include "octet/core/file.hpp"
#include "octet/core/json.hpp"

using octet::Annealing;
using octet::MomentumCycle;
using octet::one_cycle;
using octet::OneCycleOptions;
using octet::OneCyclePhases;

TEST_CASE("one_cycle: PyTorch's rate and momentum in every step of 20, 100 and 997") {
  const auto bytes = octet::read_file(OCTET_SOURCE_DIR "/tests/golden/onecycle_tables.json");
  const octet::Json tables = octet::Json::parse(
      std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  int compared = 0;
  for (const std::int64_t steps : {20, 100, 997})
    for (const auto phases : {OneCyclePhases::two, OneCyclePhases::three})
      for (const auto annealing : {Annealing::cosine, Annealing::linear}) {
        const std::string name =
            octet::text_of('N', steps, phases == OneCyclePhases::two ? "_two" : "_three",
                           annealing == Annealing::cosine ? "_cos" : "_linear");
        CAPTURE(name);
        const auto schedule = one_cycle({.max_learning_rate = 0.01,
                                         .total_steps = steps,
                                         .phases = phases,
                                         .annealing = annealing});
        const auto& rows = tables[name].as_array();
        REQUIRE(static_cast<std::int64_t>(rows.size()) == steps);
        for (std::size_t step = 0; step < rows.size(); ++step, ++compared) {
          CAPTURE(step);
          const double rate = rows[step].as_array()[0].as_number();
          const octet::Rate got = schedule(static_cast<std::int64_t>(step));
          REQUIRE(std::abs(got.learning_rate - rate) <= 1e-12 * rate + 1e-17);
          REQUIRE(std::abs(got.momentum.value() - rows[step].as_array()[1].as_number()) <= 1e-12);
        }
      }
  CHECK(compared == 4 * (20 + 100 + 997));
}

TEST_CASE("one_cycle: starts, peaks and ends where it is told to") {
  for (const auto phases : {OneCyclePhases::two, OneCyclePhases::three}) {
    const auto schedule = one_cycle({.max_learning_rate = 0.5,
                                     .total_steps = 100,
                                     .phases = phases,
                                     .rise = 0.4,
                                     .start_divisor = 10,
                                     .final_divisor = 100});
    CHECK(schedule(0).learning_rate == doctest::Approx(0.05));
    CHECK(schedule(0).momentum.value() == doctest::Approx(0.95));
    CHECK(schedule(39).learning_rate == doctest::Approx(0.5));
    CHECK(schedule(39).momentum.value() == doctest::Approx(0.85));
    CHECK(schedule(99).learning_rate == doctest::Approx(0.0005));
    CHECK(schedule(99).momentum.value() == doctest::Approx(0.95));
    CHECK(schedule(100) == schedule(99));
    CHECK(schedule(1000) == schedule(99));
  }
}

TEST_CASE("one_cycle: any number of steps gives finite rates within its bounds") {
  for (std::int64_t steps = 1; steps < 60; ++steps)
    for (const auto phases : {OneCyclePhases::two, OneCyclePhases::three})
      for (const auto annealing : {Annealing::cosine, Annealing::linear})
        for (const double rise : {0.0, 0.1, 0.3, 0.5}) {
          const auto schedule = one_cycle({.max_learning_rate = 1,
                                           .total_steps = steps,
                                           .phases = phases,
                                           .annealing = annealing,
                                           .rise = rise});
          for (std::int64_t step = 0; step < steps; ++step) {
            CAPTURE(steps);
            CAPTURE(step);
            CAPTURE(rise);
            const octet::Rate rate = schedule(step);
            REQUIRE(rate.learning_rate >= 1 / 25.0 / 1e4 * (1 - 1e-9));
            REQUIRE(rate.learning_rate <= 1 + 1e-12);
            REQUIRE(rate.momentum.value() >= 0.85 - 1e-12);
            REQUIRE(rate.momentum.value() <= 0.95 + 1e-12);
          }
        }
}

TEST_CASE("one_cycle: leaves the momentum alone when told to") {
  const auto schedule = one_cycle({.total_steps = 10, .momentum = MomentumCycle::none});
  CHECK_FALSE(schedule(3).momentum.has_value());
}

TEST_CASE("one_cycle: mistakes have their sentence") {
  CHECK_THROWS_WITH_AS(one_cycle({.total_steps = 0}), "one_cycle: expected at least 1 step, got 0",
                       octet::Error);
  CHECK_THROWS_WITH_AS(one_cycle({.total_steps = 10, .rise = 1.5}),
                       "one_cycle: expected a rise from 0 to 1 of the steps, got 1.5",
                       octet::Error);
  CHECK_THROWS_AS(one_cycle({.total_steps = 10, .phases = OneCyclePhases::three, .rise = 0.6}),
                  octet::Error);
  CHECK_THROWS_AS(one_cycle({.total_steps = 10, .start_divisor = 0}), octet::Error);
  CHECK_THROWS_WITH_AS(one_cycle({.total_steps = 10, .max_momentum = 1}),
                       "one_cycle: expected momenta from 0 to below 1, got 1", octet::Error);
  CHECK_THROWS_WITH_AS(one_cycle({.total_steps = 10, .min_momentum = -0.5}),
                       "one_cycle: expected momenta from 0 to below 1, got -0.5", octet::Error);
}
