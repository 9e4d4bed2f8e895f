// What lies in a folder, in an order that no file system decides.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

enum class EntryKind { file, folder };

/// Whether there is a folder of this path.
template <class = WhenUsed>
bool is_folder(const std::string& path) {
  struct ::stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// The names of all files, or folders, in a folder, sorted by byte value; hidden ones left out, and
/// those that are not `wanted`, which may be links that lead nowhere. Any other such link fails.
template <class = WhenUsed>
std::vector<std::string> directory_entries(const std::string& path, EntryKind kind,
                                           bool (*wanted)(const std::string&) = nullptr) {
  // By POSIX, because <filesystem> would be compiled with every file that includes Octet.
  const std::unique_ptr<::DIR, int (*)(::DIR*)> folder(::opendir(path.c_str()), &::closedir);
  if (!folder) fail(path, ": cannot be read as a folder: ", std::strerror(errno));
  std::vector<std::string> names;
  for (errno = 0; const ::dirent* const entry = ::readdir(folder.get()); errno = 0) {
    const std::string name = entry->d_name;
    if (name.front() == '.' || (wanted && !wanted(name))) continue;
    struct ::stat status {};
    if (::stat((path + "/" + name).c_str(), &status) != 0)
      fail(path, "/", name, ": cannot be read: ", std::strerror(errno));
    if (kind == EntryKind::folder ? S_ISDIR(status.st_mode) : S_ISREG(status.st_mode))
      names.push_back(name);
  }
  if (errno != 0) fail(path, ": cannot be read as a folder: ", std::strerror(errno));
  std::sort(names.begin(), names.end());
  return names;
}

/// ASCII letters made small, so that Angry, angry and ANGRY are the same.
template <class = WhenUsed>
std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// Whether a file of this name is a picture, told by its ending.
template <class = WhenUsed>
bool is_image_name(const std::string& name) {
  static constexpr std::string_view endings[] = {".jpg", ".jpeg", ".png", ".bmp",
                                                 ".pgm", ".ppm",  ".pnm"};
  const std::string lower = lower_case(name);
  return std::any_of(std::begin(endings), std::end(endings), [&](std::string_view ending) {
    return lower.size() > ending.size() && lower.ends_with(ending);
  });
}

/// The names of the pictures in a folder, told by their endings; other files are passed over.
template <class = WhenUsed>
std::vector<std::string> image_files(const std::string& path) {
  return directory_entries(path, EntryKind::file, &is_image_name<>);
}

}  // namespace octet::inline OCTET_ABI
