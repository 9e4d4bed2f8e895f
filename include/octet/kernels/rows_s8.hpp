// Images converted row by row, for kernels of three rows of taps.
#pragma once

#include "octet/kernels/lines_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The three rows of the taps of a row of the output.
struct RowsS8 {
  const std::byte* row[3];
};

/// The rows of images, converted and with their border, just before they are needed: no more are
/// kept than the taps of one row of the output span. Measured: depthwise convolutions of 3x3 so
/// take up to a fifth less time than if all rows of an image were converted first.
class ConvertedRowsS8 {
 public:
  /// Rows that take more are converted ahead, all of them.
  static constexpr std::int64_t most_bytes = 32 << 10;

  static bool fit(const Conv2dShape& s) {
    return (2 * s.dilation_h + 1) * PaddedS8(s, 1).row_bytes + 64 <= most_bytes;
  }

  /// The work must outlive this, and its rows fit.
  explicit ConvertedRowsS8(const LinesS8& work)
      : work_(work), padded_(work.shape, 1), count_(2 * work.shape.dilation_h + 1) {}

  /// The rows that row oh of the output sees, which follows the one before or is another image's.
  RowsS8 rows(const std::int8_t* image, std::int64_t oh) noexcept {
    const Conv2dShape& s = work_.shape;
    const std::int64_t first = oh * s.stride_h, last = first + 2 * s.dilation_h;
    if (image != image_) image_ = image, next_ = first;
    for (next_ = (std::max)(next_, first); next_ <= last; ++next_)
      convert_row_s8(work_, padded_, image, next_, bytes_ + next_ % count_ * padded_.row_bytes);
    return {{bytes_ + first % count_ * padded_.row_bytes,
             bytes_ + (first + s.dilation_h) % count_ * padded_.row_bytes,
             bytes_ + last % count_ * padded_.row_bytes}};
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
  return {{first, first + step, first + 2 * step}};
}

}  // namespace octet::inline OCTET_ABI::kernels
