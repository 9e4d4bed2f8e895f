// Memory that starts on a cache line, as every kernel expects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "octet/core/config.hpp"
#include "octet/core/memory_pages.hpp"

namespace octet::inline OCTET_ABI {

/// A cache line and an AVX-512 register, in bytes.
inline constexpr std::size_t alignment = 64;

/// The allocator behind AlignedVector.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* const memory = ::operator new(bytes, alignment_of(bytes));
    if (bytes >= large_page) prefer_large_pages(memory, bytes);
    if (bytes >= populated_memory && bytes < unpopulated_memory) populate(memory, bytes);
    return static_cast<T*>(memory);
  }
  void deallocate(T* pointer, std::size_t count) {
    ::operator delete(pointer, alignment_of(count * sizeof(T)));
  }
  static std::align_val_t alignment_of(std::size_t bytes) {
    return std::align_val_t(bytes >= large_page ? large_page : alignment);
  }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};

/// A std::vector whose first element is 64-byte aligned.
template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// The smallest multiple of `step` that is at least `value`.
constexpr std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}
/// How many pieces of `step` cover `value`.
constexpr std::int64_t pieces(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step;
}

}  // namespace octet::inline OCTET_ABI
