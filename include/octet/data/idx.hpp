// The idx format of MNIST: a magic number, the extents, all big-endian, then the bytes. LeCun,
// Cortes, Burges, "The MNIST database of handwritten digits" (1998).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/core/file.hpp"
#include "octet/data/dataset.hpp"

namespace octet::inline OCTET_ABI {

/// The extents and the bytes of one idx file.
struct IdxFile {
  std::vector<std::int64_t> extents;
  AlignedVector<std::uint8_t> bytes;
};

/// Reads an idx file of unsigned bytes with this number of dimensions.
template <class = WhenUsed>
IdxFile read_idx(const std::string& path, int dimensions) {
  const AlignedVector<std::byte> file = read_file(path, std::uint64_t{1} << 31);
  const std::int64_t length = static_cast<std::int64_t>(file.size()), header = 4 + 4 * dimensions;
  const auto byte = [&](std::int64_t at) {
    return std::to_integer<std::int64_t>(file[static_cast<std::size_t>(at)]);
  };
  const auto word = [&](std::int64_t at) {
    return byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
  };
  if (length >= 2 && byte(0) == 0x1F && byte(1) == 0x8B)
    fail(path, ": expected an idx file, got one compressed by gzip; unpack it first");
  if (length < header)
    fail(path, ": expected an idx header of ", header, " bytes, got a file of ", length);
  if (word(0) != 0x800 + dimensions)
    fail(path, ": expected the idx magic number ", 0x800 + dimensions, " (bytes in ", dimensions,
         " dimensions), got ", word(0));
  IdxFile result;
  // Extents are below 2^32 and the product is held near the length of the file: no overflow.
  std::int64_t elements = 1;
  std::string shape;
  for (int axis = 0; axis < dimensions; ++axis) {
    result.extents.push_back(word(4 + 4 * axis));
    elements = (std::min)(elements * result.extents.back(), length + 1);
    shape += (axis ? " x " : "") + std::to_string(result.extents.back());
  }
  if (elements != length - header)
    fail(path, ": expected ", shape, " bytes after the header, got ", length - header);
  result.bytes.resize(static_cast<std::size_t>(elements));
  if (elements) std::memcpy(result.bytes.data(), file.data() + header, result.bytes.size());
  return result;
}

/// A file of images [N, H, W] and the file of their labels [N].
template <class = WhenUsed>
ImageDataset read_idx_dataset(const std::string& images_path, const std::string& labels_path,
                              std::vector<std::string> class_names) {
  IdxFile images = read_idx(images_path, 3);
  const IdxFile labels = read_idx(labels_path, 1);
  if (images.extents[0] != labels.extents[0])
    fail(labels_path, ": expected ", images.extents[0], " labels, one for each image of ",
         images_path, ", got ", labels.extents[0]);
  if (images.extents[1] == 0 || images.extents[2] == 0)
    fail(images_path, ": expected images with pixels, got ", images.extents[1], " x ",
         images.extents[2]);
  ImageDataset data;
  data.H = images.extents[1];
  data.W = images.extents[2];
  data.C = 1;
  data.class_names = std::move(class_names);
  data.pixels = std::move(images.bytes);
  for (const std::uint8_t label : labels.bytes) {
    if (label >= data.classes())
      fail(labels_path, ": expected labels from 0 to ", data.classes() - 1, ", got ", int{label},
           " for image ", data.size());
    data.labels.push_back(label);
  }
  return data;
}

/// Reads MNIST (or Fashion-MNIST) from a folder with its four files, unpacked; there is no
/// validation set.
template <class = WhenUsed>
Splits read_mnist(const std::string& folder,
                  std::vector<std::string> class_names = {"0", "1", "2", "3", "4", "5", "6", "7",
                                                          "8", "9"}) {
  Splits splits;
  splits.train = read_idx_dataset(folder + "/train-images-idx3-ubyte",
                                  folder + "/train-labels-idx1-ubyte", class_names);
  splits.test = read_idx_dataset(folder + "/t10k-images-idx3-ubyte",
                                 folder + "/t10k-labels-idx1-ubyte", std::move(class_names));
  splits.validation = splits.train.empty_copy();
  return splits;
}

}  // namespace octet::inline OCTET_ABI
