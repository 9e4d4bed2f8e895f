#include "octet/data/ckplus.hpp"

#include <doctest/doctest.h>
#include <set>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using octet::CkPlus;
using octet::Fold;

namespace {

octet::Image decode_black(const std::string&) { return octet::Image(2, 2, 1); }

// Six subjects with three frames each, in folders inside of CK+48.
CkPlus six_subjects(octet::Contempt contempt = octet::Contempt::exclude) {
  const TemporaryFolder folder;
  for (const char* const name :
       {"happy/S010_001_0000001", "anger/S010_002_0000001", "sadness/S011_001_0000001",
        "surprise/S022_001_0000001", "fear/S026_001_0000001", "disgust/S999_001_0000001",
        "contempt/S138_001_0000001"})
    for (const char* const frame : {"1", "2", "3"})
      folder.write(std::string("CK+48/") + name + frame + ".png", "");
  return read_ckplus(folder.path(), decode_black, {.contempt = contempt});
}

}  // namespace

TEST_CASE("CK+: folders become FER2013's classes, names give the subject") {
  const CkPlus data = six_subjects();
  CHECK(data.images.class_names == octet::fer2013_class_names());
  CHECK(data.images.class_counts() == std::vector<std::int64_t>{3, 3, 3, 3, 3, 3, 0});
  CHECK(data.subjects[0] == "S010");
  CHECK(data.images.labels[0] == 0);
  const CkPlus with_contempt = six_subjects(octet::Contempt::keep);
  CHECK(with_contempt.images.classes() == 8);
  CHECK(with_contempt.images.class_counts()[7] == 3);
}

TEST_CASE("CK+: folds divide the subjects, and every image is tested once") {
  const CkPlus data = six_subjects(octet::Contempt::keep);
  const std::vector<Fold> folds = octet::folds_by_subject(data, 3, 5);
  REQUIRE(folds.size() == 3);
  std::multiset<std::int64_t> tested;
  for (const Fold& fold : folds) {
    octet::check_subjects(data, fold);
    CHECK(fold.train.size() + fold.test.size() == 21);
    CHECK(fold.test.size() >= 6);
    CHECK(fold.test.size() <= 9);
    tested.insert(fold.test.begin(), fold.test.end());
  }
  CHECK(tested.size() == 21);
  CHECK(std::set<std::int64_t>(tested.begin(), tested.end()).size() == 21);
  CHECK(octet::folds_by_subject(data, 3, 5)[1].test == folds[1].test);
  CHECK(message_of([&] { octet::folds_by_subject(data, 7); }) ==
        "ckplus: expected from 2 to 6 folds (there are 6 subjects), got 7");
}

TEST_CASE("CK+: a split that shares a subject is refused by name") {
  const CkPlus data = six_subjects();
  Fold fold = octet::folds_by_subject(data, 2)[0];
  const octet::Splits splits = octet::split(data, fold);
  CHECK(splits.train.size() + splits.test.size() == 18);
  const std::string moved = data.subjects[static_cast<std::size_t>(fold.test.back())];
  fold.train.push_back(fold.test.back());
  fold.test.pop_back();
  CHECK(message_of([&] { octet::split(data, fold); }) ==
        "ckplus: expected nobody in both train and test, got subject " + moved + " in both");
}

TEST_CASE("CK+: faults are told") {
  const TemporaryFolder folder;
  const auto complaint = [&] {
    return message_of([&] { read_ckplus(folder.path(), decode_black); })
        .substr(folder.path().size());
  };
  CHECK(complaint() ==
        ": expected folders of images named anger, disgust and so on, found no image");
  const std::string file = folder.write("anger/face.png", "");
  CHECK(complaint() ==
        "/anger/face.png: expected a name like S005_001_00000009.png, which begins "
        "with the subject");
  std::filesystem::remove(file);
  folder.write("anger/S_1.png", "");
  CHECK(complaint().find("expected a name like") != std::string::npos);
  folder.write("anger/Sarah_1.png", "");
  CHECK(complaint().find("expected a name like") != std::string::npos);
  folder.write("joy/S005_1_1.png", "");
  std::filesystem::remove_all(folder.path("anger"));
  CHECK(complaint() ==
        ": expected folders named anger, contempt, disgust, fear, happy, sadness "
        "and surprise, found \"joy\"");
}
