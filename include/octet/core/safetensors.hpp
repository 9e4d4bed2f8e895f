// Named tensors in a file that every Python reader opens: safetensors. Eight bytes with the length
// of a JSON header, the header, then the tensors' little-endian data without holes.
// https://github.com/huggingface/safetensors#format
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/file.hpp"
#include "octet/core/float16.hpp"
#include "octet/core/json.hpp"
#include "octet/core/tensor.hpp"

namespace octet::inline OCTET_ABI {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

/// The bytes of one element of a safetensors dtype; 0 if there is no such dtype.
constexpr std::int64_t safetensors_size(std::string_view dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL") return 1;
  return 0;
}

/// The dtype that holds elements of type T.
template <class T>
constexpr std::string_view safetensors_dtype() {
  if constexpr (std::is_same_v<T, float>)
    return "F32";
  else if constexpr (std::is_same_v<T, double>)
    return "F64";
  else if constexpr (std::is_same_v<T, Float16>)
    return "F16";
  else if constexpr (std::is_same_v<T, std::int8_t>)
    return "I8";
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return "U8";
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return "I32";
  else {
    static_assert(std::is_same_v<T, std::int64_t>, "no safetensors dtype is known for this type");
    return "I64";
  }
}

/// Texts by name that stand in a file beside its tensors: class names, how a model was trained.
using Metadata = std::map<std::string, std::string, std::less<>>;

/// A 64-bit checksum of `state` and the bytes after it. Every step is a bijection of the state, and
/// a word of data enters by exclusive or: whichever single byte changes, the result changes. It
/// finds damage; it does not keep out an attacker.
template <class = WhenUsed>
std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t state) {
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15u;
  const auto step = [&state](std::uint64_t word) {
    state = std::rotl((state ^ word) * odd, 31);
    state ^= state >> 29;
  };
  step(bytes.size());
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    step(word);
  }
  std::uint64_t word = 0;
  if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
  step(word);
  return state;
}

/// The metadata key of the checksum, which SafetensorsWriter always writes: 16 hexadecimal digits
/// over the header, in which these digits count as '0', and over the tensors in file order.
inline constexpr std::string_view checksum_key = "octet.checksum";

/// Whether a file without a checksum is accepted. A wrong one never is.
enum class ChecksumRule { if_present, required };

/// One tensor of a file.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  Shape shape;
  std::span<const std::byte> data;
};

/// The tensors and the metadata of a safetensors file. It owns the bytes; entries point into them.
/// Each tensor starts at a multiple of 64 in memory, wherever it stands in the file.
template <class = WhenUsed>
class BasicSafetensors {
 public:
  /// Reads a file. Fails, naming it, if it is not exactly a safetensors file: every length, offset
  /// and count is checked before it is used, and the checksum before anything is handed out.
  static BasicSafetensors read(const std::string& path,
                               ChecksumRule rule = ChecksumRule::if_present) {
    return BasicSafetensors(RegularFile(path), path, rule);
  }
  /// The same for bytes in memory; `source` names them in messages.
  static BasicSafetensors parse(std::span<const std::byte> bytes,
                                ChecksumRule rule = ChecksumRule::if_present,
                                std::string source = "safetensors") {
    return BasicSafetensors(BytesInMemory{bytes}, std::move(source), rule);
  }
  BasicSafetensors(BasicSafetensors&&) = default;
  BasicSafetensors& operator=(BasicSafetensors&&) = default;

