#include "octet/data/idx.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using octet::read_idx_dataset;

namespace {

std::string words(std::initializer_list<std::uint32_t> values) {
  std::string bytes;
  for (const std::uint32_t value : values)
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

const std::string images = words({0x803, 2, 2, 3}) + "abcdefghijkl";
const std::string labels = words({0x801, 2}) + std::string("\x01\x00", 2);

std::string complaint(const std::string& image_bytes, const std::string& label_bytes) {
  const TemporaryFolder folder;
  const std::string images_path = folder.write("images", image_bytes);
  const std::string labels_path = folder.write("labels", label_bytes);
  std::string message = message_of([&] {
    read_idx_dataset(images_path, labels_path, {"zero", "one"});
  });
  for (std::size_t at; (at = message.find(folder.path() + "/")) != message.npos;)
    message.erase(at, folder.path().size() + 1);
  return message;
}

}  // namespace

TEST_CASE("idx: images and labels are read, big-endian") {
  const TemporaryFolder folder;
  for (const char* const part : {"train", "t10k"}) {
    folder.write(std::string(part) + "-images-idx3-ubyte", images);
    folder.write(std::string(part) + "-labels-idx1-ubyte", labels);
  }
  const octet::Splits splits = octet::read_mnist(folder.path());
  CHECK(splits.train.size() == 2);
  CHECK(splits.validation.size() == 0);
  CHECK(splits.test.image_shape() == octet::Shape{2, 3, 1});
  CHECK(splits.train.labels == std::vector<std::int32_t>{1, 0});
  CHECK(splits.train.image(1).at(1, 2) == 'l');
}

TEST_CASE("idx: every fault has its own sentence") {
  CHECK(complaint(images, labels) == "");
  CHECK(complaint("", labels) == "images: expected an idx header of 16 bytes, got a file of 0");
  CHECK(complaint(images.substr(0, 10), labels) ==
        "images: expected an idx header of 16 bytes, got a file of 10");
  CHECK(complaint(labels + images, labels) ==
        "images: expected the idx magic number 2051 (bytes in 3 dimensions), got 2049");
  CHECK(complaint(images.substr(0, images.size() - 1), labels) ==
        "images: expected 2 x 2 x 3 bytes after the header, got 11");
  CHECK(complaint(images + "x", labels) ==
        "images: expected 2 x 2 x 3 bytes after the header, got 13");
  CHECK(complaint("\x1F\x8B and so on", labels) ==
        "images: expected an idx file, got one compressed by gzip; unpack it first");
  CHECK(complaint(images, words({0x801, 1}) + "\x01") ==
        "labels: expected 2 labels, one for each image of images, got 1");
  CHECK(complaint(images, words({0x801, 2}) + "\x01\x02") ==
        "labels: expected labels from 0 to 1, got 2 for image 1");
  CHECK(complaint(words({0x803, 2, 0, 3}), labels) ==
        "images: expected images with pixels, got 0 x 3");
}

TEST_CASE("idx: extents whose product overflows 64 bits allocate nothing") {
  CHECK(complaint(words({0x803, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}), labels) ==
        "images: expected 4294967295 x 4294967295 x 4294967295 bytes after the header, got 0");
  CHECK(complaint(words({0x803, 0x80000000, 0x80000000, 4}), labels) ==
        "images: expected 2147483648 x 2147483648 x 4 bytes after the header, got 0");
}
