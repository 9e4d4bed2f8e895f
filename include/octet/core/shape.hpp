// The extents of a tensor, outermost first: {H, W, C} or {N, H, W, C}.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

/// Up to eight extents, each at least 0. The product is checked, so elements() never overflows.
class Shape {
 public:
  static constexpr int max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents)
      : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const std::int64_t> extents) {
    if (extents.size() > max_rank)
      fail("shape: a tensor has at most ", max_rank, " dimensions, got ", extents.size());
    std::int64_t product = 1;
    for (const std::int64_t extent : extents) {
      if (extent < 0) fail("shape: expected extents of at least 0, got ", extent);
      if (extent > 0 && product > (std::numeric_limits<std::int64_t>::max)() / extent)
        fail("shape: the number of elements does not fit into 64 bits");
      product *= extent;
      extents_[static_cast<std::size_t>(rank_++)] = extent;
    }
  }

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const {
    OCTET_ASSERT(axis >= 0 && axis < rank_);
    return extents_[static_cast<std::size_t>(axis)];
  }
  std::int64_t back() const { return (*this)[rank_ - 1]; }
  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }

  /// The product of all extents; 1 for a scalar, which has none.
  std::int64_t elements() const {
    std::int64_t product = 1;
    for (const std::int64_t extent : *this) product *= extent;
    return product;
  }

  /// {N, this...}: the shape of a batch of N tensors of this shape.
  Shape with_batch(std::int64_t N) const {
    std::array<std::int64_t, max_rank + 1> extents{N};
    std::copy(begin(), end(), extents.begin() + 1);
    return Shape(std::span(extents.data(), static_cast<std::size_t>(rank_) + 1));
  }
  /// This shape without its first extent: the shape of one tensor of a batch.
  Shape without_batch() const {
    OCTET_ASSERT(rank_ > 0);
    return Shape(std::span(begin() + 1, static_cast<std::size_t>(rank_) - 1));
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  template <class = WhenUsed>
  friend std::string to_text(const Shape& shape) {
    std::string text = "[";
    for (int axis = 0; axis < shape.rank(); ++axis)
      text += (axis ? ", " : "") + std::to_string(shape[axis]);
    return text + "]";
  }

 private:
  std::array<std::int64_t, max_rank> extents_{};
  int rank_ = 0;
};

}  // namespace octet::inline OCTET_ABI
