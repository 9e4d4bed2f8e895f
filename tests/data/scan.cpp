#include "octet/data/scan.hpp"

#include <algorithm>
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
  CHECK(report.overlaps[0].contradicting == 0);
  CHECK(report.overlaps[1].contradicting == 1);
  CHECK(report.overlaps[2].contradicting == 1);
  CHECK(report.text() ==
        "train: images 6, distinct 3, of these with two or more labels 1, blank 1\n"
        "validation: images 2, distinct 2, of these with two or more labels 0, blank 0\n"
        "test: images 3, distinct 3, of these with two or more labels 0, blank 0\n"
        "validation: images that are also in train 1, of these with another label there 0\n"
        "test: images that are also in train 1, of these with another label there 1\n"
        "test: images that are also in validation 1, of these with another label there 1\n");
}

TEST_CASE("images of one hash are told apart by their pixels and their shape") {
  // Two texts of the same 64-bit FNV-1a hash.
  const std::string first = "8yn0iYCKYHlIj4-BwPqk", second = "GReLUrM4wMqfg9yzV3KQ";
  const auto hash = [](const std::string& text) {
    std::uint64_t value = 0xCBF29CE484222325;
    for (const char c : text) value = (value ^ static_cast<std::uint8_t>(c)) * 0x100000001B3;
    return value;
  };
  REQUIRE(hash(first) == hash(second));
  const auto image = [](const std::string& text, int H, int W) {
    octet::Image picture(H, W, 1);
    std::copy(text.begin(), text.end(), picture.pixels.begin());
    return picture;
  };
  ImageDataset data;
  data.class_names = {"a"};
  for (const std::string& text : {first, second, first}) data.add(image(text, 4, 5), 0);
  const octet::ImageIndex index(data);
  CHECK(index.first() == std::vector<std::int64_t>{0, 1, 0});
  CHECK(index.distinct() == 2);
  CHECK(index.find(image(second, 4, 5)) == 1);
  CHECK(index.find(image(second, 5, 4)) == -1);
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
