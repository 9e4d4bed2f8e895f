// Images converted row by row, for kernels of three rows of taps.
#pragma once

#include "octet/kernels/lines_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The three rows of the taps of a row of the output, and the one behind them, which the next row
/// of the output also sees where stride and dilation are 1.
struct RowsS8 {
  const std::byte* row[4];
};

/// The rows of images, converted and with their border, just before they are needed: no more are
/// kept than the taps of two rows of the output span. Measured: depthwise convolutions of 3x3 so
/// take up to a fifth less time than if all rows of an image were converted first.
class ConvertedRowsS8 {
 public:
  /// Rows that take more are converted ahead, all of them.
  static constexpr std::int64_t most_bytes = 32 << 10;

  static bool fit(const Conv2dShape& s) {
    return (2 * s.dilation_h + 2) * PaddedS8(s, 1).row_bytes + 64 <= most_bytes;
  }

  /// The work must outlive this, and its rows fit.
  explicit ConvertedRowsS8(const LinesS8& work)
      : work_(work), padded_(work.shape, 1), count_(2 * work.shape.dilation_h + 2) {}

  /// The rows that `count` rows of the output see, one or two from row oh on, which follows those
  /// before or is another image's.
  RowsS8 rows(const std::int8_t* image, std::int64_t oh, std::int64_t count) noexcept {
    const Conv2dShape& s = work_.shape;
    const std::int64_t first = oh * s.stride_h, last = first + 2 * s.dilation_h + count - 1;
    if (image != image_) image_ = image, next_ = first;
    const std::int64_t begin = first % count_;
    const auto row = [&](std::int64_t at) {
      const std::int64_t slot = begin + at - first;
      return bytes_ + (slot < count_ ? slot : slot - count_) * padded_.row_bytes;
    };
    for (next_ = (std::max)(next_, first); next_ <= last; ++next_)
      convert_row_s8(work_, padded_, image, next_, row(next_));
    return {{row(first), row(first + s.dilation_h), row(first + 2 * s.dilation_h), row(last)}};
  }

 private:
  const LinesS8& work_;
  PaddedS8 padded_;
  std::int64_t count_, next_ = 0;
  const std::int8_t* image_ = nullptr;
  alignas(64) std::byte bytes_[most_bytes];
};

/// All rows of an image, converted before.
inline RowsS8 rows_of(const Conv2dShape& s, const PaddedS8& padded, const std::byte* image,
                      std::int64_t oh) {
  const std::byte* const first = image + oh * s.stride_h * padded.row_bytes;
  const std::int64_t step = s.dilation_h * padded.row_bytes;
  return {{first, first + step, first + 2 * step, first + 3 * step}};
}

}  // namespace octet::inline OCTET_ABI::kernels
