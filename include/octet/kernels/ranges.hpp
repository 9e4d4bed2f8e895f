// How a kernel shares its work: with the threads it was given, or with nobody.
#pragma once

#include <algorithm>
#include <atomic>
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

/// So many workers may own memory in over_jobs().
inline std::int64_t most_workers() {
  static const std::int64_t count = (std::max)(4, hardware_threads());
  return count;
}

/// Calls body(worker, job) for every job, each worker on one thread at a time. So a worker may own
/// memory, and which one gets a job changes no result.
template <class Body>
void over_jobs(ThreadPool* pool, std::int64_t workers, std::int64_t jobs, const Body& body) {
  std::atomic<std::int64_t> next{0};
  over_ranges(pool, (std::min)(workers, jobs), 1, [&](std::int64_t worker, std::int64_t) {
    for (std::int64_t job; (job = next.fetch_add(1, std::memory_order_relaxed)) < jobs;)
      body(worker, job);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
