// Every row of the int8 depthwise convolution's table against the reference, with tolerance zero.
#include "octet/kernels/depthwise_s8.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

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
  s.groups = s.C;
  s.OH = (s.H + padding.top + padding.bottom - (s.KH - 1) * s.dilation_h - 1) / s.stride_h + 1;
  s.OW = (s.W + padding.left + padding.right - (s.KW - 1) * s.dilation_w - 1) / s.stride_w + 1;
  return {name, s};
}

// Numbers around the tiles: 2 or 4 pixels, 16, 32 or 64 channels, or several pixels in 64, pairs of
// taps.
std::vector<Case> edge_cases() {
  std::vector<Case> cases;
  for (const std::int64_t C : {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 96, 144})
    cases.push_back(make_case("C = " + std::to_string(C),
                              {.H = 4, .W = 5, .C = C, .OC = C, .KH = 3, .KW = 3}, {1, 1, 1, 1}));
  for (const std::int64_t W : {1, 2, 3, 83, 84, 85})
    cases.push_back(make_case("W = " + std::to_string(W),
                              {.H = 2, .W = W, .C = 5, .OC = 5, .KH = 3, .KW = 3}, {1, 1, 1, 1}));
  for (const std::int64_t KW : {1, 2, 3, 4, 5})
    cases.push_back(make_case("KW = " + std::to_string(KW),
                              {.H = 3, .W = 9, .C = 18, .OC = 18, .KH = 1, .KW = KW}));
  for (const std::int64_t W : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    for (const std::int64_t stride : {1, 2, 3})
      cases.push_back(make_case(
          "W = " + std::to_string(W) + ", stride " + std::to_string(stride),
          {.H = 5, .W = W, .C = 70, .OC = 70, .KH = 3, .KW = 3, .stride_h = 2, .stride_w = stride},
          {1, 1, 1, 1}));
  for (const std::int64_t C : {2, 4, 8, 16, 32})
    for (const std::int64_t W : {1, 7, 9})
      cases.push_back(make_case(
          "pixels that share vectors, C = " + std::to_string(C) + ", W = " + std::to_string(W),
          {.N = 2, .H = 3, .W = W, .C = C, .OC = C, .KH = 3, .KW = 3, .dilation_w = W % 2 + 1},
          {1, 1, 3, 2}));
  cases.push_back(make_case(
      "stride 2",
      {.N = 2, .H = 9, .W = 12, .C = 33, .OC = 33, .KH = 3, .KW = 3, .stride_h = 2, .stride_w = 2},
      {0, 1, 0, 1}));
  cases.push_back(make_case(
      "dilation 2",
      {.H = 9, .W = 8, .C = 17, .OC = 17, .KH = 3, .KW = 3, .dilation_h = 2, .dilation_w = 2},
      {2, 2, 2, 2}));
  cases.push_back(make_case("stride and dilation 2",
                            {.H = 9,
                             .W = 9,
                             .C = 4,
                             .OC = 4,
                             .KH = 3,
                             .KW = 3,
                             .stride_h = 2,
                             .stride_w = 2,
                             .dilation_h = 2,
                             .dilation_w = 2},
                            {2, 2, 2, 2}));
  for (const std::int64_t W : {2, 3, 4, 6, 7, 8, 11})
    cases.push_back(make_case("two pixels in a vector, W = " + std::to_string(W),
                              {.N = 2, .H = 3, .W = W, .C = 32, .OC = 32, .KH = 3, .KW = 3},
                              {1, 1, 1, 1}));
  for (const std::int64_t C : {4, 8, 16, 24, 32})
    for (const std::int64_t OW : {1, 2, 3, 4, 5, 7, 8, 9, 17})
      cases.push_back(
          make_case("every second pixel, C = " + std::to_string(C) + ", OW = " + std::to_string(OW),
                    {.N = 2,
                     .H = 5,
                     .W = 2 * OW,
                     .C = C,
                     .OC = C,
                     .KH = 3,
                     .KW = 3,
                     .stride_h = 2,
                     .stride_w = 2},
                    {1, 0, OW % 2, 1 - OW % 2}));
  for (const std::int64_t C : {1, 8, 32})
    for (const std::int64_t H : {1, 2, 3, 4, 5})
      for (const std::int64_t dilation : {1, 2})
        cases.push_back(make_case(
            "two rows at once, C = " + std::to_string(C) + ", H = " + std::to_string(H) +
                ", dilation " + std::to_string(dilation),
            {.N = 3, .H = H, .W = 9, .C = C, .OC = C, .KH = 3, .KW = 3, .dilation_h = dilation},
            {dilation, dilation, 1, 1}));
  cases.push_back(make_case("two rows at once, too long to be converted one by one",
                            {.N = 2, .H = 3, .W = 1100, .C = 8, .OC = 8, .KH = 3, .KW = 3},
                            {1, 1, 1, 1}));
  cases.push_back(make_case("rows too long to be converted one by one",
                            {.N = 2, .H = 4, .W = 40, .C = 300, .OC = 300, .KH = 3, .KW = 3},
                            {1, 1, 1, 1}));
  cases.push_back(make_case("images that pieces of work begin in",
                            {.N = 3, .H = 31, .W = 30, .C = 6, .OC = 6, .KH = 3, .KW = 3},
                            {1, 1, 1, 1}));
  cases.push_back(make_case(
      "rows that no tap sees",
      {.N = 2, .H = 14, .W = 5, .C = 8, .OC = 8, .KH = 3, .KW = 3, .stride_h = 5, .dilation_h = 1},
      {1, 1, 1, 1}));
  cases.push_back(make_case(
      "rows far apart",
      {.N = 2, .H = 14, .W = 5, .C = 8, .OC = 8, .KH = 3, .KW = 3, .stride_h = 2, .dilation_h = 3},
      {3, 3, 1, 1}));
  cases.push_back(make_case("asymmetric padding",
                            {.H = 5, .W = 6, .C = 20, .OC = 20, .KH = 3, .KW = 3}, {0, 2, 3, 1}));
  cases.push_back(make_case(
      "multiplier 2", {.N = 2, .H = 5, .W = 6, .C = 9, .OC = 18, .KH = 3, .KW = 3}, {1, 1, 1, 1}));
  cases.push_back(make_case("multiplier 3, kernel 1", {.N = 2, .H = 5, .W = 6, .C = 23, .OC = 69}));
  cases.push_back(make_case("as many taps as the fast kernels take",
                            {.H = 9, .W = 17, .C = 3, .OC = 3, .KH = 8, .KW = 16}));
  cases.push_back(make_case("more taps than the fast kernels take",
                            {.H = 14, .W = 13, .C = 3, .OC = 3, .KH = 12, .KW = 11}));
  cases.push_back(make_case("images beyond one slab of scratch",
                            {.N = 3, .H = 24, .W = 24, .C = 300, .OC = 300, .KH = 2},
                            {1, 0, 0, 0}));
  return with_random_shapes(std::move(cases), random_depthwise_shape);
}

std::int64_t x_count(const Conv2dShape& s) { return s.N * s.H * s.W * s.C; }
std::int64_t w_count(const Conv2dShape& s) { return s.KH * s.KW * s.OC; }

std::vector<std::int8_t> run_row(const DepthwiseS8Implementation& row, const Conv2dShape& s,
                                 const std::vector<std::int8_t>& x,
                                 const std::vector<std::int8_t>& w, int x_zero_point,
                                 const Requantize& q, ThreadPool* pool = nullptr) {
  PackedDepthwiseS8 packed;
  packed.implementation = &row;
  packed.x_zero_point = x_zero_point;
  row.pack(s, w.data(), packed);
  AlignedVector<std::byte> scratch(static_cast<std::size_t>(depthwise_s8_scratch_bytes(s, packed)),
                                   std::byte{0x55});
  std::vector<std::int8_t> y(static_cast<std::size_t>(s.N * s.OH * s.OW * s.OC), 77);
  depthwise_s8(s, x.data(), packed, q, y.data(), scratch.data(), pool);
  return y;
}

std::vector<std::int8_t> reference(const Conv2dShape& s, const std::vector<std::int8_t>& x,
                                   const std::vector<std::int8_t>& w, int x_zero_point,
                                   const Requantize& q) {
  std::vector<std::int8_t> y(static_cast<std::size_t>(s.N * s.OH * s.OW * s.OC));
  for (std::int64_t n = 0; n < s.N; ++n)
    for (std::int64_t oh = 0; oh < s.OH; ++oh)
      scalar::depthwise_s8_row(s, x.data(), x_zero_point, w.data(), q, y.data(), n, oh);
  return y;
}

struct Channels {
  std::vector<float> multiplier;
  std::vector<std::int32_t> bias;
  Channels(const Conv2dShape& s, std::uint64_t seed) {
    const Random random(seed);
    for (std::int64_t oc = 0; oc < s.OC; ++oc) {
      const auto at = static_cast<std::uint64_t>(oc);
      multiplier.push_back(oc % 3 ? static_cast<float>(random.uniform(2 * at, 0.001, 0.01))
                                  : 1.0f / 128);
      bias.push_back(static_cast<std::int32_t>(random.below(2 * at + 1, 20001)) - 10000);
    }
  }
};

}  // namespace

