#include "output.hpp"

#include <cstdio>
#include <filesystem>

#include <octet/core/safetensors.hpp>
#include <octet/program/file.hpp>

namespace fer {

using namespace octet;

namespace {

constexpr const char* training_files[] = {"checkpoint.safetensors", "best.safetensors",
                                          "model.safetensors", "history.csv"};

}  // namespace

bool is_program(const std::string& path) {
  try {
    const Safetensors file = Safetensors::read(path);
    return file.metadata().find(program_key) != file.metadata().end();
  } catch (const Error&) {
    return false;
  }
}

void check_not_the_model(const std::string& out, const std::string& model) {
  std::error_code none;
  if (std::filesystem::equivalent(out, model, none))
    fail("--out: expected another file than the model, got ", out);
}

void check_program_output(const QuantizeOptions& options) {
  std::error_code none;
  check_not_the_model(options.out, options.model);
  check_writable(options.out);
  if (std::filesystem::exists(options.out, none) && !is_program(options.out))
    fail("--out: expected a new file, or an older program to replace, but ", options.out,
         " is something else");
}

TrainingFolder::TrainingFolder(const TrainOptions& options) : path_(options.out) {
  const std::string& path = path_;
  std::error_code error;
  if (std::filesystem::create_directories(path, error)) made_.path = path;
  if (error) fail(path, ": the folder cannot be made: ", error.message());
  const auto exists = [&](const char* name) {
    return std::filesystem::exists(path + "/" + name, error);
  };
  resumes_ = options.resume && exists(training_files[0]);
  if (options.resume && !resumes_)
    std::printf("%s: no checkpoint yet, starting anew\n", path.c_str());
  for (const char* const name : training_files) {
    if (!resumes_ && !options.overwrite && exists(name))
      fail(path, ": holds a training already (", name, "): give ",
           options.command == TrainedBy::demo
               ? "another folder"
               : "--resume to go on with it, --overwrite to replace it, or another folder");
    check_writable(path + "/" + name);
  }
}

void TrainingFolder::make_room() const {
  std::error_code error;
  if (!resumes_)
    for (const char* const name : training_files)
      std::filesystem::remove(path_ + "/" + name, error);
}

TrainingFolder::Made::~Made() {
  std::error_code not_empty;
  if (!path.empty()) std::filesystem::remove(path, not_empty);
}

}  // namespace fer
