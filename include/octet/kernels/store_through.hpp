// Whether a kernel's results are worth a place in the caches.
#pragma once

#include <algorithm>
#include <cstdint>

#include "octet/core/config.hpp"
#include "octet/kernels/memory_traffic.hpp"
#if OCTET_X86
#include <xmmintrin.h>
#endif

namespace octet::inline OCTET_ABI::kernels {

/// Whether results go to the caches, or past them to memory, which saves reading what is there.
enum class StoreThrough { caches, memory };

/// Results of more than 32 MiB would be gone from the caches before anybody reads them.
constexpr StoreThrough stores_through(std::int64_t floats) {
  return floats > std::int64_t(8) << 20 ? StoreThrough::memory : StoreThrough::caches;
}

/// Whether rows of so many floats from `to` on go past the caches vector by vector: they must be
/// whole cache lines, which are whole vectors of any instruction set.
inline bool streams_rows(StoreThrough through, const float* to, std::int64_t floats) {
  return through == StoreThrough::memory && floats % MemoryTraffic::line == 0 &&
         reinterpret_cast<std::uintptr_t>(to) % (MemoryTraffic::line * sizeof(float)) == 0;
}
/// Orders stores past the caches before those that tell others of them.
inline void stream_fence() {
#if OCTET_X86
  _mm_sfence();
#endif
}

/// to = from, which is in the first two caches.
template <class = WhenUsed>
void copy_through([[maybe_unused]] StoreThrough through, std::int64_t count, const float* from,
                  float* to) {
#if OCTET_X86
  if (through == StoreThrough::memory && reinterpret_cast<std::uintptr_t>(to) % 16 == 0) {
    std::int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
      _mm_stream_ps(to + i, _mm_loadu_ps(from + i));
      _mm_stream_ps(to + i + 4, _mm_loadu_ps(from + i + 4));
      _mm_stream_ps(to + i + 8, _mm_loadu_ps(from + i + 8));
      _mm_stream_ps(to + i + 12, _mm_loadu_ps(from + i + 12));
    }
    std::copy(from + i, from + count, to + i);
    stream_fence();
    return;
  }
#endif
  if (from != to) std::copy(from, from + count, to);
}

/// After a kernel wrote to `from`: a fence if it streamed the same to `to` already, else a copy.
template <class = WhenUsed>
void finish_stores(const MemoryTraffic& traffic, StoreThrough through, std::int64_t count,
                   const float* from, float* to) {
  if (traffic.streamed())
    stream_fence();
  else
    copy_through(through, count, from, to);
}

}  // namespace octet::inline OCTET_ABI::kernels
