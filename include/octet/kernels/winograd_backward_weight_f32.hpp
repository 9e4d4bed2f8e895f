// The gradient of a 3x3 convolution by its weights in Winograd's form: y is linear in the
// transformed weights, so their gradient is, point by point, the outer product of A dy A^T and
// B^T x B, summed over tiles, and G^T of it is that of the weights.
#pragma once

#include <algorithm>

#include "octet/kernels/winograd_f32.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The transforms that only this gradient needs, of one instruction set and one m; apart from the
/// others, so that programs that never learn do not contain them.
struct WinogradGradients {
  Isa isa;
  int m;
  /// points = A pixels A^T, of m x m pixels.
  void (*gradient)(const float* const* pixels, std::int64_t channels, float* points,
                   std::int64_t stride);
  /// dw += G^T points G.
  void (*filter_gradient)(float* points, std::int64_t stride, std::int64_t channels, float* dw,
                          std::int64_t tap_stride);
};

/// Those that belong to a row of transforms.
template <class = WhenUsed>
const WinogradGradients& winograd_gradients(const WinogradImplementation& transforms) {
  static constexpr WinogradGradients table[] = {
#if OCTET_X86
    {Isa::avx512, 4, &avx512::winograd_gradient<4>, &avx512::winograd_filter_gradient<4>},
    {Isa::avx512, 2, &avx512::winograd_gradient<2>, &avx512::winograd_filter_gradient<2>},
    {Isa::avx2, 4, &avx2::winograd_gradient<4>, &avx2::winograd_filter_gradient<4>},
    {Isa::avx2, 2, &avx2::winograd_gradient<2>, &avx2::winograd_filter_gradient<2>},
#elif OCTET_NEON
    {Isa::neon, 4, &neon::winograd_gradient<4>, &neon::winograd_filter_gradient<4>},
    {Isa::neon, 2, &neon::winograd_gradient<2>, &neon::winograd_filter_gradient<2>},
#elif OCTET_WASM_SIMD128
    {Isa::wasm_simd128, 4, &wasm_simd128::winograd_gradient<4>,
     &wasm_simd128::winograd_filter_gradient<4>},
    {Isa::wasm_simd128, 2, &wasm_simd128::winograd_gradient<2>,
     &wasm_simd128::winograd_filter_gradient<2>},
#else
    {},
#endif
  };
  const auto* row = table;
  while (row->isa != transforms.isa || row->m != transforms.m) ++row;
  return *row;
}

/// How the sums are shared: a job sums `side` filters by `side` channels at all points over a part
/// of the tiles. Its sums (576 KiB at 36 points) stay in the second cache.
struct WinogradBackwardWeight {
  static constexpr std::int64_t side = 64, block = 32;
  Winograd a;
  const WinogradGradients* transforms = &winograd_gradients(*a.transforms);

  std::int64_t channel_slices() const { return pieces(a.s.C, side); }
  std::int64_t filter_slices() const { return pieces(a.s.OC, side); }
  std::int64_t slices() const { return channel_slices() * filter_slices(); }
  // Few slices would leave threads idle: then parts of the tiles are summed apart.
  std::int64_t parts() const {
    return (std::max)((std::min)(pieces(8, slices()), pieces(a.tiles(), block)), std::int64_t{1});
  }
  std::int64_t jobs() const { return slices() * parts(); }
  std::int64_t workers() const { return (std::min)(jobs(), most_workers()); }
  static std::int64_t stride() { return Winograd::stride(side); }
  std::int64_t points_size() const { return block * a.points() * stride(); }
  std::int64_t sums_size() const { return a.points() * side * side; }
  // Sums of parts wait for each other; the others are done with at once.
  std::int64_t sums_slots() const { return parts() > 1 ? jobs() : workers(); }
  /// Floats of memory for a call: a pixel of zeros, points of x and dy, sums.
  std::int64_t scratch_size() const {
    return stride() + workers() * 2 * points_size() + sums_slots() * sums_size();
  }
};