TEST_CASE("depthwise_s8: the reference by hand") {
  // Two channels, each seen by two: x - z = {1, 2}, {3, 4} for the two taps of one pixel.
  const Conv2dShape s = {.W = 2, .C = 2, .OC = 4, .KW = 2, .groups = 2};
  const std::vector<std::int8_t> x = {-4, -3, -2, -1}, w = {1, 2, 3, 4, 10, 20, 30, 40};
  const std::vector<float> multiplier = {1.0f, 1.0f, 0.5f, 0.25f};
  const std::vector<std::int32_t> bias = {0, 1, 0, 2};
  const auto y = reference(s, x, w, -5,
                           {.multiplier = multiplier.data(), .bias = bias.data(), .zero_point = 1});
  // 1 + 30 = 31, 2 + 60 + 1 = 63, (6 + 120) / 2 = 63, (8 + 160 + 2) / 4 = 42.5, to even 42.
  CHECK(y == std::vector<std::int8_t>{32, 64, 64, 43});
}

TEST_CASE("depthwise_s8: every implementation gives the reference's bits") {
  int rows = 0, ran = 0, expected_runs = 0;
  for (const auto& row : depthwise_s8_table()) rows += cpu_supports(row.isa) ? 1 : 0;
  std::uint64_t seed = 500;
  for (const Case& c : edge_cases()) {
    CAPTURE(c.name);
    const Conv2dShape& s = c.shape;
    REQUIRE(s.OH > 0);
    REQUIRE(s.OW > 0);
    const auto x = random_s8(x_count(s), ++seed);
    const auto w = random_s8(w_count(s), ++seed, -127, 127);
    const Channels channels(s, ++seed);
    for (const int z : {-128, 0, 127}) {
      CAPTURE(z);
      const Requantize q = {.multiplier = channels.multiplier.data(),
                            .bias = z ? channels.bias.data() : nullptr,
                            .zero_point = z == 0 ? -128 : z / 2,
                            .lo = static_cast<std::int8_t>(z > 0 ? z / 2 : -128),
                            .hi = static_cast<std::int8_t>(z > 0 ? 100 : 127)};
      const auto expected = reference(s, x, w, z, q);
      expected_runs += rows;
      for (const auto& row : depthwise_s8_table()) {
        if (!cpu_supports(row.isa)) continue;
        CAPTURE(row.name);
        CHECK(run_row(row, s, x, w, z, q) == expected);
        ++ran;
      }
    }
  }
  CHECK(ran == expected_runs);
  CHECK(ran >= 100 * rows);
}

