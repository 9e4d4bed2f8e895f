#include "octet/data/cifar10.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "temporary_folder.hpp"

namespace {

// A record whose red is all 1, green all 2, blue all 3, but for the first red pixel.
std::string record(char label) {
  std::string bytes(1, label);
  for (char plane = 1; plane <= 3; ++plane) bytes += std::string(1024, plane);
  bytes[1] = 100;
  return bytes;
}

}  // namespace

TEST_CASE("CIFAR-10: planes become pixels, five files become train") {
  const TemporaryFolder folder;
  for (int i = 1; i <= 5; ++i)
    folder.write("data_batch_" + std::to_string(i) + ".bin",
                 record(static_cast<char>(i)) + record(9));
  folder.write("test_batch.bin", record(0));
  const octet::Splits splits = octet::read_cifar10(folder.path());
  CHECK(splits.train.labels == std::vector<std::int32_t>{1, 9, 2, 9, 3, 9, 4, 9, 5, 9});
  CHECK(splits.test.size() == 1);
  CHECK(splits.train.image_shape() == octet::Shape{32, 32, 3});
  CHECK(splits.train.image(1).at(0, 0, 0) == 100);
  CHECK(splits.train.image(1).at(0, 0, 1) == 2);
  CHECK(splits.train.image(1).at(31, 31, 0) == 1);
  CHECK(splits.train.image(1).at(31, 31, 2) == 3);
  CHECK(splits.train.class_names[9] == "truck");
}

TEST_CASE("CIFAR-10: faults are told") {
  const TemporaryFolder folder;
  const auto complaint = [&](const std::string& bytes) {
    const std::string path = folder.write("x.bin", bytes);
    octet::ImageDataset data;
    data.class_names = octet::cifar10_class_names();
    return message_of([&] { octet::read_cifar10_batch(path, data); }).substr(path.size());
  };
  CHECK(complaint(record(1) + "x") == ": expected records of 3073 bytes, got a file of 3074 bytes");
  CHECK(complaint("") == ": expected records of 3073 bytes, got a file of 0 bytes");
  CHECK(complaint(record(1) + record(10)) == ", record 1: expected a label from 0 to 9, got 10");
}
