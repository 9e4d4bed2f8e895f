#include "octet/nn/conv2d.hpp"

#include <Eigen/Core>
#include <cmath>
#include <doctest/doctest.h>

#include "../tolerance.hpp"
#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/core/bfloat16.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

struct Case {
  const char* name;
  Shape input;
  std::int64_t channels;
  Conv2dOptions options;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"3x3, padding 1", {5, 4, 3}, 4, {.kernel = 3, .padding = 1}},
      {"no bias", {5, 4, 2}, 3, {.kernel = 3, .padding = 1, .bias = Bias::none}},
      {"1x1", {3, 4, 5}, 6, {.kernel = 1}},
      {"1x1, stride 2", {5, 4, 3}, 2, {.kernel = 1, .stride = 2}},
      {"stride 2, rows left over", {6, 7, 2}, 3, {.kernel = 3, .stride = 2, .padding = 1}},
      {"stride larger than the kernel", {7, 8, 2}, 3, {.kernel = 2, .stride = 3}},
      {"unequal everything",
       {7, 6, 2},
       3,
       {.kernel = {2, 3}, .stride = {1, 2}, .padding = {2, 0, 1, 3}, .dilation = {2, 1}}},
      {"same, stride 2", {6, 5, 2}, 3, {.kernel = 3, .stride = 2, .padding = same}},
      {"same, even kernel, dilation", {6, 5, 2}, 2, {.kernel = 2, .padding = same, .dilation = 2}},
      {"two groups", {4, 5, 4}, 6, {.kernel = 3, .padding = 1, .groups = 2}},
      {"as many groups as channels", {4, 4, 3}, 6, {.kernel = 3, .padding = 1, .groups = 3}},
      {"kernel as large as the image", {3, 4, 2}, 3, {.kernel = {3, 4}}},
      {"more padding than kernel", {2, 2, 1}, 2, {.kernel = 2, .padding = 3}},
  };
  return all;
}

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The convolution of one image as a matrix: row (oh, ow, oc), column (h, w, c). Sparse, but stored
/// in full: y = A x + b, dx = A^T dy.
template <class T>
Matrix<T> convolution_matrix(const kernels::Conv2dShape& s, const Tensor<T>& weight) {
  Matrix<T> A = Matrix<T>::Zero(s.OH * s.OW * s.OC, s.H * s.W * s.C);
  const std::int64_t C = s.C / s.groups;
  for (std::int64_t oh = 0; oh < s.OH; ++oh)
    for (std::int64_t ow = 0; ow < s.OW; ++ow)
      for (std::int64_t oc = 0; oc < s.OC; ++oc)
        for (std::int64_t kh = 0; kh < s.KH; ++kh)
          for (std::int64_t kw = 0; kw < s.KW; ++kw)
            for (std::int64_t c = 0; c < C; ++c) {
              const std::int64_t h = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
              const std::int64_t w = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
              if (h < 0 || h >= s.H || w < 0 || w >= s.W) continue;
              const std::int64_t channel = oc / (s.OC / s.groups) * C + c;
              A((oh * s.OW + ow) * s.OC + oc, (h * s.W + w) * s.C + channel) =
                  weight[((oc * s.KH + kh) * s.KW + kw) * C + c];
            }
  return A;
}