TEST_CASE("depthwise_s8: extreme values") {
  const Conv2dShape s =
      make_case("", {.H = 5, .W = 15, .C = 49, .OC = 49, .KH = 3, .KW = 3}, {1, 1, 1, 1}).shape;
  const std::vector<float> multiplier(49, 100.0f / (9 * 32385));
  const Requantize q = {.multiplier = multiplier.data(), .zero_point = 1};
  int ran = 0;
  for (const int x_value : {-128, 127})
    for (const int w_value : {-127, 127})
      for (const int z : {-128, 127}) {
        const auto x = random_s8(x_count(s), 1, x_value, x_value);
        const auto w = random_s8(w_count(s), 2, w_value, w_value);
        const auto expected = reference(s, x, w, z, q);
        for (const auto& row : depthwise_s8_table()) {
          if (!cpu_supports(row.isa)) continue;
          CAPTURE(row.name);
          CHECK(run_row(row, s, x, w, z, q) == expected);
          ++ran;
        }
      }
  CHECK(ran >= 8);
}

TEST_CASE("depthwise_s8: threads do not change a bit") {
  const Conv2dShape s =
      make_case("", {.N = 3, .H = 64, .W = 80, .C = 70, .OC = 70, .KH = 3, .KW = 3}, {1, 1, 1, 1})
          .shape;
  const auto x = random_s8(x_count(s), 1), w = random_s8(w_count(s), 2, -127, 127);
  const Channels channels(s, 3);
  const Requantize q = {.multiplier = channels.multiplier.data(), .bias = channels.bias.data()};
  for (const auto& row : depthwise_s8_table()) {
    if (!cpu_supports(row.isa)) continue;
    CAPTURE(row.name);
    const auto expected = run_row(row, s, x, w, 7, q);
    for (const int threads : {1, 2, 4}) {
      ThreadPool pool(threads);
      CHECK(run_row(row, s, x, w, 7, q, &pool) == expected);
    }
  }
}

