#include "octet/nn/precision.hpp"

#include <doctest/doctest.h>

using namespace octet;

TEST_CASE("precision: bf16 multiplies what it is faster for") {
  const auto shape = [](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                        std::int64_t groups = 1) {
    kernels::Conv2dShape s{.N = 1, .H = 24, .W = 24, .C = in, .OC = out};
    s.KH = s.KW = kernel;
    s.stride_h = s.stride_w = stride;
    s.pad_top = s.pad_left = kernel / 2;
    s.OH = s.OW = (24 - 1) / stride + 1;
    s.groups = groups;
    return s;
  };
  for (const kernels::Bf16Implementation& row : kernels::bf16_table()) {
    CAPTURE(row.name);
    const auto chosen = [&](const kernels::Conv2dShape& s) {
      return multiplied_in(s, Precision::bf16, row);
    };
    const Precision slower = row.isa == Isa::amx ? Precision::bf16 : Precision::float32;
    CHECK(multiplied_in(shape(512, 513, 1, 1), Precision::float32, row) == Precision::float32);
    CHECK(chosen(shape(512, 513, 1, 1)) == Precision::bf16);
    CHECK(chosen(shape(512, 512, 1, 1)) == slower);
    CHECK(chosen(kernels::linear_shape(24, 512, 512)) == Precision::bf16);
    CHECK(chosen(shape(64, 128, 3, 2)) == Precision::bf16);
    CHECK(chosen(shape(63, 8192, 1, 1)) == slower);
    CHECK(chosen(shape(8192, 63, 1, 1)) == slower);
    CHECK(chosen(shape(256, 256, 3, 2, 8)) == slower);
    if (kernels::winograd_possible(kernels::select_gemm(), shape(64, 64, 3, 1)))
      CHECK(chosen(shape(64, 64, 3, 1)) == slower);
  }
}
