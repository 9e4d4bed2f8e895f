#include "octet/data/scan.hpp"

#include <cstdio>
#include <doctest/doctest.h>

#include "octet/data/fer2013.hpp"
#include "temporary_folder.hpp"

using octet::ImageDataset;
using octet::ScanReport;
using octet::Splits;

namespace {

ImageDataset pictures(std::initializer_list<std::pair<const char*, int>> rows) {
  ImageDataset data;
  data.class_names = {"a", "b", "c"};
  for (const auto& [pixels, label] : rows) {
    octet::Image image(1, 3, 1);
    for (int x = 0; x < 3; ++x) image.at(0, x) = static_cast<std::uint8_t>(pixels[x]);
    data.add(image, label);
  }
  return data;
}

}  // namespace

TEST_CASE("the scan counts duplicates, contradictions, blanks and what splits share") {
  const Splits splits = {
      pictures({{"abc", 0}, {"abc", 0}, {"xyz", 0}, {"xyz", 1}, {"xyz", 2}, {"zzz", 1}}),
      pictures({{"xyz", 0}, {"new", 0}}), pictures({{"new", 1}, {"abd", 0}, {"abc", 2}})};
  const ScanReport report = octet::scan(splits);
  CHECK(report.splits[0].images == 6);
  CHECK(report.splits[0].distinct == 3);
  CHECK(report.splits[0].contradicting == 1);
  CHECK(report.splits[0].blank == std::vector<std::int64_t>{5});
  CHECK(report.splits[2].contradicting == 0);
  REQUIRE(report.overlaps.size() == 3);
  CHECK(report.overlaps[0].images == std::vector<std::int64_t>{0});
  CHECK(report.overlaps[1].images == std::vector<std::int64_t>{2});
  CHECK(report.overlaps[2].images == std::vector<std::int64_t>{0});
  CHECK(report.text() ==
        "train: 6 images, 3 distinct, of which 1 have two or more labels; 1 blank\n"
        "validation: 2 images, 2 distinct, of which 0 have two or more labels; 0 blank\n"
        "test: 3 images, 3 distinct, of which 0 have two or more labels; 0 blank\n"
        "validation: 1 images are also in train\n"
        "test: 1 images are also in train\n"
        "test: 1 images are also in validation\n");
}

TEST_CASE("the known faults of the real FER2013 are found") {
  const std::string folder = shared_folder() + "/data/fer2013/";
  Splits splits;
  const auto read = [&](const char* name, ImageDataset& part) {
    part.class_names = octet::fer2013_class_names();
    std::FILE* const file = std::fopen((folder + name).c_str(), "rb");
    if (!file) return;
    int label;
    octet::Image image(48, 48, 1);
    while ((label = std::fgetc(file)) != EOF &&
           std::fread(image.pixels.data(), 1, image.pixels.size(), file) == image.pixels.size())
      part.add(image, label);
    std::fclose(file);
  };
  read("fer2013_train.bin", splits.train);
  read("fer2013_test_public.bin", splits.validation);
  read("fer2013_test_private.bin", splits.test);
  if (splits.train.size() == 0) {
    MESSAGE("skipped: FER2013 is not in ", folder);
    return;
  }
  const ScanReport report = octet::scan(splits);
  CHECK(report.splits[0].images == 28709);
  CHECK(report.splits[0].distinct == 27473);
  CHECK(report.splits[0].contradicting == 39);
  CHECK(report.splits[0].blank.size() + report.splits[1].blank.size() +
            report.splits[2].blank.size() ==
        12);
  CHECK(report.overlaps[0].images.size() == 280);
  CHECK(report.overlaps[1].images.size() == 288);
  CHECK(report.overlaps[2].images.size() == 44);
}
