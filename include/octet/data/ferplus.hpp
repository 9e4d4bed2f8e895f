// FER+: ten people's votes on each image of FER2013. Barsoum et al., "Training deep networks for
// facial expression recognition with crowd-sourced label distribution" (ICMI 2016).
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/data/fer2013.hpp"

namespace octet::inline OCTET_ABI {

/// The votes on one image, in the order of the file: neutral, happiness, surprise, sadness, anger,
/// disgust, fear, contempt, unknown, and NF for "not a face".
using FerPlusVotes = std::array<int, 10>;

/// The votes of each split, row by row as in fer2013.csv.
struct FerPlusTable {
  std::vector<FerPlusVotes> train, validation, test;
};

/// FER2013's seven classes, without the votes for contempt; or these and Contempt as class 7.
enum class FerPlusClasses { seven, eight };

/// What becomes of an image on which the voters do not see an expression of these classes: most of
/// them voted unknown, not a face or a class that is left out, or no vote remains.
enum class UnclearImages { drop, keep_label };

/// Whether a label becomes the class with the most votes (the old one if it is among the winners),
/// or stays FER2013's.
enum class FerPlusLabels { majority, fer2013 };

struct FerPlusOptions {
  FerPlusClasses classes = FerPlusClasses::seven;
  UnclearImages unclear = UnclearImages::drop;
  FerPlusLabels labels = FerPlusLabels::majority;
  /// A class with fewer votes than this counts as having none; the authors drop single votes.
  int fewest_votes = 2;
};

/// Reads fer2013new.csv: Usage, Image name, and ten columns of votes, in any order.
template <class = WhenUsed>
FerPlusTable read_ferplus(const std::string& path) {
  static constexpr std::array<std::string_view, 10> names = {
      "neutral", "happiness", "surprise", "sadness", "anger",
      "disgust", "fear",      "contempt", "unknown", "NF"};
  LineReader lines(path);
  const auto complain = [&](const auto&... parts) {
    fail(path, ", line ", lines.line(), ": ", parts...);
  };
  std::string_view line;
  if (!lines.next(line)) fail(path, ": expected the columns of FER+, got an empty file");
  line = without_byte_order_mark(line);
  std::vector<std::string_view> fields;
  split_fields(line, fields);
  const std::size_t columns = fields.size();
  const auto column = [&](std::string_view wanted) {
    const auto found = std::find(fields.begin(), fields.end(), wanted);
    if (found == fields.end())
      complain("expected a column \"", wanted, "\" in the header, got \"", line.substr(0, 100),
               "\"");
    return static_cast<std::size_t>(found - fields.begin());
  };
  const std::size_t usage = column("Usage");
  std::array<std::size_t, 10> place;
  for (std::size_t i = 0; i < names.size(); ++i) place[i] = column(names[i]);

  FerPlusTable table;
  while (lines.next(line)) {
    if (line.empty()) continue;
    split_fields(line, fields);
    if (fields.size() != columns)
      complain("expected ", columns, " columns, got ", fields.size(),
               lines.terminated() ? "" : " (the file ends here, it was cut)");
    FerPlusVotes votes;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string_view text = fields[place[i]];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), votes[i]);
      if (error != std::errc() || end != text.data() + text.size() || votes[i] < 0 ||
          votes[i] > 1000)
        complain("expected a number of votes for ", names[i], ", got \"", text.substr(0, 20), "\"");
    }
    const std::string_view part = fields[usage];
    if (part != "Training" && part != "PublicTest" && part != "PrivateTest")
      complain("expected the Usage Training, PublicTest or PrivateTest, got \"", part.substr(0, 20),
               "\"");
    (part == "Training"     ? table.train
     : part == "PublicTest" ? table.validation
                            : table.test)
        .push_back(votes);
  }
  return table;
}

/// Gives the images of one split their votes as target distributions (shares of the votes that
/// count). See FerPlusOptions for unclear images; a kept one gets its FER2013 label as target.
template <class = WhenUsed>
ImageDataset with_votes(const ImageDataset& data, const std::vector<FerPlusVotes>& votes,
                        const FerPlusOptions& options = {}) {
  if (data.size() != static_cast<std::int64_t>(votes.size()))
    fail("ferplus: expected the votes of as many images as FER2013 has here, ", data.size(),
         ", got ", votes.size());
  if (data.class_names != fer2013_class_names())
    fail("ferplus: expected images with FER2013's seven classes, got ", data.classes(), " classes");
  // The class of each column of votes; those behind the last class do not count.
  constexpr std::array<std::size_t, 10> class_of = {6, 3, 5, 4, 0, 1, 2, 7, 8, 9};
  const std::size_t classes = options.classes == FerPlusClasses::seven ? 7 : 8;
  std::vector<std::int64_t> kept;
  std::vector<std::array<int, 10>> counted;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    std::array<int, 10> by_class{};
    for (std::size_t column = 0; column < 10; ++column) {
      const int count = votes[static_cast<std::size_t>(i)][column];
      if (count >= options.fewest_votes) by_class[class_of[column]] = count;
    }
    const auto middle = by_class.begin() + static_cast<std::ptrdiff_t>(classes);
    const int inside = std::accumulate(by_class.begin(), middle, 0);
    const int outside = std::accumulate(middle, by_class.end(), 0);
    const bool clear = inside > 0 && inside >= outside;
    if (!clear && options.unclear == UnclearImages::drop) continue;
    if (!clear) {
      by_class.fill(0);
      by_class[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(i)])] = 1;
    }
    kept.push_back(i);
    counted.push_back(by_class);
  }
  ImageDataset result = data.subset(kept);
  if (classes == 8) result.class_names.push_back("Contempt");
  result.targets = Tensor<float>({result.size(), static_cast<std::int64_t>(classes)});
  for (std::size_t row = 0; row < kept.size(); ++row) {
    const auto first = counted[row].begin();
    const auto last = first + static_cast<std::ptrdiff_t>(classes);
    const float total = static_cast<float>(std::accumulate(first, last, 0));
    for (std::size_t c = 0; c < classes; ++c)
      result.targets[static_cast<std::int64_t>(row * classes + c)] =
          static_cast<float>(counted[row][c]) / total;
    std::int32_t& label = result.labels[row];
    const auto winner = std::max_element(first, last);
    if (options.labels == FerPlusLabels::majority &&
        counted[row][static_cast<std::size_t>(label)] < *winner)
      label = static_cast<std::int32_t>(winner - first);
  }
  return result;
}

/// The same for all three splits.
template <class = WhenUsed>
Splits with_votes(const Splits& splits, const FerPlusTable& table,
                  const FerPlusOptions& options = {}) {
  const auto part = [&](const char* usage, const ImageDataset& data,
                        const std::vector<FerPlusVotes>& votes) {
    if (data.size() != static_cast<std::int64_t>(votes.size()))
      fail("ferplus: expected the votes of as many images as FER2013 has in ", usage, ", ",
           data.size(), ", got ", votes.size());
    return with_votes(data, votes, options);
  };
  return {part("Training", splits.train, table.train),
          part("PublicTest", splits.validation, table.validation),
          part("PrivateTest", splits.test, table.test)};
}

}  // namespace octet::inline OCTET_ABI
