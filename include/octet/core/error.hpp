// A user's mistake or a bad file, told in a sentence: what is wrong, where, and what was expected.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI {

/// The text with its control characters, which the content of a file may bring into a message,
/// written as \x00 to \x1F and \x7F. A zero byte would end the message, others move the cursor.
inline std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string result;
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    if (code >= 0x20 && code != 0x7F)
      result += character;
    else
      ((result += "\\x") += digits[code / 16]) += digits[code % 16];
  }
  return result;
}

/// Thrown for every mistake that a user can make or a file can hold. what() is one whole sentence.
class Error : public std::exception {
 public:
  explicit Error(std::string_view message) : message_(printable(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

/// Receives the sentence when exceptions are switched off; it must not return.
using ErrorHandler = void (*)(const char* message);

/// The handler in use. The first one prints to stderr and aborts.
inline ErrorHandler& error_handler() {
  static ErrorHandler handler = [](const char* message) {
    std::fprintf(stderr, "octet: %s\n", message);
    std::abort();
  };
  return handler;
}

/// A value as messages show it.
inline std::string to_text(std::string_view text) { return std::string(text); }
inline std::string to_text(const char* text) { return text; }
inline std::string to_text(char character) { return std::string(1, character); }
inline std::string to_text(std::integral auto value) { return std::to_string(value); }
inline std::string to_text(std::floating_point auto value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", static_cast<double>(value));
  return buffer;
}

/// One part of a text, whatever its type: with it, text_of() and fail() are a few instructions
/// wherever they are called. Sentences are many in Octet; written out in place they would be a
/// third of what an optimizing compiler has to do for a training loop.
class TextPart {
 public:
  TextPart(const char* text) : text_(text) {}
  TextPart(const std::string& text) : text_(text) {}
  TextPart(std::string_view text) : text_(text) {}
  template <class T>
  TextPart(const T& value) : value_(&value), append_(&append_value<T>) {}

  void append_to(std::string& all) const {
    if (append_)
      append_(all, value_);
    else
      all.append(text_);
  }

 private:
  template <class T>
  static void append_value(std::string& all, const void* value) {
    all.append(to_text(*static_cast<const T*>(value)));
  }

  std::string_view text_;
  const void* value_ = nullptr;
  void (*append_)(std::string&, const void*) = nullptr;
};

inline std::string joined(const TextPart* parts, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) parts[i].append_to(text);
  return text;
}

/// Throws octet::Error, or calls the handler where exceptions are switched off.
[[noreturn]] inline void fail_with(const TextPart* parts, std::size_t count) {
#if defined(__cpp_exceptions)
  throw Error(joined(parts, count));
#else
  error_handler()(printable(joined(parts, count)).c_str());
  std::abort();
#endif
}

/// Joins its arguments to one text; every type with a to_text() found by its namespace will do.
template <class... Parts>
std::string text_of(const Parts&... parts) {
  const TextPart all[] = {TextPart(parts)...};
  return joined(all, sizeof...(parts));
}

/// Texts with commas between them: "a, b, c".
template <class Texts>
std::string list_of(const Texts& texts) {
  std::string list;
  for (const auto& text : texts) {
    if (!list.empty()) list += ", ";
    list += text;
  }
  return list;
}

/// Fails with the sentence that its arguments make.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  const TextPart all[] = {TextPart(parts)...};
  fail_with(all, sizeof...(parts));
}

/// What read() returns. Where it fails, the sentence begins with the source, such as a file's path
/// (not so where exceptions are switched off).
template <class Read>
auto reading(std::string_view source, Read&& read) {
#if defined(__cpp_exceptions)
  try {
    return read();
  } catch (const Error& error) {
    fail(source, ": ", error.what());
  }
#else
  static_cast<void>(source);
  return read();
#endif
}

}  // namespace octet::inline OCTET_ABI