TEST_CASE("depthwise_s8: no images") {
  for (const std::int64_t kernel : {1, 3}) {
    CAPTURE(kernel);
    Conv2dShape s =
        make_case("", {.H = 4, .W = 4, .C = 5, .OC = 5, .KH = kernel, .KW = kernel}).shape;
    s.N = 0;
    const auto w = random_s8(w_count(s), 2, -127, 127);
    const Channels channels(s, 3);
    const Requantize q = {.multiplier = channels.multiplier.data()};
    for (const auto& row : depthwise_s8_table())
      if (isa_allowed(row.isa)) CHECK(run_row(row, s, {}, w, 3, q).empty());
  }
}

TEST_CASE("depthwise_s8: packing keeps the cap of the ISA") {
  const Conv2dShape s = make_case("", {.H = 4, .W = 4, .C = 5, .OC = 5, .KH = 3, .KW = 3}).shape;
  const auto x = random_s8(x_count(s), 1), w = random_s8(w_count(s), 2, -127, 127);
  const Channels channels(s, 3);
  const Requantize q = {.multiplier = channels.multiplier.data()};
  for (const Isa isa : {Isa::scalar, active_isa()}) {
    const PackedDepthwiseS8 packed = pack_depthwise_s8(s, w.data(), 3, isa);
    CHECK(packed.implementation->isa <= isa);
    AlignedVector<std::byte> scratch(
        static_cast<std::size_t>(depthwise_s8_scratch_bytes(s, packed)));
    std::vector<std::int8_t> y(static_cast<std::size_t>(s.OH * s.OW * s.OC));
    depthwise_s8(s, x.data(), packed, q, y.data(), scratch.data());
    CHECK(y == reference(s, x, w, 3, q));
  }
}
