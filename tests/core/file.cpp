#include "octet/core/file.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using octet::Error;
using octet::read_file;
using octet::write_file;

namespace {

int count(const TemporaryFolder& folder) {
  const std::filesystem::directory_iterator files(folder.path());
  return static_cast<int>(std::distance(begin(files), end(files)));
}

std::string text_in(const std::string& path) {
  const auto bytes = read_file(path);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// No file of this process may grow beyond `bytes`: writing then fails as on a full disk.
struct FileSizeLimit {
  ::rlimit before{};
  explicit FileSizeLimit(::rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    const ::rlimit limit{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_DFL);
  }
};

}  // namespace

TEST_CASE("file: what is written is read, and replaces what was there") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a");
  for (const std::size_t size : {0, 1, 4095, 100001}) {
    const std::string text(size, 'x');
    write_file(path, text);
    CHECK(text_in(path) == text);
    CHECK(count(folder) == 1);
  }
  const std::string first = "one ", second = "two";
  const std::span<const std::byte> parts[] = {
      std::as_bytes(std::span(first)), {}, std::as_bytes(std::span(second))};
  write_file(path, parts);
  CHECK(text_in(path) == "one two");
}

TEST_CASE("file: reading says what is wrong with the path") {
  const TemporaryFolder folder;
  const std::string path = folder.path("missing");
  CHECK(message_of([&] { read_file(path); }) ==
        path + ": cannot be read: No such file or directory");
  CHECK(message_of([&] { read_file(folder.path()); }) ==
        folder.path() + ": expected a file, got a folder");
  CHECK(message_of([&] { read_file(""); }) == "expected a file to read, got an empty path");
  CHECK(message_of([&] { write_file("", std::string_view("x")); }) ==
        "expected a file to write, got an empty path");
  CHECK(message_of([&] { read_file(folder.path("a\033[2Jb\n")); }) ==
        folder.path("a\\x1B[2Jb\\x0A") + ": cannot be read: No such file or directory");
  CHECK(message_of([&] { octet::fail(std::string_view("a\0b\x7F", 4), "\xC3\xA4"); }) ==
        "a\\x00b\\x7F\xC3\xA4");
  CHECK(message_of([&] { read_file("/dev/zero"); }) == "/dev/zero: is no regular file");
  const std::string pipe = folder.path("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(message_of([&] { read_file(pipe); }) == pipe + ": is no regular file");
  write_file(path, std::string_view("12345"));
  CHECK(message_of([&] { read_file(path, 4); }) == path + ": expected at most 4 bytes, got 5");
  CHECK(read_file(path, 5).size() == 5);
  octet::RegularFile cut(path);
  char bytes[5];
  cut.read(bytes, 2);
  REQUIRE(::truncate(path.c_str(), 3) == 0);
  CHECK(message_of([&] { cut.read(bytes, 3); }) ==
        path + ": became shorter while it was read, at byte 3");
}

TEST_CASE("file: a full disk leaves the old file and no other") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a");
  write_file(path, std::string_view("old"));
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = message_of([&] { write_file(path, std::string(2000, 'n')); });
  }
  CHECK(message == path + ": cannot be written: File too large");
  CHECK(text_in(path) == "old");
  CHECK(count(folder) == 1);
}

TEST_CASE("file: a folder that cannot be written to, or is none, is named") {
  const TemporaryFolder folder;
  const std::string inside = folder.path("missing/a");
  CHECK(message_of([&] { write_file(inside, std::string_view("x")); }) ==
        inside + ": cannot be written: creating a file in its folder: No such file or directory");
  write_file(folder.path("plain"), std::string_view("x"));
  const std::string below = folder.path("plain/a");
  CHECK(message_of([&] { write_file(below, std::string_view("x")); }) ==
        below + ": cannot be written: creating a file in its folder: Not a directory");
  const std::string is_folder = folder.path("sub");
  std::filesystem::create_directory(is_folder);
  CHECK(message_of([&] { write_file(is_folder, std::string_view("x")); }) ==
        is_folder + ": expected a file or nothing, got a folder or a device");
  CHECK(count(folder) == 2);
  if (::geteuid() != 0) {
    std::filesystem::permissions(is_folder, std::filesystem::perms::owner_read);
    const std::string denied = is_folder + "/a";
    CHECK(message_of([&] { write_file(denied, std::string_view("x")); }) ==
          denied + ": cannot be written: creating a file in its folder: Permission denied");
    std::filesystem::permissions(is_folder, std::filesystem::perms::owner_all);
  }
}

TEST_CASE("file: a name that leaves no room for that of a temporary file is refused beforehand") {
  const TemporaryFolder folder;
  const std::size_t longest = 255 - (std::to_string(::getpid()) + ".-0.temporary").size();
  const auto name = [&](std::size_t letters) { return folder.path(std::string(letters, 'a')); };
  octet::check_writable(name(longest));
  write_file(name(longest), std::string_view("x"));
  CHECK(message_of([&] { octet::check_writable(name(longest + 1)); }) ==
        name(longest + 1) + ": cannot be written: File name too long");
  CHECK(message_of([&] { write_file(name(longest + 1), std::string_view("x")); }) != "");
}

TEST_CASE("file: a temporary file left by a crash does not stand in the way") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a");
  const std::string left = path + "." + std::to_string(::getpid()) + "-0.temporary";
  write_file(left, std::string_view("half"));
  octet::check_writable(path);
  write_file(path, std::string_view("whole"));
  CHECK(text_in(path) == "whole");
  CHECK(text_in(left) == "half");
}

TEST_CASE("file: several threads write one path, and one of them wins whole") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a");
  std::vector<std::thread> writers;
  for (char c = 'a'; c < 'e'; ++c)
    writers.emplace_back([&path, c] {
      for (int round = 0; round < 5; ++round) write_file(path, std::string(5000, c));
    });
  for (auto& writer : writers) writer.join();
  const std::string text = text_in(path);
  CHECK(text == std::string(5000, text.at(0)));
  CHECK(count(folder) == 1);
}

TEST_CASE("file: the folder of a path") {
  CHECK(octet::folder_of("a") == ".");
  CHECK(octet::folder_of("/a") == "/");
  CHECK(octet::folder_of("b/c/a") == "b/c");
}
