// Every row of the int8 convolution's table against the reference, with tolerance zero.
#include "octet/kernels/conv2d_s8.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "octet/kernels/scalar/elementwise_s8.hpp"
#include "octet/kernels/scalar/pooling_s8.hpp"
#include "random_s8.hpp"
#include "random_shape.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

struct Case {
  std::string name;
  Conv2dShape shape;
};

struct Padding {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
};

Case make_case(const std::string& name, Conv2dShape s, Padding padding = {}) {
  s.pad_top = padding.top, s.pad_left = padding.left;
  s.OH = (s.H + padding.top + padding.bottom - (s.KH - 1) * s.dilation_h - 1) / s.stride_h + 1;
  s.OW = (s.W + padding.left + padding.right - (s.KW - 1) * s.dilation_w - 1) / s.stride_w + 1;
  return {name, s};
}

// Numbers around the tiles of all implementations: 6, 14 or 16 pixels, 16, 32 or 64 channels, 2, 4
// or 64 of the reduction, lines of 84 pixels, panels of 96. Up to 24
// of the reduction are few, of which a kernel may keep all weights in registers.
std::vector<Case> edge_cases() {
  std::vector<Case> cases;
  const std::int64_t few = 3, many = 29, fours = 36;
  for (const std::int64_t W :
       {1, 2, 5, 6, 7, 12, 13, 14, 15, 16, 17, 28, 31, 32, 33, 83, 84, 85, 95, 96, 97})
    for (const std::int64_t C : {few, many, fours})
      cases.push_back(make_case("M = " + std::to_string(W), {.W = W, .C = C, .OC = 17}));
  for (const std::int64_t W : {1, 2, 3, 4, 5, 6, 7})
    for (const std::int64_t OC : {16, 32, 64})
      for (const std::int64_t C : {few, many, fours})
        cases.push_back(make_case("M = " + std::to_string(W) + ", N = " + std::to_string(OC),
                                  {.W = W, .C = C, .OC = OC}));
  for (const std::int64_t OC :
       {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 80, 129})
    for (const std::int64_t C : {few, many, fours})
      cases.push_back(make_case("N = " + std::to_string(OC), {.W = 7, .C = C, .OC = OC}));
  for (const std::int64_t C : {1,  2,  3,  4,  5,  7,  8,  9,  12, 13, 16,  17,  20,  21,
                               24, 25, 28, 36, 60, 63, 64, 65, 66, 68, 127, 128, 129, 132})
    cases.push_back(make_case("K = " + std::to_string(C), {.W = 3, .C = C, .OC = 20}));
  // Two pixels of eight channels are a vector, six pairs of them a tile.
  for (const std::int64_t W : {1, 2, 3, 11, 12, 13, 25})
    for (const std::int64_t C : {few, many})
      cases.push_back(make_case("pairs, M = " + std::to_string(W), {.W = W, .C = C, .OC = 8}));
  cases.push_back(make_case(
      "pairs, first layer",
      {.N = 2, .H = 9, .W = 27, .C = 1, .OC = 8, .KH = 3, .KW = 3, .stride_h = 2, .stride_w = 2},
      {1, 1, 1, 1}));
  cases.push_back(make_case("pairs, two groups", {.H = 2, .W = 5, .C = 6, .OC = 16, .groups = 2}));
  // Columns of 4, 2 and 1 blocks of 16 channels, one behind the other.
  for (const std::int64_t W : {15, 16, 17, 33, 47, 48, 49})
    for (const std::int64_t OC : {64, 72, 95, 112, 113})
      cases.push_back(make_case("columns, M = " + std::to_string(W) + ", N = " + std::to_string(OC),
                                {.N = 2, .W = W, .C = 72, .OC = OC}));
  cases.push_back(
      make_case("columns, stride 2",
                {.N = 2, .H = 5, .W = 37, .C = 40, .OC = 104, .stride_h = 2, .stride_w = 2}));
  cases.push_back(make_case(
      "first layer", {.N = 2, .H = 9, .W = 10, .C = 1, .OC = 20, .KH = 3, .KW = 3}, {1, 1, 1, 1}));
  cases.push_back(make_case("3 x 3, three channels",
                            {.N = 2, .H = 8, .W = 7, .C = 3, .OC = 33, .KH = 3, .KW = 3},
                            {1, 1, 1, 1}));
  for (const std::int64_t C : {63, 64, 65, 96, 128})
    cases.push_back(make_case("3 x 3, C = " + std::to_string(C),
                              {.N = 2, .H = 5, .W = 12, .C = C, .OC = 20, .KH = 3, .KW = 3},
                              {1, 1, 1, 1}));
  cases.push_back(
      make_case("3 x 3 in place", {.N = 2, .H = 7, .W = 9, .C = 64, .OC = 33, .KH = 3, .KW = 3}));
  cases.push_back(make_case(
      "many channels, stride 2",
      {.N = 2, .H = 9, .W = 37, .C = 72, .OC = 17, .KH = 3, .KW = 3, .stride_h = 2, .stride_w = 2},
      {1, 0, 1, 0}));
  cases.push_back(
      make_case("many channels, stride 2, kernel 1",
                {.N = 2, .H = 7, .W = 35, .C = 64, .OC = 17, .stride_h = 2, .stride_w = 2}));
  cases.push_back(make_case(
      "many channels, dilation 2",
      {.H = 9, .W = 8, .C = 66, .OC = 17, .KH = 3, .KW = 3, .dilation_h = 2, .dilation_w = 2},
      {2, 2, 1, 3}));
  cases.push_back(make_case(
      "groups of 65 channels",
      {.N = 2, .H = 5, .W = 7, .C = 130, .OC = 34, .KH = 3, .KW = 3, .groups = 2}, {1, 1, 1, 1}));
  cases.push_back(make_case("no padding", {.H = 6, .W = 9, .C = 6, .OC = 18, .KH = 3, .KW = 2}));
  cases.push_back(make_case("asymmetric padding",
                            {.H = 5, .W = 6, .C = 5, .OC = 9, .KH = 3, .KW = 3}, {0, 2, 3, 1}));
  cases.push_back(make_case("padding wider than the image",
                            {.H = 2, .W = 1, .C = 3, .OC = 5, .KH = 3, .KW = 3}, {4, 3, 5, 2}));
  cases.push_back(make_case("more padding than taps, kernel 1",
                            {.N = 2, .H = 4, .W = 4, .C = 64, .OC = 17}, {1, 1, 1, 1}));
  cases.push_back(make_case("more padding than taps",
                            {.N = 2, .H = 4, .W = 5, .C = 64, .OC = 17, .KH = 3, .KW = 3},
                            {3, 3, 4, 3}));
  cases.push_back(make_case(
      "stride 2",
      {.N = 2, .H = 9, .W = 12, .C = 5, .OC = 17, .KH = 3, .KW = 3, .stride_h = 2, .stride_w = 2},
      {1, 1, 1, 1}));
  cases.push_back(make_case("stride 2, kernel 1",
                            {.H = 9, .W = 12, .C = 8, .OC = 16, .stride_h = 2, .stride_w = 2}));
  cases.push_back(make_case(
      "strides 1 and 3",
      {.H = 5, .W = 13, .C = 4, .OC = 3, .KH = 2, .KW = 2, .stride_h = 1, .stride_w = 3}));
  cases.push_back(make_case(
      "dilation 2",
      {.H = 9, .W = 8, .C = 3, .OC = 17, .KH = 3, .KW = 3, .dilation_h = 2, .dilation_w = 2},
      {2, 2, 2, 2}));
  cases.push_back(make_case("dilation of height only",
                            {.H = 9, .W = 8, .C = 3, .OC = 5, .KH = 3, .KW = 3, .dilation_h = 2},
                            {1, 0, 0, 1}));
  cases.push_back(make_case(
      "groups 2", {.N = 2, .H = 5, .W = 7, .C = 6, .OC = 34, .KH = 3, .KW = 3, .groups = 2},
      {1, 1, 1, 1}));
  cases.push_back(make_case("groups = C",
                            {.H = 5, .W = 7, .C = 5, .OC = 10, .KH = 3, .KW = 3, .groups = 5},
                            {1, 1, 1, 1}));
  cases.push_back(make_case("groups 3, kernel 1, 65 channels each",
                            {.H = 2, .W = 3, .C = 9, .OC = 195, .groups = 3}));
  // From 481 channels on, AMX sums three tiles of pixels times two blocks of channels at once.
  for (const std::int64_t W : {16, 17, 32, 33, 48, 49, 65, 97})
    cases.push_back(make_case("deep, M = " + std::to_string(W), {.W = W, .C = 512, .OC = 34}));
  for (const std::int64_t OC : {1, 15, 16, 17, 31, 32, 33, 48, 49})
    cases.push_back(make_case("deep, N = " + std::to_string(OC), {.W = 37, .C = 515, .OC = OC}));
  for (const std::int64_t C : {448, 480, 481, 490, 492, 496, 508, 512, 516, 575, 576, 577, 1088})
    cases.push_back(make_case("deep, K = " + std::to_string(C), {.W = 50, .C = C, .OC = 35}));
  cases.push_back(make_case("deep, two groups", {.W = 40, .C = 1040, .OC = 70, .groups = 2}));
  cases.push_back(
      make_case("deep, stride 2",
                {.N = 2, .H = 7, .W = 67, .C = 520, .OC = 36, .stride_h = 2, .stride_w = 2}));
  cases.push_back(make_case("3 x 3, several panels",
                            {.H = 11, .W = 19, .C = 64, .OC = 36, .KH = 3, .KW = 3}, {1, 1, 1, 1}));
  // Winograd's tiles are 4 x 4 pixels, in groups of 6 or 12, and 32 channels.
  for (const std::int64_t W : {1, 3, 4, 5, 8, 9, 12, 13, 20, 21, 24, 25, 44, 48, 49, 53})
    cases.push_back(make_case("Winograd, OW = " + std::to_string(W),
                              {.H = 4, .W = W, .C = 32, .OC = 32, .KH = 3, .KW = 3}, {1, 1, 1, 1}));
  for (const std::int64_t H : {1, 3, 5, 7, 8})
    cases.push_back(make_case("Winograd, OH = " + std::to_string(H),
                              {.N = 3, .H = H, .W = 6, .C = 64, .OC = 96, .KH = 3, .KW = 3},
                              {1, 1, 1, 1}));
  cases.push_back(make_case("Winograd, no padding",
                            {.N = 2, .H = 9, .W = 6, .C = 96, .OC = 160, .KH = 3, .KW = 3}));
  cases.push_back(make_case("Winograd, asymmetric padding",
                            {.H = 7, .W = 6, .C = 32, .OC = 64, .KH = 3, .KW = 3}, {0, 2, 3, 1}));
  cases.push_back(make_case("Winograd, padding wider than the image",
                            {.H = 2, .W = 1, .C = 32, .OC = 32, .KH = 3, .KW = 3}, {4, 3, 5, 2}));
  cases.push_back(make_case("Winograd, images beyond one slab of scratch",
                            {.N = 3, .H = 24, .W = 24, .C = 192, .OC = 32, .KH = 3, .KW = 3},
                            {1, 1, 1, 1}));
  cases.push_back(make_case("H = 1", {.W = 20, .C = 4, .OC = 8, .KW = 5}, {0, 0, 2, 2}));
  cases.push_back(make_case("W = 1", {.H = 20, .C = 4, .OC = 8, .KH = 5}, {2, 2, 0, 0}));
  cases.push_back(make_case("one pixel from a large kernel",
                            {.H = 6, .W = 6, .C = 7, .OC = 19, .KH = 6, .KW = 6}));
  cases.push_back(
      make_case("the right of the image unread",
                {.H = 6, .W = 8, .C = 2, .OC = 4, .KH = 2, .KW = 2, .stride_h = 3, .stride_w = 3}));
  cases.push_back(make_case("images beyond one slab of scratch",
                            {.N = 5, .H = 24, .W = 24, .C = 300, .OC = 1}, {1, 0, 0, 0}));
  cases.push_back(
      make_case("the last pixel at the end of a cache line", {.W = 64, .C = 1, .OC = 3}));
  cases.push_back(make_case("pixels beyond one slab of scratch", {.W = 65600, .C = 8, .OC = 1}));
  return with_random_shapes(std::move(cases), random_shape);
}

