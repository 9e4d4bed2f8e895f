// What one step of training reads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "octet/core/random.hpp"
#include "octet/core/tensor.hpp"

namespace octet::inline OCTET_ABI {

/// n images with what is known of them.
struct Batch {
  /// [n, H, W, C].
  Tensor<float> images;
  std::vector<std::int32_t> labels;
  /// [n, classes], each row a distribution; empty where labels are all there is.
  Tensor<float> targets;
  /// The number of each image in its dataset.
  std::vector<std::int64_t> indices;
  /// The epoch, and the step in it, from 0.
  std::int64_t epoch = 0, step = 0;

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  bool has_targets() const { return !targets.empty(); }
};

/// A step that mixes the images of a batch among each other. `classes` is the width of targets.
struct BatchTransform {
  std::string name;
  std::function<void(Batch&, std::int64_t classes, const Random&)> apply;
};

}  // namespace octet::inline OCTET_ABI
