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

}  // namespace

CLI::Validator whole(std::int64_t low, std::int64_t high) {
  const auto check = [low, high](const std::string& text) -> std::string {
    std::int64_t value = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (end != last || error == std::errc::invalid_argument)
      return text_of("expected a whole number, got \"", text, '"');
    if (error == std::errc::result_out_of_range) value = text[0] == '-' ? INT64_MIN : INT64_MAX;
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

CLI::Validator one_of(std::vector<std::string> words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
  const auto check = [words, list](const std::string& text) -> std::string {
    if (std::find(words.begin(), words.end(), text) != words.end()) return {};
    return text_of("expected one of ", list, ", got \"", text, '"');
  };
  return {check, ""};
}

CLI::Validator path_to(std::string wanted) {
  const auto check = [wanted](const std::string& text) -> std::string {
    return text.empty() ? text_of("expected ", wanted, ", got an empty path") : std::string();
  };
  return {check, ""};
}

}  // namespace fer