/// Whether this processor has the row's instructions and the row can compute this.
bool runs(const Conv2dS8Implementation& row, const Conv2dShape& s,
          const std::vector<std::int8_t>& w, int x_zero_point) {
  return cpu_supports(row.isa) && (!row.fits || row.fits(s, w.data(), x_zero_point));
}

std::vector<std::int8_t> run_row(const Conv2dS8Implementation& row, const Conv2dShape& s,
                                 const std::vector<std::int8_t>& x,
                                 const std::vector<std::int8_t>& w, int x_zero_point,
                                 const Requantize& q, ThreadPool* pool = nullptr) {
  PackedConv2dS8 packed;
  packed.implementation = &row;
  packed.x_zero_point = x_zero_point;
  row.pack(s, w.data(), packed);
  AlignedVector<std::byte> scratch(static_cast<std::size_t>(conv2d_s8_scratch_bytes(s, packed)),
                                   std::byte{0x55});
  std::vector<std::int8_t> y(static_cast<std::size_t>(s.N * s.OH * s.OW * s.OC), 77);
  conv2d_s8(s, x.data(), packed, q, y.data(), scratch.data(), pool);
  return y;
}

std::vector<std::int8_t> reference(const Conv2dShape& s, const std::vector<std::int8_t>& x,
                                   const std::vector<std::int8_t>& w, int x_zero_point,
                                   const Requantize& q) {
  std::vector<std::int8_t> y(static_cast<std::size_t>(s.N * s.OH * s.OW * s.OC));
  for (std::int64_t n = 0; n < s.N; ++n)
    for (std::int64_t oh = 0; oh < s.OH; ++oh)
      scalar::conv2d_s8_row(s, x.data(), x_zero_point, w.data(), q, y.data(), n, oh);
  return y;
}

