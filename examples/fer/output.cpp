#include "output.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

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

void check_header_output(const std::string& out) {
  std::error_code none;
  check_writable(out);
  if (!std::filesystem::exists(out, none)) return;
  std::string first_line;
  std::getline(std::ifstream(out), first_line);
  if (first_line.find("written by Octet") == std::string::npos)
    fail("--out: expected a new file, or an older header to replace, but ", out,
         " is something else");
}

void check_not_the_model(const std::string& out, const std::string& model,
                         const std::string& option) {
  std::error_code none;
  if (std::filesystem::equivalent(out, model, none))
    fail(option, ": expected another file than the model, got ", out);
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
  for (std::filesystem::path folder = std::filesystem::absolute(path);
       folder.has_relative_path() && !std::filesystem::exists(folder, error);
       folder = folder.parent_path())
    made_.paths.push_back(folder);
  std::filesystem::create_directories(path, error);
  if (error) fail(path, ": the folder cannot be made: ", error.message());
  const auto exists = [&](const char* name) {
    return std::filesystem::exists(path + "/" + name, error);
  };
  resumes_ = options.resume && exists(training_files[0]);
  if (options.resume && !resumes_)
    std::printf("%s: no checkpoint yet, starting anew\n", path.c_str());
  if (options.qat && !resumes_ && !options.overwrite && exists("int8.safetensors"))
    fail(path, ": holds an int8.safetensors already, which --qat writes: give --overwrite to ",
         "replace it, or another folder");
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
  for (const std::filesystem::path& path : paths) std::filesystem::remove(path, not_empty);
}

}  // namespace fer
