// Every row of the float tables on the layers of real networks: GOP/s for products, GB/s for
// passes over memory. OCTET_BENCH_THREADS sets how many threads share a product (1 by default).
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <string>
#include <vector>

#include "octet/core/cpu.hpp"
#include "octet/kernels/activation.hpp"
#include "octet/kernels/conv2d.hpp"
#include "octet/kernels/depthwise.hpp"
#include "octet/kernels/elementwise.hpp"
#include "octet/kernels/normalization.hpp"
#include "octet/kernels/pooling.hpp"
#include "octet/kernels/softmax.hpp"
#include "work.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

ThreadPool& threads() {
  static ThreadPool pool([] {
    const char* const count = std::getenv("OCTET_BENCH_THREADS");
    return count ? std::atoi(count) : 1;
  }());
  return pool;
}

struct Layer {
  std::string name;
  Conv2dShape shape;
};

Layer square(std::int64_t batch, std::int64_t side, std::int64_t in, std::int64_t out,
             std::int64_t kernel, std::int64_t stride = 1) {
  const std::int64_t pad = kernel / 2, result = (side + 2 * pad - kernel) / stride + 1;
  return {std::to_string(kernel) + "x" + std::to_string(kernel) + "_" + std::to_string(side) + "x" +
              std::to_string(side) + "_" + std::to_string(in) + "to" + std::to_string(out) +
              (stride > 1 ? "_stride" + std::to_string(stride) : "") + "_batch" +
              std::to_string(batch),
          {.N = batch,
           .H = side,
           .W = side,
           .C = in,
           .OH = result,
           .OW = result,
           .OC = out,
           .KH = kernel,
           .KW = kernel,
           .stride_h = stride,
           .stride_w = stride,
           .pad_top = pad,
           .pad_left = pad}};
}

const std::vector<Layer>& convolutions() {
  static const std::vector<Layer> list = {
      square(32, 48, 1, 64, 3),
      square(32, 24, 64, 128, 3),
      square(32, 12, 128, 256, 3),
      square(32, 6, 512, 512, 3),
      square(32, 24, 16, 96, 1),
      square(32, 24, 96, 16, 1),
      square(32, 24, 32, 64, 3, 2),
      square(1, 24, 64, 128, 3),
      square(1, 6, 512, 512, 3),
      {"linear_9216to256_batch256", linear_shape(256, 9216, 256)},
      {"linear_9216to256_batch1", linear_shape(1, 9216, 256)},
  };
  return list;
}

struct Memory {
  AlignedVector<float> x, w, y;
  explicit Memory(const Conv2dShape& s)
      : x(static_cast<std::size_t>(s.N * s.H * s.W * s.C), 0.5f),
        w(static_cast<std::size_t>(s.OC * s.KH * s.KW * s.C / s.groups), 0.25f),
        y(static_cast<std::size_t>(s.N * s.OH * s.OW * s.OC), 0.125f) {}
};

double operations(const Conv2dShape& s) {
  return 2.0 * static_cast<double>(s.N * s.OH * s.OW * s.OC) *
         static_cast<double>(s.KH * s.KW * s.C / s.groups);
}

template <class Body>
void add_product(const std::string& name, Isa isa, const Conv2dShape& shape, Body body) {
  auto* const registered =
      benchmark::RegisterBenchmark(name.c_str(), [shape, isa, body](benchmark::State& state) {
        Memory memory(shape);
        for (auto _ : state) {
          body(shape, memory);
          benchmark::ClobberMemory();
        }
        const std::size_t floats = memory.x.size() + memory.w.size() + memory.y.size();
        bench::count_work(state, {.isa = isa,
                                  .operations = operations(shape),
                                  .bytes = static_cast<double>(4 * floats)});
      });
  // One thread is timed by its own clock, which a busy machine does not disturb.
  if (threads().threads() > 1) registered->UseRealTime();
}

