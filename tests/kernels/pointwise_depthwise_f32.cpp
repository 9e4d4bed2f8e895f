// Some lines at a time, the bits are those of one convolution after the other.
#include "octet/kernels/pointwise_depthwise_f32.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "octet/core/random.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

struct Case {
  std::string name;
  std::int64_t N, H, W, C, between, kernel, stride, dilation, pad, multiplier;
};

PointwiseDepthwise shapes(const Case& c) {
  PointwiseDepthwise s;
  s.cache_bytes = 2048 * 1024;
  s.pointwise = {.N = c.N, .H = c.H, .W = c.W, .C = c.C, .OH = c.H, .OW = c.W, .OC = c.between};
  Conv2dShape& d = s.depthwise;
  d = {.N = c.N, .H = c.H, .W = c.W, .C = c.between, .OC = c.between * c.multiplier};
  d.groups = c.between;
  d.KH = d.KW = c.kernel;
  d.stride_h = d.stride_w = c.stride;
  d.dilation_h = d.dilation_w = c.dilation;
  d.pad_top = d.pad_left = c.pad;
  d.OH = (c.H + 2 * c.pad - (c.kernel - 1) * c.dilation - 1) / c.stride + 1;
  d.OW = (c.W + 2 * c.pad - (c.kernel - 1) * c.dilation - 1) / c.stride + 1;
  return s;
}

AlignedVector<float> numbers(std::int64_t count, std::uint64_t seed) {
  AlignedVector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(2 * Random(seed).uniform(i) - 1);
  return values;
}

}  // namespace

TEST_CASE("pointwise and depthwise: strips of lines have the bits of whole images") {
  // With 256 x 128 floats a line, a strip holds four lines; of a small cache, what one line sees.
  const Case cases[] = {
      {"strips of two lines", 1, 9, 256, 3, 128, 3, 1, 1, 1, 1},
      {"an odd last strip, a stride", 1, 12, 256, 3, 128, 3, 2, 1, 1, 1},
      {"a stride beyond the kernel", 1, 11, 256, 2, 128, 1, 3, 1, 0, 1},
      {"dilated", 1, 10, 256, 2, 128, 3, 1, 2, 2, 1},
      {"a line that sees more than a strip should hold", 1, 7, 256, 2, 128, 5, 1, 1, 2, 1},
      {"several images and filters", 5, 5, 7, 3, 5, 3, 1, 1, 1, 2},
      {"more padding than image", 2, 2, 3, 4, 6, 3, 1, 1, 2, 1},
      {"one pixel", 1, 1, 1, 1, 1, 1, 1, 1, 0, 1},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    PointwiseDepthwise s = shapes(c);
    const Conv2dShape &p = s.pointwise, &d = s.depthwise;
    const auto x = numbers(p.N * p.H * p.W * p.C, 1), w = numbers(p.OC * p.C, 2);
    const auto filters = numbers(d.KH * d.KW * d.OC, 3), bias = numbers(d.OC, 4);
    const Epilogue<float> between{.bias = bias.data(), .lo = 0, .hi = 0.7f};
    const Epilogue<float> epilogue{.bias = bias.data(), .lo = -0.5f};
    const PackedConv2d packed = pack_conv2d(p, w.data());
    std::vector<float> expected(static_cast<std::size_t>(d.N * d.OH * d.OW * d.OC)), y(expected);
    std::vector<float> middle(static_cast<std::size_t>(p.N * p.H * p.W * p.OC));
    ThreadPool one(1);
    conv2d_run(p, x.data(), packed, between, middle.data(), nullptr);
    depthwise_forward<float>(d, middle.data(), filters.data(), epilogue, expected.data(), one);
    for (const std::int64_t cache_KiB : {128, 2048})
      for (const int threads : {0, 1, 3}) {
        CAPTURE(cache_KiB);
        CAPTURE(threads);
        s.cache_bytes = cache_KiB * 1024;
        AlignedVector<float> scratch(static_cast<std::size_t>(s.scratch_size()));
        ThreadPool pool(threads);
        std::fill(y.begin(), y.end(), -77.0f);
        pointwise_depthwise_run(s, x.data(), packed, between, filters.data(), epilogue, y.data(),
                                scratch.data(), threads ? &pool : nullptr);
        CHECK(y == expected);
      }
  }
}

TEST_CASE("pointwise and depthwise: strips are for what the second cache does not hold") {
  const auto pays = [](std::int64_t between) {
    return shapes({"", 1, 64, 64, 3, between, 3, 1, 1, 1, 1}).pays();
  };
  CHECK(!pays(127));
  CHECK(!pays(128));
  CHECK(pays(129));
  PointwiseDepthwise strided = shapes({"", 1, 64, 64, 3, 129, 3, 1, 1, 1, 1});
  strided.pointwise.stride_h = 2;
  CHECK(!strided.pays());
  PointwiseDepthwise small = shapes({"", 1, 64, 64, 3, 65, 3, 1, 1, 1, 1});
  CHECK(!small.pays());
  small.cache_bytes /= 2;
  CHECK(small.pays());
}
