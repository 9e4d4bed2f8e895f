#include "data_options.hpp"

#include <cstdio>
#include <sys/stat.h>

#include <octet/data/directory.hpp>

namespace fer {

using namespace octet;

namespace {

/// CK+ is told by its folder's name, or by the names of its files, which begin with the subject.
bool is_ckplus(const std::string& path) {
  if (is_folder(path + "/train")) return false;
  if (is_folder(path + "/CK+48")) return true;
  for (const std::string& folder : directory_entries(path, EntryKind::folder))
    for (const std::string& file : image_files(path + "/" + folder)) {
      int subject = 0, sequence = 0, frame = 0;
      return std::sscanf(file.c_str(), "S%d_%d_%d.", &subject, &sequence, &frame) == 3;
    }
  return false;
}

}  // namespace

DataForm form_of(const std::string& path) {
  struct ::stat status {};
  if (path == "synthetic") return DataForm::synthetic;
  if (::stat(path.c_str(), &status) != 0)
    fail(path,
         ": expected a fer2013.csv, a folder of images, or the word synthetic; there is no "
         "such file");
  if (!S_ISDIR(status.st_mode)) return DataForm::fer2013;
  return is_ckplus(path) ? DataForm::ckplus : DataForm::folder;
}

DataOptions completed(DataOptions options, const ModelCard* card) {
  const DataForm form = form_of(options.path);
  const bool ckplus = form == DataForm::ckplus;
  if (!options.votes.empty() && form != DataForm::fer2013)
    fail("--votes: expected a fer2013.csv, whose images they are on, as --data, got ",
         options.path);
  if (card) options.classes = card->class_names;
  const bool may_have_contempt = ckplus || !options.votes.empty();
  if (card) options.contempt = may_have_contempt && card->knows_contempt() ? "yes" : "no";
  if (options.contempt == "yes" && !may_have_contempt)
    fail("--contempt: expected CK+ as --data, or --votes, which have that class, got ",
         options.path);
  if (!ckplus && (options.folds || options.fold))
    fail(options.fold ? "--fold" : "--folds", ": expected CK+ as --data, got ", options.path);
  if (!ckplus) return options;
  const Fold fold = card && card->fold ? *card->fold : Fold{};
  options.folds = options.folds.value_or(fold.count);
  options.fold = options.fold.value_or(fold.number);
  if (card && card->fold && *fold_of(options) != fold)
    fail("--fold: expected ", fold.number, " of ", fold.count,
         ", because the model has learned from people in the others, got ", *options.fold, " of ",
         *options.folds);
  if (*options.fold > *options.folds)
    fail("--fold: expected at most ", *options.folds, ", the number of folds, got ", *options.fold);
  return options;
}

std::optional<Fold> fold_of(const DataOptions& options) {
  if (!options.folds) return {};
  return Fold{*options.fold, *options.folds};
}

}  // namespace fer
