// Every row of the table of float products against the loops that define convolution, at shapes
// around the edges of the tiles: 6 pixels, 16 or 64 channels (also 8 and 16 lanes), 96 pixels of a
// job, 768 of depth, eight sums of a shallow product, and of Winograd's: 2 or 4 pixels, a block of
// tiles.
#include "octet/kernels/conv2d.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "octet/core/random.hpp"
#include "random_shape.hpp"
#include "tolerance.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

struct Case {
  std::string name;
  Conv2dShape shape;
};

/// Lines of pixels and kernels that are no squares, padded where they overlap.
Conv2dShape lines(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C, std::int64_t KH,
                  std::int64_t KW, std::int64_t stride_w = 1) {
  Conv2dShape s{.N = N, .H = H, .W = W, .C = C, .OH = H, .OW = (W - 1) / stride_w + 1, .OC = 9};
  s.KH = KH, s.KW = KW, s.stride_w = stride_w;
  s.pad_top = KH / 2, s.pad_left = KW / 2;
  return s;
}

Conv2dShape convolution(std::int64_t images, std::int64_t side, std::int64_t in, std::int64_t out,
                        std::int64_t kernel, std::int64_t pad) {
  const std::int64_t result = side + 2 * pad - kernel + 1;
  return {.N = images,
          .H = side,
          .W = side,
          .C = in,
          .OH = result,
          .OW = result,
          .OC = out,
          .KH = kernel,
          .KW = kernel,
          .pad_top = pad,
          .pad_left = pad};
}

