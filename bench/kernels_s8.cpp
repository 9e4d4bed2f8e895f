// How fast the int8 kernels are: every row of every table that this processor can run, and beside
// the convolutions the float ones. Each name holds the implementation's.
#include <benchmark/benchmark.h>
#include <cmath>
#include <string>
#include <vector>

#include "octet/core/random.hpp"
#include "octet/kernels/conv2d.hpp"
#include "octet/kernels/conv2d_s8.hpp"
#include "octet/kernels/depthwise_s8.hpp"
#include "octet/kernels/elementwise_s8.hpp"
#include "octet/kernels/pooling_s8.hpp"
#include "octet/kernels/requantize_s8.hpp"
#include "work.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

constexpr int x_zero_point = -3;

AlignedVector<std::int8_t> random_s8(std::int64_t count) {
  AlignedVector<std::int8_t> values(static_cast<std::size_t>(count));
  const Random random(1);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int8_t>(static_cast<int>(random.below(i, 255)) - 127);
  return values;
}

// What a convolution needs beside its weights.
struct Operands {
  AlignedVector<std::int8_t> x, w, y;
  AlignedVector<float> multiplier;
  AlignedVector<std::int32_t> bias;
  AlignedVector<std::byte> scratch;
  double operations;
  Operands(const Conv2dShape& s, std::int64_t group_C)
      : x(random_s8(s.N * s.H * s.W * s.C)),
        w(random_s8(s.OC * s.KH * s.KW * group_C)),
        y(static_cast<std::size_t>(s.N * s.OH * s.OW * s.OC)),
        multiplier(static_cast<std::size_t>(s.OC),
                   0.01f / std::sqrt(static_cast<float>(s.KH * s.KW * group_C))),
        bias(static_cast<std::size_t>(s.OC), 100),
        operations(2.0 * static_cast<double>(s.N * s.OH * s.OW * s.OC) *
                   static_cast<double>(s.KH * s.KW * group_C)) {}
  double bytes() const { return static_cast<double>(x.size() + w.size() + y.size()); }
  Requantize requantize() const {
    return {.multiplier = multiplier.data(), .bias = bias.data(), .zero_point = 3};
  }
};

struct Layer {
  std::string name;
  Conv2dShape shape;
};

Layer same(const std::string& name, std::int64_t N, std::int64_t size, std::int64_t C,
           std::int64_t OC, std::int64_t kernel) {
  return {name,
          {.N = N,
           .H = size,
           .W = size,
           .C = C,
           .OH = size,
           .OW = size,
           .OC = OC,
           .KH = kernel,
           .KW = kernel,
           .pad_top = kernel / 2,
           .pad_left = kernel / 2}};
}

Layer linear(std::int64_t batch, std::int64_t C, std::int64_t OC) {
  return {
      "linear " + std::to_string(C) + "->" + std::to_string(OC) + " batch " + std::to_string(batch),
      {.W = batch, .C = C, .OW = batch, .OC = OC}};
}

void conv2d_float(benchmark::State& state, const Conv2dShape& s) {
  const AlignedVector<float> x(static_cast<std::size_t>(s.N * s.H * s.W * s.C), 0.5f);
  const AlignedVector<float> w(static_cast<std::size_t>(s.OC * s.KH * s.KW * s.C), 0.25f);
  AlignedVector<float> y(static_cast<std::size_t>(s.N * s.OH * s.OW * s.OC));
  const PackedConv2d packed = pack_conv2d(s, w.data());
  for (auto _ : state) {
    conv2d_run(s, x.data(), packed, {}, y.data(), nullptr);
    benchmark::ClobberMemory();
  }
  bench::count_work(state, {.isa = packed.implementation->isa,
                            .operations = 2.0 * static_cast<double>(s.N * s.OH * s.OW * s.OC) *
                                          static_cast<double>(s.KH * s.KW * s.C),
                            .bytes = static_cast<double>(4 * (x.size() + w.size() + y.size()))});
}

void conv2d(benchmark::State& state, const Conv2dS8Implementation& row, const Conv2dShape& s) {
  Operands o(s, s.C);
  PackedConv2dS8 packed;
  packed.implementation = &row;
  packed.x_zero_point = x_zero_point;
  row.pack(s, o.w.data(), packed);
  o.scratch.resize(static_cast<std::size_t>(conv2d_s8_scratch_bytes(s, packed)));
  for (auto _ : state) {
    conv2d_s8(s, o.x.data(), packed, o.requantize(), o.y.data(), o.scratch.data());
    benchmark::ClobberMemory();
  }
  bench::count_work(state, {bench::Arithmetic::s8, row.isa, o.operations, o.bytes()});
}

void depthwise(benchmark::State& state, const DepthwiseS8Implementation& row,
               const Conv2dShape& s) {
  Operands o(s, 1);
  PackedDepthwiseS8 packed;
  packed.implementation = &row;
  packed.x_zero_point = x_zero_point;
  row.pack(s, o.w.data(), packed);
  o.scratch.resize(static_cast<std::size_t>(depthwise_s8_scratch_bytes(s, packed)));
  for (auto _ : state) {
    depthwise_s8(s, o.x.data(), packed, o.requantize(), o.y.data(), o.scratch.data());
    benchmark::ClobberMemory();
  }
  bench::count_work(state, {bench::Arithmetic::s8, row.isa, o.operations, o.bytes()});
}

