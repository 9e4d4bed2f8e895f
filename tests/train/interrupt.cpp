#include "octet/train/interrupt.hpp"

#include <doctest/doctest.h>
#include <initializer_list>

TEST_CASE("the first signal is noted, a second one of either kind ends the process") {
  for (const int first : {SIGINT, SIGTERM, SIGHUP}) {
    const octet::InterruptGuard guard;
    CHECK(!guard.requested());
    std::raise(first);
    CHECK(guard.requested());
    CHECK(guard.signal() == first);
    CHECK((std::signal(SIGINT, SIG_DFL) == SIG_DFL));
    CHECK((std::signal(SIGTERM, SIG_DFL) == SIG_DFL));
    CHECK((std::signal(SIGHUP, SIG_DFL) == SIG_DFL));
  }
}

TEST_CASE("a hangup that nohup has the process ignore is ignored") {
  const auto before = std::signal(SIGHUP, SIG_IGN);
  {
    const octet::InterruptGuard guard;
    std::raise(SIGHUP);
    CHECK(!guard.requested());
    std::raise(SIGTERM);
    CHECK(guard.signal() == SIGTERM);
    CHECK((std::signal(SIGHUP, SIG_IGN) == SIG_IGN));
  }
  CHECK((std::signal(SIGHUP, before) == SIG_IGN));
}
