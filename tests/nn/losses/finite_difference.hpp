#pragma once

#include <cmath>
#include <doctest/doctest.h>

#include "octet/core/random.hpp"
#include "octet/core/tensor.hpp"

/// Compares `gradient` with central differences of `loss`, a function of `at`, in double.
template <class Loss>
void check_gradient_of_loss(octet::Tensor<double> at, const octet::Tensor<double>& gradient,
                            const Loss& loss) {
  REQUIRE(gradient.shape() == at.shape());
  for (std::int64_t i = 0; i < at.elements(); ++i) {
    const double center = at[i], h = 1e-5;
    at[i] = center + h;
    const double above = loss(at);
    at[i] = center - h;
    const double below = loss(at);
    at[i] = center;
    const double slope = (above - below) / (2 * h);
    CAPTURE(i);
    CHECK(std::abs(slope - gradient[i]) <= 1e-6 * (std::abs(slope) + 1e-3));
  }
}

/// Normal numbers.
inline octet::Tensor<double> random_tensor(const octet::Shape& shape, std::uint64_t seed,
                                           double scale = 1) {
  octet::Tensor<double> tensor(shape);
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor[i] = scale * octet::Random(seed).normal(static_cast<std::uint64_t>(i));
  return tensor;
}
