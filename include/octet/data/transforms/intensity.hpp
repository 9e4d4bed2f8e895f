// Contrast and brightness.
#pragma once

#include <algorithm>

#include "octet/data/transforms/pipeline.hpp"

namespace octet::inline OCTET_ABI {

struct RandomContrastOptions {
  /// The factor is drawn from [1 - amount, 1 + amount].
  double amount = 0.2;
};

/// Moves every value away from the picture's mean, or towards it; stays in [0, 1].
template <class = WhenUsed>
Transform random_contrast(RandomContrastOptions options = {}) {
  if (!(options.amount >= 0 && options.amount <= 1))
    fail("random_contrast: expected an amount from 0 to 1, got ", options.amount);
  const auto apply = [options](Picture& picture, const Random& random) {
    if (picture.pixels.empty()) return;
    const float factor =
        static_cast<float>(random.uniform(0, 1 - options.amount, 1 + options.amount));
    double sum = 0;
    for (const float value : picture.pixels) sum += static_cast<double>(value);
    const float mean = static_cast<float>(sum / static_cast<double>(picture.pixels.size()));
    for (float& value : picture.pixels)
      value = std::clamp(mean + factor * (value - mean), 0.0f, 1.0f);
  };
  return {"random_contrast", apply};
}

struct RandomBrightnessOptions {
  /// What is added is drawn from [-amount, amount].
  double amount = 0.2;
};

/// Adds one number to every value; stays in [0, 1].
template <class = WhenUsed>
Transform random_brightness(RandomBrightnessOptions options = {}) {
  if (!(options.amount >= 0 && options.amount <= 1))
    fail("random_brightness: expected an amount from 0 to 1, got ", options.amount);
  const auto apply = [options](Picture& picture, const Random& random) {
    const float shift = static_cast<float>(random.uniform(0, -options.amount, options.amount));
    for (float& value : picture.pixels) value = std::clamp(value + shift, 0.0f, 1.0f);
  };
  return {"random_brightness", apply};
}

}  // namespace octet::inline OCTET_ABI
