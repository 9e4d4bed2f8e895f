#include "octet/train/profile.hpp"

#include <doctest/doctest.h>

using namespace octet;

TEST_CASE("each layer is a line with its times, however long its name is") {
  const std::string name(150, 'n');
  CHECK(profile_text({{name, 1.5, 2.25}, {"relu_1", 0.25, 0.5}}) ==
        "layer                     forward ms  backward ms\n" + name +
            "        1.50         2.25\n"
            "relu_1                          0.25         0.50\n"
            "sum                             1.75         2.75\n");
}
