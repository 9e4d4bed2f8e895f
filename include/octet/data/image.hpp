// A picture in memory: one byte a sample, row by row, channels innermost.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "octet/core/aligned.hpp"
#include "octet/core/shape.hpp"

namespace octet::inline OCTET_ABI {

/// H x W x C bytes that somebody else owns. C is 1 for gray, 3 for red, green, blue.
struct ImageView {
  const std::uint8_t* pixels = nullptr;
  std::int64_t H = 0, W = 0, C = 0;

  std::int64_t bytes() const { return H * W * C; }
  Shape shape() const { return {H, W, C}; }
  std::uint8_t at(std::int64_t y, std::int64_t x, std::int64_t c = 0) const {
    OCTET_ASSERT(y >= 0 && y < H && x >= 0 && x < W && c >= 0 && c < C);
    return pixels[(y * W + x) * C + c];
  }
  std::span<const std::uint8_t> span() const { return {pixels, static_cast<std::size_t>(bytes())}; }
};

/// H x W x C bytes.
struct Image {
  std::int64_t H = 0, W = 0, C = 0;
  AlignedVector<std::uint8_t> pixels;

  Image() = default;
  /// Every byte is `value`.
  Image(std::int64_t H_, std::int64_t W_, std::int64_t C_, std::uint8_t value = 0)
      : H(H_), W(W_), C(C_) {
    pixels.assign(static_cast<std::size_t>(Shape{H, W, C}.elements()), value);
  }

  ImageView view() const { return {pixels.data(), H, W, C}; }
  operator ImageView() const { return view(); }
  std::uint8_t& at(std::int64_t y, std::int64_t x, std::int64_t c = 0) {
    OCTET_ASSERT(y >= 0 && y < H && x >= 0 && x < W && c >= 0 && c < C);
    return pixels[static_cast<std::size_t>((y * W + x) * C + c)];
  }
};

/// Turns a file into pixels, or fails with a sentence that names it. interop/image.hpp has one.
using ImageDecoder = std::function<Image(const std::string& path)>;

}  // namespace octet::inline OCTET_ABI