// Runs body() for every row of a table; it reads and writes `bytes` bytes.
template <class Table, class Body>
void register_rows(const Table& table, const std::string& what, std::int64_t bytes, Body body) {
  for (const auto& row : table) {
    if (!cpu_supports(row.isa)) continue;
    benchmark::RegisterBenchmark(
        (what + "/" + std::string(row.name)).c_str(), [body, &row, bytes](benchmark::State& state) {
          for (auto _ : state) {
            body(*row.run);
            benchmark::ClobberMemory();
          }
          bench::count_work(state, {bench::Arithmetic::s8, row.isa, 0, static_cast<double>(bytes)});
        });
  }
}

/// Whether this processor has it, and it computes this shape with these weights: some rows do only
/// some.
bool is_possible(const Conv2dS8Implementation& row, const Conv2dShape& s) {
  if (!cpu_supports(row.isa)) return false;
  const auto w = random_s8(s.OC * s.KH * s.KW * s.C);
  return !row.fits || (row.fits(s, w.data(), x_zero_point) && (!row.suits || row.suits(s)));
}

void register_convolutions() {
  for (const Layer& layer : {same("3x3 1->64 at 48x48", 1, 48, 1, 64, 3),
                             same("3x3 64->128 at 24x24", 1, 24, 64, 128, 3),
                             same("3x3 64->128 at 24x24 batch 16", 16, 24, 64, 128, 3),
                             same("3x3 128->256 at 12x12", 1, 12, 128, 256, 3),
                             same("3x3 256->256 at 3x3", 1, 3, 256, 256, 3),
                             same("3x3 512->512 at 6x6", 1, 6, 512, 512, 3),
                             same("1x1 16->96 at 48x48", 1, 48, 16, 96, 1),
                             same("1x1 96->24 at 24x24", 1, 24, 96, 24, 1), linear(1, 9216, 256),
                             linear(64, 9216, 256)}) {
    benchmark::RegisterBenchmark((layer.name + "/float").c_str(),
                                 [layer](auto& state) { conv2d_float(state, layer.shape); });
    for (const auto& row : conv2d_s8_table())
      if (is_possible(row, layer.shape))
        benchmark::RegisterBenchmark(
            (layer.name + "/" + std::string(row.name)).c_str(),
            [layer, &row](auto& state) { conv2d(state, row, layer.shape); });
  }
  for (const Layer& layer : {same("depthwise 96 at 24x24", 1, 24, 96, 96, 3),
                             same("depthwise 960 at 3x3", 1, 3, 960, 960, 3)})
    for (const auto& row : depthwise_s8_table())
      if (cpu_supports(row.isa))
        benchmark::RegisterBenchmark(
            (layer.name + "/" + std::string(row.name)).c_str(),
            [layer, &row](auto& state) { depthwise(state, row, layer.shape); });
}

constexpr std::int64_t count = 48 * 48 * 64;

const auto a = random_s8(count), b = random_s8(count);
AlignedVector<std::int8_t> y(count);
AlignedVector<float> real(count, 0.3f);
const AddS8 sum = add_parameters_s8(0.1f, 3, 0.07f, -5, 0.13f, 11);
const MultiplyS8 product = {.a_zero_point = 3, .multiplier = 0.02f};
const TableS8 table = rescale_table_s8(0.1f, 5, 0.2f, 0);
const AverageS8 average = {.x_zero_point = 3};
const Pool2dShape halved = {
    .H = 48, .W = 48, .C = 64, .OH = 24, .OW = 24, .KH = 2, .KW = 2, .stride_h = 2, .stride_w = 2};
const Pool2dShape whole = {.H = 48, .W = 48, .C = 64, .KH = 48, .KW = 48};

void register_the_rest() {
  register_rows(add_s8_table(), "add", 3 * count,
                [](auto& run) { run(count, a.data(), b.data(), sum, y.data()); });
  register_rows(multiply_s8_table(), "multiply", 3 * count,
                [](auto& run) { run(count, a.data(), b.data(), product, y.data()); });
  register_rows(lookup_s8_table(), "lookup", 2 * count,
                [](auto& run) { run(count, a.data(), table, y.data()); });
  register_rows(quantize_f32_table(), "quantize", 5 * count,
                [](auto& run) { run(count, real.data(), 0.1f, 3, y.data()); });
  register_rows(dequantize_f32_table(), "dequantize", 5 * count,
                [](auto& run) { run(count, a.data(), 0.1f, 3, real.data()); });
  register_rows(max_pool_s8_table(), "max_pool 2x2", count * 5 / 4, [](auto& run) {
    for (std::int64_t oh = 0; oh < 24; ++oh) run(halved, a.data(), y.data(), 0, oh);
  });
  register_rows(average_pool_s8_table(), "average_pool 2x2", count * 5 / 4, [](auto& run) {
    for (std::int64_t oh = 0; oh < 24; ++oh) run(halved, a.data(), average, y.data(), 0, oh);
  });
  register_rows(average_pool_s8_table(), "average_pool 48x48", count + 64,
                [](auto& run) { run(whole, a.data(), average, y.data(), 0, 0); });
}

// Before main, which Google Benchmark's library brings.
const bool registered = [] {
  benchmark::AddCustomContext("active_isa", to_text(active_isa()));
  register_convolutions();
  register_the_rest();
  return true;
}();

}  // namespace
