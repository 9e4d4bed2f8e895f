#include "octet/nn/window.hpp"

#include <doctest/doctest.h>

#include "layer_alone.hpp"
#include "message_of.hpp"

using namespace octet;

namespace {

TEST_CASE("extents and paddings are written as numbers, words and lists") {
  const Window2d window{.kernel = 3, .stride = {1, 2}, .padding = {1, 2, 3, 4}};
  CHECK(window.kernel == Extent2d(3, 3));
  CHECK(window.stride == Extent2d(1, 2));
  CHECK(window.padding == Padding2d(1, 2, 3, 4));
  CHECK(window.dilation == Extent2d(1, 1));
  CHECK(Padding2d(2) == Padding2d(2, 2, 2, 2));
  CHECK(Padding2d(same).is_same);
  CHECK(to_text(Extent2d(3, 5)) == "3x5");
}

TEST_CASE("same padding makes the output ceil(input / stride), the odd pixel last") {
  for (const std::int64_t extent : {1, 2, 5, 6, 7, 48})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t kernel : {1, 2, 3, 5}) {
        const WindowPlacement place = place_window(
            "test", {.kernel = kernel, .stride = stride, .padding = same}, {extent, extent, 1});
        CHECK(place.OH == (extent + stride - 1) / stride);
        CHECK(place.OW == place.OH);
        CHECK(place.padding.top <= place.padding.bottom);
        CHECK(place.padding.bottom <= place.padding.top + 1);
      }
  // TensorFlow and ONNX's SAME_UPPER put all of one row below.
  const WindowPlacement place =
      place_window("test", {.kernel = 3, .stride = 2, .padding = same}, {6, 5, 1});
  CHECK(place.padding == Padding2d(0, 1, 1, 1));
}

TEST_CASE("a window survives JSON") {
  for (const Padding2d& padding : {Padding2d(1, 2, 3, 4), Padding2d(same)}) {
    Json attributes = Json::object();
    set_window(attributes, {.kernel = {3, 5}, .stride = 2, .padding = padding, .dilation = {1, 2}});
    const Json parsed = Json::parse(attributes.text());
    const Window2d read = read_window(AttributeReader("test", parsed));
    CHECK(read.kernel == Extent2d(3, 5));
    CHECK(read.stride == Extent2d(2, 2));
    CHECK(read.padding == padding);
    CHECK(read.dilation == Extent2d(1, 2));
  }
}

TEST_CASE("windows that no image can hold are refused") {
  const std::int64_t huge = AttributeReader::highest_extent;
  CHECK(message_of([&] { check_window("test", {.kernel = huge, .dilation = 2}); }) ==
        "test: a kernel of 2147483647x2147483647 with dilation 2x2 is larger than any image");
  CHECK(message_of([&] {
          check_window("test", {.kernel = {3, 0}});
        }) == "test: expected a kernel from 1 to 2147483647, got 3x0");
  CHECK(message_of([&] {
          place_window("test", {}, {0, 4, 1});
        }) == "test: expected an input of shape [H, W, C], got [0, 4, 1]");
}

}  // namespace
