// What moves between memory and the caches while a kernel multiplies, a cache line at a time, so
// that memory and arithmetic work together and not one after the other. Training of narrow layers
// lives from it: a step of mobilenet_v2 takes four fifths of the time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octet/core/config.hpp"
#include "octet/kernels/vector/unroll.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Up to three pieces of memory that are read next, and where results go besides the caches.
class MemoryTraffic {
 public:
  /// The floats of a cache line.
  static constexpr std::int64_t line = 16;

  /// Adds a piece that is read next; none if it has no floats.
  void want(const float* first, std::int64_t floats) {
    if (floats > 0) pieces_[count_++] = {first, floats};
  }
  bool wants_nothing() const { return count_ == 0; }
  /// Where the next `floats` of a piece begin, for fetch_lines(); nullptr if nothing is left. They
  /// may reach beyond its end: to fetch what is not there does nothing.
  const float* take(std::int64_t floats) {
    if (count_ == 0) return nullptr;
    Piece& piece = pieces_[count_ - 1];
    const float* const first = piece.first;
    piece.first += floats;
    piece.floats -= floats;
    if (piece.floats <= 0) --count_;
    return first;
  }

  /// Results go past the caches, too, so many floats from where they are stored; 0 for nowhere.
  void stream(std::ptrdiff_t offset) { streamed_ = offset; }
  std::ptrdiff_t streamed() const { return streamed_; }

 private:
  struct Piece {
    const float* first;
    std::int64_t floats;
  };
  Piece pieces_[3];
  int count_ = 0;
  std::ptrdiff_t streamed_ = 0;
};

/// Fetches so many lines at `next` into the second cache, unless that is null. Returns what follows
/// them. Not inlined, GCC would see a function without effect and drop the call.
template <int lines>
__attribute__((always_inline)) inline const float* fetch_lines(const float* next) {
  if (!next) return next;
  OCTET_UNROLL for (int i = 0; i < lines; ++i) {
    __builtin_prefetch(next + i * MemoryTraffic::line, 0, 2);
  }
  return next + lines * MemoryTraffic::line;
}

/// What a kernel streams that may have been told nothing of memory.
inline std::ptrdiff_t streamed(const MemoryTraffic* traffic) {
  return traffic ? traffic->streamed() : 0;
}
/// The same for what it fetches.
inline const float* take(MemoryTraffic* traffic, std::int64_t floats) {
  return traffic ? traffic->take(floats) : nullptr;
}

}  // namespace octet::inline OCTET_ABI::kernels
