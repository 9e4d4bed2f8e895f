#include "output.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/file.h>

#include <octet/core/json.hpp>
#include <octet/core/safetensors.hpp>
#include <octet/program/file.hpp>

namespace fer {

using namespace octet;

namespace {

constexpr const char* checkpoint_file = "checkpoint.safetensors";
constexpr const char* training_files[] = {checkpoint_file, "best.safetensors", "model.safetensors",
                                          "history.csv"};
constexpr const char* int8_file = "int8.safetensors";

/// Fails unless the file, which can be written, is new or `own`.
void check_new_or_own(const std::string& option, const std::string& path, const std::string& kind,
                      bool own) {
  std::error_code none;
  if (!own && std::filesystem::exists(path, none))
    fail(option, ": expected a new file, or an older ", kind, " to replace, but ", path,
         " is something else");
}

/// Keeps other processes from training in the folder until this one ends, however that happens;
/// false if one trains there. Locks belong to descriptors: fer demo, which checks the folder before
/// fer train does, would be refused the second time. A file system without locks refuses nobody.
bool lock_until_exit(const std::string& folder) {
  static int locked = -1;
  if (locked < 0) locked = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return locked < 0 || ::flock(locked, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

}  // namespace

bool is_program(const std::string& path) {
  try {
    const Safetensors file = Safetensors::read(path);
    return file.metadata().find(program_key) != file.metadata().end();
  } catch (const Error&) {
    return false;
  }
}

void check_replaceable(const std::string& option, const std::string& path, const std::string& kind,
                       std::initializer_list<std::string_view> marks) {
  check_writable(path);  // before it is read: a pipe would never end
  std::string beginning(4096, '\0');
  std::ifstream(path).read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  bool own = true;
  for (const std::string_view mark : marks) own &= beginning.find(mark) != std::string::npos;
  check_new_or_own(option, path, kind, own);
}

void check_not_the_model(const std::string& out, const std::string& model,
                         const std::string& option) {
  std::error_code none;
  if (std::filesystem::equivalent(out, model, none))
    fail(option, ": expected another file than the model, got ", out);
}

void check_program_output(const QuantizeOptions& options) {
  check_not_the_model(options.out, options.model);
  check_writable(options.out);
  check_new_or_own("--out", options.out, "program", is_program(options.out));
}

bool is_of_demo(const std::string& folder) {
  try {
    const Safetensors file = Safetensors::read(folder + "/" + checkpoint_file);
    return Json::parse(file.metadata("octet.settings")).find("demo") != nullptr;
  } catch (const Error&) {
    return false;
  }
}

TrainingFolder::TrainingFolder(const TrainOptions& options)
    : path_(options.out), overwrites_(options.overwrite) {
  const std::string& path = path_;
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error))
    fail("--out: expected a folder, but ", path, " is a file");
  for (std::filesystem::path folder = std::filesystem::absolute(path);
       folder.has_relative_path() && !std::filesystem::exists(folder, error);
       folder = folder.parent_path())
    made_.paths.push_back(folder);
  std::filesystem::create_directories(path, error);
  if (error) fail(path, ": the folder cannot be made: ", error.message());
  if (!lock_until_exit(path)) {
    made_.paths.clear();  // the other one has made them, too, and needs them
    fail("--out: expected a folder of its own, but another fer train is writing to ", path);
  }
  const auto exists = [&](const char* name) {
    return std::filesystem::exists(path + "/" + name, error);
  };
  resumes_ = options.resume && exists(checkpoint_file);
  if (options.qat && !resumes_ && !overwrites_ && exists(int8_file))
    fail(path, ": holds an int8.safetensors already, which --qat writes: give --overwrite to ",
         "replace it, or another folder");
  for (const char* const name : training_files) {
    if (std::filesystem::equivalent(path + "/" + name, options.from, error))
      fail("--from: expected a file that the training does not replace, got ", options.from);
    if (options.resume && !resumes_ && exists(name))
      fail(path, ": holds a training (", name,
           ") that has no checkpoint to go on from: give --overwrite to train anew");
    if (!resumes_ && !overwrites_ && exists(name))
      fail(path, ": holds a training already (", name, "): give ",
           options.command == TrainedBy::demo
               ? "another folder"
               : "--resume to go on with it, --overwrite to replace it, or another folder");
    check_writable(path + "/" + name);
  }
  if (options.resume && !resumes_)
    std::printf("%s: no checkpoint yet, starting anew\n", path.c_str());
}

void TrainingFolder::make_room() const {
  std::error_code error;
  if (!overwrites_) return;
  for (const char* const name : training_files) std::filesystem::remove(path_ + "/" + name, error);
  std::filesystem::remove(path_ + "/" + int8_file, error);
}

TrainingFolder::Made::~Made() {
  std::error_code not_empty;
  for (const std::filesystem::path& path : paths) std::filesystem::remove(path, not_empty);
}

}  // namespace fer
