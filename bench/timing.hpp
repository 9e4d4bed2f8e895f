// Times, to take the median of.
#pragma once

#include <chrono>
#include <ctime>

#include "octet/core/median.hpp"

namespace bench {

using octet::median;

/// The seconds that this thread has used of a processor: what others do on a busy machine does not
/// count.
inline double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The seconds on the wall that body() takes.
template <class Body>
double seconds_of(Body&& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace bench
