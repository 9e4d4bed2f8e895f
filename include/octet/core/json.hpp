// JSON (RFC 8259), as far as model descriptions and reports need it. The parser trusts nothing:
// depth is limited, every error names the byte where it stands.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

/// A JSON value. Objects keep the order in which their members were added.
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  template <std::integral Integer>
  requires(!std::is_same_v<Integer, bool>) Json(Integer value)
      : value_(static_cast<std::int64_t>(value)) {}
  template <std::floating_point F>
  Json(F value) : value_(static_cast<double>(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  static Json object() { return Json(Object{}); }
  static Json array() { return Json(Array{}); }

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(value_); }

  /// The value as the asked type; fails with a sentence if it is another one.
  bool as_bool() const { return as<bool>("true or false"); }
  std::int64_t as_integer() const { return as<std::int64_t>("an integer"); }
  const std::string& as_string() const { return as<std::string>("a string"); }
  const Array& as_array() const { return as<Array>("an array"); }
  const Object& as_object() const { return as<Object>("an object"); }
  double as_number() const {
    return is_integer() ? static_cast<double>(as_integer()) : as<double>("a number");
  }

  /// The member `key` of an object, or nullptr.
  const Json* find(std::string_view key) const {
    if (const Object* const members = std::get_if<Object>(&value_))
      for (const auto& [name, value] : *members)
        if (name == key) return &value;
    return nullptr;
  }
  /// The member `key` of an object; fails if there is none.
  const Json& operator[](std::string_view key) const {
    if (const Json* const value = find(key)) return *value;
    fail("JSON: expected a member \"", key, "\", got ", kind());
  }
  // Both are kept from inlining because GCC 12 takes parts of an inlined variant for uninitialized.
  /// Adds or replaces a member of an object.
  [[gnu::noinline]] Json& set(std::string_view key, Json value) {
    if (!is_object()) value_ = Object{};
    for (auto& [name, old] : std::get<Object>(value_))
      if (name == key) {
        old = std::move(value);
        return *this;
      }
    std::get<Object>(value_).emplace_back(std::string(key), std::move(value));
    return *this;
  }
  /// Appends to an array.
  [[gnu::noinline]] Json& push(Json value) {
    if (!is_array()) value_ = Array{};
    std::get<Array>(value_).push_back(std::move(value));
    return *this;
  }

  /// The text of this value, without spaces. Numbers are written so that they read back exactly.
  std::string text() const {
    std::string out;
    write(out);
    return out;
  }
  /// Parses one value and nothing after it; `source` names the text in messages.
  static Json parse(std::string_view text, std::string_view source = "JSON") {
    Parser parser{text, source};
    Json value = parser.value(0);
    parser.spaces();
    if (parser.at != text.size()) parser.complain("the end");
    return value;
  }

 private:
  std::string kind() const {
    static constexpr const char* names[] = {"null",     "true or false", "an integer", "a number",
                                            "a string", "an array",      "an object"};
    return names[value_.index()];
  }
  template <class T>
  const T& as(const char* expected) const {
    if (const T* const value = std::get_if<T>(&value_)) return *value;
    fail("JSON: expected ", expected, ", got ", kind());
  }

  static void write_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (byte < 0x20) {
        constexpr char digits[] = "0123456789abcdef";
        out += "\\u00";
        out += digits[byte >> 4];
        out += digits[byte & 15];
      } else {
        out += c;
      }
    }
    out += '"';
  }
  void write(std::string& out) const {
    if (is_null()) {
      out += "null";
    } else if (const bool* const flag = std::get_if<bool>(&value_)) {
      out += *flag ? "true" : "false";
    } else if (is_integer()) {
      out += std::to_string(as_integer());
    } else if (const double* const number = std::get_if<double>(&value_)) {
      char buffer[40];
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, *number).ptr;
      out += std::isfinite(*number)
                 ? std::string_view(buffer, static_cast<std::size_t>(end - buffer))
                 : std::string_view("null");
    } else if (is_string()) {
      write_string(out, as_string());
    } else if (const Array* const array = std::get_if<Array>(&value_)) {
      out += '[';
      for (std::size_t i = 0; i < array->size(); ++i) {
        if (i) out += ',';
        (*array)[i].write(out);
      }
      out += ']';
    } else {
      out += '{';
      bool first = true;
      for (const auto& [name, value] : as_object()) {
        if (!first) out += ',';
        first = false;
        write_string(out, name);
        out += ':';
        value.write(out);
      }
      out += '}';
    }
  }

  struct Parser {
    std::string_view text;
    std::string_view source;
    std::size_t at = 0;
    static constexpr int max_depth = 64;

    [[noreturn]] void complain(const char* expected) const {
      fail(source, ": expected ", expected, " at byte ", at);
    }
    void spaces() {
      while (at < text.size() &&
             (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r'))
        ++at;
    }
    bool take(char c) {
      spaces();
      if (at >= text.size() || text[at] != c) return false;
      ++at;
      return true;
    }
    bool take_word(std::string_view word) {
      if (text.substr(at, word.size()) != word) return false;
      at += word.size();
      return true;
    }
    Json value(int depth) {
      if (depth > max_depth) complain("at most 64 levels");
      spaces();
      if (at >= text.size()) complain("a value");
      if (text[at] == '{') return object(depth);
      if (text[at] == '[') return array(depth);
      if (text[at] == '"') return string();
      if (take_word("true")) return true;
      if (take_word("false")) return false;
      if (take_word("null")) return nullptr;
      return number();
    }
    Json object(int depth) {
      Object members;
      ++at;
      if (take('}')) return members;
      do {
        spaces();
        std::string name = string();
        if (!take(':')) complain("':'");
        members.emplace_back(std::move(name), value(depth + 1));
      } while (take(','));
      if (!take('}')) complain("',' or '}'");
      if (repeats(members)) complain("no name twice in the object that ends");
      return members;
    }
    static bool repeats(const Object& members) {
      std::vector<std::string_view> names;
      for (const auto& member : members) names.push_back(member.first);
      std::sort(names.begin(), names.end());
      return std::adjacent_find(names.begin(), names.end()) != names.end();
    }
    Json array(int depth) {
      Array elements;
      ++at;
      if (take(']')) return elements;
      do elements.push_back(value(depth + 1));
      while (take(','));
      if (!take(']')) complain("',' or ']'");
      return elements;
    }
    std::string string() {
      if (at >= text.size() || text[at] != '"') complain("a string");
      ++at;
      std::string out;
      for (;;) {
        if (at >= text.size()) complain("a closing quote");
        const char c = text[at];
        if (static_cast<unsigned char>(c) < 0x20) complain("a printable character");
        ++at;
        if (c == '"') return out;
        if (c != '\\') {
          out += c;
          continue;
        }
        if (at >= text.size()) complain("an escape");
        const char escape = text[at++];
        constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
        if (escape == 'u')
          unicode(out);
        else if (const auto i = from.find(escape); i != std::string_view::npos)
          out += to[i];
        else
          complain("a known escape");
      }
    }
    unsigned hex4() {
      unsigned code = 0;
      if (text.size() - at < 4) complain("four hexadecimal digits");
      const auto end = text.data() + at + 4;
      if (std::from_chars(text.data() + at, end, code, 16).ptr != end)
        complain("four hexadecimal digits");
      at += 4;
      return code;
    }
    void unicode(std::string& out) {
      unsigned code = hex4();
      if (code >= 0xD800 && code < 0xDC00) {
        if (!take_word("\\u")) complain("the second half of a surrogate pair");
        const unsigned second = hex4();
        if (second < 0xDC00 || second > 0xDFFF) complain("the second half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
      } else if (code >= 0xDC00 && code < 0xE000) {
        complain("the first half of a surrogate pair");
      }
      const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
      if (code < 0x80) {
        put(code);
      } else if (code < 0x800) {
        put(0xC0 | code >> 6), put(0x80 | (code & 63));
      } else if (code < 0x10000) {
        put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
      } else {
        put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 63));
        put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
      }
    }
    Json number() {
      const char* const begin = text.data() + at;
      const char* const end = text.data() + text.size();
      const auto digits = [&](std::size_t i) {
        while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
        return i;
      };
      const std::size_t first = at + (*begin == '-' ? 1 : 0);
      if (digits(first) == first) complain("a value");
      if (text[first] == '0' && digits(first) > first + 1) complain("no digit after a leading 0");
      std::int64_t integer = 0;
      const auto whole = std::from_chars(begin, end, integer);
      if (whole.ec == std::errc() &&
          (whole.ptr == end || (*whole.ptr != '.' && *whole.ptr != 'e' && *whole.ptr != 'E'))) {
        at += static_cast<std::size_t>(whole.ptr - begin);
        return integer;
      }
      double real = 0;
      const auto fraction = std::from_chars(begin, end, real);
      if (fraction.ec != std::errc()) complain("a number");
      at += static_cast<std::size_t>(fraction.ptr - begin);
      const std::size_t point = text.substr(0, at).rfind('.');
      if (point != std::string_view::npos && point >= first && digits(point + 1) == point + 1)
        complain("a digit after the point");
      return real;
    }
  };

  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace octet::inline OCTET_ABI