// Their GOP/s count the multiplications of the direct sums, so that they compare.
void register_winograd(const GemmImplementation& row, const Layer& layer) {
  if (!winograd_possible(row, layer.shape)) return;
  for (const auto algorithm : {ConvAlgorithm::winograd_2x2, ConvAlgorithm::winograd_4x4}) {
    const int tile = winograd_tile(algorithm);
    const std::string suffix = layer.name + "/" + std::string(select_winograd(row, tile)->name);
    const auto packed = pack_conv2d(layer.shape, Memory(layer.shape).w.data(), row.isa, algorithm);
    add_product(
        "conv2d_run/" + suffix, row.isa, layer.shape, [packed](const Conv2dShape& s, Memory& m) {
          conv2d_run(s, m.x.data(), packed, {}, m.y.data(), &threads(),
                     thread_memory<ConvMemory::weights, float>(conv2d_scratch_size(s, packed)));
        });
    add_product("conv2d_backward_input/" + suffix, row.isa, layer.shape,
                [&row, tile](const Conv2dShape& s, Memory& m) {
                  winograd_with_weights(winograd(row, turned_over(s), tile), m.y.data(), m.w.data(),
                                        pack_winograd_turned, {}, m.x.data(), threads());
                });
    add_product("conv2d_backward_weight/" + suffix, row.isa, layer.shape,
                [&row, tile](const Conv2dShape& s, Memory& m) {
                  const WinogradBackwardWeight by_tiles{winograd(row, s, tile)};
                  winograd_backward_weight(
                      by_tiles.a, m.x.data(), m.y.data(), m.w.data(),
                      thread_memory<ConvMemory::weights, float>(by_tiles.scratch_size()),
                      threads());
                });
  }
}

void register_products() {
  for (const GemmImplementation& row : gemm_table()) {
    if (!isa_allowed(row.isa) || !row.product) continue;
    for (const Layer& layer : convolutions()) {
      const std::string suffix = layer.name + "/" + std::string(row.name);
      const auto packed = pack_conv2d(layer.shape, Memory(layer.shape).w.data(), row.isa);
      add_product("conv2d_run/" + suffix, row.isa, layer.shape,
                  [packed](const Conv2dShape& s, Memory& m) {
                    conv2d_run(s, m.x.data(), packed, {}, m.y.data(), &threads());
                  });
      add_product("conv2d_backward_input/" + suffix, row.isa, layer.shape,
                  [&row](const Conv2dShape& s, Memory& m) {
                    conv2d_backward_input_product(row, s, m.y.data(), m.w.data(), m.x.data(),
                                                  threads());
                  });
      add_product("conv2d_backward_weight/" + suffix, row.isa, layer.shape,
                  [&row](const Conv2dShape& s, Memory& m) {
                    backward_weight_product(row, s, m.x.data(), m.y.data(), m.w.data(), threads());
                  });
      register_winograd(row, layer);
    }
  }
  for (const auto& row : depthwise_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    const auto& gradients = best_row(depthwise_gradients_table<float>(), row.isa);
    for (const std::int64_t stride : {1, 2}) {
      Layer layer = square(8, 24, 192, 192, 3, stride);
      layer.shape.groups = 192;
      const std::string suffix = layer.name + "/" + std::string(row.name);
      add_product("depthwise_forward/" + suffix, row.isa, layer.shape,
                  [&row](const Conv2dShape& s, Memory& m) {
                    row.forward(s, m.x.data(), m.w.data(), {}, m.y.data(), 0, s.N * s.OH, nullptr);
                  });
      add_product("depthwise_backward_input/" + suffix, row.isa, layer.shape,
                  [&gradients](const Conv2dShape& s, Memory& m) {
                    gradients.backward_input(s, m.y.data(), m.w.data(), m.x.data(), 0, s.N * s.H,
                                             nullptr);
                  });
      add_product("depthwise_backward_weight/" + suffix, row.isa, layer.shape,
                  [&gradients](const Conv2dShape& s, Memory& m) {
                    gradients.backward_weight(s, m.x.data(), m.y.data(), m.w.data(), 0, s.N * s.OH,
                                              nullptr);
                  });
    }
  }
}

