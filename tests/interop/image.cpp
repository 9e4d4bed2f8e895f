#include "octet/interop/image.hpp"

#include <array>
#include <cmath>
#include <doctest/doctest.h>

#include "message_of.hpp"
#include "octet/data/ckplus.hpp"
#include "octet/data/image_folder.hpp"
#include "temporary_folder.hpp"

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

using octet::Channels;
using octet::Image;
using octet::read_image;

// Defined in another translation unit that includes the header, too.
Image read_image_elsewhere(const std::string& path);

namespace {

// Red grows to the right, green downwards, blue is 50.
Image colours(std::int64_t H, std::int64_t W) {
  Image image(H, W, 3, 50);
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x) {
      image.at(y, x, 0) = static_cast<std::uint8_t>(200 * x / W);
      image.at(y, x, 1) = static_cast<std::uint8_t>(200 * y / H);
    }
  return image;
}

enum class Format { png, jpeg, bmp };

std::string encode(const Image& image, Format format) {
  std::string bytes;
  const auto append = [](void* text, void* data, int count) {
    static_cast<std::string*>(text)->append(static_cast<const char*>(data),
                                            static_cast<std::size_t>(count));
  };
  const int W = static_cast<int>(image.W), H = static_cast<int>(image.H);
  const int C = static_cast<int>(image.C);
  if (format == Format::png)
    stbi_write_png_to_func(append, &bytes, W, H, C, image.pixels.data(), 0);
  if (format == Format::jpeg)
    stbi_write_jpg_to_func(append, &bytes, W, H, C, image.pixels.data(), 95);
  if (format == Format::bmp) stbi_write_bmp_to_func(append, &bytes, W, H, C, image.pixels.data());
  return bytes;
}

std::string complaint(const std::string& name, const std::string& bytes) {
  const TemporaryFolder folder;
  const std::string path = folder.write(name, bytes);
  const std::string message = message_of([&] { read_image(path); });
  if (message.empty()) return "";
  REQUIRE(message.compare(0, path.size(), path) == 0);
  return message.substr(path.size());
}

}  // namespace

TEST_CASE("PNG and BMP are read exactly, in colour; JPEG nearly") {
  const TemporaryFolder folder;
  const Image image = colours(13, 21);
  for (const Format format : {Format::png, Format::bmp}) {
    const Image read = read_image(folder.write("x", encode(image, format)), Channels::rgb);
    CHECK(read.view().shape() == octet::Shape{13, 21, 3});
    CHECK(read.pixels == image.pixels);
  }
  const Image lossy = read_image(folder.write("x.jpg", encode(image, Format::jpeg)), Channels::rgb);
  REQUIRE(lossy.pixels.size() == image.pixels.size());
  double difference = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    difference += std::abs(lossy.pixels[i] - image.pixels[i]);
  CHECK(difference / static_cast<double>(image.pixels.size()) < 5);
}

TEST_CASE("colour becomes gray by its luminance, gray stays") {
  const TemporaryFolder folder;
  Image image(1, 3, 3);
  image.at(0, 0, 0) = image.at(0, 1, 1) = image.at(0, 2, 2) = 255;
  const Image gray = read_image(folder.write("x.png", encode(image, Format::png)));
  REQUIRE(gray.C == 1);
  CHECK(std::abs(gray.pixels[0] - 0.30 * 255) < 2);
  CHECK(std::abs(gray.pixels[1] - 0.59 * 255) < 2);
  CHECK(std::abs(gray.pixels[2] - 0.11 * 255) < 2);
  const Image read = read_image(folder.write("x.pgm", "P5 # tones\n2 1\n255\n\x05\x7F"));
  CHECK(read.pixels == octet::AlignedVector<std::uint8_t>{5, 127});
  const Image wide = read_image(folder.write("x.pgm", "P5 2 1 255\n\x05\x7F"), Channels::rgb);
  CHECK(wide.pixels == octet::AlignedVector<std::uint8_t>{5, 5, 5, 127, 127, 127});
}

