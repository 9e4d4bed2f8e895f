// How a kernel shares its work: with the threads it was given, or with nobody.
#pragma once

#include <cstdint>

#include "octet/core/thread_pool.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Calls body(begin, end) for disjoint ranges that cover [0, count), each of at most `grain`
/// indices, on the threads of `pool`; on the caller's alone when `pool` is null.
template <class Body>
void over_ranges(ThreadPool* pool, std::int64_t count, std::int64_t grain, Body&& body) {
  if (pool) {
    pool->parallel_for(count, grain, body);
    return;
  }
  for (std::int64_t begin = 0; begin < count; begin += grain)
    body(begin, (std::min)(begin + grain, count));
}

}  // namespace octet::inline OCTET_ABI::kernels