/// Adds what the tiles [begin, end) give to sums, [point][filter][channel].
inline void winograd_sum_tiles(const WinogradBackwardWeight& g, const float* x, const float* dy,
                               std::int64_t c, std::int64_t oc, std::int64_t begin,
                               std::int64_t end, const float* zeros, float* points, float* sums) {
  constexpr std::int64_t side = WinogradBackwardWeight::side;
  constexpr std::int64_t block = WinogradBackwardWeight::block;
  const Winograd& a = g.a;
  const Conv2dShape& s = a.s;
  const std::int64_t channels = (std::min)(side, s.C - c), filters = (std::min)(side, s.OC - oc);
  const std::int64_t rows = a.rows(), columns = a.columns(), n2 = a.points(), stride = g.stride();
  const int m = a.transforms->m;
  OuterProduct* const outer = outer_product(*a.gemm);
  float* const gradients = points + g.points_size();
  const float* pixels[36];
  const float* x_points[block];
  const float* dy_points[block];
  OuterTile tile{};
  tile.x = x_points;
  tile.dy = dy_points;
  tile.dw_stride = side;
  for (; begin < end; begin += tile.pixels) {
    tile.pixels = (std::min)(end - begin, g.block);
    // The next tiles' lines; those of a slice of the channels lie apart.
    const std::int64_t next = begin + tile.pixels, later = (std::min)(next + g.block, end);
    MemoryTraffic traffic;
    if (s.C <= side) want_tiles(a, next, later, x, s.H, s.W * s.C, traffic);
    if (s.OC <= side) want_tiles(a, next, later, dy, s.OH, s.OW * s.OC, traffic);
    tile.traffic = &traffic;
    for (std::int64_t t = 0; t < tile.pixels; ++t) {
      const std::int64_t image = (begin + t) / (rows * columns);
      const std::int64_t h = (begin + t) / columns % rows * m, w = (begin + t) % columns * m;
      point_at_pixels(x + image * s.H * s.W * s.C + c, s.H, s.W, s.C, h - s.pad_top, w - s.pad_left,
                      m + 2, zeros, pixels);
      a.transforms->input(pixels, channels, points + t * n2 * stride, stride);
      point_at_pixels(dy + image * s.OH * s.OW * s.OC + oc, s.OH, s.OW, s.OC, h, w, m, zeros,
                      pixels);
      g.transforms->gradient(pixels, filters, gradients + t * n2 * stride, stride);
    }
    for (std::int64_t p = 0; p < n2; ++p)
      for (std::int64_t column = 0; column < channels; column += a.gemm->columns) {
        for (std::int64_t t = 0; t < tile.pixels; ++t) {
          x_points[t] = points + (t * n2 + p) * stride + column;
          dy_points[t] = gradients + (t * n2 + p) * stride;
        }
        tile.columns =
            static_cast<int>((std::min)(channels - column, std::int64_t(a.gemm->columns)));
        for (std::int64_t r = 0; r < filters; r += tile_rows) {
          tile.rows = static_cast<int>((std::min)(filters - r, std::int64_t(tile_rows)));
          tile.dy_offset = r;
          tile.dw = sums + (p * side + r) * side + column;
          outer(tile);
        }
      }
  }
}

/// Adds to dw, [OC, 3, 3, C]. `a` is the forward convolution.
inline void winograd_backward_weight(const Winograd& a, const float* x, const float* dy, float* dw,
                                     float* scratch, ThreadPool& pool) {
  const WinogradBackwardWeight g{a};
  constexpr std::int64_t side = WinogradBackwardWeight::side;
  const std::int64_t parts = g.parts(), slices = g.slices(), part = pieces(a.tiles(), parts);
  float* const zeros = scratch;
  float* const points = zeros + g.stride();
  float* const sums = points + g.workers() * 2 * g.points_size();
  std::fill(zeros, points, 0.0f);
  const auto add_to_weights = [&](std::int64_t slice, float* sum) {
    const std::int64_t c = slice % g.channel_slices() * side,
                       oc = slice / g.channel_slices() * side;
    for (std::int64_t r = 0; r < (std::min)(side, a.s.OC - oc); ++r)
      g.transforms->filter_gradient(sum + r * side, side * side, (std::min)(side, a.s.C - c),
                                    dw + (oc + r) * 9 * a.s.C + c, a.s.C);
  };
  over_jobs(&pool, g.workers(), g.jobs(), [&](std::int64_t worker, std::int64_t job) {
    const std::int64_t slice = job / parts, begin = job % parts * part;
    float* const sum = sums + (parts > 1 ? job : worker) * g.sums_size();
    std::fill(sum, sum + g.sums_size(), 0.0f);
    winograd_sum_tiles(
        g, x, dy, slice % g.channel_slices() * side, slice / g.channel_slices() * side, begin,
        (std::min)(begin + part, a.tiles()), zeros, points + worker * 2 * g.points_size(), sum);
    if (parts == 1) add_to_weights(slice, sum);
  });
  if (parts == 1) return;
  pool.parallel_for(slices, 1, [&](std::int64_t slice, std::int64_t) {
    float* const sum = sums + slice * parts * g.sums_size();
    for (std::int64_t i = 1; i < parts; ++i) {
      const float* const other = sum + i * g.sums_size();
      for (std::int64_t k = 0; k < g.sums_size(); ++k) sum[k] += other[k];
    }
    add_to_weights(slice, sum);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