// One image of H x W, padded to its own size.
Conv2dShape convolution_3x3(std::int64_t H, std::int64_t W, std::int64_t in, std::int64_t out) {
  Conv2dShape s = convolution(1, H, in, out, 3, 1);
  s.W = s.OW = W;
  return s;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> list = [] {
    std::vector<Case> all = {
        {"everything 1", {}},
        {"3x3, one below a vector of channels", convolution(1, 5, 7, 7, 3, 1)},
        {"3x3, a vector of channels", convolution(1, 5, 8, 8, 3, 1)},
        {"3x3, one above a vector of channels", convolution(1, 5, 9, 9, 3, 1)},
        {"3x3, 15 channels", convolution(1, 4, 15, 15, 3, 1)},
        {"3x3, 16 channels", convolution(1, 4, 16, 16, 3, 1)},
        {"3x3, 17 channels", convolution(1, 4, 17, 17, 3, 1)},
        {"3x3, 33 and 47 channels", convolution(1, 4, 33, 47, 3, 1)},
        {"3x3, 63 channels", convolution(1, 3, 63, 63, 3, 1)},
        {"3x3, 64 channels", convolution(1, 3, 64, 64, 3, 1)},
        {"3x3, 65 channels", convolution(1, 3, 65, 65, 3, 1)},
        {"1x1, depth 767", convolution(1, 3, 767, 5, 1, 0)},
        {"1x1, depth 768", convolution(1, 3, 768, 5, 1, 0)},
        {"1x1, depth 769", convolution(1, 3, 769, 5, 1, 0)},
        {"3x3, depth 800, in slices", convolution(1, 2, 800, 3, 3, 1)},
        {"first layer: 1 channel, taps as depth", convolution(2, 9, 1, 20, 3, 1)},
        {"first layer: 3 channels, 7x7", convolution(1, 8, 3, 17, 7, 3)},
        {"taps as depth, more than 128", convolution(1, 12, 3, 4, 11, 5)},
        {"5x5, more taps than are pointed at at once", convolution(1, 6, 10, 5, 5, 2)},
        {"few channels, two lines a job, images that end within one", lines(3, 3, 48, 1, 3, 3)},
        {"few channels, one below a job's line", lines(1, 3, 95, 2, 3, 3)},
        {"few channels, a job's line", lines(1, 3, 96, 2, 3, 3)},
        {"few channels, one above a job's line", lines(1, 3, 97, 2, 3, 3)},
        {"few channels, a line of three parts", lines(1, 2, 199, 3, 3, 5)},
        {"few channels, windows that do not overlap", lines(2, 2, 99, 2, 1, 2, 3)},
        {"few channels, more lines of taps than are copied at once", lines(1, 2, 97, 7, 17, 18)},
        {"linear, batch 1", linear_shape(1, 100, 70)},
        {"linear, batch 5", linear_shape(5, 33, 7)},
        {"linear, batch 6", linear_shape(6, 64, 64)},
        {"linear, batch 7", linear_shape(7, 1, 1)},
        {"one below a job's 96 pixels", linear_shape(95, 9, 17)},
        {"a job's 96 pixels", linear_shape(96, 9, 17)},
        {"one above a job's 96 pixels", linear_shape(97, 9, 17)},
        {"as many jobs as threads want", linear_shape(16 * 96 + 1, 4, 70)},
        {"one above 128 pixels of an outer product", linear_shape(129, 9, 49)},
        {"even kernel, asymmetric padding",
         {.N = 2,
          .H = 5,
          .W = 6,
          .C = 9,
          .OH = 5,
          .OW = 6,
          .OC = 10,
          .KH = 2,
          .KW = 4,
          .pad_top = 1,
          .pad_left = 1}},
        {"stride 2",
         {.N = 2,
          .H = 7,
          .W = 8,
          .C = 9,
          .OH = 4,
          .OW = 4,
          .OC = 18,
          .KH = 3,
          .KW = 3,
          .stride_h = 2,
          .stride_w = 2,
          .pad_top = 1,
          .pad_left = 1}},
        {"stride 2, kernel 1: most of x is never read",
         {.H = 6, .W = 5, .C = 9, .OH = 3, .OW = 3, .OC = 4, .stride_h = 2, .stride_w = 2}},
        {"stride 3 by 2, prime sides",
         {.H = 13,
          .W = 11,
          .C = 10,
          .OH = 4,
          .OW = 5,
          .OC = 5,
          .KH = 4,
          .KW = 3,
          .stride_h = 3,
          .stride_w = 2,
          .pad_top = 0,
          .pad_left = 0}},
        {"dilation 2",
         {.H = 8,
          .W = 7,
          .C = 8,
          .OH = 8,
          .OW = 7,
          .OC = 9,
          .KH = 3,
          .KW = 3,
          .dilation_h = 2,
          .dilation_w = 2,
          .pad_top = 2,
          .pad_left = 2}},
        {"dilation 2 with stride 2",
         {.H = 9,
          .W = 9,
          .C = 8,
          .OH = 5,
          .OW = 5,
          .OC = 9,
          .KH = 3,
          .KW = 3,
          .stride_h = 2,
          .stride_w = 2,
          .dilation_h = 2,
          .dilation_w = 2,
          .pad_top = 2,
          .pad_left = 2}},
        {"dilation 3 with stride 2, odd phases",
         {.H = 9,
          .W = 9,
          .C = 3,
          .OH = 3,
          .OW = 3,
          .OC = 4,
          .KH = 3,
          .KW = 3,
          .stride_h = 2,
          .stride_w = 2,
          .dilation_h = 3,
          .dilation_w = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"groups 2",
         {.H = 4,
          .W = 4,
          .C = 18,
          .OH = 4,
          .OW = 4,
          .OC = 34,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1,
          .groups = 2}},
        {"as many groups as channels",
         {.N = 2,
          .H = 4,
          .W = 4,
          .C = 4,
          .OH = 4,
          .OW = 4,
          .OC = 8,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1,
          .groups = 4}},
        {"height 1",
         {.H = 1,
          .W = 9,
          .C = 8,
          .OH = 1,
          .OW = 9,
          .OC = 3,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"width 1",
         {.H = 9,
          .W = 1,
          .C = 8,
          .OH = 9,
          .OW = 1,
          .OC = 3,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"a first layer of more blocks of pixels than wait for their sum at once",
         convolution_3x3(186, 179, 1, 3)},
        {"3x3 of a 1x1 image", convolution(1, 1, 3, 17, 3, 1)},
        {"3x3, side 2, padding 2", convolution(1, 2, 17, 16, 3, 2)},
        {"3x3, side 5, no padding", convolution(2, 5, 16, 15, 3, 0)},
        {"3x3, sides of whole tiles", convolution(3, 8, 16, 17, 3, 1)},
        {"3x3, one below whole tiles", convolution(1, 7, 31, 9, 3, 1)},
        {"3x3, one above whole tiles, in slices", convolution(1, 9, 193, 65, 3, 1)},
        {"3x3, one tile less than a block of 36", convolution_3x3(4, 140, 5, 6)},
        {"3x3, as many tiles as a block", convolution(1, 24, 5, 6, 3, 1)},
        {"3x3, one tile more than a block", convolution_3x3(4, 148, 5, 6)},
        {"3x3, more blocks than threads", convolution(9, 18, 8, 16, 3, 1)},
        {"3x3, uneven sides and padding",
         {.N = 2,
          .H = 6,
          .W = 11,
          .C = 20,
          .OH = 7,
          .OW = 10,
          .OC = 33,
          .KH = 3,
          .KW = 3,
          .pad_top = 2,
          .pad_left = 0}},
        {"a window that lies in the padding altogether",
         {.H = 2, .W = 2, .C = 8, .OH = 6, .OW = 6, .OC = 3, .pad_top = 2, .pad_left = 2}},
    };
    // Products over few channels: pixels that are no multiple of 8, 6, 5 and 4 sums.
    for (const std::int64_t depth : {8, 9, 16, 24})
      for (const std::int64_t outputs : {1, 15, 16, 17, 31, 32, 33, 64, 65})
        all.push_back({"shallow", linear_shape(23, depth, outputs)});
    for (const std::int64_t outputs : {8, 16, 17, 33})
      all.push_back({"first layer: three lines of three", convolution(1, 11, 1, outputs, 3, 1)});
    // Two pixels share a vector of eight channels; not if these are the last of more, or a group.
    for (const std::int64_t width : {2, 3, 48, 95, 96, 97, 192, 193})
      for (const std::int64_t stride : {1, 2, 3})
        for (const std::int64_t outputs : {8, 16, 72, 136}) {
          Conv2dShape s = lines(2, 3, width, outputs == 16 ? 2 : 1, 3, 3, stride);
          s.OC = outputs, s.groups = s.C;
          all.push_back({"first layer, eight channels at its end", s});
        }
    return with_random_shapes(std::move(all), random_shape);
  }();
  return list;
}

std::vector<float> random_values(std::int64_t count, std::uint64_t stream) {
  const Random random{7, stream};
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(2 * random.uniform(i) - 1);
  return values;
}
std::vector<double> widened(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}
std::vector<double> magnitudes(const std::vector<float>& values) {
  std::vector<double> result;
  for (const float value : values) result.push_back(std::fabs(static_cast<double>(value)));
  return result;
}

// The index of the first element that is farther from `expected` than depth allows, or -1.
std::int64_t first_miss(const std::vector<float>& actual, const std::vector<double>& expected,
                        const std::vector<double>& magnitude, double depth) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i)
    if (!(std::fabs(static_cast<double>(actual[i]) - expected[i]) <=
          tolerance<float>(depth, magnitude[i])))
      return static_cast<std::int64_t>(i);
  return -1;
}

struct Tensors {
  std::vector<float> x, w, y, bias, residual;
  explicit Tensors(const Conv2dShape& s)
      : x(random_values(s.N * s.H * s.W * s.C, 1)),
        w(random_values(s.OC * s.KH * s.KW * (s.C / s.groups), 2)),
        y(random_values(s.N * s.OH * s.OW * s.OC, 3)),
        bias(random_values(s.OC, 4)),
        residual(random_values(s.N * s.OH * s.OW * s.OC, 5)) {}
};

// The algorithms that could compute this shape.
std::vector<ConvAlgorithm> algorithms(const GemmImplementation& row, const Conv2dShape& s) {
  const bool plain = s.KH == 3 && s.KW == 3 && s.stride_h * s.stride_w == 1 &&
                     s.dilation_h * s.dilation_w == 1 && s.groups == 1;
  if (!plain || !row.product) return {ConvAlgorithm::direct};
  return {ConvAlgorithm::direct, ConvAlgorithm::winograd_2x2, ConvAlgorithm::winograd_4x4};
}
// What bounds the rounding errors of an algorithm: those of a pixel itself, or, because Winograd's
// sums are of whole tiles, those of the largest one.
std::vector<double> scale_of(ConvAlgorithm algorithm, std::vector<double> magnitude) {
  if (algorithm != ConvAlgorithm::direct)
    magnitude.assign(magnitude.size(), *std::max_element(magnitude.begin(), magnitude.end()));
  return magnitude;
}

std::size_t scratch_size(const Conv2dShape& s, const PackedConv2d& packed) {
  return static_cast<std::size_t>(conv2d_scratch_size(s, packed));
}
void backward_input(const GemmImplementation& row, const Conv2dShape& s, const Tensors& t,
                    ConvAlgorithm algorithm, std::vector<float>& dx, ThreadPool& pool) {
  if (algorithm == ConvAlgorithm::direct)
    return conv2d_backward_input_product(row, s, t.y.data(), t.w.data(), dx.data(), pool);
  winograd_with_weights(winograd(row, turned_over(s), winograd_tile(algorithm)), t.y.data(),
                        t.w.data(), pack_winograd_turned, {}, dx.data(), pool);
}
void backward_weight(const GemmImplementation& row, const Conv2dShape& s, const Tensors& t,
                     ConvAlgorithm algorithm, std::vector<float>& dw, ThreadPool& pool) {
  if (algorithm == ConvAlgorithm::direct)
    return backward_weight_product(row, s, t.x.data(), t.y.data(), dw.data(), pool);
  const WinogradBackwardWeight by_tiles{winograd(row, s, winograd_tile(algorithm))};
  AlignedVector<float> scratch(static_cast<std::size_t>(by_tiles.scratch_size()), NAN);
  winograd_backward_weight(by_tiles.a, t.x.data(), t.y.data(), dw.data(), scratch.data(), pool);
}
bool usable(const GemmImplementation& row) { return row.product && isa_allowed(row.isa); }

}  // namespace

