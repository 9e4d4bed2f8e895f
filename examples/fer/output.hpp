// Places to write to, looked at before the work that fills them.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <octet/core/file.hpp>

#include "commands.hpp"

namespace fer {

using octet::check_writable;

/// Whether the file holds a program, such as fer quantize writes.
bool is_program(const std::string& path);

/// The same for the int8 program of fer quantize, which replaces an older program and nothing else:
/// neither its own model nor the data.
void check_program_output(const QuantizeOptions& options);

/// The same for another file, of which an older one is told by what its beginning contains.
void check_replaceable(const std::string& option, const std::string& path, const std::string& kind,
                       std::initializer_list<std::string_view> marks);

/// Fails unless `out` is another file than the model that is read.
void check_not_the_model(const std::string& out, const std::string& model,
                         const std::string& option = "--out");

/// Whether the folder holds a training of fer demo.
bool is_of_demo(const std::string& folder);

/// The folder of a training, made if it is not there. A training in it is kept, unless the options
/// say what is to become of it. A folder that was made here and is still empty at the end goes. No
/// other process can train in it until this one ends.
class TrainingFolder {
 public:
  explicit TrainingFolder(const TrainOptions& options);

  /// Removes what is left of an older training that is to be replaced: it would be taken for part
  /// of the new one.
  void make_room() const;

  /// Whether there is a checkpoint to go on from, as the user wants.
  bool resumes() const { return resumes_; }

 private:
  struct Made {
    /// The innermost first.
    std::vector<std::filesystem::path> paths;
    ~Made();
  };
  std::string path_;
  Made made_;
  bool overwrites_ = false;
  bool resumes_ = false;
};

}  // namespace fer
