#include "octet/data/image_folder.hpp"

#include <doctest/doctest.h>
#include <filesystem>

#include "message_of.hpp"
#include "octet/core/file.hpp"
#include "temporary_folder.hpp"

using octet::Image;
using octet::read_image_folder;
using octet::Splits;

namespace {

// Stands for a decoder: the file's size is the picture's side, its first byte the tone.
Image decode(const std::string& path) {
  const auto bytes = octet::read_file(path);
  const std::int64_t side = static_cast<std::int64_t>(bytes.size());
  return Image(side, side, 1, static_cast<std::uint8_t>(bytes[0]));
}

std::string complaint(const TemporaryFolder& folder,
                      const octet::ImageFolderOptions& options = {}) {
  std::string message = message_of([&] { read_image_folder(folder.path(), decode, options); });
  for (std::size_t at; (at = message.find(folder.path())) != message.npos;)
    message.replace(at, folder.path().size(), "DATA");
  return message;
}

}  // namespace

TEST_CASE("image folders: splits, classes in alphabetical order, files in order of their names") {
  const TemporaryFolder folder;
  folder.write("train/sad/2.jpg", "bb");
  folder.write("train/sad/1.JPG", "aa");
  folder.write("train/angry/x.png", "cc");
  folder.write("train/angry/notes.txt", "no picture");
  folder.write("train/angry/.hidden.png", "no picture");
  folder.write("val/sad/v.png", "vv");
  folder.write("test/angry/t.jpeg", "tt");
  const Splits splits = read_image_folder(folder.path(), decode);
  CHECK(splits.train.class_names == std::vector<std::string>{"angry", "sad"});
  CHECK(splits.train.labels == std::vector<std::int32_t>{0, 1, 1});
  CHECK(splits.train.image(0).at(0, 0) == 'c');
  CHECK(splits.train.image(1).at(0, 0) == 'a');
  CHECK(splits.train.image(2).at(1, 1) == 'b');
  CHECK(splits.validation.labels == std::vector<std::int32_t>{1});
  CHECK(splits.test.labels == std::vector<std::int32_t>{0});
  CHECK(splits.test.class_names == splits.train.class_names);
}

TEST_CASE("image folders: given class names decide the labels, whatever their case") {
  const TemporaryFolder folder;
  folder.write("sad/1.png", "aa");
  folder.write("ANGRY/1.png", "bb");
  const Splits splits =
      read_image_folder(folder.path(), decode, {.class_names = {"Sad", "Happy", "Angry"}});
  CHECK(splits.train.labels == std::vector<std::int32_t>{2, 0});
  CHECK(splits.train.classes() == 3);
  CHECK(splits.validation.size() == 0);
  CHECK(splits.test.size() == 0);
}

TEST_CASE("image folders: pictures of other sizes are resized when a size is given") {
  const TemporaryFolder folder;
  folder.write("a/1.png", "aa");
  folder.write("a/2.png", "aaaaa");
  const Splits splits = read_image_folder(folder.path(), decode, {.H = 4, .W = 3});
  CHECK(splits.train.image_shape() == octet::Shape{4, 3, 1});
  CHECK(splits.train.image(1).at(3, 2) == 'a');
  CHECK(complaint(folder) ==
        "DATA/a/2.png: expected an image of shape [2, 2, 1] like those before it, got [5, 5, 1]; "
        "give a size to have all resized");
  CHECK(complaint(folder, {.H = 4}) ==
        "image_folder: expected a height and a width, or neither, got 4 x 0");
}

TEST_CASE("image folders: class names that differ only in case are refused") {
  const TemporaryFolder folder;
  folder.write("Angry/1.png", "aa");
  CHECK(complaint(folder, {.class_names = {"angry", "Sad", "sad"}}) ==
        "DATA: expected classes whose names differ in more than upper and lower case, got \"Sad\" "
        "and \"sad\"");
  folder.write("angry/1.png", "bb");
  // A file system without regard to case makes both one folder.
  if (octet::directory_entries(folder.path(), octet::EntryKind::folder).size() == 2)
    CHECK(complaint(folder) ==
          "DATA: expected classes whose names differ in more than upper and lower case, got "
          "\"Angry\" and \"angry\"");
}

TEST_CASE("image folders: faults are told") {
  const TemporaryFolder folder;
  CHECK(complaint(folder) ==
        "DATA: expected a folder of images for each class (such as DATA/angry/1.jpg), found no "
        "image");
  folder.write("angry/readme.txt", "nothing here");
  CHECK(complaint(folder) ==
        "DATA: expected a folder of images for each class (such as DATA/angry/1.jpg), found no "
        "image");
  folder.write("angry/1.png", "aa");
  folder.write("trained/history.csv", "no picture");
  CHECK(complaint(folder) == "DATA/trained: expected pictures of this class, found none");
  CHECK(complaint(folder, {.class_names = {"angry", "trained"}}) == "");
  std::filesystem::remove_all(folder.path("trained"));
  folder.write("t\xEAte/1.png", "aa");
  CHECK(complaint(folder) == "DATA: expected classes whose names are UTF-8, got \"t\xEAte\"");
  std::filesystem::remove_all(folder.path("t\xEAte"));
  folder.write("t\xC3\xAAte/1.png", "aa");
  CHECK(complaint(folder) == "");
  std::filesystem::remove_all(folder.path("t\xC3\xAAte"));
  CHECK(complaint(folder, {.class_names = {"Happy", "Sad"}}) ==
        "DATA: expected folders named after the classes Happy, Sad, found \"angry\"");
  folder.write("test/angry/1.png", "aa");
  CHECK(complaint(folder) ==
        "DATA: expected a folder named train beside the one named test, found none");
  folder.write("train/sad/1.png", "aa");
  CHECK(complaint(folder) ==
        "DATA/test: expected folders named after the classes sad, found \"angry\"");
  folder.write("train/angry/1.png", "bb");
  folder.write("test/angry/1.png", "ccc");
  CHECK(complaint(folder) ==
        "DATA/test: expected images of shape [2, 2, 1] like those in train, got [3, 3, 1]; give a "
        "size to have all resized");
  CHECK(message_of([&] { read_image_folder(folder.path("none"), decode); }) ==
        folder.path("none") + ": cannot be read as a folder: No such file or directory");
}
