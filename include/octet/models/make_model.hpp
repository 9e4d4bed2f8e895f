// The zoo by name, for command lines.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "octet/models/deep_cnn.hpp"
#include "octet/models/lenet.hpp"
#include "octet/models/mobilenet_v1.hpp"
#include "octet/models/mobilenet_v2.hpp"
#include "octet/models/resnet9.hpp"
#include "octet/models/shallow_cnn.hpp"

namespace octet::inline OCTET_ABI {

inline constexpr std::array<std::string_view, 6> model_names = {
    "lenet", "shallow_cnn", "deep_cnn", "resnet9", "mobilenet_v1", "mobilenet_v2"};

struct ModelOptions {
  /// {H, W, C} of an image.
  Shape input = {48, 48, 1};
  std::int64_t classes = 7;
  /// Scales the numbers of channels; lenet has no such factor.
  double width = 1;
  /// Of the initial weights.
  std::uint64_t seed = 0;
};

/// A network of the zoo with fresh weights; its output are logits. The MobileNets keep the first
/// stride of 2 for images of at least 64 x 64 and take 1 for smaller ones.
template <class T>
Graph<T> make_model(std::string_view name, const ModelOptions& options = {}) {
  if (options.input.rank() != 3 || options.input.elements() == 0)
    fail("make_model: expected an input of shape [H, W, C], got ", options.input);
  if (options.classes < 1) fail("make_model: expected at least one class, got ", options.classes);
  Graph<T> graph(options.seed);
  const Value<T> x = graph.input(options.input);
  const std::int64_t side = (std::min)(options.input[0], options.input[1]);
  const std::int64_t first_stride = side < 64 ? 1 : 2;
  const std::int64_t classes = options.classes;
  const double width = options.width;
  if (name == "lenet") {
    if (width != 1) fail("make_model: lenet has no width factor, got ", width);
    graph.output(lenet(x, {classes}));
  } else if (name == "shallow_cnn") {
    graph.output(shallow_cnn(x, {classes, width}));
  } else if (name == "deep_cnn") {
    graph.output(deep_cnn(x, {classes, width}));
  } else if (name == "resnet9") {
    graph.output(resnet9(x, {classes, width}));
  } else if (name == "mobilenet_v1") {
    graph.output(mobilenet_v1(x, {classes, width, first_stride}));
  } else if (name == "mobilenet_v2") {
    graph.output(mobilenet_v2(x, {classes, width, first_stride}));
  } else {
    fail("make_model: expected one of ", list_of(model_names), ", got \"", name, "\"");
  }
  return graph;
}

}  // namespace octet::inline OCTET_ABI
