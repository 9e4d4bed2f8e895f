#include "octet/nn/losses/mean_squared_error.hpp"

#include <doctest/doctest.h>

#include "finite_difference.hpp"

using octet::mean_squared_error;
using octet::Tensor;

TEST_CASE("mean_squared_error: by hand") {
  const Tensor<double> outputs({2, 2}, {1, 2, 3, 4}), targets({2, 2}, {1, 0, 4, 1});
  Tensor<double> d({2, 2}, 9.0);
  CHECK(mean_squared_error<double>(outputs, targets, d) == (0 + 4 + 1 + 9) / 4.0);
  CHECK(d == Tensor<double>({2, 2}, {0, 1, -0.5, 1.5}));
}

TEST_CASE("mean_squared_error: the gradient is that of the loss") {
  const Tensor<double> outputs = random_tensor({3, 5}, 1), targets = random_tensor({3, 5}, 2);
  Tensor<double> d({3, 5});
  mean_squared_error<double>(outputs, targets, d);
  check_gradient_of_loss(outputs, d, [&](const Tensor<double>& at) {
    return mean_squared_error<double>(at, targets);
  });
}

TEST_CASE("mean_squared_error: the number of threads changes no bit") {
  const Tensor<double> outputs = random_tensor({50001}, 1), targets = random_tensor({50001}, 2);
  octet::ThreadPool one(1), three(3);
  CHECK(mean_squared_error<double>(outputs, targets, {}, one) ==
        mean_squared_error<double>(outputs, targets, {}, three));
}

TEST_CASE("mean_squared_error: mistakes have their sentence") {
  const Tensor<float> outputs({2, 3});
  CHECK_THROWS_WITH_AS(mean_squared_error<float>(outputs, Tensor<float>({3, 2})),
                       "mean_squared_error: expected targets of shape [2, 3], got [3, 2]",
                       octet::Error);
  Tensor<float> d({6});
  CHECK_THROWS_WITH_AS(mean_squared_error<float>(outputs, outputs, d),
                       "mean_squared_error: expected a gradient of shape [2, 3], got [6]",
                       octet::Error);
  CHECK(mean_squared_error<float>(Tensor<float>({0}), Tensor<float>({0})) == 0);
}
