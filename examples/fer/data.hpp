// Where the images come from.
#pragma once

#include <string>

#include <octet/data/dataset.hpp>

#include "data_options.hpp"

namespace fer {

/// The three parts, and whether the third has images of its own.
struct DataSplits : octet::Splits {
  /// There were no test images: `test` holds those of `validation`.
  bool test_is_validation = false;
};

/// Images to be judged by, and which ones they are.
struct NamedSplit {
  std::string name;
  octet::ImageDataset images;
};

/// Reads Kaggle's fer2013.csv (with the votes of FER+, if they are given), the folder of CK+, a
/// folder of images by class, or the word synthetic. Without a validation set a tenth of the
/// training images becomes one, identical images together; without a test set it is the validation
/// set. Sizes other than H x W are resized where the form allows it. `options` come from
/// completed(). Fails, naming the path, if the classes are not those of the model.
DataSplits read_splits(const DataOptions& options, std::int64_t H = 48, std::int64_t W = 48);

/// Says so on stderr if images for validation take the place of test images that are asked for.
void tell_of_missing_test(const std::string& path, const DataSplits& splits);

/// The images of one split: train, validation, test or all. Its name is that of the images.
NamedSplit split_named(DataSplits splits, const std::string& name);

}  // namespace fer