std::int64_t x_count(const Conv2dShape& s) { return s.N * s.H * s.W * s.C; }
std::int64_t w_count(const Conv2dShape& s) { return s.OC * s.KH * s.KW * (s.C / s.groups); }

struct Channels {
  std::vector<float> multiplier;
  std::vector<std::int32_t> bias;
  Channels(const Conv2dShape& s, std::uint64_t seed) {
    const Random random(seed);
    const double depth = static_cast<double>(w_count(s) / s.OC);
    for (std::int64_t oc = 0; oc < s.OC; ++oc) {
      const auto at = static_cast<std::uint64_t>(oc);
      // Half of the results inside of the range; every third channel is a power of two, for ties.
      multiplier.push_back(
          oc % 3 ? static_cast<float>(random.uniform(2 * at, 0.005, 0.03) / std::sqrt(depth))
                 : 1.0f / 64);
      bias.push_back(static_cast<std::int32_t>(random.below(2 * at + 1, 20001)) - 10000);
    }
  }
};

}  // namespace

TEST_CASE("conv2d_s8: the reference by hand") {
  // x - z = {1, 2, 3; 4, 5, 6}, w = {1, -1; 2, 3}: 1 - 2 + 8 + 15 = 22, 2 - 3 + 10 + 18 = 27.
  const Conv2dShape s = {.H = 2, .W = 3, .OH = 1, .OW = 2, .KH = 2, .KW = 2};
  const std::vector<std::int8_t> x = {11, 12, 13, 14, 15, 16}, w = {1, -1, 2, 3};
  const float multiplier = 0.5f;
  const std::int32_t bias = 3;
  const auto y =
      reference(s, x, w, 10, {.multiplier = &multiplier, .bias = &bias, .zero_point = -5});
  // (22 + 3) / 2 = 12.5, to even 12; (27 + 3) / 2 = 15.
  CHECK(y == std::vector<std::int8_t>{7, 10});
}

