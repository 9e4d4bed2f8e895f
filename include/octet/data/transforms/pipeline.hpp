// A chain of transforms, applied picture by picture.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "octet/core/random.hpp"
#include "octet/core/tensor.hpp"
#include "octet/data/image.hpp"

namespace octet::inline OCTET_ABI {

/// A picture on its way through a pipeline: H x W x C floats, and memory to write the next one to.
struct Picture {
  std::int64_t H = 0, W = 0, C = 0;
  AlignedVector<float> pixels;
  AlignedVector<float> scratch;

  std::int64_t elements() const { return H * W * C; }
  Shape shape() const { return {H, W, C}; }
  const float* at(std::int64_t y, std::int64_t x) const { return pixels.data() + (y * W + x) * C; }
  float* at(std::int64_t y, std::int64_t x) { return pixels.data() + (y * W + x) * C; }

  /// Bytes to floats in [0, 1].
  void assign(ImageView image) {
    H = image.H;
    W = image.W;
    C = image.C;
    pixels.resize(static_cast<std::size_t>(elements()));
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<float>(image.pixels[i]) * (1.0f / 255.0f);
  }
  /// Memory for a picture of this size; replace() makes it the picture.
  float* next(std::int64_t new_H, std::int64_t new_W) {
    scratch.resize(static_cast<std::size_t>(new_H * new_W * C));
    return scratch.data();
  }
  void replace(std::int64_t new_H, std::int64_t new_W) {
    pixels.swap(scratch);
    H = new_H;
    W = new_W;
  }
};

/// One step of a pipeline. Random ones draw from the Random that they are given and nothing else.
struct Transform {
  std::string name;
  std::function<void(Picture&, const Random&)> apply;
  /// The shape that a picture of this shape gets; empty if it keeps its own. Fails if it cannot be.
  std::function<Shape(const Shape&)> output_shape = {};
};

/// Turns bytes into floats in [0, 1] and applies transforms in their order. A picture comes out the
/// same for the same Random, whichever thread makes it, and after whichever other picture:
///
///     Pipeline augment{random_flip(), random_crop({.padding = 4}), normalize({.mean = {0.5f}})};
class Pipeline {
 public:
  Pipeline() = default;
  Pipeline(std::initializer_list<Transform> steps) : steps_(steps) {}

  Pipeline& add(Transform step) {
    steps_.push_back(std::move(step));
    return *this;
  }
  const std::vector<Transform>& steps() const { return steps_; }

  /// The shape [H, W, C] that images of this shape get.
  Shape output_shape(Shape shape) const {
    for (const Transform& step : steps_)
      if (step.output_shape) shape = step.output_shape(shape);
    return shape;
  }

  /// Applies every step. The result is in the floats of `picture`.
  void apply(ImageView image, const Random& random, Picture& picture) const {
    picture.assign(image);
    for (std::size_t i = 0; i < steps_.size(); ++i) steps_[i].apply(picture, random.substream(i));
  }

  /// The result as a tensor [H, W, C].
  Tensor<float> operator()(ImageView image, const Random& random = Random(0)) const {
    Picture picture;
    apply(image, random, picture);
    Tensor<float> result(picture.shape());
    std::copy(picture.pixels.begin(), picture.pixels.end(), result.begin());
    return result;
  }

 private:
  std::vector<Transform> steps_;
};

}  // namespace octet::inline OCTET_ABI
