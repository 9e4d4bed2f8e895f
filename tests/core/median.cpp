#include "octet/core/median.hpp"

#include <doctest/doctest.h>

TEST_CASE("the median is the middle value, of two the upper one, of none 0") {
  CHECK(octet::median({}) == 0);
  CHECK(octet::median({3}) == 3);
  CHECK(octet::median({2, 1}) == 2);
  CHECK(octet::median({100, 1, 2}) == 2);
  CHECK(octet::median({4, 1, 100, 3}) == 4);
}
