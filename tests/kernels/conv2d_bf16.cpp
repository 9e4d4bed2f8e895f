// Every row of the table of bf16 products: its operations bit by bit against the scalar ones, the
// convolutions made of them against double arithmetic on the rounded operands, at shapes around the
// edges of the tiles (16 and 32 rows, columns and depth) and of the jobs.
#include "octet/kernels/conv2d_bf16.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

#include "octet/core/random.hpp"
#include "octet/kernels/conv2d_bf16_backward.hpp"
#include "octet/kernels/scalar/conv2d.hpp"
#include "random_shape.hpp"
#include "tolerance.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

struct Case {
  std::string name;
  Conv2dShape shape;
};

Conv2dShape square(std::int64_t images, std::int64_t side, std::int64_t in, std::int64_t out,
                   std::int64_t kernel, std::int64_t pad, std::int64_t stride = 1,
                   std::int64_t dilation = 1, std::int64_t groups = 1) {
  const std::int64_t result = (side + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
  return {.N = images,
          .H = side,
          .W = side,
          .C = in,
          .OH = result,
          .OW = result,
          .OC = out,
          .KH = kernel,
          .KW = kernel,
          .stride_h = stride,
          .stride_w = stride,
          .dilation_h = dilation,
          .dilation_w = dilation,
          .pad_top = pad,
          .pad_left = pad,
          .groups = groups};
}

const std::vector<Case>& cases() {
  static const std::vector<Case> list = with_random_shapes<Case>(
      {
          {"no images", square(0, 9, 3, 5, 3, 1)},
          {"linear, no examples", linear_shape(0, 7, 5)},
          {"everything 1", {}},
          {"first layer", square(2, 9, 1, 20, 3, 1)},
          {"15 channels", square(2, 4, 15, 15, 3, 1)},
          {"16 channels", square(2, 4, 16, 16, 3, 1)},
          {"17 channels", square(2, 4, 17, 17, 3, 1)},
          {"31 and 33 channels", square(2, 5, 31, 33, 3, 1)},
          {"32 and 32 channels", square(2, 5, 32, 32, 3, 1)},
          {"33 and 31 channels", square(2, 5, 33, 31, 3, 1)},
          {"31 positions", {.N = 1, .W = 31, .C = 3, .OW = 31, .OC = 2}},
          {"32 positions", {.N = 1, .W = 32, .C = 3, .OW = 32, .OC = 2}},
          {"33 positions", {.N = 1, .W = 33, .C = 3, .OW = 33, .OC = 2}},
          {"linear, 300 examples", linear_shape(300, 70, 10)},
          {"several jobs of images", square(40, 6, 5, 6, 3, 1)},
          {"lines of one image as jobs", square(1, 40, 160, 8, 3, 1)},
          {"no padding", square(2, 6, 5, 4, 3, 0)},
          {"more padding than kernel", square(2, 2, 3, 2, 2, 3)},
          {"kernel as large as the image", square(3, 4, 3, 5, 4, 0)},
          {"stride 2", square(2, 9, 3, 17, 3, 1, 2)},
          {"stride 2, several jobs", square(30, 13, 9, 5, 3, 1, 2)},
          {"stride larger than the kernel", square(2, 7, 3, 4, 2, 0, 3)},
          {"dilation 2", square(2, 9, 5, 6, 3, 2, 1, 2)},
          {"stride 2, dilation 3", square(2, 9, 5, 6, 3, 2, 2, 3)},
          {"two groups", square(2, 7, 8, 12, 3, 1, 1, 1, 2)},
          {"both gradients at once", square(3, 8, 33, 40, 3, 1)},
          {"both gradients, several jobs", square(40, 9, 5, 6, 3, 1)},
          {"both gradients, no padding", square(2, 9, 5, 6, 3, 0)},
          {"both gradients, as much padding as taps", square(3, 8, 31, 32, 3, 2)},
          {"both gradients, dilation 2", square(2, 9, 3, 33, 5, 1, 1, 2)},
          {"more padding below and to the right than kernel",
           {.N = 3, .H = 20, .W = 20, .C = 32, .OH = 22, .OW = 22, .OC = 64}},
          {"padding below and to the right alone",
           {.N = 2, .H = 9, .W = 9, .C = 5, .OH = 9, .OW = 9, .OC = 6, .KH = 3, .KW = 3}},
          {"unequal everything",
           {.N = 2,
            .H = 7,
            .W = 6,
            .C = 4,
            .OH = 7,
            .OW = 4,
            .OC = 3,
            .KH = 2,
            .KW = 3,
            .stride_w = 2,
            .dilation_h = 2,
            .pad_top = 2,
            .pad_left = 1}},
      },
      random_shape, 20);
  return list;
}

std::vector<float> normal_values(std::int64_t count, std::uint64_t seed) {
  std::vector<float> values;
  const Random random(seed);
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(random.normal(static_cast<std::uint64_t>(i))));
  return values;
}