TEST_CASE("conv2d_s8: every implementation gives the reference's bits") {
  int rows = 0, ran = 0, expected_runs = 0, winograd_runs = 0, few_taps_runs = 0;
  for (const auto& row : conv2d_s8_table()) rows += cpu_supports(row.isa) && !row.fits ? 1 : 0;
  std::uint64_t seed = 100;
  for (const Case& c : edge_cases()) {
    CAPTURE(c.name);
    const Conv2dShape& s = c.shape;
    REQUIRE(s.OH > 0);
    REQUIRE(s.OW > 0);
    const auto x = random_s8(x_count(s), ++seed);
    const auto w = random_s8(w_count(s), ++seed, -127, 127);
    const Channels channels(s, ++seed);
    const bool large = x_count(s) > 100000;
    for (const int z : large ? std::vector{-3} : std::vector{-128, 0, 127}) {
      CAPTURE(z);
      const Requantize q = {.multiplier = channels.multiplier.data(),
                            .bias = z ? channels.bias.data() : nullptr,
                            .zero_point = z == 0 ? -128 : z / 2,
                            .lo = static_cast<std::int8_t>(z > 0 ? z / 2 : -128),
                            .hi = static_cast<std::int8_t>(z > 0 ? 100 : 127)};
      const auto expected = reference(s, x, w, z, q);
      expected_runs += rows;
      for (const auto& row : conv2d_s8_table()) {
        if (!runs(row, s, w, z)) continue;
        CAPTURE(row.name);
        CHECK(run_row(row, s, x, w, z, q) == expected);
        ++(!row.fits ? ran : row.name.starts_with("few_taps") ? few_taps_runs : winograd_runs);
      }
    }
  }
  CHECK(ran == expected_runs);
  if (cpu_supports(Isa::avx512_vnni)) {
    CHECK(winograd_runs >= 140);
    CHECK(few_taps_runs >= 60);
  }
  CHECK(ran >= 150 * rows);
}

