// What lies in a folder, in an order that no file system decides.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

enum class EntryKind { file, folder };

/// The names of all files, or folders, in a folder, sorted by byte value; hidden ones left out.
template <class = WhenUsed>
std::vector<std::string> directory_entries(const std::string& path, EntryKind kind) {
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  if (error) fail(path, ": cannot be read as a folder: ", error.message());
  std::vector<std::string> names;
  for (const std::filesystem::directory_iterator end; entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    std::error_code ignored;
    const bool fits =
        kind == EntryKind::folder ? entry->is_directory(ignored) : entry->is_regular_file(ignored);
    if (fits && name.front() != '.') names.push_back(std::move(name));
    if (error) break;
  }
  if (error) fail(path, ": cannot be read as a folder: ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}

/// Whether there is a folder of this path.
inline bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

/// ASCII letters made small, so that Angry, angry and ANGRY are the same.
template <class = WhenUsed>
std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// The names of the pictures in a folder, told by their endings; other files are passed over.
template <class = WhenUsed>
std::vector<std::string> image_files(const std::string& path) {
  static constexpr std::string_view endings[] = {".jpg", ".jpeg", ".png", ".bmp",
                                                 ".pgm", ".ppm",  ".pnm"};
  std::vector<std::string> names = directory_entries(path, EntryKind::file);
  std::erase_if(names, [](const std::string& name) {
    const std::string lower = lower_case(name);
    return std::none_of(std::begin(endings), std::end(endings), [&](std::string_view ending) {
      return lower.size() > ending.size() &&
             lower.compare(lower.size() - ending.size(), ending.size(), ending) == 0;
    });
  });
  return names;
}

}  // namespace octet::inline OCTET_ABI
