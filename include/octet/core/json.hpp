// JSON (RFC 8259), as far as model descriptions and reports need it. The parser trusts nothing:
// depth and number of values are limited, every error names the byte where it stands.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

/// std::from_chars, which some standard libraries have for integers alone.
template <class = WhenUsed>
std::from_chars_result double_from_chars(const char* begin, const char* end, double& value) {
#if defined(__cpp_lib_to_chars)
  return std::from_chars(begin, end, value);
#else
  // strtod wants a zero behind the last digit, and would take more than numbers of JSON.
  const char* stop = begin;
  while (stop < end && std::string_view("+-.0123456789Ee").find(*stop) != std::string_view::npos)
    ++stop;
  const std::string digits(begin, stop);
  char* rest = nullptr;
  value = std::strtod(digits.c_str(), &rest);
  if (rest == digits.c_str()) return {begin, std::errc::invalid_argument};
  return {begin + (rest - digits.c_str()),
          std::isinf(value) ? std::errc::result_out_of_range : std::errc()};
#endif
}

/// A JSON value. Objects keep the order in which their members were added.
template <class = WhenUsed>
class BasicJson {
 public:
  using Json = BasicJson;
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  BasicJson() = default;
  BasicJson(std::nullptr_t) {}
  BasicJson(bool value) : kind_(Kind::boolean), boolean_(value) {}
  template <std::integral Integer>
  requires(!std::is_same_v<Integer, bool>) BasicJson(Integer value)
      : kind_(Kind::integer), integer_(static_cast<std::int64_t>(value)) {}
  template <std::floating_point F>
  BasicJson(F value) : kind_(Kind::number), number_(static_cast<double>(value)) {}
  BasicJson(const char* value) : kind_(Kind::string), string_(value) {}
  BasicJson(std::string_view value) : kind_(Kind::string), string_(value) {}
  BasicJson(std::string value) : kind_(Kind::string), string_(std::move(value)) {}
  BasicJson(Array value) : kind_(Kind::array), array_(std::move(value)) {}
  BasicJson(Object value) : kind_(Kind::object), object_(std::move(value)) {}

  static Json object() { return Json(Object{}); }
  static Json array() { return Json(Array{}); }

  bool is_null() const { return kind_ == Kind::null; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }
  bool is_integer() const { return kind_ == Kind::integer; }
  bool is_number() const { return is_integer() || kind_ == Kind::number; }

  /// The value as the asked type; fails with a sentence if it is another one.
  bool as_bool() const {
    expect(Kind::boolean, "true or false");
    return boolean_;
  }
  std::int64_t as_integer() const {
    expect(Kind::integer, "an integer");
    return integer_;
  }
  const std::string& as_string() const {
    expect(Kind::string, "a string");
    return string_;
  }
  const Array& as_array() const {
    expect(Kind::array, "an array");
    return array_;
  }
  const Object& as_object() const {
    expect(Kind::object, "an object");
    return object_;
  }
  double as_number() const {
    if (is_integer()) return static_cast<double>(integer_);
    expect(Kind::number, "a number");
    return number_;
  }

  /// The member `key` of an object, or nullptr.
  const Json* find(std::string_view key) const {
    for (const auto& [name, value] : object_)
      if (name == key) return &value;
    return nullptr;
  }
  /// The member `key` of an object; fails if there is none.
  const Json& operator[](std::string_view key) const {
    if (const Json* const value = find(key)) return *value;
    fail("JSON: expected a member \"", key, "\", got ",
         is_object() ? "an object without it" : kind());
  }
  /// Adds or replaces a member of an object; a value of another kind becomes an empty one first.
  Json& set(std::string_view key, Json value) {
    if (!is_object()) *this = object();
    for (auto& [name, old] : object_)
      if (name == key) {
        old = std::move(value);
        return *this;
      }
    object_.emplace_back(std::string(key), std::move(value));
    return *this;
  }
  /// Appends to an array; a value of another kind becomes an empty one first.
  Json& push(Json value) {
    if (!is_array()) *this = array();
    array_.push_back(std::move(value));
    return *this;
  }

  /// The text of this value, without spaces. Numbers are written so that they read back exactly;
  /// those that are not finite, as null.
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
  enum class Kind { null, boolean, integer, number, string, array, object };

  std::string kind() const {
    static constexpr const char* names[] = {"null",     "true or false", "an integer", "a number",
                                            "a string", "an array",      "an object"};
    return names[static_cast<std::size_t>(kind_)];
  }
  void expect(Kind expected, const char* name) const {
    if (kind_ != expected) fail("JSON: expected ", name, ", got ", kind());
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
    } else if (kind_ == Kind::boolean) {
      out += boolean_ ? "true" : "false";
    } else if (is_integer()) {
      out += std::to_string(integer_);
    } else if (kind_ == Kind::number) {
      char buffer[40];
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, number_).ptr;
      out += std::isfinite(number_)
                 ? std::string_view(buffer, static_cast<std::size_t>(end - buffer))
                 : std::string_view("null");
    } else if (is_string()) {
      write_string(out, string_);
    } else if (is_array()) {
      out += '[';
      for (std::size_t i = 0; i < array_.size(); ++i) {
        if (i) out += ',';
        array_[i].write(out);
      }
      out += ']';
    } else {
      out += '{';
      bool first = true;
      for (const auto& [name, value] : object_) {
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
    std::size_t values = 0;
    static constexpr int max_depth = 64;
    // Bounds the memory, which for an array of digits is fifty times that of its text.
    static constexpr std::size_t max_values = std::size_t{1} << 20;

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
      if (++values > max_values) complain("at most 2^20 values");
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
      const auto fraction = double_from_chars(begin, end, real);
      if (fraction.ec != std::errc()) complain("a number");
      at += static_cast<std::size_t>(fraction.ptr - begin);
      const std::size_t point = text.substr(0, at).rfind('.');
      if (point != std::string_view::npos && point >= first && digits(point + 1) == point + 1)
        complain("a digit after the point");
      return real;
    }
  };

  // Side by side, although only one of them is used: every file that includes Octet would pay for
  // the compilation of a std::variant.
  Kind kind_ = Kind::null;
  union {
    bool boolean_;
    std::int64_t integer_ = 0;
    double number_;
  };
  std::string string_;
  Array array_;
  Object object_;
};
using Json = BasicJson<>;

}  // namespace octet::inline OCTET_ABI