TEST_CASE("conv2d_s8: extreme values") {
  const auto cases = {
      make_case("3 x 3", {.H = 5, .W = 15, .C = 9, .OC = 49, .KH = 3, .KW = 3}, {1, 1, 1, 1}),
      make_case("3 x 3, whole tiles", {.H = 4, .W = 17, .C = 64, .OC = 16, .KH = 3, .KW = 3},
                {1, 1, 1, 1}),
      make_case("Winograd", {.H = 5, .W = 9, .C = 96, .OC = 32, .KH = 3, .KW = 3}, {1, 1, 1, 1}),
      make_case("deep", {.W = 7, .C = 1027, .OC = 33}),
      make_case("longest reduction", {.W = 2, .C = conv2d_s8_max_depth(), .OC = 2})};
  int ran = 0;
  for (const Case& c : cases)
    for (const int x_value : {-128, 127})
      for (const int w_value : {-127, 127})
        for (const int z : {-128, 127}) {
          const Conv2dShape& s = c.shape;
          CAPTURE(c.name);
          CAPTURE(x_value);
          CAPTURE(w_value);
          CAPTURE(z);
          const auto x = random_s8(x_count(s), 1, x_value, x_value);
          const auto w = random_s8(w_count(s), 2, w_value, w_value);
          const std::vector<float> multiplier(
              static_cast<std::size_t>(s.OC),
              100.0f / static_cast<float>(w_count(s) / s.OC * 32385));
          const Requantize q = {.multiplier = multiplier.data(), .zero_point = 1};
          const auto expected = reference(s, x, w, z, q);
          for (const auto& row : conv2d_s8_table()) {
            if (!runs(row, s, w, z)) continue;
            CAPTURE(row.name);
            CHECK(run_row(row, s, x, w, z, q) == expected);
            ++ran;
          }
          // |x - z| is 0 or 255 everywhere here, the result 0 or 100 steps off the zero point.
          if (c.name == "longest reduction")
            CHECK(expected[0] == (x_value == z ? 1 : (x_value > z) == (w_value > 0) ? 101 : -99));
        }
  CHECK(ran >= 24);
}

TEST_CASE("conv2d_s8: the longest reduction is the last that cannot overflow") {
  CHECK(conv2d_s8_max_depth() * 255 * 127 <= INT32_MAX);
  CHECK((conv2d_s8_max_depth() + 1) * 255 * 127 > INT32_MAX);
  CHECK(conv2d_s8_max_depth(1 << 30) * 255 * 127 + (1 << 30) <= INT32_MAX);
}