  /// The path, or what parse() was told: for messages.
  const std::string& source() const { return source_; }
  const Metadata& metadata() const { return metadata_; }
  /// The metadata text `key`; fails if there is none.
  const std::string& metadata(std::string_view key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) fail(source_, ": expected metadata \"", key, "\", got none");
    return found->second;
  }
  /// The metadata but for the text `key` and the checksum, which Octet writes by itself.
  Metadata metadata_besides(std::string_view key) const {
    Metadata rest = metadata_;
    for (const std::string_view own : {key, checksum_key})
      if (const auto found = rest.find(own); found != rest.end()) rest.erase(found);
    return rest;
  }
  /// All tensors in the order of their data.
  const std::vector<SafetensorsEntry>& entries() const& { return entries_; }
  void entries() && = delete;
  /// The tensor `name`, or nullptr.
  const SafetensorsEntry* find(std::string_view name) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [name](const auto& entry) { return entry.name == name; });
    return found == entries_.end() ? nullptr : &*found;
  }
  /// The tensor `name`, whose elements must be of type T; fails if there is none.
  template <class T>
  const SafetensorsEntry& entry(std::string_view name) const {
    const SafetensorsEntry* const found = find(name);
    if (!found) fail(source_, ": expected a tensor \"", name, "\", got none");
    if (found->dtype != safetensors_dtype<T>())
      fail(source_, ": tensor \"", name, "\": expected dtype ", safetensors_dtype<T>(), ", got ",
           found->dtype);
    return *found;
  }
  /// Hands over the bytes of one of entries(), whose data are empty afterwards: for those who would
  /// otherwise hold them twice.
  AlignedVector<std::byte> take(const SafetensorsEntry& entry) {
    const auto index = static_cast<std::size_t>(&entry - entries_.data());
    entries_[index].data = {};
    return std::move(memory_[index]);
  }
  /// A copy of the tensor `name`.
  template <class T>
  Tensor<T> tensor(std::string_view name) const {
    const SafetensorsEntry& found = entry<T>(name);
    Tensor<T> result(found.shape);
    copy_bytes(found, result.data());
    return result;
  }
  /// Copies the tensor `name` to where it belongs; its shape must be that of `target`.
  template <class T>
  void copy_to(std::string_view name, TensorView<T> target) const {
    const SafetensorsEntry& found = entry<T>(name);
    if (!(found.shape == target.shape()))
      fail(source_, ": tensor \"", name, "\": expected shape ", target.shape(), ", got ",
           found.shape);
    copy_bytes(found, target.data());
  }

 private:
  /// Bytes that are read as those of a file are.
  struct BytesInMemory {
    std::span<const std::byte> rest;
    std::uint64_t size() const { return rest.size(); }
    void read(void* to, std::size_t count) {
      if (count > 0) std::memcpy(to, rest.data(), count);
      rest = rest.subspan(count);
    }
  };

  template <class Bytes>
  BasicSafetensors(Bytes from, std::string source, ChecksumRule rule) : source_(std::move(source)) {
    constexpr std::uint64_t prefix = 8;
    constexpr std::uint64_t maximum_header = std::uint64_t{1} << 24;
    const std::uint64_t size = from.size();
    std::uint64_t length = 0;
    if (size < prefix) fail(source_, ": expected a safetensors file, got only ", size, " bytes");
    from.read(&length, prefix);
    if (length > maximum_header)
      fail(source_, ": expected a safetensors file, but it does not begin like one");
    if (length > size - prefix)
      fail(source_, ": is cut short: expected at least ", prefix + length, " bytes, got ", size);
    std::string header(static_cast<std::size_t>(length), '\0');
    from.read(header.data(), header.size());
    const Json description = Json::parse(header, source_ + ": header");
    const std::uint64_t expected = prefix + length + data_end(description);
    if (size < expected) fail(source_, ": is cut short: expected ", expected, " bytes, got ", size);
    for (const std::size_t bytes :
         parse_header(description, static_cast<std::int64_t>(size - prefix - length))) {
      memory_.emplace_back(bytes);
      from.read(memory_.back().data(), bytes);
      entries_[memory_.size() - 1].data = memory_.back();
    }
    verify(std::move(header), rule);
  }

  /// Where the data of the last tensor ends; what makes no sense is passed over here.
  static std::uint64_t data_end(const Json& header) {
    std::int64_t end = 0;
    if (!header.is_object()) return 0;
    for (const auto& [name, value] : header.as_object()) {
      const Json* const offsets = value.find("data_offsets");
      if (!offsets || !offsets->is_array() || offsets->as_array().size() != 2) continue;
      const Json& last = offsets->as_array()[1];
      if (last.is_integer()) end = (std::max)(end, last.as_integer());
    }
    return static_cast<std::uint64_t>(end);
  }

  /// What the header says of a tensor, and from where to where its data are.
  struct PlacedEntry {
    std::int64_t begin, end;
    SafetensorsEntry entry;
  };

  /// Fills the metadata and the entries, except for their data, whose sizes it gives.
  std::vector<std::size_t> parse_header(const Json& header, std::int64_t total) {
    if (!header.is_object()) fail(source_, ": header: expected a JSON object");
    std::vector<PlacedEntry> placed;
    for (const auto& [name, value] : header.as_object())
      if (name == "__metadata__")
        parse_metadata(value);
      else
        placed.push_back(parse_entry(name, value, total));
    // By pointers: to sort what has strings is 12 KB of code in every program.
    std::vector<PlacedEntry*> in_order;
    for (PlacedEntry& each : placed) in_order.push_back(&each);
    std::sort(in_order.begin(), in_order.end(), [](const PlacedEntry* a, const PlacedEntry* b) {
      return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
    });
    std::int64_t at = 0;
    std::vector<std::size_t> sizes;
    for (PlacedEntry* const each : in_order) {
      if (each->begin != at)
        fail(source_, ": tensor \"", each->entry.name, "\": expected its data at offset ", at,
             ", where the tensor before it ends, got ", each->begin);
      at = each->end;
      sizes.push_back(static_cast<std::size_t>(each->end - each->begin));
      entries_.push_back(std::move(each->entry));
    }
    if (at != total) fail(source_, ": expected ", at, " bytes of data, got ", total);
    return sizes;
  }

  void parse_metadata(const Json& value) {
    if (!value.is_object()) fail(source_, ": __metadata__: expected an object");
    for (const auto& [key, text] : value.as_object()) {
      if (!text.is_string()) fail(source_, ": __metadata__: \"", key, "\": expected a string");
      metadata_.emplace(key, text.as_string());
    }
  }

  PlacedEntry parse_entry(const std::string& name, const Json& value, std::int64_t total) const {
    const auto complain = [&](const auto&... what) {
      fail(source_, ": tensor \"", name, "\": ", what...);
    };
    const Json* const dtype = value.find("dtype");
    const Json* const shape = value.find("shape");
    const Json* const offsets = value.find("data_offsets");
    if (!dtype || !dtype->is_string() || !shape || !shape->is_array() || !offsets ||
        !offsets->is_array() || offsets->as_array().size() != 2)
      complain("expected dtype, shape and two data_offsets");
    const std::int64_t element = safetensors_size(dtype->as_string());
    if (element == 0) complain("unknown dtype \"", dtype->as_string(), "\"");

    const Json::Array& extents = shape->as_array();
    if (extents.size() > Shape::max_rank)
      complain("expected at most ", Shape::max_rank, " dimensions, got ", extents.size());
    std::array<std::int64_t, Shape::max_rank> numbers{};
    std::int64_t size = element;
    for (std::size_t i = 0; i < extents.size(); ++i) {
      if (!extents[i].is_integer() || extents[i].as_integer() < 0)
        complain("shape: expected integers of at least 0");
      numbers[i] = extents[i].as_integer();
      if (numbers[i] > 0 && size > (std::numeric_limits<std::int64_t>::max)() / numbers[i])
        complain("shape: its number of bytes does not fit into 64 bits");
      size *= numbers[i];
    }

    const Json& first = offsets->as_array()[0];
    const Json& last = offsets->as_array()[1];
    if (!first.is_integer() || !last.is_integer() || first.as_integer() < 0 ||
        last.as_integer() < first.as_integer() || last.as_integer() > total)
      complain("data_offsets: expected a range within ", total, " bytes of data");
    if (last.as_integer() - first.as_integer() != size)
      complain("expected ", size, " bytes of data for its shape, got ",
               last.as_integer() - first.as_integer());
    return {first.as_integer(),
            last.as_integer(),
            {name, dtype->as_string(), Shape(std::span(numbers.data(), extents.size())), {}}};
  }

  void verify(std::string header, ChecksumRule rule) const {
    const auto found = metadata_.find(checksum_key);
    if (found == metadata_.end()) {
      if (rule == ChecksumRule::required)
        fail(source_, ": expected a file that Octet wrote, but it has no ", checksum_key);
      return;
    }
    // Inside of a JSON string a quote follows a backslash, so this can only be the member itself.
    const std::string member = text_of('"', checksum_key, "\":\"", found->second, '"');
    const std::size_t at = header.find(member);
    if (found->second.size() != 16)
      fail(source_, ": ", checksum_key, ": expected 16 digits, got \"", found->second, '"');
    if (at == std::string::npos)
      fail(source_, ": expected the header as Octet wrote it, but another program has written it ",
           "anew, so that its ", checksum_key, " can no longer be checked");
    header.replace(at + member.size() - 17, 16, 16, '0');
    const std::string expected = checksum_digits(header, entries_);
    if (found->second != expected)
      fail(source_, ": is damaged: its checksum is ", expected, ", but it says ", found->second);
  }

  static void copy_bytes(const SafetensorsEntry& from, void* to) {
    if (!from.data.empty()) std::memcpy(to, from.data.data(), from.data.size());
  }

  template <class>
  friend class BasicSafetensorsWriter;
  static std::string checksum_digits(std::string_view header,
                                     const std::vector<SafetensorsEntry>& entries) {
    std::uint64_t sum = checksum(std::as_bytes(std::span(header.data(), header.size())), 0);
    for (const SafetensorsEntry& entry : entries) sum = checksum(entry.data, sum);
    std::string digits(16, '0');
    for (int i = 15; i >= 0; --i, sum >>= 4)
      digits[static_cast<std::size_t>(i)] = "0123456789abcdef"[sum & 15];
    return digits;
  }

  std::string source_;
  Metadata metadata_;
  std::vector<SafetensorsEntry> entries_;
  std::vector<AlignedVector<std::byte>> memory_;  // of each entry
};
using Safetensors = BasicSafetensors<>;

