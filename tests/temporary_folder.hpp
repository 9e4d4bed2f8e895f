// A folder that a test may fill, gone after it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("octet-test-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string path(const std::string& name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }
  /// Writes a file, and the folders that lead to it; gives its path.
  std::string write(const std::string& name, std::string_view text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::FILE* const out = std::fopen(file.string().c_str(), "wb");
    if (!out || std::fwrite(text.data(), 1, text.size(), out) != text.size()) std::abort();
    std::fclose(out);
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

/// The folder with real data for measurements, or an empty text where there is none.
inline std::string shared_folder() {
  const char* const given = std::getenv("OCTET_SHARED");
  const std::string folder = given ? given : OCTET_SOURCE_DIR "/../shared";
  return std::filesystem::is_directory(folder) ? folder : "";
}