TEST_CASE("conv2d_s8: Winograd's sums are exact up to the largest that it takes") {
  const Conv2dShape s = make_case("", {.H = 6, .W = 6, .C = 128, .OC = 32, .KH = 3, .KW = 3}).shape;
  // Each product is 255 * 127, and 2^25 / (255 * 127) = 1036.1.
  for (const int taps : {1036, 1037})
    for (const int sign : {-1, 1}) {
      CAPTURE(taps);
      CAPTURE(sign);
      const auto x = random_s8(x_count(s), 1, 127, 127);
      std::vector<std::int8_t> w(static_cast<std::size_t>(w_count(s)));
      for (std::size_t i = 0; i < w.size(); ++i)
        w[i] = static_cast<std::int8_t>(i % 1152 < static_cast<std::size_t>(taps) ? sign * 127 : 0);
      CHECK(winograd_s8_fits(s, w.data(), -128) == (taps == 1036));
      // The other way round x - z would be 0 at most.
      CHECK(winograd_s8_fits(s, w.data(), 127) == (taps == 1036));
      CHECK(winograd_s8_fits(s, w.data(), 0));
      // Their last bits show.
      const std::vector<std::int32_t> bias(32, -sign * 1036 * 255 * 127 + 3);
      const std::vector<float> multiplier(32, 1);
      const Requantize q = {.multiplier = multiplier.data(), .bias = bias.data()};
      const auto expected = reference(s, x, w, -128, q);
      if (taps == 1036) CHECK(expected[0] == 3);
      for (const auto& row : conv2d_s8_table()) {
        if (!runs(row, s, w, -128)) continue;
        CAPTURE(row.name);
        CHECK(run_row(row, s, x, w, -128, q) == expected);
      }
    }
  const Conv2dShape other = make_case("", {.H = 6, .W = 6, .C = 32, .OC = 32, .KH = 3}).shape;
  CHECK_FALSE(winograd_s8_fits(other, random_s8(w_count(other), 1).data(), 0));
}

TEST_CASE("conv2d_s8: multipliers far too large or small saturate or vanish") {
  const Conv2dShape s = make_case("", {.W = 7, .C = 4, .OC = 18}).shape;
  const auto x = random_s8(x_count(s), 1), w = random_s8(w_count(s), 2, -127, 127);
  for (const float m : {3e38f, 1e10f, 1e-45f}) {
    const std::vector<float> multiplier(18, m);
    const Requantize q = {.multiplier = multiplier.data(), .zero_point = -9};
    const auto expected = reference(s, x, w, 5, q);
    for (const auto& row : conv2d_s8_table())
      if (runs(row, s, w, 5)) CHECK(run_row(row, s, x, w, 5, q) == expected);
    CHECK(expected[0] != 77);
  }
}

TEST_CASE("conv2d_s8: the largest sums there are, at multipliers around 1") {
  for (const std::int64_t C : {4, 64, 512}) {
    CAPTURE(C);
    const Conv2dShape s = make_case("", {.W = 37, .C = C, .OC = 18}).shape;
    // x - z is zero, so that the sums are the biases.
    const auto x = random_s8(x_count(s), 1, 5, 5), w = random_s8(w_count(s), 2, -127, 127);
    std::vector<std::int32_t> bias(18);
    for (std::size_t oc = 0; oc < bias.size(); ++oc) bias[oc] = oc % 2 ? INT32_MIN : INT32_MAX;
    for (const float m : {0.99999994f, 1.0f, 1.0000001f, 2.0f}) {
      CAPTURE(m);
      const std::vector<float> multiplier(18, m);
      const Requantize q = {
          .multiplier = multiplier.data(), .bias = bias.data(), .zero_point = 9, .hi = 99};
      const auto expected = reference(s, x, w, 5, q);
      CHECK(expected[0] == 99);
      CHECK(expected[1] == -128);
      for (const auto& row : conv2d_s8_table()) {
        if (!runs(row, s, w, 5)) continue;
        CAPTURE(row.name);
        CHECK(run_row(row, s, x, w, 5, q) == expected);
      }
    }
  }
}

