// Pictures of any size in JPEG, PNG, BMP, PGM or PPM, decoded by stb_image. Not part of octet.hpp,
// because it needs stb_image.h (Debian: libstb-dev).
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/core/file.hpp"
#include "octet/data/image.hpp"

// STB_IMAGE_STATIC gives every translation unit functions of its own, so that two of them link,
// even beside a third that has stb_image for itself. Its code is not ours to keep free of warnings.
#if !defined(STB_IMAGE_IMPLEMENTATION)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb/stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace octet::inline OCTET_ABI {

/// What a decoded picture consists of; colour becomes gray by 0.30 R + 0.59 G + 0.11 B.
enum class Channels { gray = 1, rgb = 3 };

[[noreturn]] inline void fail_cut(std::span<const unsigned char> bytes, const std::string& path) {
  fail(path, ": the picture is cut, the file ends after ", bytes.size(), " bytes");
}

/// Fails unless the Huffman tables of a JPEG segment fill it, each of at most 256 codes: stb_image
/// writes more of them than it has room for.
inline void check_huffman_tables(std::span<const unsigned char> segment, const std::string& path) {
  while (!segment.empty()) {
    std::size_t codes = 0;
    for (std::size_t i = 1; i < 17 && i < segment.size(); ++i) codes += segment[i];
    if (codes > 256)
      fail(path, ": expected a Huffman table of at most 256 codes, got one of ", codes);
    if (segment.size() < 17 + codes)
      fail(path, ": expected a Huffman table of ", 17 + codes, " bytes, got ", segment.size());
    segment = segment.subspan(17 + codes);
  }
}

/// Fails unless a JPEG file has its end-of-image marker. stb_image fills up what is missing of a
/// picture without a word, so the segments are walked here.
inline void check_jpeg(std::span<const unsigned char> bytes, const std::string& path) {
  std::size_t at = 2;
  while (at + 1 < bytes.size()) {
    if (bytes[at] != 0xFF) break;
    const unsigned marker = bytes[at + 1];
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    if (marker == 0xD9) return;
    // Behind fill bytes stb_image takes a stuffed zero for data.
    if (marker == 0) break;
    at += 2;
    if (marker >= 0xD0 && marker <= 0xD7) continue;
    if (at + 1 >= bytes.size()) break;
    const std::size_t length = std::size_t{bytes[at]} << 8 | bytes[at + 1];
    if (length < 2 || length > bytes.size() - at) break;
    if (marker == 0xC4) check_huffman_tables(bytes.subspan(at + 2, length - 2), path);
    at += length;
    if (marker != 0xDA) continue;
    // Compressed data until a marker that is neither a stuffed zero nor a restart.
    while (at + 1 < bytes.size() && !(bytes[at] == 0xFF && bytes[at + 1] != 0 &&
                                      !(bytes[at + 1] >= 0xD0 && bytes[at + 1] <= 0xD7)))
      ++at;
  }
  fail_cut(bytes, path);
}

/// Fails unless a binary PNM file is whole, of one byte a sample. stb_image does not look at the
/// maximum of the samples, and takes more than there is memory for where they have two bytes.
inline void check_pnm(std::span<const unsigned char> bytes, const std::string& path) {
  std::size_t at = 2;
  std::int64_t numbers[3] = {};
  for (std::int64_t& number : numbers) {
    while (at < bytes.size() && (std::isspace(bytes[at]) || bytes[at] == '#'))
      if (bytes[at++] == '#')
        while (at < bytes.size() && bytes[at] != '\n' && bytes[at] != '\r') ++at;
    while (at < bytes.size() && std::isdigit(bytes[at]) && number < 1000000)
      number = 10 * number + (bytes[at++] - '0');
    if (number == 0)
      fail(path, ": expected a header with width, height and maximum, each a number above 0");
  }
  if (numbers[2] != 255)
    fail(path, ": expected samples of which 255 is the largest, got a maximum of ", numbers[2]);
  const std::int64_t samples = numbers[0] * numbers[1] * (bytes[1] == '6' ? 3 : 1);
  if (static_cast<std::int64_t>(at) + 1 + samples > static_cast<std::int64_t>(bytes.size()))
    fail_cut(bytes, path);
}

/// Fails unless a BMP file holds all rows. The size in its header is not asked: it may be 0.
inline void check_bmp(std::span<const unsigned char> bytes, std::int64_t H, std::int64_t W,
                      const std::string& path) {
  const auto number = [&](std::size_t at, std::size_t size) {
    std::int64_t value = 0;
    for (std::size_t i = 0; i < size && at + i < bytes.size(); ++i)
      value |= std::int64_t{bytes[at + i]} << (8 * i);
    return value;
  };
  const std::int64_t offset = number(10, 4), bits = number(number(14, 4) == 12 ? 24 : 28, 2);
  const std::int64_t row_bytes = (W * bits + 31) / 32 * 4;
  if (offset + H * row_bytes > static_cast<std::int64_t>(bytes.size())) fail_cut(bytes, path);
}

/// Decodes a JPEG, PNG, BMP, PGM or PPM file. Fails with a sentence that names it if it cannot be
/// read, is no such picture, or ends too early.
inline Image read_image(const std::string& path, Channels channels = Channels::gray) {
  constexpr std::uint64_t most_bytes = std::uint64_t{1} << 28;
  constexpr std::int64_t most_pixels = std::int64_t{1} << 26;
  const AlignedVector<std::byte> file = read_file(path, most_bytes);
  const std::span<const unsigned char> bytes(reinterpret_cast<const unsigned char*>(file.data()),
                                             file.size());
  if (bytes.empty()) fail(path, ": expected a picture, got an empty file");

  const auto begins_with = [&](std::string_view start) {
    return bytes.size() >= start.size() &&
           std::memcmp(bytes.data(), start.data(), start.size()) == 0;
  };
  const bool jpeg = begins_with("\xFF\xD8\xFF"), bmp = begins_with("BM");
  const bool pnm = begins_with("P5") || begins_with("P6");
  if (!jpeg && !bmp && !pnm && !begins_with("\x89PNG"))
    fail(path, ": expected a picture (JPEG, PNG, BMP, or binary PGM or PPM), got something else");
  if (jpeg) check_jpeg(bytes, path);
  if (pnm) check_pnm(bytes, path);

  const int count = static_cast<int>(bytes.size()), wanted = static_cast<int>(channels);
  int W = 0, H = 0, stored = 0;
  if (!stbi_info_from_memory(bytes.data(), count, &W, &H, &stored))
    fail(path, ": the picture's header cannot be decoded: ", stbi_failure_reason());
  if (W < 1 || H < 1 || std::int64_t{W} * H > most_pixels)
    fail(path, ": expected a picture of 1 to ", most_pixels, " pixels, got ", W, " x ", H);
  if (bmp) check_bmp(bytes, H, W, path);
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes.data(), count, &W, &H, &stored, wanted), &stbi_image_free);
  if (!pixels) fail(path, ": the picture cannot be decoded: ", stbi_failure_reason());
  Image image(H, W, wanted);
  std::copy_n(pixels.get(), image.pixels.size(), image.pixels.begin());
  return image;
}

/// read_image as an ImageDecoder, for read_image_folder and read_ckplus.
inline ImageDecoder image_decoder(Channels channels = Channels::gray) {
  return [channels](const std::string& path) { return read_image(path, channels); };
}

}  // namespace octet::inline OCTET_ABI
