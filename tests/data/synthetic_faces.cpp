#include "octet/data/synthetic_faces.hpp"

#include <algorithm>
#include <doctest/doctest.h>

#include "message_of.hpp"
#include "octet/data/scan.hpp"

using octet::ImageDataset;
using octet::synthetic_faces;

TEST_CASE("synthetic faces do not depend on the number of threads, nor on their neighbours") {
  octet::ThreadPool one(1), three(3);
  const ImageDataset faces = synthetic_faces({.count = 70, .seed = 5}, one);
  CHECK(synthetic_faces({.count = 70, .seed = 5}, three).pixels == faces.pixels);
  const ImageDataset later = synthetic_faces({.count = 20, .seed = 5, .first = 50}, three);
  for (std::int64_t i = 0; i < 20; ++i) {
    CHECK(std::ranges::equal(later.image(i).span(), faces.image(50 + i).span()));
    CHECK(later.labels[static_cast<std::size_t>(i)] ==
          faces.labels[static_cast<std::size_t>(50 + i)]);
  }
  CHECK(synthetic_faces({.count = 70, .seed = 6}, one).pixels != faces.pixels);
}

TEST_CASE("synthetic faces are the same pixels from every compiler") {
  // FNV-1a of 200 faces, enough for every kind of occlusion.
  std::uint64_t hash = 14695981039346656037u;
  for (const std::uint8_t pixel : synthetic_faces({.count = 200, .seed = 5}).pixels)
    hash = (hash ^ pixel) * 1099511628211u;
  CHECK(hash == 363744230568769206u);
}

TEST_CASE("synthetic faces: classes of equal size, no image twice, splits disjoint") {
  const octet::Splits splits = octet::synthetic_face_splits(140, 70, 70, {.seed = 1});
  CHECK(splits.train.class_counts() == std::vector<std::int64_t>(7, 20));
  CHECK(splits.train.class_names == octet::fer2013_class_names());
  const octet::ScanReport report = octet::scan(splits);
  for (const octet::SplitScan& split : report.splits) {
    CHECK(split.distinct == split.images);
    CHECK(split.blank.empty());
  }
  for (const octet::SplitOverlap& overlap : report.overlaps) CHECK(overlap.images.empty());
}

TEST_CASE("synthetic faces of any size show the same drawing") {
  // Without noise, a face of 96 x 96 averaged over 2 x 2 is the face of 48 x 48 but for its edges.
  const octet::SyntheticFacesOptions options = {.count = 7, .noise = {0, 0}};
  octet::SyntheticFacesOptions twice = options;
  twice.H = twice.W = 96;
  const ImageDataset plain = synthetic_faces(options), large = synthetic_faces(twice);
  for (std::int64_t i = 0; i < 7; ++i) {
    double difference = 0;
    for (std::int64_t y = 0; y < 48; ++y)
      for (std::int64_t x = 0; x < 48; ++x) {
        const auto big = large.image(i);
        const int sum = big.at(2 * y, 2 * x) + big.at(2 * y, 2 * x + 1) + big.at(2 * y + 1, 2 * x) +
                        big.at(2 * y + 1, 2 * x + 1);
        difference += std::abs(sum / 4.0 - plain.image(i).at(y, x));
      }
    CHECK(difference / (48 * 48) < 3);
  }
  CHECK(synthetic_faces({.count = 1, .H = 30, .W = 64}).image_shape() == octet::Shape{30, 64, 1});
}

TEST_CASE("the expression governs the face: without strength and individuality all are neutral") {
  const octet::SyntheticFacesOptions still = {
      .count = 7, .expression_strength = {0, 0}, .individuality = 0};
  octet::SyntheticFacesOptions full = still;
  full.expression_strength = {1, 1};
  const ImageDataset neutral = synthetic_faces(still), moved = synthetic_faces(full);
  for (std::int64_t i = 0; i < 6; ++i)
    CHECK(!std::ranges::equal(neutral.image(i).span(), moved.image(i).span()));
}

TEST_CASE("synthetic faces: options that cannot be are refused") {
  CHECK(message_of([] { synthetic_faces({.count = -1}); }) ==
        "synthetic_faces: expected count and first of at least 0 and a size of at least 8 x 8, "
        "got count -1, first 0, H 48, W 48");
}
