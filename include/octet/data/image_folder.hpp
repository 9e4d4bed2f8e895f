// Folders of pictures by class: train/angry/*.jpg, test/angry/*.jpg, ..., as FER2013 has them on
// Kaggle.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/core/utf8.hpp"
#include "octet/data/dataset.hpp"
#include "octet/data/directory.hpp"
#include "octet/data/transforms/resize.hpp"

namespace octet::inline OCTET_ABI {

struct ImageFolderOptions {
  /// Pictures of another size are resized; 0 keeps the size of the first, which all must have.
  std::int64_t H = 0, W = 0;
  /// The classes in the order of their labels; folders are matched without regard to upper and
  /// lower case. Empty: the folders' names in alphabetical order.
  std::vector<std::string> class_names = {};
};

/// Reads splits of a folder, one after the other, all with the classes of the first.
template <class = WhenUsed>
class BasicImageFolderReader {
 public:
  BasicImageFolderReader(const ImageDecoder& decode, ImageFolderOptions options)
      : decode_(decode), options_(std::move(options)) {
    if (options_.H < 0 || options_.W < 0 || (options_.H == 0) != (options_.W == 0))
      fail("image_folder: expected a height and a width, or neither, got ", options_.H, " x ",
           options_.W);
  }

  /// Class names come from the first split that is read, if they were not given.
  ImageDataset read(const std::string& path) {
    const std::vector<std::string> folders = directory_entries(path, EntryKind::folder);
    for (const std::string& folder : folders)
      if (!is_utf8(folder))
        fail(path, ": expected classes whose names are UTF-8, got \"", folder, "\"");
    const bool folders_are_classes = options_.class_names.empty();
    if (folders_are_classes) options_.class_names = folders;
    check_distinct(path, options_.class_names);
    check_distinct(path, folders);
    ImageDataset data;
    data.class_names = options_.class_names;
    std::string empty;
    for (const std::string& folder : folders) {
      const std::int32_t label = label_of(path, folder);
      const std::string inside = path + "/" + folder;
      const std::vector<std::string> files = image_files(inside);
      if (files.empty()) empty = inside;
      for (const std::string& name : files) add(data, inside + "/" + name, label);
    }
    if (data.size() == 0)
      fail(path, ": expected a folder of images for each class (such as ", path,
           "/angry/1.jpg), found no image");
    if (folders_are_classes && !empty.empty())
      fail(empty, ": expected pictures of this class, found none");
    return data;
  }

 private:
  /// Labels are found without regard to case: of two such names one would get no images.
  static void check_distinct(const std::string& path, const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (lower_case(names[i]) == lower_case(names[j]))
          fail(path,
               ": expected classes whose names differ in more than upper and lower case, got ",
               "\"", names[j], "\" and \"", names[i], "\"");
  }
  std::int32_t label_of(const std::string& path, const std::string& folder) const {
    for (std::size_t i = 0; i < options_.class_names.size(); ++i)
      if (lower_case(options_.class_names[i]) == lower_case(folder))
        return static_cast<std::int32_t>(i);
    fail(path, ": expected folders named after the classes ", list_of(options_.class_names),
         ", found \"", folder, "\"");
  }

  void add(ImageDataset& data, const std::string& file, std::int32_t label) const {
    Image image = decode_(file);
    if (options_.H && (image.H != options_.H || image.W != options_.W))
      image = resize_image(image, options_.H, options_.W);
    if (data.size() && !(image.view().shape() == data.image_shape()))
      fail(file, ": expected an image of shape ", data.image_shape(), " like those before it, got ",
           image.view().shape(), "; give a size to have all resized");
    data.add(image, label);
  }

  const ImageDecoder& decode_;
  ImageFolderOptions options_;
};
using ImageFolderReader = BasicImageFolderReader<>;

/// The names that the folder of the validation images may have; the first with images counts.
inline constexpr const char* validation_folders[] = {"validation", "valid", "val"};

/// Reads a folder that holds train and, if they exist, validation (or val, valid) and test; without
/// a folder train, its own folders are the classes and all images become train. `decode` turns a
/// file into pixels: interop/image.hpp has one. Fails, naming file or folder, if a picture cannot
/// be decoded, a folder belongs to no class, or there are no pictures.
template <class = WhenUsed>
Splits read_image_folder(const std::string& path, const ImageDecoder& decode,
                         const ImageFolderOptions& options = {}) {
  ImageFolderReader reader(decode, options);
  Splits splits;
  if (!is_folder(path + "/train")) {
    if (is_folder(path + "/test"))
      fail(path, ": expected a folder named train beside the one named test, found none");
    splits.train = reader.read(path);
    splits.validation = splits.test = splits.train.empty_copy();
    return splits;
  }
  splits.train = reader.read(path + "/train");
  splits.validation = splits.test = splits.train.empty_copy();
  const auto read_if_there = [&](ImageDataset& part, const std::string& name) {
    if (part.size() || !is_folder(path + "/" + name)) return;
    part = reader.read(path + "/" + name);
    if (!(part.image_shape() == splits.train.image_shape()))
      fail(path, "/", name, ": expected images of shape ", splits.train.image_shape(),
           " like those in train, got ", part.image_shape(), "; give a size to have all resized");
  };
  for (const char* const name : validation_folders) read_if_there(splits.validation, name);
  read_if_there(splits.test, "test");
  return splits;
}

}  // namespace octet::inline OCTET_ABI
