// Where the images come from, and what a model must know of them to be used later.
#pragma once

#include <string>
#include <vector>

#include <octet/data/dataset.hpp>
#include <octet/data/transforms/normalize.hpp>
#include <octet/graph/graph_file.hpp>

namespace fer {

/// Reads `path`: Kaggle's fer2013.csv, a folder of images by class, or the word synthetic. Without
/// a validation set a tenth of the training images becomes one; without a test set it is the
/// validation set. Sizes other than H x W are resized where the form allows it.
octet::Splits read_splits(const std::string& path, std::int64_t H = 48, std::int64_t W = 48);

/// The images of one split: train, validation or test.
const octet::ImageDataset& split_named(const octet::Splits& splits, const std::string& name);

/// What a model carries beside its weights.
struct ModelCard {
  std::string name;
  std::vector<std::string> class_names;
  octet::NormalizeOptions normalization;

  octet::Metadata metadata() const;
  /// Fails, naming the file, if it does not say what its classes and its normalisation are.
  static ModelCard from(const octet::Metadata& metadata, const std::string& path);
};

/// Brings the data's classes into the order of the model's; fails if they are others.
void order_classes(const ModelCard& card, octet::Splits& splits);

}  // namespace fer
