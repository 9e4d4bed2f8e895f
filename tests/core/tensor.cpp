#include "octet/core/tensor.hpp"

#include <doctest/doctest.h>

using octet::Shape;
using octet::Tensor;
using octet::TensorView;

TEST_CASE("tensor: elements, shape and alignment") {
  const Tensor<float> tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(tensor.elements() == 6);
  CHECK(tensor[4] == 5);
  CHECK(tensor.shape() == Shape{2, 3});
  for (std::int64_t size = 1; size < 100; ++size)
    CHECK(reinterpret_cast<std::uintptr_t>(Tensor<std::int8_t>({size}).data()) % 64 == 0);
  CHECK(Tensor<double>({3}, 2.5)[2] == 2.5);
  CHECK(Tensor<int>{}.empty());
  CHECK_THROWS_WITH_AS((Tensor<int>({2, 2}, {1, 2, 3})),
                       "tensor: shape [2, 2] has 4 elements, got 3 values", octet::Error);
}

TEST_CASE("tensor: a copy is deep, a move keeps the memory") {
  Tensor<int> a({3}, {1, 2, 3});
  Tensor<int> b = a;
  b[0] = 9;
  CHECK(a[0] == 1);
  CHECK_FALSE(a == b);
  const int* const memory = b.data();
  const Tensor<int> c = std::move(b);
  CHECK(c.data() == memory);
  a.fill(4);
  CHECK(a == Tensor<int>({3}, {4, 4, 4}));
  CHECK_FALSE(a == Tensor<int>({3, 1}, {4, 4, 4}));
}

TEST_CASE("tensor view: shares its elements, reshapes and takes rows") {
  Tensor<int> tensor({3, 2}, {1, 2, 3, 4, 5, 6});
  const TensorView<int> view = tensor;
  view[1] = 7;
  CHECK(tensor[1] == 7);
  const TensorView<const int> constant = view;
  CHECK(constant.data() == tensor.data());
  CHECK(view.reshaped({2, 3}).shape() == Shape{2, 3});
  CHECK_THROWS_WITH_AS(view.reshaped({5}), "reshape: [3, 2] has 6 elements, [5] has 5",
                       octet::Error);
  const TensorView<int> rows = view.rows(1, 2);
  CHECK(rows.shape() == Shape{2, 2});
  CHECK(rows[0] == 3);
  CHECK(rows.end() == tensor.end());
  CHECK(TensorView<int>().empty());
  CHECK(TensorView<int>().elements() == 0);
}

TEST_CASE("round_up and pieces") {
  CHECK(octet::round_up(0, 64) == 0);
  CHECK(octet::round_up(1, 64) == 64);
  CHECK(octet::round_up(64, 64) == 64);
  CHECK(octet::round_up(65, 64) == 128);
  CHECK(octet::pieces(0, 16) == 0);
  CHECK(octet::pieces(16, 16) == 1);
  CHECK(octet::pieces(17, 16) == 2);
}