TEST_CASE("conv2d: every row of the table computes the reference's forward") {
  int ran = 0;
  for (const Case& c : cases())
    for (const GemmImplementation& row : gemm_table()) {
      if (!isa_allowed(row.isa)) continue;
      CAPTURE(c.name);
      CAPTURE(row.name);
      const Conv2dShape& s = c.shape;
      const Tensors t(s);
      ThreadPool pool(1);
      const double depth = static_cast<double>(s.KH * s.KW * s.C / s.groups);
      // Nothing after the sums; bias and limits; bias, limits and a residual.
      for (const int epilogue : {0, 1, 2}) {
        CAPTURE(epilogue);
        std::vector<double> expected(t.y.size()), magnitude(t.y.size());
        const auto bias = widened(t.bias), residual = widened(t.residual);
        Epilogue<double> wide{};
        Epilogue<float> narrow{};
        if (epilogue) {
          wide = {bias.data(), -0.5, 0.75, epilogue == 2 ? residual.data() : nullptr};
          narrow = {t.bias.data(), -0.5f, 0.75f, epilogue == 2 ? t.residual.data() : nullptr};
        }
        conv2d_forward(s, widened(t.x).data(), widened(t.w).data(), wide, expected.data(), pool);
        conv2d_forward(s, magnitudes(t.x).data(), magnitudes(t.w).data(), {}, magnitude.data(),
                       pool);
        for (double& m : magnitude) m += epilogue;
        for (const ConvAlgorithm algorithm : algorithms(row, s)) {
          CAPTURE(winograd_tile(algorithm));
          std::vector<float> y(t.y.size(), NAN);
          const PackedConv2d packed = pack_conv2d(s, t.w.data(), row.isa, algorithm);
          REQUIRE(packed.implementation == &row);
          AlignedVector<float> scratch(scratch_size(s, packed), NAN);
          conv2d_run(s, t.x.data(), packed, narrow, y.data(), nullptr, scratch.data());
          CHECK(first_miss(y, expected, scale_of(algorithm, magnitude), depth) == -1);
          if (epilogue == 2) {
            std::vector<float> sums(t.y.size(), NAN);
            conv2d_run(s, t.x.data(), packed, {.bias = t.bias.data()}, sums.data(), nullptr,
                       scratch.data());
            for (std::size_t i = 0; i < sums.size(); ++i)
              sums[i] = clamp_value(sums[i] + t.residual[i], -0.5f, 0.75f);
            CHECK(sums == y);
          }
        }
      }
      ++ran;
    }
  CHECK(ran >= static_cast<int>(cases().size()));
}

