// Every row of the int8 poolings' tables against the reference, with tolerance zero.
#include "octet/kernels/pooling_s8.hpp"

#include <array>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "random_s8.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

struct Case {
  std::string name;
  Pool2dShape shape;
};

// Numbers around the vectors: 16, 32 and 64 channels.
std::vector<Case> edge_cases() {
  std::vector<Case> cases;
  for (const std::int64_t C : {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 129})
    cases.push_back({"C = " + std::to_string(C),
                     {.N = 2,
                      .H = 6,
                      .W = 4,
                      .C = C,
                      .OH = 3,
                      .OW = 2,
                      .KH = 2,
                      .KW = 2,
                      .stride_h = 2,
                      .stride_w = 2}});
  cases.push_back({"3 x 3, stride 2, padding 1",
                   {.H = 7,
                    .W = 9,
                    .C = 20,
                    .OH = 4,
                    .OW = 5,
                    .KH = 3,
                    .KW = 3,
                    .stride_h = 2,
                    .stride_w = 2,
                    .pad_top = 1,
                    .pad_left = 1}});
  cases.push_back(
      {"padding at the top left only",
       {.H = 3, .W = 3, .C = 5, .OH = 3, .OW = 3, .KH = 3, .KW = 2, .pad_top = 2, .pad_left = 1}});
  cases.push_back(
      {"window over the end",
       {.H = 5, .W = 5, .C = 5, .OH = 3, .OW = 3, .KH = 2, .KW = 2, .stride_h = 2, .stride_w = 2}});
  cases.push_back({"a window outside of the image",
                   {.H = 2,
                    .W = 2,
                    .C = 5,
                    .OH = 2,
                    .OW = 2,
                    .KH = 1,
                    .KW = 1,
                    .stride_h = 3,
                    .stride_w = 3,
                    .pad_top = 1,
                    .pad_left = 1}});
  cases.push_back({"the whole image", {.N = 3, .H = 12, .W = 11, .C = 37, .KH = 12, .KW = 11}});
  cases.push_back({"H = 1", {.H = 1, .W = 9, .C = 3, .OH = 1, .OW = 7, .KH = 1, .KW = 3}});
  return cases;
}

std::size_t x_count(const Pool2dShape& s) {
  return static_cast<std::size_t>(s.N * s.H * s.W * s.C);
}
std::size_t y_count(const Pool2dShape& s) {
  return static_cast<std::size_t>(s.N * s.OH * s.OW * s.C);
}

}  // namespace

TEST_CASE("average_pool_s8: the reference by hand") {
  const Pool2dShape s = {.H = 2, .W = 2, .OH = 1, .OW = 2, .KH = 2, .KW = 2, .pad_left = 1};
  const std::vector<std::int8_t> x = {3, 4, 5, 7};
  std::vector<std::int8_t> y(2);
  AverageS8 p = {.x_zero_point = 1, .scale_ratio = 2, .zero_point = -3};
  // Left: (2 + 4) * 2 / 4 = 3. Right: (2 + 3 + 4 + 6) * 2 / 4 = 7.5, to even 8.
  average_pool_s8(s, x.data(), p, y.data());
  CHECK(y == std::vector<std::int8_t>{0, 5});
  // Of the left window only two taps are inside: (2 + 4) * 2 / 2 = 6.
  p.over = AverageOver::image;
  average_pool_s8(s, x.data(), p, y.data());
  CHECK(y == std::vector<std::int8_t>{3, 5});
}

TEST_CASE("max_pool_s8: the reference by hand") {
  const Pool2dShape s = {.H = 2, .W = 2, .OH = 1, .OW = 2, .KH = 2, .KW = 2, .pad_left = 1};
  const std::vector<std::int8_t> x = {-128, 9, -100, 7};
  std::vector<std::int8_t> y(2);
  max_pool_s8(s, x.data(), y.data());
  CHECK(y == std::vector<std::int8_t>{-100, 9});
}

TEST_CASE("max_pool_s8: every implementation gives the reference's bits") {
  int ran = 0;
  for (const Case& c : edge_cases()) {
    CAPTURE(c.name);
    const Pool2dShape& s = c.shape;
    for (const int hi : {-128, -100, 127}) {
      const auto x = random_s8(static_cast<std::int64_t>(x_count(s)), 9, -128, hi);
      std::vector<std::int8_t> expected(y_count(s));
      for (std::int64_t row = 0; row < s.N * s.OH; ++row)
        scalar::max_pool_s8_row(s, x.data(), expected.data(), row / s.OH, row % s.OH);
      for (const auto& row : max_pool_s8_table()) {
        if (!cpu_supports(row.isa)) continue;
        CAPTURE(row.name);
        std::vector<std::int8_t> y(y_count(s), 77);
        for (std::int64_t n = 0; n < s.N; ++n)
          for (std::int64_t oh = 0; oh < s.OH; ++oh) row.run(s, x.data(), y.data(), n, oh);
        CHECK(y == expected);
        ++ran;
      }
    }
  }
  CHECK(ran >= 63);
}