template <class T>
void compare_with_eigen(const Case& each) {
  constexpr std::int64_t N = 3;
  Conv2d<T> layer(each.input[2], each.channels, each.options);
  layer.initialize(Random(5));
  if (layer.bias()) layer.bias()->value = random_tensor<T>({each.channels}, 6);
  const Tensor<T> x = random_tensor<T>(each.input.with_batch(N), 1);
  const Tensor<T> y = forward(layer, {x});
  const Tensor<T> dy = random_tensor<T>(y.shape(), 2);
  const Tensor<T> dx = backward(layer, {x}, y, dy)[0];

  const kernels::Conv2dShape shape = layer.kernel_shape(x.shape());
  using Map = Eigen::Map<const Matrix<T>>;
  const Matrix<T> A = convolution_matrix(shape, layer.weight().value);
  const Map X(x.data(), N, A.cols()), DY(dy.data(), N, A.rows());
  Matrix<T> Y = X.lazyProduct(A.transpose());
  const Matrix<T> DX = DY.lazyProduct(A);
  // y is linear in w too: the derivative by w[k] is the output for a weight of 1 at k alone.
  Tensor<T> dw(layer.weight().value.shape()), unit(dw.shape());
  for (std::int64_t k = 0; k < dw.elements(); ++k) {
    unit.fill(T{0});
    unit[k] = 1;
    dw[k] = DY.cwiseProduct(X.lazyProduct(convolution_matrix(shape, unit).transpose())).sum();
  }
  if (layer.bias())
    for (Eigen::Index i = 0; i < Y.size(); ++i)
      Y.data()[i] += layer.bias()->value[i % each.channels];

  const auto check_all = [](const T* got, const T* expected, std::int64_t count, double depth) {
    // Operands are normal: products beyond 30 do not occur.
    double worst = 0;
    for (std::int64_t i = 0; i < count; ++i)
      worst = (std::max)(worst, std::abs(static_cast<double>(got[i]) - expected[i]));
    CHECK(worst <= tolerance<T>(depth, 30));
  };
  const double taps = static_cast<double>(dw.elements() / each.channels);
  check_all(y.data(), Y.data(), y.elements(), taps);
  check_all(dx.data(), DX.data(), dx.elements(),
            static_cast<double>(dw.elements() / dw.shape()[3]));
  const double pixels = static_cast<double>(N * shape.OH * shape.OW);
  check_all(layer.weight().gradient.data(), dw.data(), dw.elements(), pixels);
  if (layer.bias())
    for (std::int64_t c = 0; c < each.channels; ++c) {
      T sum = 0;
      for (std::int64_t i = c; i < dy.elements(); i += each.channels) sum += dy[i];
      check_all(&layer.bias()->gradient[c], &sum, 1, pixels);
    }
}

TEST_CASE("conv2d equals its matrix in Eigen") {
  for (const Case& each : cases()) {
    CAPTURE(each.name);
    compare_with_eigen<float>(each);
    compare_with_eigen<double>(each);
  }
}

TEST_CASE("conv2d has the gradients of its output") {
  for (const Case& each : cases()) {
    CAPTURE(each.name);
    const auto result = check_gradient(Conv2d<double>(each.input[2], each.channels, each.options),
                                       {each.input}, {.batch = 2});
    CHECK_MESSAGE(result.passed(), result.text());
  }
}

