#include "data.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <set>
#include <vector>

#include <octet/core/random.hpp>
#include <octet/data/ckplus.hpp>
#include <octet/data/fer2013.hpp>
#include <octet/data/ferplus.hpp>
#include <octet/data/image_folder.hpp>
#include <octet/data/scan.hpp>
#include <octet/data/synthetic_faces.hpp>
#include <octet/interop/image.hpp>

namespace fer {

using namespace octet;

namespace {

/// Moves every tenth image, in a random order that never changes, from train to validation. Images
/// of the same pixels stay together: learned by heart in train, they would flatter validation.
void hold_out_validation(Splits& splits) {
  const ImageIndex index(splits.train);
  const std::size_t size = index.first().size();
  std::vector<std::vector<std::int64_t>> groups(size);
  for (std::size_t i = 0; i < size; ++i)
    groups[static_cast<std::size_t>(index.first()[i])].push_back(static_cast<std::int64_t>(i));
  std::erase_if(groups, [](const auto& group) { return group.empty(); });
  Random(10).shuffle(std::span(groups));
  std::vector<std::int64_t> order;
  std::size_t kept = 0;
  for (const std::vector<std::int64_t>& group : groups) {
    order.insert(order.end(), group.begin(), group.end());
    if (order.size() <= size - size / 10) kept = order.size();
  }
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept));
  splits.validation = splits.train.subset(std::span(order).subspan(kept));
  splits.train = splits.train.subset(std::span(order).first(kept));
}

Splits read_fer2013_splits(const DataOptions& options) {
  const Splits splits = read_fer2013(options.path);
  if (splits.train.size() == 0 && splits.validation.size() == 0 && splits.test.size() == 0)
    fail(options.path, ": expected images, got a header without any");
  if (options.votes.empty()) return splits;
  const FerPlusTable votes = read_ferplus(options.votes);
  const auto classes = options.contempt == "yes" ? FerPlusClasses::eight : FerPlusClasses::seven;
  return reading(options.votes, [&] { return with_votes(splits, votes, {.classes = classes}); });
}

/// The fold for testing, the one after it for validation, and the others to learn from.
Splits read_ckplus_splits(const DataOptions& options, std::int64_t H, std::int64_t W) {
  const auto decode = [H, W](const std::string& path) {
    Image image = read_image(path);
    return image.H == H && image.W == W ? image : resize_image(image, H, W);
  };
  const CkPlus data = read_ckplus(options.path, decode,
                                  {options.contempt == "yes" ? Contempt::keep : Contempt::exclude});
  const auto subjects =
      static_cast<int>(std::set<std::string>(data.subjects.begin(), data.subjects.end()).size());
  if (*options.folds > subjects)
    fail("--folds: expected at most ", subjects, ", the number of subjects in ", options.path,
         ", got ", *options.folds);
  const auto folds = folds_by_subject(data, *options.folds);
  const auto test = static_cast<std::size_t>(*options.fold - 1);
  const octet::Fold& validation = folds[(test + 1) % folds.size()];
  octet::Fold rest{{}, validation.test};
  std::set_difference(folds[test].train.begin(), folds[test].train.end(), validation.test.begin(),
                      validation.test.end(), std::back_inserter(rest.train));
  Splits splits = split(data, rest);
  splits.test = split(data, folds[test]).test;
  return splits;
}

/// Says how many pictures lie beside the folders of the classes, where no class is theirs.
void tell_of_passed_over(const std::string& path) {
  std::vector<std::string> folders = {path};
  if (is_folder(path + "/train")) {
    folders.push_back(path + "/train");
    for (const char* const name : validation_folders) folders.push_back(path + "/" + name);
    folders.push_back(path + "/test");
  }
  for (const std::string& folder : folders)
    if (const std::size_t count = is_folder(folder) ? image_files(folder).size() : 0; count > 0)
      std::fprintf(stderr, "%s: passed over %zu %s beside the folders of the classes\n",
                   printable(folder).c_str(), count, count == 1 ? "picture" : "pictures");
}

Splits read_form(const DataOptions& options, std::int64_t H, std::int64_t W) {
  switch (form_of(options.path)) {
    case DataForm::synthetic:
      return synthetic_face_splits(6000, 1000, 1000, {.H = H, .W = W});
    case DataForm::fer2013:
      return read_fer2013_splits(options);
    case DataForm::ckplus:
      return read_ckplus_splits(options, H, W);
    case DataForm::folder:
      break;
  }
  Splits splits = read_image_folder(options.path, image_decoder(), {.H = H, .W = W});
  tell_of_passed_over(options.path);
  return splits;
}

void order_classes_of_model(const DataOptions& options, Splits& splits) {
  if (options.classes.empty()) return;
  reading(options.path, [&] {
    for (ImageDataset* const part : {&splits.train, &splits.validation, &splits.test})
      part->order_classes(options.classes);
  });
}

}  // namespace

DataSplits read_splits(const DataOptions& options, std::int64_t H, std::int64_t W) {
  DataSplits splits{read_form(options, H, W), false};
  order_classes_of_model(options, splits);
  if (splits.validation.size() == 0 && splits.train.size() >= 10) hold_out_validation(splits);
  if (splits.test.size() == 0) {
    splits.test = splits.validation;
    splits.test_is_validation = true;
  }
  return splits;
}

void tell_of_missing_test(const std::string& path, const DataSplits& splits) {
  if (splits.test_is_validation && splits.validation.size() > 0)
    std::fprintf(stderr, "%s: has no test images, those for validation take their place\n",
                 printable(path).c_str());
}

NamedSplit split_named(DataSplits splits, const std::string& name) {
  if (name == "validation" || (name == "test" && splits.test_is_validation))
    return {"validation", std::move(splits.validation)};
  if (name == "test") return {name, std::move(splits.test)};
  ImageDataset all = std::move(splits.train);
  if (name == "train") return {name, std::move(all)};
  // Votes make no difference to what is right.
  all.targets = {};
  for (const ImageDataset* const part : {&splits.validation, &splits.test}) {
    if (part == &splits.test && splits.test_is_validation) break;
    for (std::int64_t i = 0; i < part->size(); ++i)
      all.add(part->image(i), part->labels[static_cast<std::size_t>(i)]);
  }
  return {name, std::move(all)};
}

}  // namespace fer
