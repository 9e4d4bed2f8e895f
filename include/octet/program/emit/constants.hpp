// The constants of an emitted header: their text, their checksum, their size.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "octet/program/emit/source.hpp"

namespace octet::inline OCTET_ABI::emission {

class Constants {
 public:
  /// Adds an array that the network needs; returns what it is called. Behind weights of dot
  /// products lie as many zeros as a dot product may read too far.
  template <class T>
  std::string add(const std::string& name, std::span<const T> values,
                  std::string_view behind = "") {
    const std::string size = std::to_string(values.size());
    append_array(text_, type_name<T>(), name, text_of(size, behind), values);
    flash_bytes_ += static_cast<std::int64_t>(values.size_bytes());
    checksum_calls_ +=
        text_of("  sum = kernels::checksum(sum, constants::", name, ", ", size, ");\n");
    for (const T value : values) add_to_checksum(value);
    return "constants::" + name;
  }
  /// Adds an array that only self_test() needs, and that is not in the checksum.
  template <class T>
  std::string add_golden(const std::string& name, std::span<const T> values) {
    append_array(text_, type_name<T>(), name, std::to_string(values.size()), values);
    golden_bytes_ += static_cast<std::int64_t>(values.size_bytes());
    return "constants::" + name;
  }

  const std::string& text() const { return text_; }
  std::int64_t flash_bytes() const { return flash_bytes_; }
  std::int64_t golden_bytes() const { return golden_bytes_; }

  /// The statements that return false from a function unless every array is whole.
  std::string checksum_test() const {
    char expected[16];
    std::snprintf(expected, sizeof expected, "0x%08xu", static_cast<unsigned>(checksum_));
    return text_of("  std::uint32_t sum = ", first_checksum, "u;\n", checksum_calls_,
                   "  if (sum != ", expected, ") return false;\n");
  }

 private:
  static constexpr std::uint32_t first_checksum = 2166136261u;

  template <class T>
  static constexpr std::string_view type_name() {
    if (std::is_same_v<T, float>) return "float";
    if (std::is_same_v<T, std::int32_t>) return "std::int32_t";
    if (std::is_same_v<T, std::uint8_t>) return "std::uint8_t";
    return "std::int8_t";
  }
  /// FNV-1a, as checksum_text has it.
  template <class T>
  void add_to_checksum(T value) {
    std::uint32_t bits = 0;
    if constexpr (std::is_same_v<T, float>)
      bits = std::bit_cast<std::uint32_t>(value);
    else
      bits = static_cast<std::uint32_t>(value);
    for (std::size_t byte = 0; byte < sizeof(T); ++byte)
      checksum_ = (checksum_ ^ (bits >> (8 * byte) & 255)) * 16777619u;
  }

  std::string text_, checksum_calls_;
  std::uint32_t checksum_ = first_checksum;
  std::int64_t flash_bytes_ = 0, golden_bytes_ = 0;
};

}  // namespace octet::inline OCTET_ABI::emission
