#include "option_checks.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include <octet/core/error.hpp>

namespace fer {

using octet::text_of;

namespace {

/// The sentence if `value` lies outside of the range, else nothing.
template <class Number>
std::string outside(Number low, Number high, Number value, const std::string& typed) {
  if (value < low) return text_of("expected at least ", low, ", got ", typed);
  if (value > high) return text_of("expected at most ", high, ", got ", typed);
  return {};
}

/// Writes the number to `value`; false if the text is none, or infinite.
bool parse(const std::string& text, double& value) {
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && std::isfinite(value);
}

/// How many letters must be put in, left out, exchanged for others or with their neighbours to make
/// one word of the other. (Optimal string alignment.)
std::size_t edits(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> to(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      to[i][j] = i + j;
      if (i == 0 || j == 0) continue;
      const std::size_t exchanged = to[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      to[i][j] = std::min({to[i - 1][j] + 1, to[i][j - 1] + 1, exchanged});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        to[i][j] = std::min(to[i][j], to[i - 2][j - 2] + 1);
    }
  return to[a.size()][b.size()];
}

}  // namespace

CLI::Validator whole(std::uint64_t low, std::uint64_t high) {
  const auto check = [low, high](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const std::size_t first = text.starts_with('-') ? 1 : 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data() + first, last, value);
    if (end != last || error == std::errc::invalid_argument)
      return text_of("expected a whole number, got \"", text, '"');
    // CLI11 would read it as octal.
    if (text[first] == '0' && text.size() > first + 1)
      return text_of("expected a whole number without a leading 0, got \"", text, '"');
    if (first == 1) return text_of("expected at least ", low, ", got ", text);
    // CLI11 would take the largest number for it.
    if (error == std::errc::result_out_of_range)
      return text_of("expected at most ", high, ", got ", text);
    return outside(low, high, value, text);
  };
  return {check, ""};
}

CLI::Validator number(double low, double high) {
  const auto check = [low, high](const std::string& text) -> std::string {
    double value = 0;
    if (!parse(text, value)) return text_of("expected a number, got \"", text, '"');
    return outside(low, high, value, text);
  };
  return {check, ""};
}

CLI::Validator number_above(double low, double high) {
  const auto check = [low, high](const std::string& text) -> std::string {
    double value = 0;
    if (!parse(text, value)) return text_of("expected a number, got \"", text, '"');
    if (value <= low) return text_of("expected a number above ", low, ", got ", text);
    return outside(low, high, value, text);
  };
  return {check, ""};
}

CLI::Validator one_of(std::vector<std::string> words, const std::string& kind) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? kind : ", ") + word;
  const auto check = [words, list](const std::string& text) -> std::string {
    if (std::find(words.begin(), words.end(), text) != words.end()) return {};
    return text_of("expected one of ", list, ", got \"", text, '"', suggestion(text, words));
  };
  return {check, ""};
}

CLI::Validator path_to(std::string wanted) {
  const auto check = [wanted](const std::string& text) -> std::string {
    return text.empty() ? text_of("expected ", wanted, ", got an empty path") : std::string();
  };
  return {check, ""};
}

std::string suggestion(const std::string& typed, const std::vector<std::string>& words) {
  std::string best;
  std::size_t fewest = (typed.size() + 1) / 3 + 1;
  for (const std::string& word : words) {
    const bool begins = typed.size() > 2 && word.compare(0, typed.size(), typed) == 0;
    const std::size_t distance = begins ? 1 : edits(typed, word);
    if (distance >= fewest) continue;
    best = word;
    fewest = distance;
  }
  return best.empty() ? "" : text_of("; did you mean \"", best, "\"?");
}

std::string sentence_of(const CLI::ParseError& error) {
  const std::string text = error.what();
  const std::string option = text.substr(0, text.find(':'));
  const auto says = [&](const char* words) { return text.find(words) != std::string::npos; };
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error)) {
    if (says(" missing")) return option + ": expected a value, got none";
    if (says("At Most 1 ")) return option + ": expected once, got it several times";
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error))
    return text_of("expected no more, got \"", text.substr(text.find(": ") + 2), '"');
  return text;
}

}  // namespace fer
