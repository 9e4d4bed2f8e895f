#pragma once

#include <vector>

#include "octet/core/random.hpp"
#include "octet/nn/layer.hpp"

/// A weight, a bias and a normalization scale with random values, and new gradients on request.
template <class T>
struct TestParameters {
  octet::Parameter<T> weight{"weight", octet::ParameterKind::weight, {5, 7}};
  octet::Parameter<T> bias{"bias", octet::ParameterKind::bias, {5}};
  octet::Parameter<T> scale{"scale", octet::ParameterKind::normalization, {3}};
  std::vector<octet::Parameter<T>*> all{&weight, &bias, &scale};

  TestParameters() {
    for (std::size_t i = 0; i < all.size(); ++i) draw(all[i]->value, i);
  }
  TestParameters(const TestParameters&) = delete;

  void draw_gradients(std::uint64_t step) {
    for (std::size_t i = 0; i < all.size(); ++i) draw(all[i]->gradient, 100 + 10 * step + i);
  }
  static void draw(octet::Tensor<T>& tensor, std::uint64_t seed) {
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      tensor[i] = static_cast<T>(octet::Random(seed).normal(static_cast<std::uint64_t>(i)));
  }
};