struct Tensors {
  std::vector<float> x, w, bias, dy;
  explicit Tensors(const Conv2dShape& s)
      : x(normal_values(s.N * s.H * s.W * s.C, 1)),
        w(normal_values(s.OC * s.KH * s.KW * s.C / s.groups, 2)),
        bias(normal_values(s.OC, 3)),
        dy(normal_values(s.N * s.OH * s.OW * s.OC, 4)) {}
};

/// y, dx and dw of one shape; dw is added to ones.
struct Results {
  std::vector<float> y, dx, dw;
  Results(const Bf16Implementation& row, const Conv2dShape& s, const Tensors& t, ThreadPool& pool)
      : y(t.dy.size(), 7.0f), dx(t.x.size(), 7.0f), dw(t.w.size(), 1.0f) {
    conv2d_forward_bf16(row, s, t.x.data(), t.w.data(), t.bias.data(), y.data(), pool);
    conv2d_backward_input_bf16(row, s, t.dy.data(), t.w.data(), dx.data(), pool);
    conv2d_backward_weight_bf16(row, s, t.x.data(), t.dy.data(), dw.data(), pool);
  }
};

std::vector<double> rounded(const std::vector<float>& values) {
  std::vector<double> result;
  for (const float value : values) result.push_back(to_float(to_bfloat16(value)));
  return result;
}
std::vector<double> magnitudes(std::vector<double> values) {
  for (double& value : values) value = std::abs(value);
  return values;
}

/// The three convolutions in double, of these x, w and dy.
struct Exact {
  std::vector<double> y, dx, dw;
  Exact(const Conv2dShape& s, const std::vector<double>& x, const std::vector<double>& w,
        const std::vector<double>& dy)
      : y(dy.size()), dx(x.size()), dw(w.size()) {
    scalar::conv2d_forward<double>(s, x.data(), w.data(), {}, y.data(), 0, s.N * s.OH);
    scalar::conv2d_backward_input<double>(s, dy.data(), w.data(), dx.data(), 0, s.N * s.H);
    scalar::conv2d_backward_weight<double>(s, x.data(), dy.data(), dw.data(), 0, s.OC);
  }
};

/// Whether got - added is exact up to the rounding of a sum of `depth` products of this magnitude.
bool agree(const std::vector<float>& got, const std::vector<double>& exact,
           const std::vector<double>& magnitude, std::int64_t depth,
           const std::vector<float>& added) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double more = added[i % added.size()];
    const double bound =
        tolerance<float>(static_cast<double>(depth), magnitude[i] + std::abs(more));
    if (!(std::abs(got[i] - (exact[i] + more)) <= bound)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a float is rounded to the nearest bf16, ties to even") {
  const auto bits = [](float value) { return to_bfloat16(value).bits; };
  CHECK(bits(1.0f) == 0x3F80);
  CHECK(bits(std::bit_cast<float>(0x3F807FFFu)) == 0x3F80);
  CHECK(bits(std::bit_cast<float>(0x3F808000u)) == 0x3F80);
  CHECK(bits(std::bit_cast<float>(0x3F808001u)) == 0x3F81);
  CHECK(bits(std::bit_cast<float>(0x3F818000u)) == 0x3F82);
  CHECK(bits(-0.0f) == 0x8000);
  CHECK(bits((std::numeric_limits<float>::max)()) == 0x7F80);
  CHECK(bits(std::numeric_limits<float>::infinity()) == 0x7F80);
  CHECK(bits(std::bit_cast<float>(0x7F800001u)) == 0x7FC0);
  CHECK(bits(std::bit_cast<float>(0x807FFFFFu)) == 0x8000);
  CHECK(to_float({0xBF80}) == -1.0f);
}

