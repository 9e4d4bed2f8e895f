#include "octet/data/ferplus.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using octet::FerPlusTable;
using octet::ImageDataset;
using octet::read_ferplus;
using octet::with_votes;

namespace {

const std::string columns =
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n";

ImageDataset faces(std::vector<std::int32_t> labels) {
  ImageDataset data;
  data.class_names = octet::fer2013_class_names();
  for (const std::int32_t label : labels) data.add(octet::Image(1, 1, 1), label);
  return data;
}

float target(const ImageDataset& data, std::int64_t row, std::int64_t c) {
  return data.targets[row * data.classes() + c];
}

}  // namespace

TEST_CASE("FER+: votes are read by column and split") {
  const TemporaryFolder folder;
  const FerPlusTable table = read_ferplus(folder.write(
      "new.csv", columns + "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0\r\n" +
                     "PublicTest,fer1.png,0,10,0,0,0,0,0,0,0,0\nTraining,,0,0,0,0,0,0,0,0,0,10\n"));
  REQUIRE(table.train.size() == 2);
  CHECK(table.train[0] == octet::FerPlusVotes{4, 0, 0, 1, 3, 2, 0, 0, 0, 0});
  CHECK(table.train[1][9] == 10);
  CHECK(table.validation.size() == 1);
  CHECK(table.test.empty());
}

TEST_CASE("FER+: a byte order mark is passed over") {
  const TemporaryFolder folder;
  CHECK(read_ferplus(
            folder.write("new.csv", "\xEF\xBB\xBF" + columns + "Training,a,0,10,0,0,0,0,0,0,0,0\n"))
            .train.size() == 1);
}

TEST_CASE("FER+: faults are told with file and line") {
  const TemporaryFolder folder;
  const auto complaint = [&](const std::string& text) {
    const std::string path = folder.write("new.csv", text);
    return message_of([&] { read_ferplus(path); }).substr(path.size());
  };
  CHECK(complaint("") == ": expected the columns of FER+, got an empty file");
  CHECK(complaint("Usage,neutral\n") ==
        ", line 1: expected a column \"happiness\" in the header, got \"Usage,neutral\"");
  CHECK(complaint(columns + "Training,a,1,2,3") ==
        ", line 2: expected 12 columns, got 5 (the file ends here, it was cut)");
  CHECK(complaint(columns + "Training,a,1,-2,3,0,0,0,0,0,0,0\n") ==
        ", line 2: expected a number of votes for happiness, got \"-2\"");
  CHECK(complaint(columns + "Test,a,1,2,3,0,0,0,0,0,0,0\n") ==
        ", line 2: expected the Usage Training, PublicTest or PrivateTest, got \"Test\"");
}

TEST_CASE("FER+: votes become distributions in FER2013's order, single votes are left out") {
  //                    neutral hap sur sad ang dis fear con unk NF
  const ImageDataset data =
      with_votes(faces({0, 0}), {{4, 0, 0, 1, 3, 2, 0, 0, 0, 0}, {0, 5, 0, 0, 0, 0, 0, 3, 2, 0}});
  REQUIRE(data.size() == 2);
  CHECK(target(data, 0, 6) == 4.0f / 9);
  CHECK(target(data, 0, 0) == 3.0f / 9);
  CHECK(target(data, 0, 1) == 2.0f / 9);
  CHECK(target(data, 0, 4) == 0);
  CHECK(target(data, 1, 3) == 1);
  CHECK(data.labels == std::vector<std::int32_t>{6, 3});
}

TEST_CASE("FER+: all votes count, the old label stays or wins a tie, as asked") {
  const std::vector<octet::FerPlusVotes> votes = {{4, 0, 0, 1, 4, 1, 0, 0, 0, 0}};
  const ImageDataset all = with_votes(faces({0}), votes, {.fewest_votes = 1});
  CHECK(target(all, 0, 4) == 0.1f);
  CHECK(all.labels[0] == 0);
  const ImageDataset old = with_votes(faces({2}), votes, {.labels = octet::FerPlusLabels::fer2013});
  CHECK(old.labels[0] == 2);
}

TEST_CASE("FER+: unclear images are dropped, or keep their label") {
  const std::vector<octet::FerPlusVotes> votes = {{4, 0, 0, 0, 0, 0, 0, 0, 6, 0},
                                                  {0, 0, 0, 0, 0, 0, 0, 0, 0, 10},
                                                  {0, 8, 0, 0, 0, 0, 0, 2, 0, 0},
                                                  {0, 3, 0, 0, 0, 0, 0, 7, 0, 0}};
  const ImageDataset dropped = with_votes(faces({1, 2, 3, 4}), votes);
  CHECK(dropped.labels == std::vector<std::int32_t>{3});
  const ImageDataset kept =
      with_votes(faces({1, 2, 3, 4}), votes, {.unclear = octet::UnclearImages::keep_label});
  CHECK(kept.labels == std::vector<std::int32_t>{1, 2, 3, 4});
  CHECK(target(kept, 0, 1) == 1);
  CHECK(target(kept, 0, 6) == 0);
  const ImageDataset eight =
      with_votes(faces({1, 2, 3, 4}), votes, {.classes = octet::FerPlusClasses::eight});
  CHECK(eight.labels == std::vector<std::int32_t>{3, 7});
  CHECK(eight.class_names.back() == "Contempt");
  CHECK(target(eight, 1, 7) == 0.7f);
}

TEST_CASE("FER+: votes for another number of images are refused") {
  CHECK(message_of([] {
          with_votes(faces({1, 2}), {{}});
        }) == "ferplus: expected the votes of as many images as FER2013 has here, 2, got 1");
  const octet::Splits splits{faces({1}), faces({1, 2}), faces({1})};
  CHECK(message_of([&] {
          with_votes(splits, FerPlusTable{{{}}, {{}}, {{}}});
        }) ==
        "ferplus: expected the votes of as many images as FER2013 has in PublicTest, 2, got 1");
}
