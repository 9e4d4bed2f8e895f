// The schedules of one formula each: cosine, step, exponential, warm-up and constant.
#include <doctest/doctest.h>

#include "octet/optim/cosine.hpp"
#include "octet/optim/exponential.hpp"
#include "octet/optim/step.hpp"
#include "octet/optim/warm_up.hpp"

using doctest::Approx;

TEST_CASE("cosine: from the first rate to the last, half way in the middle") {
  const auto schedule =
      octet::cosine({.learning_rate = 3, .final_learning_rate = 1, .total_steps = 8});
  CHECK(schedule(0).learning_rate == 3);
  CHECK(schedule(2).learning_rate == Approx(2 + std::sqrt(0.5)).epsilon(1e-14));
  CHECK(schedule(4).learning_rate == Approx(2).epsilon(1e-14));
  CHECK(schedule(8).learning_rate == Approx(1).epsilon(1e-14));
  CHECK(schedule(80) == schedule(8));
  CHECK_FALSE(schedule(1).momentum.has_value());
  CHECK_THROWS_AS(octet::cosine({.total_steps = 0}), octet::Error);
}

TEST_CASE("step_decay: drops at regular steps and at milestones") {
  const auto regular = octet::step_decay({.learning_rate = 1, .factor = 0.5, .every = 3});
  for (const auto& [step, rate] : {std::pair{0, 1.0}, {2, 1.0}, {3, 0.5}, {5, 0.5}, {6, 0.25}})
    CHECK(regular(step).learning_rate == rate);
  const auto listed =
      octet::step_decay({.learning_rate = 1, .factor = 0.1, .milestones = {10, 20}});
  for (const auto& [step, rate] : {std::pair{9, 1.0}, {10, 0.1}, {19, 0.1}, {20, 0.01}, {99, 0.01}})
    CHECK(listed(step).learning_rate == Approx(rate).epsilon(1e-14));
  CHECK_THROWS_AS(octet::step_decay({.every = -1}), octet::Error);
}

TEST_CASE("exponential: the factor after each length") {
  const auto schedule = octet::exponential({.learning_rate = 2, .factor = 0.25, .over = 10});
  CHECK(schedule(0).learning_rate == 2);
  CHECK(schedule(5).learning_rate == Approx(1).epsilon(1e-14));
  CHECK(schedule(10).learning_rate == Approx(0.5).epsilon(1e-14));
  CHECK(schedule(20).learning_rate == Approx(0.125).epsilon(1e-14));
  CHECK_THROWS_AS(octet::exponential({.over = 0}), octet::Error);
  CHECK_THROWS_AS(octet::exponential({.factor = 0}), octet::Error);
}

TEST_CASE("warm_up: a straight line to the first rate, then the schedule from its start") {
  const auto after = octet::step_decay({.learning_rate = 8, .factor = 0.5, .every = 2});
  const auto schedule = octet::warm_up({.steps = 4}, after);
  for (const auto& [step, rate] :
       {std::pair{0, 0.0}, {1, 2.0}, {3, 6.0}, {4, 8.0}, {5, 8.0}, {6, 4.0}})
    CHECK(schedule(step).learning_rate == rate);
  CHECK(octet::warm_up({.steps = 4, .start_factor = 0.5}, after)(1).learning_rate == 5);
  CHECK(octet::warm_up({}, after)(2) == after(2));
  CHECK_THROWS_AS(octet::warm_up({.steps = -1}, after), octet::Error);
}

TEST_CASE("constant_rate: stays") {
  const auto schedule = octet::constant_rate(0.125);
  CHECK(schedule(0) == schedule(1000));
  CHECK(schedule(7).learning_rate == 0.125);
}
