// What kernels are told of memory: pieces are taken to their ends and no further, and what they
// stream is what they store.
#include "octet/kernels/memory_traffic.hpp"

#include <doctest/doctest.h>
#include <vector>

#include "octet/kernels/depthwise.hpp"
#include "octet/kernels/gather_block.hpp"

using namespace octet;
using namespace octet::kernels;

TEST_CASE("memory traffic: each piece is taken once, the last part as whole as the others") {
  const std::vector<float> a(100), b(32);
  MemoryTraffic traffic;
  CHECK(traffic.wants_nothing());
  CHECK(traffic.take(16) == nullptr);
  traffic.want(a.data(), 0);
  CHECK(traffic.wants_nothing());
  traffic.want(a.data(), 100);
  traffic.want(b.data(), 32);
  CHECK(traffic.take(32) == b.data());
  CHECK(traffic.take(48) == a.data());
  CHECK(traffic.take(48) == a.data() + 48);
  CHECK_FALSE(traffic.wants_nothing());
  CHECK(traffic.take(48) == a.data() + 96);
  CHECK(traffic.wants_nothing());
  CHECK(traffic.take(16) == nullptr);
  CHECK(take(nullptr, 16) == nullptr);
  CHECK(streamed(nullptr) == 0);
}

TEST_CASE("memory traffic: every product streams what it stores") {
  // One below, equal to and above a tile's six pixels and 64 channels; sums over few channels too.
  for (const GemmImplementation& row : gemm_table()) {
    if (!row.product || !isa_allowed(row.isa)) continue;
    CAPTURE(row.name);
    for (const std::int64_t pixels : {5, 6, 7})
      for (const std::int64_t columns : {16, 48, 64, 80})
        for (const std::int64_t depth : {1, 8, 9, 16, 24, 25}) {
          CAPTURE(pixels);
          CAPTURE(columns);
          CAPTURE(depth);
          const GatherAxis one{1, 1, 1, 1, 1, 0, 1}, all{pixels, 1, pixels, pixels, 1, 0, 1};
          const Gather gather{1, one, all, depth, depth, columns, columns};
          const auto size = static_cast<std::size_t>(pixels * columns);
          const std::vector<float> x(static_cast<std::size_t>(pixels * depth), 0.5f);
          AlignedVector<float> packed(
              static_cast<std::size_t>(packed_size(row, 1, depth, columns)));
          for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = static_cast<float>(i % 7);
          AlignedVector<float> both(2 * size, -1.0f), alone(size);
          const auto run = [&](float* y, MemoryTraffic& traffic) {
            GatherBlock block(gather, x.data(), y);
            block.see(0);
            block.move(traffic);
            block.run(row, packed.data(), {}, 0, 0, pieces(columns, row.columns));
          };
          MemoryTraffic traffic, none;
          traffic.want(x.data(), 16);
          traffic.stream(static_cast<std::ptrdiff_t>(size));
          run(both.data(), traffic);
          run(alone.data(), none);
          CHECK(AlignedVector<float>(both.begin(), both.begin() + pixels * columns) == alone);
          CHECK(AlignedVector<float>(both.begin() + pixels * columns, both.end()) == alone);
        }
  }
}

TEST_CASE("memory traffic: every depthwise convolution streams what it stores") {
  for (const auto& row : depthwise_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    CAPTURE(row.name);
    for (const std::int64_t kernel : {3, 5})
      for (const std::int64_t stride : {1, 2}) {
        CAPTURE(kernel);
        CAPTURE(stride);
        Conv2dShape s{.N = 2, .H = 7, .W = 6, .C = 32};
        s.groups = s.OC = s.C;
        s.KH = s.KW = kernel;
        s.stride_h = s.stride_w = stride;
        s.pad_top = s.pad_left = kernel / 2;
        s.OH = (s.H - 1) / stride + 1;
        s.OW = (s.W - 1) / stride + 1;
        const std::int64_t in = s.N * s.H * s.W * s.C, out = s.N * s.OH * s.OW * s.C;
        AlignedVector<float> x(static_cast<std::size_t>(in)), w(25 * 32);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 11);
        for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 5);
        const auto check = [&](std::int64_t floats, const auto& compute) {
          AlignedVector<float> both(static_cast<std::size_t>(2 * floats), -1.0f);
          AlignedVector<float> alone(static_cast<std::size_t>(floats), -1.0f);
          MemoryTraffic traffic;
          traffic.want(x.data(), in);
          traffic.stream(floats);
          compute(both.data(), &traffic);
          compute(alone.data(), nullptr);
          CHECK(AlignedVector<float>(both.begin(), both.begin() + floats) == alone);
          CHECK(AlignedVector<float>(both.begin() + floats, both.end()) == alone);
        };
        check(out, [&](float* y, MemoryTraffic* traffic) {
          row.forward(s, x.data(), w.data(), {}, y, 0, s.N * s.OH, traffic);
        });
        const auto& gradients = best_row(depthwise_gradients_table<float>(), row.isa);
        check(in, [&](float* dx, MemoryTraffic* traffic) {
          gradients.backward_input(s, x.data(), w.data(), dx, 0, s.N * s.H, traffic);
        });
      }
  }
}
