// Tensor owns its elements, TensorView does not. Both are contiguous, outermost dimension first.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <utility>

#include "octet/core/aligned.hpp"
#include "octet/core/shape.hpp"

namespace octet::inline OCTET_ABI {

/// A pointer and a shape. Copying it copies no elements. An empty view has no data.
template <class T>
class TensorView {
 public:
  TensorView() = default;
  TensorView(T* data, const Shape& shape) : data_(data), shape_(shape) {}
  /// A view of T is a view of const T.
  template <class U>
  requires(std::is_same_v<const U, T>) TensorView(const TensorView<U>& other)
      : data_(other.data()), shape_(other.shape()) {}

  T* data() const { return data_; }
  const Shape& shape() const { return shape_; }
  std::int64_t elements() const { return data_ ? shape_.elements() : 0; }
  bool empty() const { return data_ == nullptr; }
  T& operator[](std::int64_t index) const {
    OCTET_ASSERT(index >= 0 && index < elements());
    return data_[index];
  }
  T* begin() const { return data_; }
  T* end() const { return data_ + elements(); }

  /// The same elements in another shape of as many elements.
  TensorView reshaped(const Shape& shape) const {
    if (shape.elements() != shape_.elements())
      fail("reshape: ", shape_, " has ", shape_.elements(), " elements, ", shape, " has ",
           shape.elements());
    return {data_, shape};
  }
  /// Rows [first, first + count) of the outermost dimension.
  TensorView rows(std::int64_t first, std::int64_t count) const {
    OCTET_ASSERT(shape_.rank() > 0 && first >= 0 && count >= 0 && first + count <= shape_[0]);
    const Shape row = shape_.without_batch();
    return {data_ + first * row.elements(), row.with_batch(count)};
  }

 private:
  T* data_ = nullptr;
  Shape shape_;
};

/// A tensor of T, 64-byte aligned; copying it copies its elements, moving it is cheap.
template <class T>
class Tensor {
 public:
  Tensor() = default;
  /// Every element is `value`.
  explicit Tensor(const Shape& shape, T value = T{})
      : data_(static_cast<std::size_t>(shape.elements()), value), shape_(shape) {}
  /// The elements in memory order; their number must fit the shape.
  Tensor(const Shape& shape, std::initializer_list<T> values) : data_(values), shape_(shape) {
    if (static_cast<std::int64_t>(values.size()) != shape.elements())
      fail("tensor: shape ", shape, " has ", shape.elements(), " elements, got ", values.size(),
           " values");
  }

  T* data() { return data_.data(); }
  const T* data() const { return data_.data(); }
  const Shape& shape() const { return shape_; }
  std::int64_t elements() const { return static_cast<std::int64_t>(data_.size()); }
  bool empty() const { return data_.empty(); }
  T& operator[](std::int64_t index) { return data_[static_cast<std::size_t>(index)]; }
  const T& operator[](std::int64_t index) const { return data_[static_cast<std::size_t>(index)]; }
  T* begin() { return data(); }
  T* end() { return data() + elements(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + elements(); }
  void fill(T value) { std::fill(begin(), end(), value); }

  TensorView<T> view() { return {data(), shape_}; }
  TensorView<const T> view() const { return {data(), shape_}; }
  operator TensorView<T>() { return view(); }
  operator TensorView<const T>() const { return view(); }

  friend bool operator==(const Tensor& a, const Tensor& b) {
    return a.shape_ == b.shape_ && a.data_ == b.data_;
  }

 private:
  AlignedVector<T> data_;
  Shape shape_;
};

}  // namespace octet::inline OCTET_ABI
