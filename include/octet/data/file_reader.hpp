// Reading files in blocks, so that a file of any size needs little memory.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

/// A file that is open for reading; every error names it.
template <class = WhenUsed>
class BasicFileReader {
 public:
  explicit BasicFileReader(std::string path)
      : path_(std::move(path)), file_(std::fopen(path_.c_str(), "rb"), &std::fclose) {
    if (path_.empty()) fail("expected a file to read, got an empty path");
    if (!file_) fail(path_, ": cannot be read: ", std::strerror(errno));
  }

  const std::string& path() const { return path_; }

  /// Reads up to `count` bytes; fewer only at the end of the file.
  std::size_t read(void* bytes, std::size_t count) {
    const std::size_t got = std::fread(bytes, 1, count, file_.get());
    if (got < count && std::ferror(file_.get()))
      fail(path_, ": reading failed: ", std::strerror(errno));
    return got;
  }

 private:
  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};
using FileReader = BasicFileReader<>;

/// The lines of a text file, one after the other, in a buffer of fixed size.
template <class = WhenUsed>
class BasicLineReader {
 public:
  /// Longer lines are refused: the file is not what its name says.
  static constexpr std::size_t longest_line = std::size_t{1} << 20;

  explicit BasicLineReader(std::string path) : file_(std::move(path)), buffer_(2 * longest_line) {}

  const std::string& path() const { return file_.path(); }
  /// The number of the line that next() gave last, from 1.
  std::int64_t line() const { return line_; }
  /// Whether that line ended in a line feed; the last line of a file need not.
  bool terminated() const { return terminated_; }

  /// Gives the next line without its end (LF or CRLF), valid until the next call; false at the end.
  bool next(std::string_view& text) {
    std::size_t searched = begin_;
    for (;;) {
      const void* const found = std::memchr(buffer_.data() + searched, '\n', end_ - searched);
      if (!found && at_end_ && begin_ == end_) return false;
      const std::size_t stop =
          found ? static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) : end_;
      text = {buffer_.data() + begin_, stop - begin_};
      if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
      if (text.size() > longest_line)
        fail(path(), ", line ", line_ + 1, ": expected a line of at most ", longest_line,
             " bytes, got a longer one");
      if (found || at_end_) {
        terminated_ = found != nullptr;
        begin_ = found ? stop + 1 : end_;
        ++line_;
        return true;
      }
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      searched = end_;
      const std::size_t got = file_.read(buffer_.data() + end_, buffer_.size() - end_);
      end_ += got;
      at_end_ = got == 0;
    }
  }

 private:
  FileReader file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::int64_t line_ = 0;
  bool at_end_ = false, terminated_ = false;
};
using LineReader = BasicLineReader<>;

/// The first line of a file without the mark that spreadsheets put in front of UTF-8.
template <class = WhenUsed>
std::string_view without_byte_order_mark(std::string_view line) {
  return line.substr(line.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0);
}

/// Splits a line of comma-separated values; quotes and spaces around a field are taken off. Commas
/// inside of quotes are not known.
template <class = WhenUsed>
void split_fields(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  for (;;) {
    const std::size_t comma = line.find(',');
    std::string_view field = line.substr(0, comma);
    while (!field.empty() && (field.front() == ' ' || field.front() == '"')) field.remove_prefix(1);
    while (!field.empty() && (field.back() == ' ' || field.back() == '"')) field.remove_suffix(1);
    fields.push_back(field);
    if (comma == line.npos) return;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace octet::inline OCTET_ABI
