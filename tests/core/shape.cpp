#include "octet/core/shape.hpp"

#include <doctest/doctest.h>
#include <vector>

using octet::Shape;

TEST_CASE("shape: extents, elements and text") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape[1] == 3);
  CHECK(shape.back() == 4);
  CHECK(shape.elements() == 24);
  CHECK(to_text(shape) == "[2, 3, 4]");
  CHECK(Shape{}.elements() == 1);
  CHECK(to_text(Shape{}) == "[]");
  CHECK(Shape{5, 0}.elements() == 0);
}

TEST_CASE("shape: with and without the batch") {
  CHECK(Shape{3, 4}.with_batch(7) == Shape{7, 3, 4});
  CHECK(Shape{7, 3, 4}.without_batch() == Shape{3, 4});
  CHECK(Shape{7}.without_batch() == Shape{});
  CHECK_FALSE(Shape{3, 4} == Shape{3, 4, 1});
  CHECK_FALSE(Shape{3, 4} == Shape{4, 3});
}

TEST_CASE("shape: refuses what cannot be a shape") {
  CHECK_THROWS_WITH_AS((Shape{2, -1}), "shape: expected extents of at least 0, got -1",
                       octet::Error);
  CHECK_THROWS_AS((Shape{std::int64_t{1} << 32, std::int64_t{1} << 31}), octet::Error);
  CHECK((Shape{std::int64_t{1} << 32, std::int64_t{1} << 30}).elements() == std::int64_t{1} << 62);
  CHECK_THROWS_WITH_AS(Shape(std::vector<std::int64_t>(9, 1)),
                       "shape: a tensor has at most 8 dimensions, got 9", octet::Error);
  CHECK_THROWS_AS(Shape(std::vector<std::int64_t>(8, 1)).with_batch(2), octet::Error);
}
