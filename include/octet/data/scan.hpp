// Finds what makes a dataset's numbers untrue: images that are in two splits, or have two labels.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/data/dataset.hpp"

namespace octet::inline OCTET_ABI {

/// The distinct images of a dataset, found by their pixels.
template <class = WhenUsed>
class BasicImageIndex {
 public:
  explicit BasicImageIndex(const ImageDataset& dataset) : dataset_(dataset) {
    for (std::int64_t i = 0; i < dataset.size(); ++i) {
      const std::int64_t first = find(dataset.image(i));
      if (first < 0) by_hash_.emplace(hash(dataset.image(i)), i);
      first_.push_back(first < 0 ? i : first);
    }
  }

  /// The number of the first image with the same pixels, or -1.
  std::int64_t find(ImageView image) const {
    const auto [begin, end] = by_hash_.equal_range(hash(image));
    for (auto at = begin; at != end; ++at) {
      const ImageView other = dataset_.image(at->second);
      if (other.shape() == image.shape() &&
          std::memcmp(other.pixels, image.pixels, static_cast<std::size_t>(image.bytes())) == 0)
        return at->second;
    }
    return -1;
  }
  /// For each image the number of the first one with the same pixels: its own, if it is the first.
  const std::vector<std::int64_t>& first() const { return first_; }
  std::int64_t distinct() const { return static_cast<std::int64_t>(by_hash_.size()); }

 private:
  // FNV-1a, 64 bits.
  static std::uint64_t hash(ImageView image) {
    std::uint64_t value = 0xCBF29CE484222325;
    for (const std::uint8_t byte : image.span()) value = (value ^ byte) * 0x100000001B3;
    return value;
  }

  const ImageDataset& dataset_;
  std::unordered_multimap<std::uint64_t, std::int64_t> by_hash_;
  std::vector<std::int64_t> first_;
};
using ImageIndex = BasicImageIndex<>;

/// The numbers of the images of `part` that are, pixel by pixel, also in `other`.
template <class = WhenUsed>
std::vector<std::int64_t> images_also_in(const ImageDataset& part, const ImageIndex& other) {
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < part.size(); ++i)
    if (other.find(part.image(i)) >= 0) found.push_back(i);
  return found;
}

/// What scan() found in one split.
struct SplitScan {
  std::string name;
  std::int64_t images = 0;
  std::int64_t distinct = 0;
  /// Distinct images that occur under two or more labels.
  std::int64_t contradicting = 0;
  /// Images of one tone alone.
  std::vector<std::int64_t> blank;
};

/// Images of the later split that are in the earlier one, too.
struct SplitOverlap {
  std::string part, other;
  std::vector<std::int64_t> images;
  /// How many of them have another label there.
  std::int64_t contradicting = 0;
};

struct ScanReport {
  std::vector<SplitScan> splits;
  std::vector<SplitOverlap> overlaps;

  /// The report as lines to read.
  std::string text() const {
    std::string lines;
    for (const SplitScan& split : splits)
      lines += text_of(split.name, ": images ", split.images, ", distinct ", split.distinct,
                       ", of these with two or more labels ", split.contradicting, ", blank ",
                       split.blank.size(), "\n");
    for (const SplitOverlap& overlap : overlaps)
      lines += text_of(overlap.part, ": images that are also in ", overlap.other, " ",
                       overlap.images.size(), ", of these with another label there ",
                       overlap.contradicting, "\n");
    return lines;
  }
};

/// Compares every image with every other one, by hash and then pixel by pixel. An accuracy on test
/// images that are also in train says nothing about unseen faces.
template <class = WhenUsed>
ScanReport scan(const Splits& splits) {
  struct Part {
    const char* name;
    const ImageDataset& data;
    ImageIndex index;
  };
  const std::array<Part, 3> parts = {
      Part{"train", splits.train, ImageIndex(splits.train)},
      Part{"validation", splits.validation, ImageIndex(splits.validation)},
      Part{"test", splits.test, ImageIndex(splits.test)}};
  ScanReport report;
  for (const Part& part : parts) {
    SplitScan found{part.name, part.data.size(), part.index.distinct(), 0, {}};
    std::vector<bool> contradicts(part.data.labels.size());
    for (std::int64_t i = 0; i < part.data.size(); ++i) {
      const std::size_t first =
          static_cast<std::size_t>(part.index.first()[static_cast<std::size_t>(i)]);
      if (part.data.labels[static_cast<std::size_t>(i)] != part.data.labels[first] &&
          !contradicts[first]) {
        contradicts[first] = true;
        ++found.contradicting;
      }
      const auto pixels = part.data.image(i).span();
      if (std::equal(pixels.begin() + 1, pixels.end(), pixels.begin())) found.blank.push_back(i);
    }
    report.splits.push_back(std::move(found));
  }
  for (std::size_t later = 1; later < parts.size(); ++later)
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const Part &part = parts[later], &other = parts[earlier];
      SplitOverlap overlap{part.name, other.name, images_also_in(part.data, other.index)};
      for (const std::int64_t i : overlap.images) {
        const std::int64_t same = other.index.find(part.data.image(i));
        overlap.contradicting += part.data.labels[static_cast<std::size_t>(i)] !=
                                 other.data.labels[static_cast<std::size_t>(same)];
      }
      report.overlaps.push_back(std::move(overlap));
    }
  return report;
}

}  // namespace octet::inline OCTET_ABI
