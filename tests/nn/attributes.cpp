#include "octet/nn/attributes.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"

using namespace octet;

namespace {

TEST_CASE("attributes are read within their ranges") {
  const Json json = Json::parse(
      "{\"a\":3,\"b\":0.5,\"c\":[1,2],\"d\":\"none\",\"e\":1e300,\"f\":[1,-2],\"g\":[]}");
  const AttributeReader reader("test", json);
  CHECK(reader.integer("a", 0) == 3);
  CHECK(reader.number("b", 0, 1) == 0.5);
  CHECK(reader.number("a", 0, 5) == 3);
  CHECK(reader.integers("c", 2, 0) == std::vector<std::int64_t>{1, 2});
  CHECK(reader.integers("g", -1, 0).empty());
  CHECK(reader.word("d", {"learned", "none"}) == 1);
  CHECK(reader.has("a"));
  CHECK_FALSE(reader.has("z"));

  CHECK(message_of([&] { reader.integer("z", 0); }) ==
        "test: expected an attribute \"z\", got none");
  CHECK(message_of([&] { reader.integer("a", 4, 9); }) ==
        "test: attribute \"a\": expected an integer from 4 to 9, got 3");
  CHECK(message_of([&] { reader.integer("b", 0); }) ==
        "test: attribute \"b\": expected an integer from 0 to 2147483647, got 0.5");
  CHECK(message_of([&] { reader.number("e", 0, 1); }) ==
        "test: attribute \"e\": expected a number from 0 to 1, got 1e+300");
  CHECK(message_of([&] { reader.number("d", 0, 1); }) ==
        "test: attribute \"d\": expected a number from 0 to 1, got \"none\"");
  CHECK(message_of([&] { reader.integers("c", 4, 0); }) ==
        "test: attribute \"c\": expected an array of 4 integers, got [1,2]");
  CHECK(message_of([&] { reader.integers("f", 2, 0); }) ==
        "test: attribute \"f\": expected an integer from 0 to 2147483647, got -2");
  CHECK(message_of([&] {
          reader.word("d", {"yes", "no"});
        }) == "test: attribute \"d\": expected yes or no, got \"none\"");
  CHECK(message_of([&] { AttributeReader("test", Json(3)); }) ==
        "test: expected its attributes as a JSON object");
}

TEST_CASE("parameters are counted before they are allocated") {
  check_parameter_limit("test", {10, 10}, 100);
  CHECK(message_of([&] {
          check_parameter_limit("test", {10, 11}, 100);
        }) == "test: expected at most 100 parameters, its attributes ask for [10, 11] = 110");
}

}  // namespace
