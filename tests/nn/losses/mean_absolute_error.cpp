#include "octet/nn/losses/mean_absolute_error.hpp"

#include <doctest/doctest.h>

#include "finite_difference.hpp"

using octet::mean_absolute_error;
using octet::Tensor;

TEST_CASE("mean_absolute_error: by hand") {
  const Tensor<double> outputs({2, 2}, {1, 2, 3, 4}), targets({2, 2}, {1, 0, 4, 1});
  Tensor<double> d({2, 2}, 9.0);
  CHECK(mean_absolute_error<double>(outputs, targets, d) == (0 + 2 + 1 + 3) / 4.0);
  CHECK(d == Tensor<double>({2, 2}, {0, 0.25, -0.25, 0.25}));
}

TEST_CASE("mean_absolute_error: the gradient is that of the loss") {
  const Tensor<double> outputs = random_tensor({3, 5}, 1), targets = random_tensor({3, 5}, 2);
  Tensor<double> d({3, 5});
  mean_absolute_error<double>(outputs, targets, d);
  check_gradient_of_loss(outputs, d, [&](const Tensor<double>& at) {
    return mean_absolute_error<double>(at, targets);
  });
}

TEST_CASE("mean_absolute_error: the number of threads changes no bit") {
  const Tensor<double> outputs = random_tensor({50001}, 1), targets = random_tensor({50001}, 2);
  octet::ThreadPool one(1), three(3);
  CHECK(mean_absolute_error<double>(outputs, targets, {}, one) ==
        mean_absolute_error<double>(outputs, targets, {}, three));
}

TEST_CASE("mean_absolute_error: mistakes have their sentence") {
  const Tensor<float> outputs({2, 3});
  CHECK_THROWS_WITH_AS(mean_absolute_error<float>(outputs, Tensor<float>({3, 2})),
                       "mean_absolute_error: expected targets of shape [2, 3], got [3, 2]",
                       octet::Error);
  Tensor<float> d({6});
  CHECK_THROWS_WITH_AS(mean_absolute_error<float>(outputs, outputs, d),
                       "mean_absolute_error: expected a gradient of shape [2, 3], got [6]",
                       octet::Error);
  CHECK(mean_absolute_error<float>(Tensor<float>({0}), Tensor<float>({0})) == 0);
}