TEST_CASE("conv2d: every row of the table computes the reference's gradients") {
  for (const Case& c : cases())
    for (const GemmImplementation& row : gemm_table()) {
      if (!usable(row)) continue;
      CAPTURE(c.name);
      CAPTURE(row.name);
      const Conv2dShape& s = c.shape;
      const Tensors t(s);
      ThreadPool pool(1);

      std::vector<double> expected(t.x.size()), magnitude(t.x.size());
      conv2d_backward_input(s, widened(t.y).data(), widened(t.w).data(), expected.data(), pool);
      conv2d_backward_input(s, magnitudes(t.y).data(), magnitudes(t.w).data(), magnitude.data(),
                            pool);
      const double depth = static_cast<double>(s.KH * s.KW * s.OC / s.groups);
      for (const ConvAlgorithm algorithm : algorithms(row, s)) {
        CAPTURE(static_cast<int>(algorithm));
        std::vector<float> dx(t.x.size(), NAN);
        backward_input(row, s, t, algorithm, dx, pool);
        CHECK(first_miss(dx, expected, scale_of(algorithm, magnitude), depth) == -1);
      }

      expected.assign(t.w.begin(), t.w.end());
      magnitude.assign(t.w.size(), 1);
      conv2d_backward_weight(s, widened(t.x).data(), widened(t.y).data(), expected.data(), pool);
      conv2d_backward_weight(s, magnitudes(t.x).data(), magnitudes(t.y).data(), magnitude.data(),
                             pool);
      for (const ConvAlgorithm algorithm : algorithms(row, s)) {
        CAPTURE(static_cast<int>(algorithm));
        std::vector<float> dw = t.w;
        backward_weight(row, s, t, algorithm, dw, pool);
        CHECK(first_miss(dw, expected, scale_of(algorithm, magnitude),
                         static_cast<double>(s.N * s.OH * s.OW)) == -1);
      }
    }
}

