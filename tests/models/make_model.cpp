#include "octet/models/make_model.hpp"

#include <doctest/doctest.h>

using namespace octet;

namespace {

struct Known {
  const char* name;
  ModelOptions options;
  std::int64_t parameters;
  std::int64_t multiply_adds;
};

}  // namespace

TEST_CASE("the zoo has the published numbers of parameters and multiply-adds") {
  // Parameters by hand or from torchvision; multiply-adds by hand from the shapes.
  const Known known[] = {
      {"lenet", {.input = {28, 28, 1}, .classes = 10}, 61706, 416520},
      {"shallow_cnn", {}, 2763463, 88654720},
      {"deep_cnn", {}, 3538503, 343458688},
      {"resnet9", {}, 6570439, 850677248},
      {"mobilenet_v2", {.input = {224, 224, 3}, .classes = 1000}, 3504872, 300774272},
  };
  for (const Known& each : known) {
    CAPTURE(each.name);
    const Graph<float> graph = make_model<float>(each.name, each.options);
    CHECK(graph.parameter_count() == each.parameters);
    CHECK(graph.multiply_adds() == each.multiply_adds);
    CHECK(graph.node(graph.outputs()[0]).shape == Shape{each.options.classes});
  }
}

TEST_CASE("the MobileNets have the known costs at other sizes and widths") {
  const auto millions = [](const char* name, const ModelOptions& options) {
    return static_cast<double>(make_model<float>(name, options).multiply_adds()) / 1e6;
  };
  CHECK(millions("mobilenet_v2", {}) == doctest::Approx(53.7).epsilon(0.001));
  CHECK(millions("mobilenet_v2", {.input = {224, 224, 3}}) ==
        doctest::Approx(299.5).epsilon(0.001));
  CHECK(millions("mobilenet_v1", {.input = {96, 96, 1}, .width = 0.25}) ==
        doctest::Approx(7.16).epsilon(0.01));
  CHECK(make_model<float>("mobilenet_v1", {.input = {224, 224, 3}, .classes = 1000})
            .parameter_count() == 4231976);
}

TEST_CASE("channels are rounded to eights as in torchvision") {
  CHECK(channels_by_eight(32) == 32);
  CHECK(channels_by_eight(24 * 0.75) == 24);
  CHECK(channels_by_eight(16 * 0.35) == 8);
  CHECK(channels_by_eight(24 * 0.5) == 16);
  CHECK(channels_by_eight(32 * 0.35) == 16);
  CHECK_THROWS_AS(channels_by_eight(-1), Error);
}

TEST_CASE("every network of the zoo computes logits for other sizes, too") {
  for (const std::string_view name : model_names) {
    CAPTURE(name);
    const bool scalable = name != "lenet";
    const Graph<float> graph = make_model<float>(
        name, {.input = {32, 40, 3}, .classes = 5, .width = scalable ? 0.0625 : 1});
    CHECK(graph.node(graph.outputs()[0]).shape == Shape{5});
  }
}

TEST_CASE("what makes no network is refused by name") {
  CHECK_THROWS_AS(make_model<float>("vgg"), Error);
  CHECK_THROWS_AS(make_model<float>("shallow_cnn", {.width = 0}), Error);
  CHECK_THROWS_AS(make_model<float>("lenet", {.width = 2}), Error);
  CHECK_THROWS_AS(make_model<float>("shallow_cnn", {.input = {48, 48}}), Error);
  CHECK_THROWS_AS(make_model<float>("shallow_cnn", {.input = {4, 4, 1}}), Error);
}
