// FER2013: 35,887 gray faces of 48 x 48 in seven expressions. Goodfellow et al., "Challenges in
// representation learning: a report on three machine learning contests" (2013).
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/data/dataset.hpp"
#include "octet/data/file_reader.hpp"

namespace octet::inline OCTET_ABI {

/// The names of FER2013's classes, in the order of its labels 0 to 6.
template <class = WhenUsed>
const std::vector<std::string>& fer2013_class_names() {
  static const std::vector<std::string> names = {"Angry", "Disgust",  "Fear",   "Happy",
                                                 "Sad",   "Surprise", "Neutral"};
  return names;
}

/// Kaggle's fer2013.csv, line by line.
template <class = WhenUsed>
class BasicFer2013Reader {
 public:
  static constexpr std::int64_t side = 48;
  static constexpr std::int64_t pixels = side * side;

  explicit BasicFer2013Reader(const std::string& path) : lines_(path) { read_header(); }

  Splits read() {
    Splits splits;
    for (ImageDataset* const part : {&splits.train, &splits.validation, &splits.test}) {
      part->H = part->W = side;
      part->C = 1;
      part->class_names = fer2013_class_names();
    }
    for (std::string_view line; lines_.next(line);) {
      if (line.empty()) continue;
      split_fields(line, fields_);
      if (fields_.size() != columns_)
        complain("expected ", columns_, " columns, got ", fields_.size(),
                 lines_.terminated() ? "" : " (the file ends here, it was cut)");
      const std::int32_t label = read_label(fields_[emotion_]);
      read_pixels(fields_[pixels_]);
      split_of(splits, fields_[usage_]).add({image_.data(), side, side, 1}, label);
    }
    return splits;
  }

 private:
  template <class... Parts>
  [[noreturn]] void complain(const Parts&... parts) const {
    fail(lines_.path(), ", line ", lines_.line(), ": ", parts...);
  }

  void read_header() {
    std::string_view line;
    if (!lines_.next(line))
      fail(lines_.path(), ": expected the columns emotion, pixels and Usage, got an empty file");
    line = without_byte_order_mark(line);
    split_fields(line, fields_);
    columns_ = fields_.size();
    const auto column = [&](std::string_view wanted) {
      for (std::size_t i = 0; i < fields_.size(); ++i)
        if (fields_[i] == wanted) return i;
      complain("expected a column \"", wanted, "\" in the header, got \"", line.substr(0, 60),
               "\"");
    };
    emotion_ = column("emotion");
    pixels_ = column("pixels");
    usage_ = column("Usage");
  }

  std::int32_t read_label(std::string_view text) const {
    std::int32_t label = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), label);
    if (error != std::errc() || end != text.data() + text.size() || label < 0 || label > 6)
      complain("expected an emotion from 0 to 6, got \"", text.substr(0, 20), "\"");
    return label;
  }

  void read_pixels(std::string_view text) {
    const char* at = text.data();
    const char* const end = at + text.size();
    std::int64_t count = 0;
    for (;;) {
      while (at != end && *at == ' ') ++at;
      if (at == end) break;
      unsigned value = 0;
      const auto [after, error] = std::from_chars(at, end, value);
      if (error != std::errc() || value > 255 || (after != end && *after != ' ')) {
        std::string_view word(at, static_cast<std::size_t>(end - at));
        word = word.substr(0, (std::min)(word.find(' '), std::size_t{20}));
        complain("expected pixel ", count + 1, " to be a number from 0 to 255, got \"", word, "\"");
      }
      at = after;
      if (count < pixels)
        image_[static_cast<std::size_t>(count)] = static_cast<std::uint8_t>(value);
      ++count;
    }
    if (count != pixels) complain("expected ", pixels, " pixels (48 x 48), got ", count);
  }

  ImageDataset& split_of(Splits& splits, std::string_view usage) const {
    if (usage == "Training") return splits.train;
    if (usage == "PublicTest") return splits.validation;
    if (usage == "PrivateTest") return splits.test;
    complain("expected the Usage Training, PublicTest or PrivateTest, got \"", usage.substr(0, 20),
             "\"", lines_.terminated() ? "" : " (the file ends here, it was cut)");
  }

  LineReader lines_;
  std::vector<std::string_view> fields_;
  std::array<std::uint8_t, pixels> image_;
  std::size_t columns_ = 0, emotion_ = 0, pixels_ = 0, usage_ = 0;
};
using Fer2013Reader = BasicFer2013Reader<>;

/// Reads Kaggle's fer2013.csv: Training becomes train, PublicTest validation, PrivateTest test. The
/// columns emotion, pixels and Usage may stand in any order, lines may end in LF or CRLF. Fails
/// with a sentence that names file and line at the first thing that does not fit.
template <class = WhenUsed>
Splits read_fer2013(const std::string& path) {
  return Fer2013Reader(path).read();
}

}  // namespace octet::inline OCTET_ABI
