#include "octet/nn/initializers.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"

using namespace octet;

namespace {

struct Moments {
  double mean = 0, variance = 0, lowest = 0, highest = 0;
};

Moments moments(const Initializer& initializer) {
  Tensor<double> tensor({100, 100});
  initializer.fill(tensor.view(), 50, 150, Random(9));
  Moments m;
  m.lowest = *std::min_element(tensor.begin(), tensor.end());
  m.highest = *std::max_element(tensor.begin(), tensor.end());
  for (const double value : tensor) m.mean += value / 10000;
  for (const double value : tensor) m.variance += (value - m.mean) * (value - m.mean) / 10000;
  return m;
}

TEST_CASE("initializers have the mean, the variance and the bounds of their rules") {
  struct Case {
    Initializer initializer;
    double mean, variance, bound;
  };
  for (const Case& each : {Case{Initializer::zeros(), 0, 0, 0},
                           {Initializer::constant(3), 3, 0, 3},
                           {Initializer::uniform(1, 4), 2.5, 0.75, 4},
                           {Initializer::normal(2, 0.5), 2, 0.25, 5},
                           {Initializer::he_normal(), 0, 2.0 / 50, 1.3},
                           {Initializer::he_uniform(), 0, 2.0 / 50, std::sqrt(6.0 / 50)},
                           {Initializer::glorot_normal(), 0, 2.0 / 200, 0.6},
                           {Initializer::glorot_uniform(), 0, 2.0 / 200, std::sqrt(6.0 / 200)}}) {
    CAPTURE(each.initializer.json().text());
    const Moments m = moments(each.initializer);
    const double deviation = std::sqrt(each.variance);
    CHECK(std::abs(m.mean - each.mean) <= 0.04 * deviation + 1e-9);
    CHECK(m.variance == doctest::Approx(each.variance).epsilon(0.05));
    CHECK((std::max)(std::abs(m.lowest), std::abs(m.highest)) <= each.bound);
    CHECK(m.highest - m.lowest >= 3.4 * deviation);
  }
}

TEST_CASE("initializers depend on the seed alone, and survive JSON") {
  for (const Initializer& initializer :
       {Initializer::normal(1, 2), Initializer::glorot_uniform(), Initializer::constant(0.1)}) {
    Json attributes = Json::object();
    attributes.set("start", initializer.json());
    const Json parsed = Json::parse(attributes.text());
    CHECK(Initializer::from_attributes("linear", parsed, "start") == initializer);
  }
  Tensor<float> a({33}), b({33}), c({33});
  Initializer::he_normal().fill(a.view(), 3, 3, Random(1));
  Initializer::he_normal().fill(b.view(), 3, 3, Random(1));
  Initializer::he_normal().fill(c.view(), 3, 3, Random(2));
  CHECK(a == b);
  CHECK(a != c);
}

TEST_CASE("an initializer from a file is checked") {
  for (const char* const text :
       {"{\"start\":3}", "{\"start\":[\"he\",0,0]}", "{\"start\":[\"normal\",0]}",
        "{\"start\":[\"normal\",0,\"1\"]}", "{\"start\":[0,0,0]}"}) {
    CAPTURE(text);
    const Json attributes = Json::parse(text);
    CHECK(message_of([&] {
            Initializer::from_attributes("linear", attributes, "start");
          }).find("linear: attribute \"start\": expected an initializer like") == 0);
  }
}

}  // namespace
