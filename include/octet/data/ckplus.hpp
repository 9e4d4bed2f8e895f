// CK+: posed expressions of 118 people, three neighbouring frames a sequence. Lucey et al., "The
// extended Cohn-Kanade dataset" (CVPR workshops 2010).
// The functions are templates only so that they are compiled where they are used.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/core/random.hpp"
#include "octet/data/dataset.hpp"
#include "octet/data/directory.hpp"
#include "octet/data/fer2013.hpp"

namespace octet::inline OCTET_ABI {

/// What to do with contempt, which FER2013 does not have: leave it out, or keep it as class 7.
enum class Contempt { exclude, keep };

struct CkPlusOptions {
  Contempt contempt = Contempt::exclude;
};

/// CK+ with who is in each picture. Classes are FER2013's; Neutral has no images.
struct CkPlus {
  ImageDataset images;
  /// The subject of each image, such as S005.
  std::vector<std::string> subjects;
};

/// Reads folders named anger, disgust, fear, happy, sadness, surprise and contempt, in `path` or in
/// CK+48 inside of it, with files named S<subject>_<sequence>_<frame>.png.
template <std::convertible_to<std::string> Path>
CkPlus read_ckplus(const Path& path, const ImageDecoder& decode,
                   const CkPlusOptions& options = {}) {
  struct Folder {
    std::string_view name;
    std::int32_t label;
  };
  static constexpr std::array<Folder, 7> folders = {{{"anger", 0},
                                                     {"contempt", 7},
                                                     {"disgust", 1},
                                                     {"fear", 2},
                                                     {"happy", 3},
                                                     {"sadness", 4},
                                                     {"surprise", 5}}};
  const std::string given(path), inside = given + "/CK+48";
  const std::string root = is_folder(inside) ? inside : given;
  CkPlus data;
  data.images.class_names = fer2013_class_names();
  if (options.contempt == Contempt::keep) data.images.class_names.push_back("Contempt");
  for (const std::string& name : directory_entries(root, EntryKind::folder)) {
    const auto folder = std::find_if(folders.begin(), folders.end(), [&](const Folder& candidate) {
      return candidate.name == lower_case(name);
    });
    if (folder == folders.end())
      fail(root,
           ": expected folders named anger, contempt, disgust, fear, happy, sadness and "
           "surprise, found \"",
           name, "\"");
    if (folder->label >= data.images.classes()) continue;
    for (const std::string& file : image_files(root + "/" + name)) {
      const std::size_t end = file.find('_');
      const bool named =
          file[0] == 'S' && end != file.npos && end > 1 &&
          std::all_of(file.begin() + 1, file.begin() + static_cast<std::ptrdiff_t>(end),
                      [](char c) { return c >= '0' && c <= '9'; });
      if (!named)
        fail(root, "/", name, "/", file,
             ": expected a name like S005_001_00000009.png, which begins with the subject");
      data.images.add(decode(root + "/" + name + "/" + file), folder->label);
      data.subjects.push_back(file.substr(0, end));
    }
  }
  if (data.images.size() == 0)
    fail(root, ": expected folders of images named anger, disgust and so on, found no image");
  return data;
}

/// The numbers of the images to train on and to test on.
struct Fold {
  std::vector<std::int64_t> train, test;
};

/// Fails, naming the subject, if somebody is on both sides of a split: the network would be asked
/// about faces that it has seen.
template <std::same_as<CkPlus> Data>
void check_subjects(const Data& data, const Fold& fold) {
  const auto subject = [&](std::int64_t image) -> const std::string& {
    if (image < 0 || image >= data.images.size())
      fail("ckplus: there is no image ", image, " among ", data.images.size());
    return data.subjects[static_cast<std::size_t>(image)];
  };
  std::set<std::string> seen;
  for (const std::int64_t image : fold.train) seen.insert(subject(image));
  for (const std::int64_t image : fold.test)
    if (seen.count(subject(image)))
      fail("ckplus: expected nobody in both train and test, got subject ", subject(image),
           " in both");
}

/// Divides the subjects into `folds` groups of nearly as many images each; every group is once the
/// test side. The same for the same seed.
template <std::same_as<CkPlus> Data>
std::vector<Fold> folds_by_subject(const Data& data, int folds, std::uint64_t seed = 0) {
  std::map<std::string, std::vector<std::int64_t>> images_of;
  for (std::int64_t i = 0; i < data.images.size(); ++i)
    images_of[data.subjects[static_cast<std::size_t>(i)]].push_back(i);
  if (folds < 2 || folds > static_cast<int>(images_of.size()))
    fail("ckplus: expected from 2 to ", images_of.size(), " folds (there are ", images_of.size(),
         " subjects), got ", folds);
  std::vector<std::string> order;
  for (const auto& [name, images] : images_of) order.push_back(name);
  Random(seed).shuffle(std::span<std::string>(order));
  std::vector<std::vector<std::int64_t>> groups(static_cast<std::size_t>(folds));
  for (const std::string& name : order) {
    const auto smallest =
        std::min_element(groups.begin(), groups.end(),
                         [](const auto& a, const auto& b) { return a.size() < b.size(); });
    smallest->insert(smallest->end(), images_of[name].begin(), images_of[name].end());
  }
  std::vector<Fold> result(static_cast<std::size_t>(folds));
  for (std::size_t fold = 0; fold < result.size(); ++fold)
    for (std::size_t group = 0; group < groups.size(); ++group) {
      std::vector<std::int64_t>& side = group == fold ? result[fold].test : result[fold].train;
      side.insert(side.end(), groups[group].begin(), groups[group].end());
    }
  for (Fold& fold : result) {
    std::sort(fold.train.begin(), fold.train.end());
    std::sort(fold.test.begin(), fold.test.end());
  }
  return result;
}

/// The images of a fold; test is also the validation set. Refuses a fold that shares a subject.
template <std::same_as<CkPlus> Data>
Splits split(const Data& data, const Fold& fold) {
  check_subjects(data, fold);
  Splits splits;
  splits.train = data.images.subset(fold.train);
  splits.test = data.images.subset(fold.test);
  splits.validation = splits.test;
  return splits;
}

}  // namespace octet::inline OCTET_ABI
