// Octet's products: every implementation of both tables but the scalar ones.
#include <cmath>
#include <memory>

#include "octet/kernels/conv2d.hpp"
#include "octet/kernels/conv2d_s8.hpp"
#include "octet/kernels/requantize_s8.hpp"
#include "product.hpp"

namespace {

using namespace octet;
using namespace octet::kernels;

template <class T>
AlignedVector<T> aligned(std::int64_t count, double scale = 1) {
  const std::vector<T> values = bench::operand<T>(count, scale);
  return {values.begin(), values.end()};
}

struct FloatProduct {
  Conv2dShape shape;
  AlignedVector<float> x, y;
  PackedConv2d packed;

  FloatProduct(const bench::Product& p, Isa isa)
      : shape(linear_shape(p.P(), p.K, p.O())),
        x(aligned<float>(p.P() * p.K)),
        y(aligned<float>(p.P() * p.O())),
        packed(pack_conv2d(shape, aligned<float>(p.O() * p.K).data(), isa)) {}
  void run() { conv2d_run(shape, x.data(), packed, {}, y.data(), nullptr); }
};

struct Int8Product {
  Conv2dShape shape;
  AlignedVector<std::int8_t> x, y;
  PackedConv2dS8 packed;
  AlignedVector<float> multiplier;
  AlignedVector<std::byte> scratch;

  Int8Product(const bench::Product& p, Isa isa)
      : shape(linear_shape(p.P(), p.K, p.O())),
        x(aligned<std::int8_t>(p.P() * p.K, 100)),
        y(aligned<std::int8_t>(p.P() * p.O(), 100)),
        packed(pack_conv2d_s8(shape, aligned<std::int8_t>(p.O() * p.K, 100).data(), -3, isa)),
        multiplier(static_cast<std::size_t>(p.O()), 0.01f / std::sqrt(static_cast<float>(p.K))),
        scratch(static_cast<std::size_t>(conv2d_s8_scratch_bytes(shape, packed))) {}
  void run() {
    conv2d_s8(shape, x.data(), packed, {.multiplier = multiplier.data(), .zero_point = 3}, y.data(),
              scratch.data());
  }
};

template <class Prepared, class Row>
void add_row(const std::string& type, const Row& row) {
  if (row.isa == Isa::scalar || !cpu_supports(row.isa)) return;
  const Isa isa = row.isa;
  bench::register_contestant(type, to_text(isa), "octet_" + to_text(isa),
                             [isa](const bench::Product& p) {
                               const auto prepared = std::make_shared<Prepared>(p, isa);
                               return [prepared] { prepared->run(); };
                             });
}

}  // namespace

void bench::register_octet() {
  for (const auto& row : gemm_table()) add_row<FloatProduct>("float32", row);
  for (const auto& row : conv2d_s8_table())
    if (!row.fits) add_row<Int8Product>("int8", row);
}
