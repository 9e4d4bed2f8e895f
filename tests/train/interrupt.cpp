#include "octet/train/interrupt.hpp"

#include <doctest/doctest.h>
#include <initializer_list>

TEST_CASE("the first signal is noted, a second one of either kind ends the process") {
  for (const int first : {SIGINT, SIGTERM}) {
    const octet::InterruptGuard guard;
    CHECK(!guard.requested());
    std::raise(first);
    CHECK(guard.requested());
    CHECK((std::signal(SIGINT, SIG_DFL) == SIG_DFL));
    CHECK((std::signal(SIGTERM, SIG_DFL) == SIG_DFL));
  }
}