TEST_CASE("average_pool_s8: every implementation gives the reference's bits") {
  int ran = 0;
  for (const Case& c : edge_cases()) {
    CAPTURE(c.name);
    const Pool2dShape& s = c.shape;
    for (const int z : {-128, 0, 127})
      for (const AverageOver over : {AverageOver::window, AverageOver::image}) {
        const auto x = random_s8(static_cast<std::int64_t>(x_count(s)), 9);
        const AverageS8 p = {.x_zero_point = z,
                             .scale_ratio = z ? 1.3 : 1.0,
                             .zero_point = z / 2,
                             .lo = static_cast<std::int8_t>(z > 0 ? z / 2 : -128),
                             .hi = 120,
                             .over = over};
        std::vector<std::int8_t> expected(y_count(s));
        for (std::int64_t row = 0; row < s.N * s.OH; ++row)
          scalar::average_pool_s8_row(s, x.data(), p, expected.data(), row / s.OH, row % s.OH);
        for (const auto& row : average_pool_s8_table()) {
          if (!cpu_supports(row.isa)) continue;
          CAPTURE(row.name);
          std::vector<std::int8_t> y(y_count(s), 77);
          for (std::int64_t n = 0; n < s.N; ++n)
            for (std::int64_t oh = 0; oh < s.OH; ++oh) row.run(s, x.data(), p, y.data(), n, oh);
          CHECK(y == expected);
          ++ran;
        }
      }
  }
  CHECK(ran >= 126);
}

TEST_CASE("adaptive pooling in int8: every part by hand, whatever the extents and the threads") {
  // Five columns into two parts: columns 0 to 2 and 2 to 4; (6 + 1) / 3 = 2.3, (5 + 6 + 4) / 3 = 5.
  const std::vector<std::int8_t> row = {1, 0, 6, 5, 4};
  std::vector<std::int8_t> two(2);
  adaptive_max_pool_s8({.H = 1, .W = 5, .OH = 1, .OW = 2}, row.data(), two.data());
  CHECK(two == std::vector<std::int8_t>{6, 6});
  adaptive_average_pool_s8({.H = 1, .W = 5, .OH = 1, .OW = 2}, row.data(), {}, two.data());
  CHECK(two == std::vector<std::int8_t>{2, 5});

  for (const std::int64_t C : {1, 15, 16, 17, 63, 64, 65, 129})
    for (const auto& [H, W, OH, OW] :
         {std::array<std::int64_t, 4>{7, 5, 3, 2}, {5, 9, 5, 4}, {13, 4, 2, 3}, {3, 3, 1, 1}}) {
      CAPTURE(C);
      const Pool2dShape s = {.N = 2, .H = H, .W = W, .C = C, .OH = OH, .OW = OW};
      const auto x = random_s8(static_cast<std::int64_t>(x_count(s)), 9);
      const AverageS8 p = {.x_zero_point = -7, .scale_ratio = 1.3, .zero_point = 4};
      std::vector<std::int8_t> largest, mean;
      for (std::int64_t n = 0; n < s.N; ++n)
        for (std::int64_t oh = 0; oh < OH; ++oh)
          for (std::int64_t ow = 0; ow < OW; ++ow)
            for (std::int64_t c = 0; c < C; ++c) {
              int best = -128, sum = 0, count = 0;
              for (std::int64_t h = oh * H / OH; h * OH < (oh + 1) * H; ++h)
                for (std::int64_t w = ow * W / OW; w * OW < (ow + 1) * W; ++w) {
                  const int q = x[static_cast<std::size_t>(((n * H + h) * W + w) * C + c)];
                  best = (std::max)(best, q);
                  sum += q - p.x_zero_point;
                  ++count;
                }
              largest.push_back(static_cast<std::int8_t>(best));
              mean.push_back(requantize(sum, static_cast<float>(1.3 / count), 4, -128, 127));
            }
      for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        std::vector<std::int8_t> y(y_count(s), 77);
        adaptive_max_pool_s8(s, x.data(), y.data(), &pool);
        CHECK(y == largest);
        adaptive_average_pool_s8(s, x.data(), p, y.data(), &pool);
        CHECK(y == mean);
      }
    }
}

TEST_CASE("pooling in int8: threads do not change a bit") {
  const Pool2dShape s = {.N = 3,
                         .H = 32,
                         .W = 30,
                         .C = 50,
                         .OH = 16,
                         .OW = 15,
                         .KH = 3,
                         .KW = 3,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_top = 1,
                         .pad_left = 1};
  const auto x = random_s8(static_cast<std::int64_t>(x_count(s)), 4);
  const AverageS8 p = {.x_zero_point = 3, .scale_ratio = 1.1};
  std::vector<std::int8_t> largest(y_count(s)), mean(y_count(s)), y(y_count(s));
  max_pool_s8(s, x.data(), largest.data());
  average_pool_s8(s, x.data(), p, mean.data());
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    max_pool_s8(s, x.data(), y.data(), &pool);
    CHECK(y == largest);
    average_pool_s8(s, x.data(), p, y.data(), &pool);
    CHECK(y == mean);
  }
}
