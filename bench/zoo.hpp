// The networks that are timed, with random weights, and images for them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "octet/data/synthetic_faces.hpp"
#include "octet/models/make_model.hpp"
#include "octet/program/float16_weights.hpp"
#include "octet/program/quantize.hpp"

namespace bench {

struct ZooNetwork {
  std::string label;
  std::string_view model;
  octet::ModelOptions options;
};

inline const std::vector<ZooNetwork>& zoo() {
  static const std::vector<ZooNetwork> networks = {
      {"shallow_cnn", "shallow_cnn", {}},
      {"deep_cnn", "deep_cnn", {}},
      {"resnet9", "resnet9", {}},
      {"mobilenet_v2", "mobilenet_v2", {}},
      {"mobilenet_v2_224x224x3", "mobilenet_v2", {.input = {224, 224, 3}}},
      {"mobilenet_v1_quarter_96x96", "mobilenet_v1", {.input = {96, 96, 1}, .width = 0.25}},
  };
  return networks;
}

/// Synthetic faces, {count, H, W, C}, in the range of a network's inputs; channels are alike.
inline octet::Tensor<float> faces(const octet::Shape& input, std::int64_t count) {
  octet::SyntheticFacesOptions options;
  options.count = count;
  options.H = input[0];
  options.W = input[1];
  const octet::ImageDataset data = octet::synthetic_faces(options);
  octet::Tensor<float> images(input.with_batch(count));
  const std::int64_t C = input[2];
  for (std::int64_t i = 0; i < images.elements(); ++i)
    images.data()[i] =
        (static_cast<float>(data.pixels[static_cast<std::size_t>(i / C)]) - 127.5f) / 64;
  return images;
}

/// A network with normally distributed weights, of the variance that initial ones have. Those are
/// uniform; trained ones are nearly normal, so that an outlier scales a filter and its other int8
/// weights are small. Winograd's int8 algorithm asks how large sums of products can become.
inline octet::Program random_network(std::string_view model,
                                     const octet::ModelOptions& options = {}) {
  const auto graph = octet::make_model<float>(model, options);
  std::uint64_t stream = 0;
  for (auto* const parameter : graph.parameters()) {
    if (parameter->name != "weight") continue;
    const octet::TensorView<float> weight = parameter->value.view();
    const float bound = *std::max_element(weight.begin(), weight.end());
    octet::Initializer::normal(0, bound / std::sqrt(3.0))
        .fill(weight, 1, 1, octet::Random(++stream));
  }
  return octet::compile(graph);
}

/// A network as float32 program, calibrated on synthetic faces for its int8 form.
struct Forms {
  octet::Program float32, int8;

  explicit Forms(const octet::Program& program)
      : float32(program),
        int8(octet::quantize(float32, octet::batches_of(faces(float32.input_shape(), 8))).program) {
  }
  explicit Forms(const ZooNetwork& network)
      : Forms(random_network(network.model, network.options)) {}
};

/// The same program, packed for another instruction set.
inline octet::Program repacked(const octet::Program& program, octet::Isa isa) {
  return octet::Program(program.description(), {.isa = isa});
}

}  // namespace bench