TEST_CASE("conv2d_s8: a sum or a pooling in the epilogue gives the bits of a step of its own") {
  std::vector<Case> cases = edge_cases();
  for (const std::int64_t W : {2, 4, 14, 16, 18, 20, 30, 32, 34, 46, 48, 50})
    for (const std::int64_t H : {2, 6})
      cases.push_back(
          make_case("to pool, OH = " + std::to_string(H) + ", OW = " + std::to_string(W),
                    {.N = 2, .H = H, .W = W, .C = H == 2 ? 70 : 5, .OC = 20, .KH = 3, .KW = 3},
                    {1, 1, 1, 1}));
  cases.push_back(make_case("to pool, in place", {.H = 6, .W = 36, .C = 64, .OC = 33, .KH = 3}));
  cases.push_back(make_case("to pool, kernel 1", {.N = 3, .H = 4, .W = 6, .C = 130, .OC = 17}));
  cases.push_back(make_case(
      "to pool, groups",
      {.N = 2, .H = 8, .W = 10, .C = 34, .OC = 36, .KH = 3, .KW = 3, .groups = 2}, {1, 1, 1, 1}));
  cases.push_back(make_case(
      "to pool, stride 2",
      {.H = 24, .W = 40, .C = 66, .OC = 18, .KH = 3, .KW = 3, .stride_h = 2, .stride_w = 2},
      {1, 0, 1, 0}));
  std::uint64_t seed = 900;
  int sums = 0, poolings = 0;
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Conv2dShape& s = c.shape;
    if (x_count(s) > 100000) continue;
    const auto x = random_s8(x_count(s), ++seed), w = random_s8(w_count(s), ++seed, -127, 127);
    const Channels channels(s, ++seed);
    const int z = static_cast<int>(seed % 256) - 128;
    const bool limited = seed % 2 == 0;
    const Requantize q = {.multiplier = channels.multiplier.data(),
                          .bias = channels.bias.data(),
                          .zero_point = z / 2,
                          .lo = static_cast<std::int8_t>(limited ? z / 2 : -128),
                          .hi = static_cast<std::int8_t>(limited ? 100 : 127)};
    const auto result = reference(s, x, w, z, q);
    const auto count = static_cast<std::int64_t>(result.size());
    // The third is the one to show a fused multiply-add, the last saturates.
    const AddS8 add[] = {
        {.a_multiplier = 0.75f, .b_multiplier = 0.5f, .constant = 0.25f, .zero_point = -3},
        {.a_multiplier = 1.0f, .b_multiplier = 1.0f, .constant = 7, .zero_point = 9, .lo = 9},
        {.a_multiplier = 0.1f, .b_multiplier = 0.7f, .constant = -0.3f, .zero_point = 1, .hi = 60},
        {.a_multiplier = 3e9f, .b_multiplier = 3e9f, .constant = 1e9f, .zero_point = 5}};
    const auto addend = random_s8(count, ++seed);
    const Pool2dShape pool = {.N = s.N,
                              .H = s.OH,
                              .W = s.OW,
                              .C = s.OC,
                              .OH = s.OH / 2,
                              .OW = s.OW / 2,
                              .KH = 2,
                              .KW = 2,
                              .stride_h = 2,
                              .stride_w = 2};
    std::vector<std::int8_t> pooled(static_cast<std::size_t>(pool.N * pool.OH * pool.OW * pool.C));
    for (std::int64_t row = 0; row < pool.N * pool.OH; ++row)
      scalar::max_pool_s8_row(pool, result.data(), pooled.data(), row / pool.OH, row % pool.OH);
    ThreadPool threads(2);
    for (const auto& row : conv2d_s8_table()) {
      if (!cpu_supports(row.isa) || !row.can_fuse) continue;
      CAPTURE(row.name);
      PackedConv2dS8 packed;
      packed.implementation = &row;
      packed.x_zero_point = z;
      row.pack(s, w.data(), packed);
      AlignedVector<std::byte> scratch(static_cast<std::size_t>(conv2d_s8_scratch_bytes(s, packed)),
                                       std::byte{0x55});
      if (row.can_fuse(s, AfterConv2dS8::add))
        for (const AddS8& p : add) {
          ++sums;
          std::vector<std::int8_t> expected(result.size()), y(result.size(), 77);
          scalar::add_s8(count, result.data(), addend.data(), p, expected.data());
          Conv2dS8Fusion fusion = {AfterConv2dS8::add, p, addend.data()};
          conv2d_s8_fused(s, x.data(), packed, q, fusion, y.data(), scratch.data());
          CHECK(y == expected);
          y = addend;
          fusion.addend = y.data();
          conv2d_s8_fused(s, x.data(), packed, q, fusion, y.data(), scratch.data(), &threads);
          CHECK(y == expected);
        }
      if (row.can_fuse(s, AfterConv2dS8::max_pool_2x2))
        for (ThreadPool* const some : {static_cast<ThreadPool*>(nullptr), &threads}) {
          ++poolings;
          std::vector<std::int8_t> y(pooled.size(), 77);
          conv2d_s8_fused(s, x.data(), packed, q, {AfterConv2dS8::max_pool_2x2}, y.data(),
                          scratch.data(), some);
          CHECK(y == pooled);
        }
    }
  }
  if (cpu_supports(Isa::amx)) CHECK((sums > 400 && poolings >= 60));
}

