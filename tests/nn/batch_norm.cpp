#include "octet/nn/batch_norm.hpp"

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

const Pass training{.mode = Mode::training};

template <class T>
using Array = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Everything that batch norm computes in training, in double, row by row.
template <class T>
void compare_with_eigen(const Shape& batch) {
  CAPTURE(batch.elements());
  const std::int64_t C = batch.back(), M = batch.elements() / C;
  BatchNorm<T> layer(C, {.momentum = 0.25, .epsilon = 1e-3});
  layer.gamma().value = random_tensor<T>({C}, 1);
  layer.beta().value = random_tensor<T>({C}, 2);
  layer.running_mean() = random_tensor<T>({C}, 3);
  const Tensor<T> old_mean = layer.running_mean();
  Tensor<T> x = random_tensor<T>(batch, 4);
  for (T& value : x) value = value * 2 + 5;
  const Tensor<T> y = forward(layer, {x}, training), dy = random_tensor<T>(batch, 5);
  const Tensor<T> dx = backward(layer, {x}, y, dy, training)[0];

  const auto as_double = [](const Tensor<T>& tensor, std::int64_t rows, std::int64_t columns) {
    return Eigen::Map<const Array<T>>(tensor.data(), rows, columns).template cast<double>().eval();
  };
  const Array<double> X = as_double(x, M, C), DY = as_double(dy, M, C);
  const Array<double> gamma = as_double(layer.gamma().value, 1, C);
  const Array<double> beta = as_double(layer.beta().value, 1, C);
  const Array<double> mean = X.colwise().mean();
  const Array<double> centered = X.rowwise() - mean.row(0);
  const Array<double> variance = centered.square().colwise().mean();
  const Array<double> inverse = (variance + 1e-3).sqrt().inverse();
  const Array<double> normal = centered.rowwise() * inverse.row(0);
  const Array<double> Y = (normal.rowwise() * gamma.row(0)).rowwise() + beta.row(0);
  const Array<double> d_beta = DY.colwise().sum(), d_gamma = (DY * normal).colwise().sum();
  const double rows = static_cast<double>(M);
  const Array<double> inner =
      (DY.rowwise() - d_beta.row(0) / rows) - normal.rowwise() * (d_gamma.row(0) / rows);
  const Array<double> DX = inner.rowwise() * (gamma * inverse).row(0);

  const auto check_all = [&](const Tensor<T>& got, const Array<double>& expected,
                             double magnitude) {
    const double worst =
        (as_double(got, expected.rows(), expected.cols()) - expected).abs().maxCoeff();
    CHECK(worst <= tolerance<T>(rows, magnitude));
  };
  // Sums of |x| come to about 7 a row; dividing by the deviation and multiplying by gamma follow.
  const double scale = 10 * (1 + (gamma * inverse).abs().maxCoeff());
  check_all(y, Y, scale);
  check_all(dx, DX, scale);
  check_all(layer.gamma().gradient, d_gamma, 10 * std::sqrt(rows));
  check_all(layer.beta().gradient, d_beta, 10 * std::sqrt(rows));
  check_all(layer.running_mean(), as_double(old_mean, 1, C) * 0.75 + mean * 0.25, 10);
  check_all(layer.running_variance(), 0.75 + variance * (0.25 * rows / (rows - 1)), 40);
}

TEST_CASE("batch_norm equals its formulas in Eigen") {
  for (const Shape& batch : {Shape{2, 1}, Shape{5, 3}, Shape{2, 3, 4, 5}, Shape{4, 16, 16, 17}}) {
    compare_with_eigen<float>(batch);
    compare_with_eigen<double>(batch);
  }
}

TEST_CASE("batch_norm has the gradients of its output") {
  for (const RunningStatistics mode : {RunningStatistics::updated, RunningStatistics::frozen})
    for (const Shape& input : {Shape{3, 4, 3}, Shape{5}}) {
      BatchNorm<double> layer(input.back(), {.epsilon = 1e-2, .running_statistics = mode});
      layer.running_mean().fill(0.3);
      layer.running_variance().fill(2.5);
      const auto result = check_gradient(layer, {input}, {.batch = 3});
      CHECK_MESSAGE(result.passed(), result.text());
    }
  const auto inference = check_gradient(BatchNorm<double>(2), {{4, 2}}, {.mode = Mode::inference});
  CHECK_MESSAGE(inference.passed(), inference.text());
}

TEST_CASE("batch_norm keeps the channels of one batch at mean 0 and variance 1") {
  BatchNorm<double> layer(2, {.epsilon = 0});
  const Tensor<double> x({2, 2, 1, 2}, {1, 10, 2, 20, 3, 30, 4, 40});
  const Tensor<double> y = forward(layer, {x}, training);
  for (const std::int64_t c : {0, 1}) {
    double sum = 0, square = 0;
    for (std::int64_t i = c; i < 8; i += 2) sum += y[i], square += y[i] * y[i];
    CHECK(sum == doctest::Approx(0));
    CHECK(square == doctest::Approx(4));
  }
  CHECK(layer.running_mean()[0] == doctest::Approx(0.25));
  CHECK(layer.running_variance()[0] == doctest::Approx(0.9 + 0.1 * 5.0 / 3));
}

TEST_CASE("batch_norm predicts with the running statistics, and leaves them alone") {
  BatchNorm<double> layer(1, {.epsilon = 0});
  layer.running_mean().fill(2);
  layer.running_variance().fill(4);
  const Tensor<double> x({2, 1}, {4, 0}), expected({2, 1}, {1, -1});
  CHECK(forward(layer, {x}) == expected);
  layer.set_running_statistics(RunningStatistics::frozen);
  CHECK(forward(layer, {x}, training) == expected);
  CHECK(layer.running_mean()[0] == 2);
  CHECK(layer.running_variance()[0] == 4);
}

TEST_CASE("batch_norm says what does not fit") {
  Graph<float> net;
  CHECK(message_of([&] {
          apply<float>(std::make_unique<BatchNorm<float>>(3), {net.input({4, 4, 2})});
        }) == "batch_norm: expected an input of 3 channels, got [4, 4, 2]");
  CHECK(message_of([&] { batch_norm(net.input({3}), {.momentum = 1.5}); }) ==
        "batch_norm: expected a momentum from 0 to 1, got 1.5");
  CHECK(message_of([&] { batch_norm(net.input({3}), {.epsilon = -1}); }) ==
        "batch_norm: expected an epsilon of at least 0, got -1");
  BatchNorm<float> layer(3);
  CHECK(message_of([&] {
          forward(layer, {Tensor<float>({1, 3})}, training);
        }) == "batch_norm: expected at least two values per channel, got 1");
}

}  // namespace