// A pass over `tensors` tensors of rows x 64 channels, larger than the caches near the core.
template <class Row, class Body>
void add_pass(const std::string& what, const Row& row, double tensors, Body body) {
  const std::string name = what + "/" + std::string(row.name);
  benchmark::RegisterBenchmark(name.c_str(), [tensors, &row, body](benchmark::State& state) {
    const std::int64_t rows = 64 * 1024, count = rows * 64;
    AlignedVector<float> x(static_cast<std::size_t>(count), 0.5f), y = x, z = x, p = x;
    for (auto _ : state) {
      body(rows, x.data(), y.data(), z.data(), p.data());
      benchmark::ClobberMemory();
    }
    bench::count_work(state, {.isa = row.isa, .bytes = tensors * static_cast<double>(count) * 4});
  });
}

void register_passes() {
  for (const auto& row : elementwise_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    add_pass("relu", row, 2, [&row](std::int64_t n, float* x, float* y, float*, float*) {
      row.clamp_forward(n * 64, x, 0, 6, y);
    });
    add_pass("add", row, 3, [&row](std::int64_t n, float* x, float* y, float* z, float*) {
      row.add(n * 64, x, y, z);
    });
    const auto& learning = best_row(elementwise_learning_table<float>(), row.isa);
    add_pass("adam", row, 7, [&learning](std::int64_t n, float* x, float* y, float* z, float* p) {
      learning.adam(n * 64, {}, x, p, y, z);
    });
  }
  for (const auto& row : activation_table<Silu, float>()) {
    if (!isa_allowed(row.isa)) continue;
    add_pass("silu", row, 2, [&row](std::int64_t n, float* x, float* y, float*, float*) {
      row.forward(n * 64, x, y);
    });
  }
  for (const auto& row : softmax_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    add_pass("softmax_64", row, 2, [&row](std::int64_t n, float* x, float* y, float*, float*) {
      row.forward(n, 64, x, y);
    });
  }
  for (const auto& row : normalization_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    static float c[5][64] = {};
    static const Normalization<float> normalization{64, c[2], c[3], c[4], 0, 6};
    constexpr std::int64_t step = reduction_rows(64);
    add_pass("batch_norm_moments", row, 1,
             [&row](std::int64_t n, float* x, float*, float*, float*) {
               for (std::int64_t r = 0; r < n; r += step)
                 row.moments(step, 64, x + r * 64, c[0], c[1]);
             });
    add_pass("batch_norm_normalize", row, 2,
             [&row](std::int64_t n, float* x, float* y, float*, float*) {
               for (std::int64_t r = 0; r < n; r += step)
                 row.normalize(normalization, step, x + r * 64, StoreThrough::caches, y + r * 64);
             });
    add_pass("batch_norm_sums", row, 2, [&row](std::int64_t n, float* x, float* y, float*, float*) {
      for (std::int64_t r = 0; r < n; r += step)
        row.normalize_sums(normalization, step, x + r * 64, y + r * 64, c[0], c[1]);
    });
  }
  for (const auto& row : pooling_table<float>()) {
    if (!isa_allowed(row.isa)) continue;
    add_pass("max_window_2x2", row, 1.25,
             [&row](std::int64_t n, float* x, float* y, float*, float*) {
               const Patch patch{2, 2, 256 * 64, 64};
               for (std::int64_t h = 0; h < n / 256; h += 2)
                 for (std::int64_t w = 0; w < 256; w += 2)
                   row.max_window(patch, x + (h * 256 + w) * 64, y + (h * 64 + w / 2) * 64);
             });
  }
}

// Before main, which Google Benchmark's library brings.
const bool registered = [] {
  benchmark::AddCustomContext("active_isa", to_text(active_isa()));
  benchmark::AddCustomContext("gemm", std::string(select_gemm().name));
  benchmark::AddCustomContext("threads", std::to_string(threads().threads()));
  register_products();
  register_passes();
  return true;
}();

}  // namespace