TEST_CASE("what is no picture is refused by name") {
  CHECK(complaint("text.png", "This is a text file, whatever it is called.") ==
        ": expected a picture (JPEG, PNG, BMP, or binary PGM or PPM), got something else");
  CHECK(complaint("empty.png", "") == ": expected a picture, got an empty file");
  CHECK(complaint("x.png", "\x89PNG and nothing more").find("cannot be decoded") !=
        std::string::npos);
  CHECK(complaint("x.jpg", "\xFF\xD8\xFF\xD9") != "");
  const TemporaryFolder folder;
  CHECK(message_of([&] { read_image(folder.path()); }).find(folder.path() + ": ") == 0);
  CHECK(message_of([&] { read_image(folder.path("none.png")); }) ==
        folder.path("none.png") + ": cannot be read: No such file or directory");
}

TEST_CASE("a picture cut at any byte is refused") {
  const Image image = colours(24, 24);
  for (const Format format : {Format::jpeg, Format::png, Format::bmp}) {
    const std::string whole = encode(image, format);
    REQUIRE(complaint("x", whole) == "");
    // The last chunk of a PNG holds no pixels; without its checksum the picture is still whole.
    const std::size_t whole_from = format == Format::png ? whole.size() - 12 : whole.size();
    for (std::size_t length = 0; length < whole_from; length += length < 700 ? 1 : 13)
      CHECK(complaint("x", whole.substr(0, length)) != "");
  }
  const std::string jpeg = encode(image, Format::jpeg);
  CHECK(complaint("x.jpg", jpeg.substr(0, jpeg.size() / 2)) ==
        ": the picture is cut, the file ends after " + std::to_string(jpeg.size() / 2) + " bytes");
  CHECK(complaint("x.ppm", "P6 2 2 255\n12345678901").find(": the picture is cut") == 0);
  CHECK(complaint("x.ppm", "P6 2 2 255\n123456789012") == "");
}

TEST_CASE("PGM and PPM whose samples are not from 0 to 255 are refused, and so are odd headers") {
  for (const std::string maximum : {"1", "15", "65535"})
    CHECK(complaint("x.ppm", "P6 48 48 " + maximum + "\n" + std::string(13824, 'x')) ==
          ": expected samples of which 255 is the largest, got a maximum of " + maximum);
  for (const char* const header : {"P5\n48 48\n0\n", "P5\n48 48\nx\n", "P5\n48 x 255\n", "P5"})
    CHECK(complaint("x.pgm", header) ==
          ": expected a header with width, height and maximum, each a number above 0");
  CHECK(complaint("x.pgm", "P5 # 1 1 255\r48 48 255\n1 1 255\nA").find(": the picture is cut") ==
        0);
}

TEST_CASE("a BMP is cut if rows are missing, whatever its header says of its size") {
  std::string bmp = encode(colours(5, 7), Format::bmp);
  for (const char* const size : {"\0\0\0\0", "\xFF\xFF\xFF\x7F"}) {
    bmp.replace(2, 4, size, 4);
    CHECK(complaint("x.bmp", bmp) == "");
    CHECK(complaint("x.bmp", bmp.substr(0, bmp.size() - 1)).find(": the picture is cut") == 0);
  }
  // The oldest header: 16 bits for each size, and 24 bits a pixel.
  const std::string old("BM\0\0\0\0\0\0\0\0\x1A\0\0\0\x0C\0\0\0\x01\0\x02\0\x01\0\x18\0", 26);
  CHECK(complaint("x.bmp", old + "123-456-") == "");
  CHECK(complaint("x.bmp", old + "123-456").find(": the picture is cut") == 0);
}