TEST_CASE("conv2d_s8: threads do not change a bit") {
  for (const Case& c :
       {make_case("3 x 3", {.N = 2, .H = 24, .W = 20, .C = 32, .OC = 80, .KH = 3, .KW = 3},
                  {1, 1, 1, 1}),
        make_case("Winograd", {.N = 2, .H = 24, .W = 20, .C = 32, .OC = 192, .KH = 3, .KW = 3},
                  {1, 1, 1, 1}),
        make_case("linear", {.W = 3, .C = 4000, .OC = 300}),
        make_case("deep", {.W = 400, .C = 1100, .OC = 100})}) {
    CAPTURE(c.name);
    const Conv2dShape& s = c.shape;
    const auto x = random_s8(x_count(s), 1), w = random_s8(w_count(s), 2, -127, 127);
    const Channels channels(s, 3);
    const Requantize q = {.multiplier = channels.multiplier.data(), .bias = channels.bias.data()};
    for (const auto& row : conv2d_s8_table()) {
      if (!runs(row, s, w, 7)) continue;
      CAPTURE(row.name);
      const auto expected = run_row(row, s, x, w, 7, q);
      for (const int threads : {1, 2, 4}) {
        ThreadPool pool(threads);
        CHECK(run_row(row, s, x, w, 7, q, &pool) == expected);
      }
    }
  }
}

TEST_CASE("conv2d_s8: one packing serves every batch, and the cap of the ISA is kept") {
  for (const std::int64_t kernel : {1, 3}) {
    CAPTURE(kernel);
    Conv2dShape s =
        make_case("", {.H = 4, .W = 4, .C = 68, .OC = 6, .KH = kernel, .KW = kernel}).shape;
    const auto w = random_s8(w_count(s), 2, -127, 127);
    const Channels channels(s, 3);
    const Requantize q = {.multiplier = channels.multiplier.data()};
    const PackedConv2dS8 packed = pack_conv2d_s8(s, w.data(), 3);
    CHECK(packed.implementation->isa <= active_isa());
    CHECK(pack_conv2d_s8(s, w.data(), 3, Isa::scalar).implementation->isa == Isa::scalar);
    for (const std::int64_t N : {0, 1, 3}) {
      s.N = N;
      const auto x = random_s8(x_count(s), 1);
      AlignedVector<std::byte> scratch(
          static_cast<std::size_t>(conv2d_s8_scratch_bytes(s, packed)));
      std::vector<std::int8_t> y(static_cast<std::size_t>(N * s.OH * s.OW * s.OC));
      conv2d_s8(s, x.data(), packed, q, y.data(), scratch.data());
      CHECK(y == reference(s, x, w, 3, q));
    }
    s.N = 0;
    for (const auto& row : conv2d_s8_table())
      if (runs(row, s, w, 7)) CHECK(run_row(row, s, {}, w, 7, q).empty());
  }
}
