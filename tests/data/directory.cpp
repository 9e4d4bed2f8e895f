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