TEST_CASE("conv2d: the number of threads changes no bit") {
  for (const Case& c : cases())
    for (const GemmImplementation& row : gemm_table()) {
      if (!usable(row)) continue;
      CAPTURE(c.name);
      CAPTURE(row.name);
      const Conv2dShape& s = c.shape;
      const Tensors t(s);
      for (const ConvAlgorithm algorithm : algorithms(row, s)) {
        CAPTURE(winograd_tile(algorithm));
        const PackedConv2d packed = pack_conv2d(s, t.w.data(), row.isa, algorithm);
        std::vector<float> y1, dx1, dw1;
        for (const int threads : {1, 2, 4}) {
          CAPTURE(threads);
          ThreadPool pool(threads);
          std::vector<float> y(t.y.size()), dx(t.x.size()), dw(t.w.size());
          AlignedVector<float> scratch(scratch_size(s, packed), NAN);
          conv2d_run(s, t.x.data(), packed, {}, y.data(), &pool, scratch.data());
          backward_input(row, s, t, algorithm, dx, pool);
          backward_weight(row, s, t, algorithm, dw, pool);
          if (threads == 1) {
            y1 = y;
            dx1 = dx;
            dw1 = dw;
          }
          CHECK(y == y1);
          CHECK(dx == dx1);
          CHECK(dw == dw1);
        }
      }
    }
}

