#include "octet/data/directory.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using octet::directory_entries;
using octet::EntryKind;

TEST_CASE("a folder's entries are sorted, of one kind, without hidden ones") {
  const TemporaryFolder folder;
  for (const char* const name : {"b.txt", "a.txt", ".hidden", "inside/c.txt"})
    folder.write(name, "x");
  CHECK(directory_entries(folder.path(), EntryKind::file) ==
        std::vector<std::string>{"a.txt", "b.txt"});
  CHECK(directory_entries(folder.path(), EntryKind::folder) == std::vector<std::string>{"inside"});
}

TEST_CASE("an entry that leads nowhere is named") {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder.path("gone"), folder.path("link.jpg"));
  for (const EntryKind kind : {EntryKind::file, EntryKind::folder})
    CHECK(message_of([&] { directory_entries(folder.path(), kind); }) ==
          folder.path("link.jpg") + ": cannot be read: No such file or directory");
}

TEST_CASE("a link that leads nowhere and has no picture's name does not hide the pictures") {
  const TemporaryFolder folder;
  folder.write("b.PNG", "x");
  folder.write("a.jpg", "x");
  folder.write("notes.txt", "x");
  folder.write(".hidden.jpg", "x");
  folder.write("inside.png/c.txt", "x");
  std::filesystem::create_symlink(folder.path("gone"), folder.path("latest"));
  std::filesystem::create_symlink(folder.path("loop"), folder.path("loop"));
  CHECK(octet::image_files(folder.path()) == std::vector<std::string>{"a.jpg", "b.PNG"});
  std::filesystem::create_symlink(folder.path("gone"), folder.path("link.jpg"));
  CHECK(message_of([&] { octet::image_files(folder.path()); }) ==
        folder.path("link.jpg") + ": cannot be read: No such file or directory");
}
