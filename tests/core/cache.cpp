#include "octet/core/cache.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

TEST_CASE("cache: kernels count on 128 KiB to 2 MiB, the same each time") {
  const std::int64_t bytes = octet::second_cache_bytes();
  CHECK(bytes >= 128 * 1024);
  CHECK(bytes <= 2048 * 1024);
  CHECK(octet::second_cache_bytes() == bytes);
}

#if defined(_SC_LEVEL2_CACHE_SIZE)
TEST_CASE("cache: the second cache is as large as the system says, if it knows") {
  const long known = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (known <= 0) return;
  CHECK(octet::reported_second_cache_bytes() == known);
}
#endif