TEST_CASE("conv2d: no images") {
  const Conv2dShape s = convolution(0, 8, 5, 6, 3, 1);
  const Tensors t(s);
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (const GemmImplementation& row : gemm_table()) {
      if (!usable(row)) continue;
      CAPTURE(row.name);
      for (const ConvAlgorithm algorithm : algorithms(row, s)) {
        const PackedConv2d packed = pack_conv2d(s, t.w.data(), row.isa, algorithm);
        AlignedVector<float> scratch(scratch_size(s, packed), NAN);
        std::vector<float> none, dw = t.w;
        conv2d_run(s, t.x.data(), packed, {}, none.data(), &pool, scratch.data());
        backward_input(row, s, t, algorithm, none, pool);
        backward_weight(row, s, t, algorithm, dw, pool);
        CHECK(dw == t.w);
      }
    }
  }
}

TEST_CASE("conv2d: packed weights give conv2d_forward bit for bit, and NaN passes the clamp") {
  const Conv2dShape s = convolution(2, 6, 10, 20, 3, 1);
  Tensors t(s);
  t.x[17] = NAN;
  ThreadPool pool(2);
  const Epilogue<float> relu{.bias = t.bias.data(), .lo = 0};
  std::vector<float> trained(t.y.size()), run(t.y.size());
  conv2d_forward(s, t.x.data(), t.w.data(), relu, trained.data(), pool);
  const PackedConv2d packed = pack_conv2d(s, t.w.data());
  conv2d_run(s, t.x.data(), packed, relu, run.data(), &pool);
  int not_numbers = 0;
  for (std::size_t i = 0; i < run.size(); ++i) {
    const bool both = std::isnan(run[i]) && std::isnan(trained[i]);
    not_numbers += both;
    CHECK((both || run[i] == trained[i]));
  }
  CHECK(not_numbers == 6 * 20);  // pixel (0, 1) is seen by the 2 x 3 outputs around it
}

TEST_CASE("conv2d: Winograd's errors are at most four times those of the direct sums") {
  const Conv2dShape s = convolution(1, 12, 96, 64, 3, 1);
  for (const bool positive : {false, true})
    for (const GemmImplementation& row : gemm_table()) {
      if (!usable(row)) continue;
      CAPTURE(positive);
      CAPTURE(row.name);
      Tensors t(s);
      if (positive)
        for (float& value : t.x) value = std::fabs(value);
      ThreadPool pool(1);
      std::vector<double> expected(t.y.size());
      conv2d_forward(s, widened(t.x).data(), widened(t.w).data(), {}, expected.data(), pool);
      double direct = 0;
      for (const ConvAlgorithm algorithm : algorithms(row, s)) {
        const PackedConv2d packed = pack_conv2d(s, t.w.data(), row.isa, algorithm);
        std::vector<float> y(t.y.size());
        AlignedVector<float> scratch(scratch_size(s, packed));
        conv2d_run(s, t.x.data(), packed, {}, y.data(), nullptr, scratch.data());
        double error = 0;
        for (std::size_t i = 0; i < y.size(); ++i)
          error = (std::max)(error, std::fabs(static_cast<double>(y[i]) - expected[i]));
        if (algorithm == ConvAlgorithm::direct) direct = error;
        CAPTURE(winograd_tile(algorithm));
        CHECK(error <= 4 * direct);
      }
    }
}

