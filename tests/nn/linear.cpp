#include "octet/nn/linear.hpp"

#include <Eigen/Core>
#include <cmath>
#include <doctest/doctest.h>

#include "../tolerance.hpp"
#include "layer_alone.hpp"
#include "message_of.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/graph/graph.hpp"

using namespace octet;

namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
void compare_with_eigen(std::int64_t N, std::int64_t in, std::int64_t out) {
  CAPTURE(N);
  CAPTURE(in);
  CAPTURE(out);
  Linear<T> layer(in, out);
  layer.weight().value = random_tensor<T>({out, in}, 1);
  layer.bias()->value = random_tensor<T>({out}, 2);
  const Tensor<T> x = random_tensor<T>({N, in}, 3), y = forward(layer, {x});
  const Tensor<T> dy = random_tensor<T>({N, out}, 4), dx = backward(layer, {x}, y, dy)[0];

  using Map = Eigen::Map<const Matrix<T>>;
  const Map W(layer.weight().value.data(), out, in), b(layer.bias()->value.data(), 1, out);
  const Map X(x.data(), N, in), DY(dy.data(), N, out);
  const Matrix<T> Y = X.lazyProduct(W.transpose()).rowwise() + b.row(0);
  const Matrix<T> DX = DY.lazyProduct(W), DW = DY.transpose().lazyProduct(X),
                  DB = DY.colwise().sum();
  const auto check_all = [](const Tensor<T>& got, const Matrix<T>& expected, std::int64_t depth) {
    const double worst =
        (Map(got.data(), expected.rows(), expected.cols()) - expected).cwiseAbs().maxCoeff();
    // Operands are normal: products beyond 30 do not occur.
    CHECK(worst <= tolerance<T>(static_cast<double>(depth), 30));
  };
  check_all(y, Y, in);
  check_all(dx, DX, out);
  check_all(layer.weight().gradient, DW, N);
  check_all(layer.bias()->gradient, DB, N);
}

TEST_CASE("linear equals the matrix products of Eigen") {
  for (const std::int64_t N : {1, 3, 33})
    for (const std::int64_t in : {1, 31, 64})
      for (const std::int64_t out : {1, 7, 32, 65}) {
        compare_with_eigen<float>(N, in, out);
        compare_with_eigen<double>(N, in, out);
      }
}

TEST_CASE("linear has the gradients of its output") {
  for (const Bias bias : {Bias::none, Bias::learned}) {
    const auto result = check_gradient(Linear<double>(9, 5, {.bias = bias}), {{9}}, {.batch = 3});
    CHECK_MESSAGE(result.passed(), result.text());
    CHECK(result.elements_checked == 3 * 9 + 9 * 5 + (bias == Bias::learned ? 5 : 0));
  }
}

TEST_CASE("linear draws its weights with the variance of its initializer") {
  Linear<float> layer(200, 100, {.weight_initializer = Initializer::glorot_uniform()});
  layer.initialize(Random(3));
  double square = 0;
  for (const float weight : layer.weight().value) square += double{weight} * weight;
  CHECK(square / (200 * 100) == doctest::Approx(2.0 / (200 + 100)).epsilon(0.05));
}

TEST_CASE("linear says what does not fit") {
  Graph<float> net;
  CHECK(message_of([&] {
          linear(net.input({4, 4, 2}), 7);
        }) == "linear: expected an input of shape [IN], got [4, 4, 2]; flatten() makes it one");
  CHECK(message_of([&] {
          apply<float>(std::make_unique<Linear<float>>(8, 7), {net.input({9})});
        }) == "linear: expected an input of shape [8], got [9]");
  CHECK(message_of([&] { linear(net.input({9}), 0); }) ==
        "linear: expected at least one feature, got 9 in and 0 out");
}

}  // namespace