TEST_CASE("a JPEG whose Huffman tables are too large or cut is refused") {
  const std::string jpeg = encode(colours(8, 8), Format::jpeg);
  const std::size_t table = jpeg.find("\xFF\xC4") + 4;
  std::string large = jpeg;
  large.replace(table + 1, 2, "\xFF\xFF");
  CHECK(complaint("x.jpg", large).find(": expected a Huffman table of at most 256 codes, got ") ==
        0);
  std::string longer = jpeg;
  longer[table + 16] = '\xF0';
  CHECK(complaint("x.jpg", longer).find(": expected a Huffman table of ") == 0);
  // Data that stb_image reads on in, and where others see a segment that hides a table.
  const std::string hidden = jpeg.substr(0, jpeg.size() - 2) +
                             std::string("\xFF\xFF\0\0\x22\xFF\xC4", 7) +
                             large.substr(table - 2, 30) + "\xFF\xD9";
  CHECK(complaint("x.jpg", hidden).find(": the picture is cut") == 0);
}

TEST_CASE("a header that promises too much allocates nothing") {
  std::string png = encode(colours(2, 2), Format::png);
  // Width and height, big-endian, become 10,000.
  png.replace(16, 8, std::string("\0\0\x27\x10\0\0\x27\x10", 8));
  CHECK(complaint("x.png", png) ==
        ": expected a picture of 1 to 67108864 pixels, got 10000 x 10000");
}

TEST_CASE("two translation units may include the header") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x.png", encode(colours(5, 5), Format::png));
  CHECK(read_image_elsewhere(path).pixels == read_image(path).pixels);
}

TEST_CASE("image folders through stb_image, any size and colour, to 48 x 48 gray") {
  const TemporaryFolder folder;
  folder.write("train/happy/a.png", encode(colours(100, 80), Format::png));
  folder.write("train/sad/b.jpg", encode(colours(48, 48), Format::jpeg));
  octet::ImageFolderOptions options = {.H = 48, .W = 48};
  const octet::Splits splits =
      octet::read_image_folder(folder.path(), octet::image_decoder(), options);
  CHECK(splits.train.size() == 2);
  CHECK(splits.train.image_shape() == octet::Shape{48, 48, 1});
  const std::string bad = folder.write("train/sad/c.png", "just text");
  CHECK(message_of(
            [&] { octet::read_image_folder(folder.path(), octet::image_decoder(), options); }) ==
        bad + ": expected a picture (JPEG, PNG, BMP, or binary PGM or PPM), got something else");
}

TEST_CASE("the real folders of FER2013 and CK+ are read") {
  const std::string shared = shared_folder() + "/data/";
  if (!std::filesystem::exists(shared + "ckplus/ckplus.tar")) {
    MESSAGE("skipped: the archives are not in ", shared);
    return;
  }
  const TemporaryFolder folder;
  const auto unpack = [&](const std::string& archive) {
    const std::string command = "tar -xf '" + shared + archive + "' -C '" + folder.path() + "'";
    REQUIRE(std::system(command.c_str()) == 0);
  };
  unpack("ckplus/ckplus.tar");
  const octet::CkPlus ckplus = octet::read_ckplus(folder.path(), octet::image_decoder(),
                                                  {.contempt = octet::Contempt::keep});
  CHECK(ckplus.images.size() == 981);
  CHECK(ckplus.images.image_shape() == octet::Shape{48, 48, 1});
  CHECK(octet::folds_by_subject(ckplus, 118).size() == 118);
  for (const octet::Fold& fold : octet::folds_by_subject(ckplus, 10))
    octet::check_subjects(ckplus, fold);
  std::filesystem::remove_all(folder.path("CK+48"));
  unpack("fer2013/fer2013_folders_sample.tar");
  std::string root = folder.path();
  if (!octet::is_folder(root + "/train"))
    root += "/" + octet::directory_entries(root, octet::EntryKind::folder).at(0);
  const octet::Splits splits = octet::read_image_folder(
      root, octet::image_decoder(), {.class_names = octet::fer2013_class_names()});
  CHECK(splits.train.size() + splits.test.size() == 560);
  CHECK(splits.train.image_shape() == octet::Shape{48, 48, 1});
}
