// Every row of the table of depthwise convolutions against the definitions in double, at channels
// around a vector of 8 or 16 lanes and at widths around the four pixels of a tile.
#include "octet/kernels/depthwise.hpp"

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

const std::vector<Case> cases = with_random_shapes<Case>(
    {
        {"everything 1", {}},
        {"3x3, one below a vector, row of 3",
         {.H = 3,
          .W = 3,
          .C = 7,
          .OH = 3,
          .OW = 3,
          .OC = 7,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"3x3, a vector, row of 4",
         {.H = 4,
          .W = 4,
          .C = 8,
          .OH = 4,
          .OW = 4,
          .OC = 8,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"3x3, half a vector, a pair",
         {.N = 3,
          .H = 3,
          .W = 2,
          .C = 8,
          .OH = 3,
          .OW = 2,
          .OC = 8,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"3x3, half a vector, three pairs",
         {.N = 2,
          .H = 5,
          .W = 6,
          .C = 8,
          .OH = 5,
          .OW = 6,
          .OC = 8,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"3x3, half a vector, pairs and one more",
         {.N = 2,
          .H = 5,
          .W = 7,
          .C = 8,
          .OH = 5,
          .OW = 7,
          .OC = 8,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"3x3, one above a vector, row of 5",
         {.H = 5,
          .W = 5,
          .C = 9,
          .OH = 5,
          .OW = 5,
          .OC = 9,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"3x3, 15 channels, row of 6",
         {.N = 2,
          .H = 6,
          .W = 6,
          .C = 15,
          .OH = 6,
          .OW = 6,
          .OC = 15,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"3x3, 16 channels, no padding",
         {.N = 5, .H = 7, .W = 11, .C = 16, .OH = 5, .OW = 9, .OC = 16, .KH = 3, .KW = 3}},
        {"3x3, 17 channels, more images than a part",
         {.N = 9,
          .H = 4,
          .W = 7,
          .C = 17,
          .OH = 4,
          .OW = 7,
          .OC = 17,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"3x3, 33 channels, stride 2",
         {.N = 2,
          .H = 9,
          .W = 12,
          .C = 33,
          .OH = 5,
          .OW = 6,
          .OC = 33,
          .KH = 3,
          .KW = 3,
          .stride_h = 2,
          .stride_w = 2,
          .pad_top = 1,
          .pad_left = 1}},
        {"3x3, stride 2, even sides, padding at the end alone",
         {.N = 3,
          .H = 8,
          .W = 6,
          .C = 18,
          .OH = 4,
          .OW = 3,
          .OC = 18,
          .KH = 3,
          .KW = 3,
          .stride_h = 2,
          .stride_w = 2}},
        {"3x3, padding 2 above, 0 left",
         {.H = 3, .W = 4, .C = 16, .OH = 5, .OW = 2, .OC = 16, .KH = 3, .KW = 3, .pad_top = 2}},
        {"5x5, stride 3 by 2",
         {.H = 11,
          .W = 14,
          .C = 10,
          .OH = 4,
          .OW = 7,
          .OC = 10,
          .KH = 5,
          .KW = 5,
          .stride_h = 3,
          .stride_w = 2,
          .pad_top = 2,
          .pad_left = 2}},
        {"dilation 2",
         {.H = 8,
          .W = 9,
          .C = 9,
          .OH = 8,
          .OW = 9,
          .OC = 9,
          .KH = 3,
          .KW = 3,
          .dilation_h = 2,
          .dilation_w = 2,
          .pad_top = 2,
          .pad_left = 2}},
        {"dilation 2 with stride 2",
         {.H = 8,
          .W = 9,
          .C = 9,
          .OH = 4,
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
        {"asymmetric padding, even kernel",
         {.H = 5,
          .W = 6,
          .C = 8,
          .OH = 5,
          .OW = 6,
          .OC = 8,
          .KH = 2,
          .KW = 4,
          .pad_top = 1,
          .pad_left = 1}},
        {"height 1",
         {.H = 1,
          .W = 9,
          .C = 8,
          .OH = 1,
          .OW = 9,
          .OC = 8,
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
          .OC = 8,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
        {"kernel wider than the image",
         {.H = 2,
          .W = 2,
          .C = 8,
          .OH = 2,
          .OW = 2,
          .OC = 8,
          .KH = 7,
          .KW = 7,
          .pad_top = 3,
          .pad_left = 3}},
        {"windows that lie in the padding",
         {.H = 2, .W = 2, .C = 8, .OH = 8, .OW = 8, .OC = 8, .pad_top = 3, .pad_left = 3}},
        {"multiplier 3",
         {.N = 2,
          .H = 4,
          .W = 5,
          .C = 6,
          .OH = 4,
          .OW = 5,
          .OC = 18,
          .KH = 3,
          .KW = 3,
          .pad_top = 1,
          .pad_left = 1}},
    },
    random_depthwise_shape);

std::vector<float> values(std::int64_t count, std::uint64_t stream) {
  const Random random{19, stream};
  std::vector<float> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<float>(random.uniform(i, -1, 1));
  return result;
}
std::vector<double> widened(const std::vector<float>& v) { return {v.begin(), v.end()}; }

int misses(const std::vector<float>& actual, const std::vector<double>& expected, double depth) {
  int count = 0;
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i)
    count += !(std::fabs(static_cast<double>(actual[i]) - expected[i]) <=
               tolerance<float>(depth, depth));
  return count;
}

}  // namespace

TEST_CASE("depthwise: every row of the table computes the definitions") {
  int ran = 0;
  for (const Case& c : cases)
    for (const auto& row : depthwise_table<float>()) {
      if (!isa_allowed(row.isa)) continue;
      ++ran;
      CAPTURE(c.name);
      CAPTURE(row.name);
      const Conv2dShape& s = c.shape;
      const auto x = values(s.N * s.H * s.W * s.C, 1), w = values(s.KH * s.KW * s.OC, 2);
      const auto dy = values(s.N * s.OH * s.OW * s.OC, 3), bias = values(s.OC, 4);
      const auto wide_x = widened(x), wide_w = widened(w), wide_dy = widened(dy);
      const auto wide_bias = widened(bias);
      const double taps = static_cast<double>(s.KH * s.KW);
      const auto& gradients = best_row(depthwise_gradients_table<float>(), row.isa);
      CHECK(gradients.isa == row.isa);

      std::vector<float> y = dy;  // the residual, in place
      std::vector<double> expected = wide_dy;
      row.forward(s, x.data(), w.data(), {bias.data(), -0.5f, 0.75f, y.data()}, y.data(), 0,
                  s.N * s.OH, nullptr);
      scalar::depthwise_forward(s, wide_x.data(), wide_w.data(),
                                {wide_bias.data(), -0.5, 0.75, expected.data()}, expected.data(), 0,
                                s.N * s.OH, nullptr);
      CHECK(misses(y, expected, taps + 2) == 0);
      row.forward(s, x.data(), w.data(), {}, y.data(), 0, s.N * s.OH, nullptr);
      scalar::depthwise_forward(s, wide_x.data(), wide_w.data(), {}, expected.data(), 0, s.N * s.OH,
                                nullptr);
      CHECK(misses(y, expected, taps) == 0);

      std::vector<float> dx(x.size(), NAN);
      expected.resize(x.size());
      gradients.backward_input(s, dy.data(), w.data(), dx.data(), 0, s.N * s.H, nullptr);
      scalar::depthwise_backward_input(s, wide_dy.data(), wide_w.data(), expected.data(), 0,
                                       s.N * s.H, nullptr);
      CHECK(misses(dx, expected, taps * static_cast<double>(s.OC / s.C)) == 0);

      std::vector<float> dw = w;
      expected = wide_w;
      gradients.backward_weight(s, x.data(), dy.data(), dw.data(), 0, s.N * s.OH, nullptr);
      scalar::depthwise_backward_weight(s, wide_x.data(), wide_dy.data(), expected.data(), 0,
                                        s.N * s.OH, nullptr);
      CHECK(misses(dw, expected, static_cast<double>(s.N * s.OH * s.OW + 1)) == 0);
    }
  CHECK(ran >= static_cast<int>(cases.size()));
}

TEST_CASE("depthwise: the number of threads changes no bit, in parts or whole") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Conv2dShape& s = c.shape;
    const auto x = values(s.N * s.H * s.W * s.C, 1), w = values(s.KH * s.KW * s.OC, 2);
    const auto dy = values(s.N * s.OH * s.OW * s.OC, 3);
    std::vector<float> y1, dx1, dw1;
    for (const int threads : {1, 2, 4}) {
      ThreadPool pool(threads);
      std::vector<float> y(dy.size()), dx(x.size()), dw = w;
      depthwise_forward(s, x.data(), w.data(), {}, y.data(), pool);
      depthwise_backward_input(s, dy.data(), w.data(), dx.data(), pool);
      depthwise_backward_weight(s, x.data(), dy.data(), dw.data(), pool);
      if (threads == 1) {
        y1 = y;
        dx1 = dx;
        dw1 = dw;
        std::vector<double> expected = widened(w);
        scalar::depthwise_backward_weight(s, widened(x).data(), widened(dy).data(), expected.data(),
                                          0, s.N * s.OH, nullptr);
        CHECK(misses(dw, expected, static_cast<double>(s.N * s.OH * s.OW + 1)) == 0);
      }
      CHECK(y == y1);
      CHECK(dx == dx1);
      CHECK(dw == dw1);
    }
  }
}

TEST_CASE("depthwise: the name is that of the kernel that runs") {
  const auto name = [](const Conv2dShape& s) {
    const std::string_view row = depthwise_row<float>(s).name;
    return std::string(depthwise_name<float>(s)) += row.substr(row.find('_'));
  };
  const auto shape = [](std::int64_t C, std::int64_t OC, std::int64_t K) {
    return Conv2dShape{.H = 8,
                       .W = 8,
                       .C = C,
                       .OH = 8,
                       .OW = 8,
                       .OC = OC,
                       .KH = K,
                       .KW = K,
                       .pad_top = K / 2,
                       .pad_left = K / 2,
                       .groups = C};
  };
  const std::string best(best_row(depthwise_table<float>()).name);
  const std::string types = best.substr(best.find('_'));
  const bool scalar = types == "_f32_scalar";
  CHECK(name(shape(20, 20, 5)) == best);
  CHECK(name(shape(20, 20, 3)) == (scalar ? best : "depthwise_3x3" + types));
  CHECK(name(shape(20, 40, 3)) == "depthwise_f32_scalar");
  if (isa_allowed(Isa::avx512)) CHECK(name(shape(8, 8, 3)) == "depthwise_3x3_pairs_f32_x16_avx512");
  CHECK(depthwise_name<double>(shape(20, 20, 3)) == "depthwise");
}
