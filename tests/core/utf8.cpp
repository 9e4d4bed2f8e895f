#include "octet/core/utf8.hpp"

#include <doctest/doctest.h>

TEST_CASE("UTF-8 is told from other bytes") {
  for (const char* const text :
       {"", "angry", "\xC3\xA9tonn\xC3\xA9", "\xE2\x82\xAC", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    CHECK(octet::is_utf8(text));
  for (const char* const text : {"\xE9tonn\xE9", "\xC3", "\xC3\x28", "\x80", "\xC0\x80", "\xC1\xBF",
                                 "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                                 "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xFF"})
    CHECK_FALSE(octet::is_utf8(text));
}

TEST_CASE("a name in UTF-8 is shortened between letters") {
  CHECK(octet::first_letters("angry", 3) == "ang");
  CHECK(octet::first_letters("angry", 9) == "angry");
  CHECK(octet::first_letters("angry", 0) == "");
  CHECK(octet::first_letters("\xC3\xA9t\xC3\xA9", 1) == "\xC3\xA9");
  CHECK(octet::first_letters("\xC3\xA9t\xC3\xA9", 3) == "\xC3\xA9t\xC3\xA9");
  CHECK(octet::count_letters("\xC3\xA9t\xC3\xA9") == 3);
}
