// A layer's attributes as JSON, and back. They may come from a hostile file, so every number is
// checked against its range, and the size of the parameters before any of them is allocated.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/json.hpp"
#include "octet/core/shape.hpp"

namespace octet::inline OCTET_ABI {

/// How many numbers the parameters of one layer may hold when it is made from a description. Who
/// reads a file passes the number of values that the file really has.
inline constexpr std::int64_t default_parameter_limit = std::int64_t{1} << 28;

/// Reads the attributes of the layer `type`. Every failure names the layer and the attribute.
template <class = WhenUsed>
class BasicAttributeReader {
 public:
  BasicAttributeReader(std::string_view type, const Json& attributes)
      : type_(type), attributes_(attributes) {
    if (!attributes.is_object()) fail(type, ": expected its attributes as a JSON object");
  }

  bool has(std::string_view name) const { return attributes_.find(name) != nullptr; }

  const Json& member(std::string_view name) const {
    if (const Json* const value = attributes_.find(name)) return *value;
    fail(type_, ": expected an attribute \"", name, "\", got none");
  }
  /// An integer in [lowest, highest].
  std::int64_t integer(std::string_view name, std::int64_t lowest,
                       std::int64_t highest = highest_extent) const {
    return checked(name, member(name), lowest, highest);
  }
  /// An array of `count` integers in [lowest, highest]; of any number up to 8 if count is -1.
  std::vector<std::int64_t> integers(std::string_view name, int count, std::int64_t lowest) const {
    const Json& value = member(name);
    const std::size_t size = value.is_array() ? value.as_array().size() : 0;
    if (!value.is_array() || size > Shape::max_rank ||
        (count >= 0 && size != static_cast<std::size_t>(count)))
      fail(type_, ": attribute \"", name, "\": expected an array of ",
           count < 0 ? text_of("at most ", Shape::max_rank) : text_of(count), " integers, got ",
           value.text().substr(0, 60));
    std::vector<std::int64_t> numbers;
    for (const Json& element : value.as_array())
      numbers.push_back(checked(name, element, lowest, highest_extent));
    return numbers;
  }
  /// A finite number in [lowest, highest].
  double number(std::string_view name, double lowest, double highest) const {
    const Json& value = member(name);
    const double number = value.is_number() ? value.as_number() : std::nan("");
    if (!(number >= lowest && number <= highest))
      fail(type_, ": attribute \"", name, "\": expected a number from ", lowest, " to ", highest,
           ", got ", value.text().substr(0, 60));
    return number;
  }
  /// One of the words, as its index.
  std::size_t word(std::string_view name, std::initializer_list<std::string_view> words) const {
    const Json& value = member(name);
    if (value.is_string()) {
      const auto found = std::find(words.begin(), words.end(), value.as_string());
      if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    }
    std::string expected;
    for (const std::string_view word : words)
      expected += (expected.empty() ? "" : " or ") + text_of(word);
    fail(type_, ": attribute \"", name, "\": expected ", expected, ", got ",
         value.text().substr(0, 60));
  }

  /// Large enough for every network, small enough that sums of a few extents cannot overflow.
  static constexpr std::int64_t highest_extent = (std::int64_t{1} << 31) - 1;

 private:
  std::int64_t checked(std::string_view name, const Json& value, std::int64_t lowest,
                       std::int64_t highest) const {
    if (!value.is_integer() || value.as_integer() < lowest || value.as_integer() > highest)
      fail(type_, ": attribute \"", name, "\": expected an integer from ", lowest, " to ", highest,
           ", got ", value.text().substr(0, 60));
    return value.as_integer();
  }

  std::string_view type_;
  const Json& attributes_;
};
using AttributeReader = BasicAttributeReader<>;

/// Fails if a tensor of this shape holds more than `limit` numbers.
template <class = WhenUsed>
void check_parameter_limit(std::string_view type, const Shape& shape, std::int64_t limit) {
  if (shape.elements() > limit)
    fail(type, ": expected at most ", limit, " parameters, its attributes ask for ", shape, " = ",
         shape.elements());
}

}  // namespace octet::inline OCTET_ABI