/// Builds a safetensors file. The format allows no holes between tensors, so alignment comes from
/// order: the header is padded with spaces until the data starts at a multiple of 64, and tensors
/// are sorted by the largest power of two, up to 64, that divides their size. So a tensor whose
/// size is a multiple of 64 bytes starts at a multiple of 64, and every other one at least at a
/// multiple of its element's size. Equal content gives equal bytes.
template <class = WhenUsed>
class BasicSafetensorsWriter {
 public:
  BasicSafetensorsWriter() = default;
  BasicSafetensorsWriter(BasicSafetensorsWriter&&) = default;
  BasicSafetensorsWriter& operator=(BasicSafetensorsWriter&&) = default;

  /// Adds or replaces a text of the metadata.
  void set_metadata(std::string_view key, std::string_view text) {
    if (key == checksum_key) fail("safetensors: \"", key, "\" is written by itself");
    metadata_.insert_or_assign(std::string(key), std::string(text));
  }
  /// Adds a tensor; its bytes are copied.
  void add(std::string_view name, std::string_view dtype, const Shape& shape, const void* data) {
    const std::int64_t element = safetensors_size(dtype);
    if (element == 0) fail("safetensors: tensor \"", name, "\": unknown dtype \"", dtype, '"');
    if (name == "__metadata__") fail("safetensors: no tensor may be called ", name);
    if (!names_.emplace(name, 0).second)
      fail("safetensors: there is already a tensor \"", name, '"');
    const auto size = static_cast<std::size_t>(shape.elements() * element);
    const auto* const begin = static_cast<const std::byte*>(data);
    data_.emplace_back(begin, begin + size);
    entries_.push_back({std::string(name), std::string(dtype), shape, data_.back()});
  }
  template <class T>
  void add(std::string_view name, const Tensor<T>& tensor) {
    add(name, safetensors_dtype<T>(), tensor.shape(), tensor.data());
  }

