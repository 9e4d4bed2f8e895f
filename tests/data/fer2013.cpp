#include "octet/data/fer2013.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using octet::read_fer2013;
using octet::Splits;

namespace {

// 2304 numbers that begin with `first` and go on with 7.
std::string pixels(const std::string& first, int count = 2304) {
  std::string text = first;
  for (int i = 1; i < count; ++i) text += " 7";
  return text;
}

const std::string header = "emotion,pixels,Usage\n";
const std::string good = "3," + pixels("255") + ",Training\n";

std::string complaint(const std::string& text) {
  const TemporaryFolder folder;
  const std::string path = folder.write("fer2013.csv", text);
  const std::string message = message_of([&] { read_fer2013(path); });
  REQUIRE(message.compare(0, path.size(), path) == 0);
  return message.substr(path.size());
}

}  // namespace

TEST_CASE("fer2013.csv: rows go to their splits with label and pixels") {
  const TemporaryFolder folder;
  const Splits splits = read_fer2013(folder.write(
      "x.csv", header + good + "6," + pixels("0") + ",PublicTest\n" + "0," + pixels("12") +
                   ",PrivateTest\n" + "1," + pixels("9") + ",Training\n"));
  CHECK(splits.train.labels == std::vector<std::int32_t>{3, 1});
  CHECK(splits.validation.labels == std::vector<std::int32_t>{6});
  CHECK(splits.test.labels == std::vector<std::int32_t>{0});
  CHECK(splits.train.image_shape() == octet::Shape{48, 48, 1});
  CHECK(splits.train.image(0).at(0, 0) == 255);
  CHECK(splits.train.image(0).at(47, 47) == 7);
  CHECK(splits.train.image(1).at(0, 0) == 9);
  CHECK(splits.test.class_names[5] == "Surprise");
}

TEST_CASE("fer2013.csv: columns in any order, CRLF, quotes, a byte order mark, no last line feed") {
  const TemporaryFolder folder;
  const Splits splits = read_fer2013(
      folder.write("x.csv", "\xEF\xBB\xBFUsage,note,emotion,pixels\r\nTraining,x,2,\"" +
                                pixels("1") + "\"\r\n\r\nTraining,y,4," + pixels("200")));
  CHECK(splits.train.labels == std::vector<std::int32_t>{2, 4});
  CHECK(splits.train.image(1).at(0, 0) == 200);
}

TEST_CASE("fer2013.csv: a file with nothing but its header has no images") {
  const TemporaryFolder folder;
  const Splits splits = read_fer2013(folder.write("x.csv", header));
  CHECK(splits.train.size() + splits.validation.size() + splits.test.size() == 0);
  CHECK(splits.train.classes() == 7);
}

TEST_CASE("fer2013.csv: every fault has its own sentence with file and line") {
  CHECK(complaint("") == ": expected the columns emotion, pixels and Usage, got an empty file");
  CHECK(complaint("emotion,pixels\n") ==
        ", line 1: expected a column \"Usage\" in the header, got \"emotion,pixels\"");
  CHECK(complaint("pixels,Usage\n") ==
        ", line 1: expected a column \"emotion\" in the header, got \"pixels,Usage\"");
  CHECK(complaint(header + good + "3," + pixels("1", 2303) + ",Training\n") ==
        ", line 3: expected 2304 pixels (48 x 48), got 2303");
  CHECK(complaint(header + "3," + pixels("1", 2305) + ",Training\n") ==
        ", line 2: expected 2304 pixels (48 x 48), got 2305");
  CHECK(complaint(header + "3," + pixels("256") + ",Training\n") ==
        ", line 2: expected pixel 1 to be a number from 0 to 255, got \"256\"");
  CHECK(complaint(header + "3," + pixels("-1") + ",Training\n") ==
        ", line 2: expected pixel 1 to be a number from 0 to 255, got \"-1\"");
  CHECK(complaint(header + "3," + pixels("1 2x") + ",Training\n") ==
        ", line 2: expected pixel 2 to be a number from 0 to 255, got \"2x\"");
  CHECK(complaint(header + "3," + pixels("99999999999999") + ",Training\n") ==
        ", line 2: expected pixel 1 to be a number from 0 to 255, got \"99999999999999\"");
  CHECK(complaint(header + good + good + "7," + pixels("1") + ",Training\n") ==
        ", line 4: expected an emotion from 0 to 6, got \"7\"");
  CHECK(complaint(header + "," + pixels("1") + ",Training\n") ==
        ", line 2: expected an emotion from 0 to 6, got \"\"");
  CHECK(complaint(header + "3," + pixels("1") + ",Test\n") ==
        ", line 2: expected the Usage Training, PublicTest or PrivateTest, got \"Test\"");
  CHECK(complaint(header + good + "a,b,c,d\n") == ", line 3: expected 3 columns, got 4");
  const TemporaryFolder folder;
  CHECK(message_of([&] { read_fer2013(folder.path("none.csv")); }) ==
        folder.path("none.csv") + ": cannot be read: No such file or directory");
}

TEST_CASE("fer2013.csv: a last line cut at any place is refused") {
  const std::string whole = header + good + "3," + pixels("1") + ",Training";
  CHECK(complaint(whole.substr(0, whole.size() - 1)) ==
        ", line 3: expected the Usage Training, PublicTest or PrivateTest, got \"Trainin\" (the "
        "file ends here, it was cut)");
  CHECK(complaint(whole.substr(0, whole.size() - 9)) ==
        ", line 3: expected 3 columns, got 2 (the file ends here, it was cut)");
  for (std::size_t cut = header.size() + good.size() + 1; cut < whole.size(); cut += 101)
    CHECK(complaint(whole.substr(0, cut)).find("it was cut") != std::string::npos);
}

TEST_CASE("fer2013.csv: a file without lines is refused in bounded memory") {
  CHECK(complaint(header + std::string(5 << 20, '1')) ==
        ", line 2: expected a line of at most 1048576 bytes, got a longer one");
}
