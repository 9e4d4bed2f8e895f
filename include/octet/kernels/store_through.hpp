// Whether a kernel's results are worth a place in the caches.
#pragma once

#include <algorithm>
#include <cstdint>

#include "octet/core/config.hpp"
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
    // Orders these stores before those that tell others of them.
    _mm_sfence();
    return;
  }
#endif
  if (from != to) std::copy(from, from + count, to);
}

}  // namespace octet::inline OCTET_ABI::kernels