TEST_CASE("each implementation lays operands out bit by bit as the scalar one") {
  const Bf16Implementation& plain = bf16_table().back();
  std::vector<float> values = normal_values(40 * 100, 5);
  std::size_t at = 0;
  for (const std::uint32_t special :
       {0x00000000u, 0x80000000u, 0x7F800000u, 0xFF800000u, 0x7F800001u, 0x7FC12345u, 0x00000001u,
        0x807FFFFFu, 0x00800000u, 0x7F7FFFFFu, 0x3F808000u, 0x3F818000u})
    values[at += 7] = std::bit_cast<float>(special);
  for (const Bf16Implementation& row : bf16_table()) {
    if (!isa_allowed(row.isa)) continue;
    CAPTURE(row.name);
    for (const std::int64_t depth : {1, 15, 16, 17, 31, 32, 33, 64, 100}) {
      CAPTURE(depth);
      constexpr std::int64_t pixels = 40, stride = pixels * bf16_depth + 32;
      std::vector<Bfloat16> expected(4 * stride, Bfloat16{7}), got = expected;
      plain.convert(pixels, depth, values.data(), 100, expected.data(), stride);
      row.convert(pixels, depth, values.data(), 100, got.data(), stride);
      CHECK(got == expected);
    }
    std::vector<Bfloat16> lines(32 * 32);
    for (std::size_t i = 0; i < lines.size(); ++i) lines[i].bits = static_cast<std::uint16_t>(i);
    std::vector<Bfloat16> expected(2 * 600), got(2 * 600);
    plain.interleave(lines.data(), expected.data(), 600);
    row.interleave(lines.data(), got.data(), 600);
    CHECK(got == expected);
    plain.turn(lines.data(), expected.data());
    row.turn(lines.data(), got.data());
    CHECK(got == expected);
  }
}

TEST_CASE("each implementation stores the sums that are asked for, and no others") {
  const std::vector<float> sum = normal_values(32 * 32, 6), bias = normal_values(40, 7);
  for (const Bf16Implementation& row : bf16_table()) {
    if (!isa_allowed(row.isa)) continue;
    for (const std::int64_t columns : {1, 15, 16, 17, 31, 32}) {
      CAPTURE(row.name);
      CAPTURE(columns);
      const StoreThrough through = columns == 31 ? StoreThrough::caches : StoreThrough::memory;
      AlignedVector<float> got(32 * 40, 7.0f), expected = got;
      float* rows[32];
      for (std::int64_t r = 0; r < 32; ++r) rows[r] = r % 5 == 3 ? nullptr : got.data() + r * 40;
      row.store(30, columns, 8, sum.data(), bias.data(), through, rows);
      for (std::int64_t r = 0; r < 30; ++r)
        for (std::int64_t j = 0; rows[r] && j < columns; ++j)
          expected[static_cast<std::size_t>(r * 40 + 8 + j)] =
              sum[static_cast<std::size_t>(r * 32 + j)] + bias[static_cast<std::size_t>(8 + j)];
      CHECK(got == expected);
    }
  }
}

