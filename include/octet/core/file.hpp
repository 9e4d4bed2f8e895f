// Whole files: read with their size checked first, written so that a crash leaves the old one or
// the new one. POSIX.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "octet/core/aligned.hpp"
#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

/// A regular file, read from its beginning on; every error names it.
template <class = WhenUsed>
class BasicRegularFile {
 public:
  /// Fails if the file cannot be read, is no regular file, or is larger than `maximum_size`, which
  /// is checked before anybody takes memory for it.
  explicit BasicRegularFile(const std::string& path,
                            std::uint64_t maximum_size = std::uint64_t{1} << 36)
      : path_(path) {
    if (path.empty()) fail("expected a file to read, got an empty path");
    // Opening a pipe would wait for somebody to write into it.
    descriptor_.number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct ::stat status {};
    if (descriptor_.number < 0 || ::fstat(descriptor_.number, &status) != 0)
      fail(path, ": cannot be read: ", std::strerror(errno));
    if (S_ISDIR(status.st_mode)) fail(path, ": expected a file, got a folder");
    if (!S_ISREG(status.st_mode)) fail(path, ": is no regular file");
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (size_ > maximum_size)
      fail(path, ": expected at most ", maximum_size, " bytes, got ", size_);
  }

  std::uint64_t size() const { return size_; }

  /// Reads the next `count` bytes.
  void read(void* to, std::size_t count) {
    for (auto* at = static_cast<std::byte*>(to); count > 0;) {
      const ::ssize_t got = ::read(descriptor_.number, at, count);
      if (got == 0) fail(path_, ": became shorter while it was read, at byte ", done_);
      if (got < 0 && errno != EINTR) fail(path_, ": cannot be read: ", std::strerror(errno));
      if (got < 0) continue;
      at += got;
      count -= static_cast<std::size_t>(got);
      done_ += static_cast<std::uint64_t>(got);
    }
  }

 private:
  struct Descriptor {
    int number = -1;
    Descriptor() = default;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
      if (number >= 0) ::close(number);
    }
  };
  Descriptor descriptor_;
  std::string path_;
  std::uint64_t size_ = 0, done_ = 0;
};
using RegularFile = BasicRegularFile<>;

/// All bytes of a regular file. Fails as RegularFile does.
template <class = WhenUsed>
AlignedVector<std::byte> read_file(const std::string& path,
                                   std::uint64_t maximum_size = std::uint64_t{1} << 36) {
  RegularFile file(path, maximum_size);
  AlignedVector<std::byte> bytes(static_cast<std::size_t>(file.size()));
  file.read(bytes.data(), bytes.size());
  return bytes;
}

/// The folder in which `path` lies.
template <class = WhenUsed>
std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A new file in the folder of `path`, open to be written, and its name; -1 and errno if there can
/// be none. One that a crash left behind does not stand in the way.
template <class = WhenUsed>
int open_temporary(const std::string& path, std::string& name) {
  int file = -1;
  for (int attempt = 0; attempt < 1000 && file < 0; ++attempt) {
    name = text_of(path, ".", ::getpid(), "-", attempt, ".temporary");
    file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0 && errno != EEXIST) break;
  }
  return file;
}

/// Fails, naming the path, unless write_file() can make or replace a file there: for those who
/// would rather know before a long computation than after it. Leaves nothing behind.
template <class = WhenUsed>
void check_writable(const std::string& path) {
  if (path.empty()) fail("expected a file to write, got an empty path");
  struct ::stat target {};
  if (::stat(path.c_str(), &target) == 0 && !S_ISREG(target.st_mode))
    fail(path, ": expected a file or nothing, got a folder or a device");
  std::string probe;
  const int file = open_temporary(path, probe);
  int error = file < 0 ? errno : 0;
  if (!error && ::write(file, "probe", 5) != 5) error = errno;
  if (file >= 0) {
    ::close(file);
    ::unlink(probe.c_str());
  }
  if (error) fail(path, ": cannot be written: ", std::strerror(error));
}

/// Makes `path` hold the parts, one after the other. They go to a new file in the same folder,
/// which is synced and then renamed, so that a crash or a full disk leaves the old file as it was.
/// Fails, naming the path, if any of that fails; nothing is left behind then. Last the folder is
/// synced, so that the new name outlives a crash after the return; fails if that fails, too, but
/// then the new file stands already. A folder that may not be read, or a file system that syncs
/// none, keeps the first promise, not the last: a crash may bring back the old file.
template <class = WhenUsed>
void write_file(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  if (path.empty()) fail("expected a file to write, got an empty path");
  const auto complain = [&path](const char* step, int error) {
    fail(path, ": cannot be written: ", step, std::strerror(error));
  };
  struct ::stat target {};
  if (::stat(path.c_str(), &target) == 0 && !S_ISREG(target.st_mode))
    fail(path, ": expected a file or nothing, got a folder or a device");
  std::string temporary;
  const int file = open_temporary(path, temporary);
  if (file < 0) complain("creating a file in its folder: ", errno);

  const char* step = "";
  int error = 0;
  for (const std::span<const std::byte> part : parts)
    for (std::size_t done = 0; done < part.size() && !error;) {
      const ::ssize_t count = ::write(file, part.data() + done, part.size() - done);
      if (count >= 0)
        done += static_cast<std::size_t>(count);
      else if (errno != EINTR)
        error = errno;
    }
  if (!error && ::fsync(file) != 0) step = "syncing: ", error = errno;
  if (::close(file) != 0 && !error) step = "closing: ", error = errno;
  if (!error && std::rename(temporary.c_str(), path.c_str()) != 0)
    step = "renaming: ", error = errno;
  if (error) {
    ::unlink(temporary.c_str());
    complain(step, error);
  }
  // EINVAL is what file systems say that cannot sync a folder.
  const int folder = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  if (::fsync(folder) != 0 && errno != EINVAL) error = errno;
  ::close(folder);
  if (error) complain("syncing its folder: ", error);
}
inline void write_file(const std::string& path, std::span<const std::byte> bytes) {
  write_file(path, std::span<const std::span<const std::byte>>(&bytes, 1));
}
inline void write_file(const std::string& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace octet::inline OCTET_ABI