TEST_CASE("conv2d: Winograd's blocks of tiles have the same bits whatever the cache") {
  const Conv2dShape s = convolution(2, 23, 40, 70, 3, 1);
  const Tensors t(s);
  const GemmImplementation& row = select_gemm();
  if (!winograd_possible(row, s)) return;
  std::vector<float> expected;
  for (const std::int64_t cache_KiB : {2048, 512, 128}) {
    CAPTURE(cache_KiB);
    Winograd a = winograd(row, s, 4);
    a.cache_bytes = cache_KiB * 1024;
    AlignedVector<float> packed(static_cast<std::size_t>(a.packed_size())),
        scratch(static_cast<std::size_t>(a.scratch_size()));
    pack_winograd(a, t.w.data(), packed.data(), 0, a.panels());
    std::vector<float> y(t.y.size());
    winograd_run(a, t.x.data(), packed.data(), {}, y.data(), scratch.data(), nullptr);
    if (expected.empty()) expected = y;
    CHECK(y == expected);
    CHECK((cache_KiB == 2048 || a.block() < winograd(row, s, 4).tiles()));
  }
}

TEST_CASE("conv2d: Winograd is chosen where it is faster, and gives training's numbers") {
  const auto chosen = [](std::int64_t side, std::int64_t in, std::int64_t out,
                         ThirdCache cache = ThirdCache::slow) {
    return choose_conv_algorithm(select_gemm(), convolution(1, side, in, out, 3, 1), cache);
  };
  CHECK(choose_conv_algorithm(convolution(1, 48, 64, 64, 3, 1), Isa::scalar) ==
        ConvAlgorithm::direct);
  if (!usable(select_gemm())) return;
  CHECK(chosen(48, 64, 64) == ConvAlgorithm::winograd_4x4);
  CHECK(chosen(48, 1, 64) == ConvAlgorithm::direct);
  CHECK(chosen(12, 256, 256) == ConvAlgorithm::winograd_2x2);
  CHECK(chosen(12, 256, 256, ThirdCache::fast) == ConvAlgorithm::winograd_4x4);
  CHECK(chosen(6, 512, 512) == ConvAlgorithm::direct);
  CHECK(chosen(6, 512, 512, ThirdCache::fast) == ConvAlgorithm::winograd_2x2);
  CHECK(chosen(3, 512, 512, ThirdCache::fast) == ConvAlgorithm::direct);
  CHECK(choose_conv_algorithm(convolution(1, 48, 64, 64, 1, 0)) == ConvAlgorithm::direct);

  const Conv2dShape s = convolution(1, 24, 32, 40, 3, 1);
  const Tensors t(s);
  ThreadPool pool(2);
  const Epilogue<float> relu{.bias = t.bias.data(), .lo = 0};
  std::vector<float> trained(t.y.size()), run(t.y.size());
  conv2d_forward(s, t.x.data(), t.w.data(), relu, trained.data(), pool);
  const PackedConv2d packed = pack_conv2d(s, t.w.data(), active_isa(), choose_conv_algorithm(s));
  REQUIRE(packed.algorithm == ConvAlgorithm::winograd_4x4);
  CHECK(packed.name.starts_with("winograd_f32_4x4"));
  AlignedVector<float> scratch(scratch_size(s, packed));
  conv2d_run(s, t.x.data(), packed, relu, run.data(), &pool, scratch.data());
  CHECK(run == trained);
}

TEST_CASE("conv2d: packed weights name the kernel that runs") {
  const auto name = [](std::int64_t C, std::int64_t OC, std::int64_t K, Isa isa) {
    const Conv2dShape s = convolution(1, 8, C, OC, K, K / 2);
    return pack_conv2d(s, Tensors(s).w.data(), isa).name;
  };
  CHECK(name(1, 8, 3, Isa::scalar) == "gemm_f32_scalar");
  if (!usable(select_gemm(Isa::avx512)) || select_gemm().isa != Isa::avx512) return;
  CHECK(name(1, 8, 3, Isa::avx512) == "shallow_f32_x16_avx512");
  CHECK(name(3, 32, 3, Isa::avx512) == "gemm_f32_6x64_avx512");
  CHECK(name(16, 16, 1, Isa::avx512) == "shallow_f32_x16_avx512");
  CHECK(name(16, 17, 1, Isa::avx512) == "gemm_f32_6x64_avx512");
  CHECK(name(1, 8, 3, Isa::avx2) == "gemm_f32_6x16_avx2");
}