TEST_CASE("a bf16 convolution and its gradients are those of the rounded operands") {
  ThreadPool pool(2);
  for (const Case& each : cases()) {
    const Conv2dShape& s = each.shape;
    const Tensors t(s);
    const std::vector<double> x = rounded(t.x), w = rounded(t.w), dy = rounded(t.dy);
    const Exact exact(s, x, w, dy), magnitude(s, magnitudes(x), magnitudes(w), magnitudes(dy));
    const std::int64_t taps = s.KH * s.KW;
    for (const Bf16Implementation& row : bf16_table()) {
      if (!isa_allowed(row.isa)) continue;
      CAPTURE(each.name);
      CAPTURE(row.name);
      const Results got(row, s, t, pool);
      CHECK(agree(got.y, exact.y, magnitude.y, taps * s.C, t.bias));
      CHECK(agree(got.dx, exact.dx, magnitude.dx, taps * s.OC, {0.0f}));
      CHECK(agree(got.dw, exact.dw, magnitude.dw, s.N * s.OH * s.OW, {1.0f}));
    }
  }
}

TEST_CASE("both gradients of a bf16 convolution at once, of a deferred dy too") {
  int joint = 0;
  for (const Case& each : cases()) {
    const Conv2dShape& s = each.shape;
    if (!has_joint_backward(s)) continue;
    ++joint;
    CAPTURE(each.name);
    const Tensors t(s);
    // dy is what a batch norm with ReLU makes of t.dy; `normalized` is what it had normalized.
    const auto normalized = normal_values(s.N * s.OH * s.OW * s.OC, 5);
    const auto channel = [&](std::uint64_t seed) {
      const auto values = normal_values(s.OC, seed);
      return AlignedVector<float>(values.begin(), values.end());
    };
    const DeferredGradient<float> deferred{
        {channel(6), channel(7), channel(10), 0, 6}, channel(8), channel(9)};
    std::vector<float> dy(t.dy.size());
    deferred.compute(s.N * s.OH * s.OW, normalized.data(), t.dy.data(), dy.data());
    const std::vector<double> x = rounded(t.x), w = rounded(t.w), wide_dy = rounded(dy);
    const Exact exact(s, x, w, wide_dy);
    const Exact magnitude(s, magnitudes(x), magnitudes(w), magnitudes(wide_dy));
    for (const Bf16Implementation& row : bf16_table()) {
      if (!isa_allowed(row.isa)) continue;
      CAPTURE(row.name);
      std::vector<float> first_dx, first_dw;
      for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        for (const bool defers : {false, true}) {
          CAPTURE(threads);
          CAPTURE(defers);
          std::vector<float> dx(t.x.size(), 7.0f), dw(t.w.size(), 1.0f);
          conv2d_backward_bf16<float>(row, s, t.x.data(), defers ? t.dy.data() : dy.data(),
                                      defers ? &deferred : nullptr, normalized.data(), t.w.data(),
                                      dw.data(), dx.data(), pool);
          if (first_dx.empty()) {
            CHECK(agree(dx, exact.dx, magnitude.dx, s.KH * s.KW * s.OC, {0.0f}));
            CHECK(agree(dw, exact.dw, magnitude.dw, s.N * s.OH * s.OW, {1.0f}));
            first_dx = dx;
            first_dw = dw;
          }
          CHECK(dx == first_dx);
          CHECK(dw == first_dw);
        }
      }
    }
  }
  CHECK(joint >= 5);
}

TEST_CASE("the number of threads changes no bit of a bf16 convolution") {
  ThreadPool one(1), three(3);
  const Bf16Implementation& row = select_bf16();
  for (const Case& each : cases()) {
    CAPTURE(each.name);
    const Tensors t(each.shape);
    const Results a(row, each.shape, t, one), b(row, each.shape, t, three);
    CHECK(a.y == b.y);
    CHECK(a.dx == b.dx);
    CHECK(a.dw == b.dw);
  }
}

TEST_CASE("OCTET_ISA decides between the implementations, and whether bf16 is worth it") {
  CHECK(select_bf16(Isa::scalar).name == "gemm_bf16bf16f32_scalar");
  CHECK(!bf16_is_fast(Isa::avx512_vnni));
  for (const Isa isa : {Isa::avx512_bf16, Isa::amx}) {
    if (!cpu_supports(isa)) continue;
    CHECK(select_bf16(isa).isa == isa);
    CHECK(bf16_is_fast(isa));
  }
}
