// Names in UTF-8, as JSON and pages need them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI {

/// Whether a text is UTF-8 (RFC 3629): nothing cut, overlong, or beyond U+10FFFF, no surrogates.
template <class = WhenUsed>
bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned first = byte(at);
    const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || text.size() - at < size) return false;
    for (std::size_t i = at + 1; i < at + size; ++i)
      if ((byte(i) & 0xC0) != 0x80) return false;
    const unsigned second = size > 1 ? byte(at + 1) : 0;
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
      return false;
    at += size;
  }
  return true;
}

/// Whether a byte of UTF-8 is the first one of a letter.
constexpr bool begins_letter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

/// How many letters a text in UTF-8 has.
template <class = WhenUsed>
std::size_t count_letters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_letter));
}

/// The beginning of a text in UTF-8, of at most so many letters.
template <class = WhenUsed>
std::string first_letters(std::string_view text, std::size_t count) {
  std::size_t end = 0;
  while (end < text.size() && (!begins_letter(text[end]) || count-- > 0)) ++end;
  return std::string(text.substr(0, end));
}

}  // namespace octet::inline OCTET_ABI
