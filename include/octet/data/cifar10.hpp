// CIFAR-10: 60,000 colour pictures of 32 x 32 in ten classes. Krizhevsky, "Learning multiple layers
// of features from tiny images" (2009).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/core/file.hpp"
#include "octet/data/dataset.hpp"

namespace octet::inline OCTET_ABI {

/// The names of CIFAR-10's classes, in the order of its labels.
template <class = WhenUsed>
const std::vector<std::string>& cifar10_class_names() {
  static const std::vector<std::string> names = {
      "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  return names;
}

/// Appends one file of the binary version: records of a label byte and 3072 pixels, all of red
/// before all of green before all of blue.
template <class = WhenUsed>
void read_cifar10_batch(const std::string& path, ImageDataset& data) {
  constexpr std::size_t plane = 32 * 32, record = 1 + 3 * plane;
  const AlignedVector<std::byte> bytes = read_file(path);
  if (bytes.empty() || bytes.size() % record != 0)
    fail(path, ": expected records of ", record, " bytes, got a file of ", bytes.size(), " bytes");
  Image image(32, 32, 3);
  for (std::size_t number = 0; number < bytes.size() / record; ++number) {
    const std::byte* const at = bytes.data() + number * record;
    const int label = static_cast<int>(*at);
    if (label > 9) fail(path, ", record ", number, ": expected a label from 0 to 9, got ", label);
    for (std::size_t i = 0; i < plane; ++i)
      for (std::size_t c = 0; c < 3; ++c)
        image.pixels[i * 3 + c] = static_cast<std::uint8_t>(at[1 + c * plane + i]);
    data.add(image, label);
  }
}

/// Reads a folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin; there is no
/// validation set.
template <class = WhenUsed>
Splits read_cifar10(const std::string& folder) {
  Splits splits;
  splits.train.class_names = splits.test.class_names = cifar10_class_names();
  for (int batch = 1; batch <= 5; ++batch)
    read_cifar10_batch(folder + "/data_batch_" + std::to_string(batch) + ".bin", splits.train);
  read_cifar10_batch(folder + "/test_batch.bin", splits.test);
  splits.validation = splits.train.empty_copy();
  return splits;
}

}  // namespace octet::inline OCTET_ABI
