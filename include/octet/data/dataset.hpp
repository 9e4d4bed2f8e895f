// Labelled pictures of one size, held in memory as bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/core/tensor.hpp"
#include "octet/data/image.hpp"

namespace octet::inline OCTET_ABI {

/// N pictures of H x W x C bytes (NHWC), each with the number of its class.
template <class = WhenUsed>
struct BasicImageDataset {
  std::int64_t H = 0, W = 0, C = 0;
  AlignedVector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  /// What to learn where a label is not all that is known: [N, classes], each row a distribution
  /// (the shares of FER+ votes). Empty where labels are all there is.
  Tensor<float> targets;
  std::vector<std::string> class_names;

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  std::int64_t classes() const { return static_cast<std::int64_t>(class_names.size()); }
  std::int64_t image_bytes() const { return H * W * C; }
  Shape image_shape() const { return {H, W, C}; }
  bool has_targets() const { return !targets.empty(); }

  ImageView image(std::int64_t index) const {
    OCTET_ASSERT(index >= 0 && index < size());
    return {pixels.data() + index * image_bytes(), H, W, C};
  }

  /// Appends a picture; the first one decides the size of all. Fails if it has another size, or if
  /// there is no class of this number.
  void add(ImageView image, std::int32_t label) {
    if (image.bytes() == 0) fail("dataset: expected an image with pixels, got ", image.shape());
    if (labels.empty() && H == 0 && W == 0 && C == 0) {
      H = image.H;
      W = image.W;
      C = image.C;
    }
    if (image.H != H || image.W != W || image.C != C)
      fail("dataset: expected images of shape ", image_shape(), ", got ", image.shape());
    if (label < 0 || label >= classes())
      fail("dataset: expected a label from 0 to ", classes() - 1, ", got ", label);
    if (has_targets()) fail("dataset: images are added before targets are set, not after");
    pixels.insert(pixels.end(), image.pixels, image.pixels + image.bytes());
    labels.push_back(label);
  }

  /// The same classes and image size, without images.
  BasicImageDataset empty_copy() const {
    BasicImageDataset copy;
    copy.H = H;
    copy.W = W;
    copy.C = C;
    copy.class_names = class_names;
    return copy;
  }

  /// The images of these numbers, in this order, with labels and targets.
  BasicImageDataset subset(std::span<const std::int64_t> indices) const {
    BasicImageDataset part = empty_copy();
    part.pixels.reserve(indices.size() * static_cast<std::size_t>(image_bytes()));
    part.labels.reserve(indices.size());
    for (const std::int64_t index : indices) {
      if (index < 0 || index >= size())
        fail("dataset: there is no image ", index, " among ", size());
      part.add(image(index), labels[static_cast<std::size_t>(index)]);
    }
    if (!has_targets()) return part;
    part.targets = Tensor<float>({part.size(), classes()});
    for (std::int64_t row = 0; row < part.size(); ++row)
      std::copy_n(targets.data() + indices[static_cast<std::size_t>(row)] * classes(), classes(),
                  part.targets.data() + row * classes());
    return part;
  }

  /// Renumbers the classes to the order of `names`, which are the same names but for upper and
  /// lower case: a model that learned from one form of a dataset can be judged on another one.
  void order_classes(const std::vector<std::string>& names) {
    std::vector<std::int32_t> renumbered;
    for (const std::string& mine : class_names)
      renumbered.push_back(static_cast<std::int32_t>(place_of(mine, names)));
    const bool all_known = std::find(renumbered.begin(), renumbered.end(), -1) == renumbered.end();
    if (!all_known || names.size() != class_names.size()) {
      std::vector<std::string> missing;
      for (const std::string& name : names)
        if (place_of(name, class_names) < 0) missing.push_back(name);
      fail("dataset: expected the classes ", list_of(names), ", got ", list_of(class_names),
           missing.empty() ? "" : "; missing: ", list_of(missing));
    }
    for (std::int32_t& label : labels) label = renumbered[static_cast<std::size_t>(label)];
    if (has_targets()) {
      const Tensor<float> before = targets;
      for (std::int64_t i = 0; i < targets.elements(); ++i)
        targets[i / classes() * classes() + renumbered[static_cast<std::size_t>(i % classes())]] =
            before[i];
    }
    class_names = names;
  }

  /// How many images each class has.
  std::vector<std::int64_t> class_counts() const {
    std::vector<std::int64_t> counts(class_names.size());
    for (const std::int32_t label : labels) ++counts[static_cast<std::size_t>(label)];
    return counts;
  }

 private:
  /// Where a name stands among others that may be in upper or lower case; -1: nowhere.
  static std::ptrdiff_t place_of(const std::string& name, const std::vector<std::string>& names) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; };
    for (std::size_t i = 0; i < names.size(); ++i)
      if (std::equal(name.begin(), name.end(), names[i].begin(), names[i].end(),
                     [&](char a, char b) { return lower(a) == lower(b); }))
        return static_cast<std::ptrdiff_t>(i);
    return -1;
  }
};
using ImageDataset = BasicImageDataset<>;

/// A dataset in three parts: to learn from, to choose by, and to be judged by once.
struct Splits {
  ImageDataset train, validation, test;
};

}  // namespace octet::inline OCTET_ABI