TEST_CASE("conv2d computes the textbook example") {
  Conv2d<float> layer(1, 1, {.kernel = 2});
  layer.weight().value = Tensor<float>({1, 2, 2, 1}, {1, 2, 3, 4});
  layer.bias()->value.fill(10);
  const Tensor<float> x({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(forward(layer, {x}) == Tensor<float>({1, 2, 2, 1}, {47, 57, 77, 87}));
}

TEST_CASE("conv2d infers its output's shape") {
  Graph<float> net;
  const auto x = net.input({48, 47, 3});
  CHECK(conv2d(x, 8, {.kernel = 3, .padding = 1}).shape() == Shape{48, 47, 8});
  CHECK(conv2d(x, 8).shape() == Shape{46, 45, 8});
  CHECK(conv2d(x, 8, {.kernel = 3, .stride = 2, .padding = same}).shape() == Shape{24, 24, 8});
  CHECK(conv2d(x, 8, {.kernel = 3, .stride = 2, .padding = 1}).shape() == Shape{24, 24, 8});
  CHECK(conv2d(x, 8, {.kernel = {5, 1}, .padding = {2, 2, 0, 0}}).shape() == Shape{48, 47, 8});
  CHECK(conv2d(x, 8, {.kernel = 3, .dilation = 4}).shape() == Shape{40, 39, 8});
}

TEST_CASE("conv2d counts its multiplications") {
  const Conv2d<float> layer(4, 6, {.kernel = 3, .padding = 1, .groups = 2});
  const Shape input{5, 7, 4};
  CHECK(layer.multiply_adds({&input, 1}) == 5 * 7 * 6 * 3 * 3 * 2);
}

TEST_CASE("conv2d draws its weights with the variance of its initializer") {
  Conv2d<float> layer(32, 64, {.kernel = 3});
  layer.initialize(Random(3));
  double square = 0;
  for (const float weight : layer.weight().value) square += double{weight} * weight;
  CHECK(square / static_cast<double>(layer.weight().value.elements()) ==
        doctest::Approx(2.0 / (32 * 9)).epsilon(0.05));
  for (const float bias : layer.bias()->value) CHECK(bias == 0);
}

TEST_CASE("a frozen conv2d passes the gradient on and keeps its own at zero") {
  Conv2d<float> layer(2, 3);
  layer.initialize(Random(1));
  for (Parameter<float>* const parameter : layer.parameters()) parameter->learning_rate_factor = 0;
  const Tensor<float> x = random_tensor<float>({1, 4, 4, 2}, 1), y = forward(layer, {x});
  CHECK(backward(layer, {x}, y, y)[0] != Tensor<float>(x.shape()));
  CHECK(layer.weight().gradient == Tensor<float>({3, 3, 3, 2}));
  CHECK(layer.bias()->gradient == Tensor<float>({3}));
}

TEST_CASE("in bf16, conv2d rounds its operands and nothing else") {
  const auto rounded = [](Tensor<float> tensor) {
    for (float& value : tensor) value = to_float(to_bfloat16(value));
    return tensor;
  };
  const Conv2dOptions options{.kernel = 3, .stride = 2, .padding = 1};
  Conv2d<float> layer(64, 66, options), reference(64, 66, options);
  layer.initialize(Random(1));
  layer.bias()->value = reference.bias()->value = random_tensor<float>({66}, 4);
  reference.weight().value = rounded(layer.weight().value);
  const Tensor<float> x = random_tensor<float>({2, 7, 7, 64}, 1), x_rounded = rounded(x);
  const Pass pass{.precision = Precision::bf16};
  const Tensor<float> y = forward(layer, {x}, pass), expected = forward(reference, {x_rounded});
  const Tensor<float> dy = random_tensor<float>(y.shape(), 2), dy_rounded = rounded(dy);
  const Tensor<float> dx = backward(layer, {x}, y, dy, pass)[0];
  const Tensor<float> expected_dx = backward(reference, {x_rounded}, expected, dy_rounded)[0];
  CHECK(y != forward(layer, {x}));
  const auto close = [](const Tensor<float>& a, const Tensor<float>& b, double depth) {
    for (std::int64_t i = 0; i < a.elements(); ++i)
      if (!(std::abs(a[i] - b[i]) <= tolerance<float>(depth, depth))) return false;
    return true;
  };
  CHECK(close(y, expected, 9 * 64));
  CHECK(close(dx, expected_dx, 9 * 66));
  CHECK(close(layer.weight().gradient, reference.weight().gradient, 32));
  // The sum of dy is no product: it keeps what rounding would lose.
  CHECK(layer.bias()->gradient != reference.bias()->gradient);
  layer.weight().gradient.fill(0);
  layer.weight().learning_rate_factor = 0;
  CHECK(backward(layer, {x}, y, dy, pass)[0] == dx);
  CHECK(layer.weight().gradient == Tensor<float>(layer.weight().value.shape()));
}

TEST_CASE("conv2d says what does not fit") {
  Graph<float> net;
  const auto x = net.input({4, 5, 6});
  CHECK(message_of([&] { conv2d(x, 8, {.kernel = 5}); }) ==
        "conv2d: expected an input with padding of at least 5x5, got [4, 5, 6] with padding top 0, "
        "bottom 0, left 0, right 0");
  CHECK(message_of([&] { conv2d(x, 8, {.kernel = 3, .groups = 4}); }) ==
        "conv2d: expected a number of groups that divides 6 channels in and 8 out, got 4");
  CHECK(message_of([&] { conv2d(x, 0); }) ==
        "conv2d: expected at least one channel, got 6 in and 0 out");
  CHECK(message_of([&] { conv2d(x, 8, {.stride = 0}); }) ==
        "conv2d: expected a stride from 1 to 2147483647, got 0x0");
  CHECK(message_of([&] { conv2d(x, 8, {.padding = -1}); }) ==
        "conv2d: expected a padding from 0 to 2147483647, got -1");
  CHECK(message_of([&] { conv2d(net.input({7}), 8); }) ==
        "conv2d: expected an input of shape [H, W, C], got [7]");
  CHECK(message_of([&] { apply<float>(std::make_unique<Conv2d<float>>(3, 8), {x}); }) ==
        "conv2d: expected an input of 3 channels, got [4, 5, 6]");
  CHECK(message_of([&] {
          apply<float>(std::make_unique<Conv2d<float>>(6, 8), {x, x});
        }) == "conv2d: expected one input, got 2");
}

}  // namespace