  /// Writes the file; see write_file() for what a failure leaves behind.
  void write(const std::string& path) const {
    const std::vector<SafetensorsEntry> ordered = order();
    const std::string start = header(ordered);
    std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(start))};
    for (const SafetensorsEntry& entry : ordered) parts.push_back(entry.data);
    write_file(path, parts);
  }
  /// The same bytes in memory.
  AlignedVector<std::byte> bytes() const {
    const std::vector<SafetensorsEntry> ordered = order();
    const std::string start = header(ordered);
    const auto view = std::as_bytes(std::span(start));
    AlignedVector<std::byte> result(view.begin(), view.end());
    for (const SafetensorsEntry& entry : ordered)
      result.insert(result.end(), entry.data.begin(), entry.data.end());
    return result;
  }

 private:
  std::vector<SafetensorsEntry> order() const {
    std::vector<SafetensorsEntry> ordered;
    for (std::size_t divisor = alignment; divisor > 0; divisor /= 2)
      for (const SafetensorsEntry& entry : entries_) {
        const std::size_t size = entry.data.size();
        const std::size_t largest =
            size == 0 ? alignment : (std::min)(size & (~size + 1), alignment);
        if (largest == divisor) ordered.push_back(entry);
      }
    return ordered;
  }

  /// The length of the header and the header, checksum included.
  std::string header(const std::vector<SafetensorsEntry>& ordered) const {
    const std::string zeros(16, '0');
    Json texts = Json::object();
    texts.set(checksum_key, zeros);
    for (const auto& [key, text] : metadata_) texts.set(key, text);
    Json::Object members{{"__metadata__", std::move(texts)}};
    std::int64_t at = 0;
    for (const SafetensorsEntry& entry : ordered) {
      const std::int64_t end = at + static_cast<std::int64_t>(entry.data.size());
      Json shape = Json::array();
      for (const std::int64_t extent : entry.shape) shape.push(extent);
      members.emplace_back(entry.name, Json::object()
                                           .set("dtype", entry.dtype)
                                           .set("shape", std::move(shape))
                                           .set("data_offsets", Json(Json::Array{at, end})));
      at = end;
    }
    std::string text = Json(std::move(members)).text();
    text.resize((text.size() + 8 + alignment - 1) / alignment * alignment - 8, ' ');
    const std::size_t digits = text.find(zeros);
    text.replace(digits, zeros.size(), Safetensors::checksum_digits(text, ordered));
    const std::uint64_t length = text.size();
    std::string prefix(8, '\0');
    std::memcpy(prefix.data(), &length, 8);
    return prefix + text;
  }

  Metadata metadata_;
  std::map<std::string, int, std::less<>> names_;
  std::vector<AlignedVector<std::byte>> data_;
  std::vector<SafetensorsEntry> entries_;
};
using SafetensorsWriter = BasicSafetensorsWriter<>;

}  // namespace octet::inline OCTET_ABI
