#include "octet/data/file_reader.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using octet::LineReader;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  const TemporaryFolder folder;
  LineReader reader(folder.write("x", text));
  std::vector<std::string> lines;
  for (std::string_view line; reader.next(line);) {
    lines.emplace_back(line);
    CHECK(reader.line() == static_cast<std::int64_t>(lines.size()));
  }
  return lines;
}

}  // namespace

TEST_CASE("lines end in LF or CRLF or with the file") {
  using Lines = std::vector<std::string>;
  CHECK(lines_of("") == Lines{});
  CHECK(lines_of("\n") == Lines{""});
  CHECK(lines_of("a\r\n\nb") == Lines{"a", "", "b"});
  CHECK(lines_of("a\rb\n") == Lines{"a\rb"});
}

TEST_CASE("lines across the blocks of a file stay whole") {
  std::string text;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 40; ++i) {
    expected.push_back(std::string(100001 + i, static_cast<char>('a' + i % 26)));
    text += expected.back() + "\n";
  }
  CHECK(lines_of(text) == expected);
  const std::string longest(LineReader::longest_line, 'x');
  CHECK(lines_of(longest + "\n" + longest) == std::vector<std::string>{longest, longest});
  CHECK(lines_of(longest + "\r\n" + longest) == std::vector<std::string>{longest, longest});
  for (const std::string end : {"", "\n", "\r\n"})
    CHECK(message_of([&] {
            lines_of("a\n" + longest + "x" + end);
          }).ends_with(", line 2: expected a line of at most 1048576 bytes, got a longer one"));
}

TEST_CASE("whether the last line was ended is known; a folder is no file") {
  const TemporaryFolder folder;
  LineReader reader(folder.write("x", "a\nb"));
  std::string_view line;
  CHECK(reader.next(line));
  CHECK(reader.terminated());
  CHECK(reader.next(line));
  CHECK(!reader.terminated());
  CHECK(!reader.next(line));
  CHECK(message_of([&] {
          LineReader of_folder(folder.path());
          of_folder.next(line);
        }) == folder.path() + ": reading failed: Is a directory");
}

TEST_CASE("fields are split at commas, without quotes and spaces around them") {
  std::vector<std::string_view> fields;
  octet::split_fields(" a,\"b c\",,d ", fields);
  CHECK(fields == std::vector<std::string_view>{"a", "b c", "", "d"});
  octet::split_fields("", fields);
  CHECK(fields == std::vector<std::string_view>{""});
}
