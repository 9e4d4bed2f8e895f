// C++ source as text: numbers, arrays, names and comments that cannot be anything else.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI::emission {

/// A literal that denotes exactly this number.
inline std::string literal(float value) {
  if (std::isnan(value)) return "__builtin_nanf(\"\")";
  if (std::isinf(value)) return value < 0 ? "-__builtin_huge_valf()" : "__builtin_huge_valf()";
  char digits[32];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, std::abs(value), std::chars_format::hex);
  return text_of(std::signbit(value) ? "-0x" : "0x", std::string_view(digits, end.ptr), "f");
}
inline std::string literal(std::integral auto value) { return std::to_string(value); }

/// A name from anywhere, fit for the inside of a // comment: printable, and no backslash, which at
/// the end of a line would swallow the next.
inline std::string comment(std::string_view name) {
  std::string text;
  for (const char character : name)
    text += character >= ' ' && character < 127 && character != '\\' ? character : '?';
  return text;
}

/// A string literal with these bytes.
inline std::string string_literal(std::string_view bytes) {
  std::string text = "\"";
  for (const char byte : bytes) {
    const auto code = static_cast<unsigned char>(byte);
    if (code >= ' ' && code < 127 && byte != '"' && byte != '\\' && byte != '?')
      text += byte;
    else
      text += {'\\', static_cast<char>('0' + code / 64), static_cast<char>('0' + code / 8 % 8),
               static_cast<char>('0' + code % 8)};
  }
  return text + "\"";
}

/// The words of C++ that name nothing else, each between spaces.
inline constexpr std::string_view reserved_words =
    " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t "
    "char32_t "
    "char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr "
    "constinit continue decltype default delete do double dynamic_cast else enum explicit export "
    "extern false float for friend goto if inline int long mutable namespace new noexcept not "
    "not_eq "
    "nullptr operator or or_eq private protected public register reinterpret_cast requires return "
    "short signed sizeof static static_assert static_cast struct switch template this thread_local "
    "throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t "
    "while "
    "xor xor_eq ";

/// Names of the C library and of compilers that would stand in the way, each between spaces.
inline constexpr std::string_view taken_names =
    " BUFSIZ EOF FILE NAN NULL abort abs accept access acos alarm arm asin assert atan atan2 "
    "atexit "
    "atof atoi basename bind brk bsearch calloc cbrt ceil chown clock close connect cos cosh crypt "
    "ctime daemon daylight dirname div drem dup environ erf erfc errno exit exp expf expm1 fabs "
    "finite floor fma fmax fmin fmod fork free gamma getenv getline gets hypot index isnan j0 j1 "
    "jn "
    "kill labs ldexp lgamma link linux listen log log10 log2 logb main malloc memcmp memcpy "
    "memmove memset modf nan nice open optarg pause pipe pow printf profil putc puts qsort raise "
    "rand random read realloc realpath remainder remove rename rewind rindex rint round scalb "
    "scanf "
    "select send setjmp significand signal sin sinh sleep sprintf sqrt srand stat stderr stdin "
    "stdout strcat strcmp strcpy strlen swab sync syscall sysconf system tan tanh tgamma time "
    "timespec timezone tm trunc truncate uint ulong unix unlink wait write y0 y1 yn ";

/// Whether it can be the name of a namespace, perhaps of one inside of another: a::b.
inline bool is_namespace_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const std::size_t end = (std::min)(name.find("::"), name.size());
  const std::string_view part = name.substr(0, end);
  if (part.empty() || !is_letter(part[0])) return false;
  for (const char c : part)
    if (!is_letter(c) && !(c >= '0' && c <= '9')) return false;
  for (const std::string_view words : {reserved_words, taken_names})
    if (words.find(text_of(" ", part, " ")) != std::string_view::npos) return false;
  // Names that the standard or POSIX keeps for itself.
  if (part == "std" || part.ends_with("_t") || part.find("__") != std::string_view::npos ||
      (part.size() > 1 && part[0] == '_' && part[1] >= 'A' && part[1] <= 'Z'))
    return false;
  return end == name.size() || is_namespace_name(name.substr(end + 2));
}

/// `name` as an array of constants, `type[size]`; `size` may be larger than there are values.
template <class T>
void append_array(std::string& text, std::string_view type, std::string_view name,
                  std::string_view size, std::span<const T> values) {
  text += text_of("inline constexpr ", type, " ", name, "[", size, "] = {");
  std::size_t column = 100;
  for (const T value : values) {
    const std::string number = literal(value);
    if (column + number.size() + 2 > 100) {
      text += "\n    ";
      column = 4;
    } else {
      text += ' ';
      ++column;
    }
    text += number;
    text += ',';
    column += number.size() + 1;
  }
  text += "};\n";
}

}  // namespace octet::inline OCTET_ABI::emission
