// Winograd's convolution for 3x3 kernels of stride 1: F(m x m, 3x3) takes (m + 2)^2
// multiplications for m^2 outputs instead of 9 m^2, so a fourth of them with m = 4 (Lavin and Gray,
// Fast algorithms for convolutional neural networks, 2015).
//
// This is the table of its transforms, and when and how large it is used; winograd_f32.hpp runs it.
//
// Rounding: each element is off by what the direct sum of its tile's largest element may be off,
// and the largest error of a layer is at most four times that of the direct sums (both tested
// against double; measured 1.7 times with m = 4 and 0.4 times with m = 2). A NaN or an infinity
// spreads over its tile.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>

#include "octet/core/aligned.hpp"
#include "octet/core/cache.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gemm.hpp"
#include "octet/kernels/ranges.hpp"
#include "octet/kernels/table.hpp"
#include "octet/kernels/winograd_tile.hpp"
#if OCTET_X86
#include "octet/kernels/avx2/winograd_f32.hpp"
#include "octet/kernels/avx512/winograd_f32.hpp"
#elif OCTET_NEON
#include "octet/kernels/neon/winograd_f32.hpp"
#elif OCTET_WASM_SIMD128
#include "octet/kernels/wasm_simd128/winograd_f32.hpp"
#endif

namespace octet::inline OCTET_ABI::kernels {

/// The transforms of one instruction set and one m. A tile of the image is n x n pixels behind
/// pointers, n = m + 2; its transform n * n points, `stride` floats from one to the next.
struct WinogradImplementation {
  std::string_view name;
  Isa isa;
  int m;
  /// points = B^T pixels B.
  void (*input)(const float* const* pixels, std::int64_t channels, float* points,
                std::int64_t stride);
  void (*output)(const WinogradOutput& output);
  /// points = G w G^T, of 3x3 taps stride_h and stride_w apart.
  void (*filter)(const float* w, std::int64_t stride_h, std::int64_t stride_w,
                 std::int64_t channels, float* points, std::int64_t stride);
  std::int64_t points() const { return (m + 2) * (m + 2); }
};

/// The implementations, best first for each m.
template <class = WhenUsed>
Table<WinogradImplementation> winograd_table() {
#if OCTET_X86
  static constexpr WinogradImplementation table[] = {
      {"winograd_f32_4x4_avx512", Isa::avx512, 4, &avx512::winograd_input<4>,
       &avx512::winograd_output<4>, &avx512::winograd_filter<4>},
      {"winograd_f32_2x2_avx512", Isa::avx512, 2, &avx512::winograd_input<2>,
       &avx512::winograd_output<2>, &avx512::winograd_filter<2>},
      {"winograd_f32_4x4_avx2", Isa::avx2, 4, &avx2::winograd_input<4>, &avx2::winograd_output<4>,
       &avx2::winograd_filter<4>},
      {"winograd_f32_2x2_avx2", Isa::avx2, 2, &avx2::winograd_input<2>, &avx2::winograd_output<2>,
       &avx2::winograd_filter<2>},
  };
  return table;
#elif OCTET_NEON
  static constexpr WinogradImplementation table[] = {
      {"winograd_f32_4x4_neon", Isa::neon, 4, &neon::winograd_input<4>, &neon::winograd_output<4>,
       &neon::winograd_filter<4>},
      {"winograd_f32_2x2_neon", Isa::neon, 2, &neon::winograd_input<2>, &neon::winograd_output<2>,
       &neon::winograd_filter<2>},
  };
  return table;
#elif OCTET_WASM_SIMD128
  static constexpr WinogradImplementation table[] = {
      {"winograd_f32_4x4_wasm_simd128", Isa::wasm_simd128, 4, &wasm_simd128::winograd_input<4>,
       &wasm_simd128::winograd_output<4>, &wasm_simd128::winograd_filter<4>},
      {"winograd_f32_2x2_wasm_simd128", Isa::wasm_simd128, 2, &wasm_simd128::winograd_input<2>,
       &wasm_simd128::winograd_output<2>, &wasm_simd128::winograd_filter<2>},
  };
  return table;
#else
  return {};
#endif
}

/// The row for m that belongs to a row of products, or nullptr.
template <class = WhenUsed>
const WinogradImplementation* select_winograd(const GemmImplementation& gemm, int m) {
  for (const WinogradImplementation& row : winograd_table())
    if (row.m == m && row.isa == gemm.isa) return &row;
  return nullptr;
}

/// A convolution that is computed by Winograd's algorithm: forward, or by x with dy as the image.
struct Winograd {
  const GemmImplementation* gemm;
  const WinogradImplementation* transforms;
  Conv2dShape s;
  std::int64_t cache_bytes = second_cache_bytes();

  std::int64_t rows() const { return pieces(s.OH, transforms->m); }
  std::int64_t columns() const { return pieces(s.OW, transforms->m); }
  std::int64_t tiles() const { return s.N * rows() * columns(); }
  std::int64_t points() const { return transforms->points(); }
  std::int64_t panels() const { return pieces(s.OC, gemm->columns); }
  // A line more than the channels need keeps the points of a tile out of each other's cache sets.
  static std::int64_t stride(std::int64_t channels) { return round_up(channels, 16) + 16; }
  static constexpr std::int64_t most_tiles = 192;
  /// Tiles of one job. Their points fill a fourth of the second cache, beside a panel of weights,
  /// but the more channels, the more tiles it takes to be worth loading the weights.
  std::int64_t block() const {
    const std::int64_t bytes = 4 * points() * (stride(s.C) + stride(gemm->columns));
    const std::int64_t fewest = (std::clamp<std::int64_t>)(s.C / 5, 24, 48);
    const std::int64_t fit = (std::clamp)(cache_bytes / 4 / bytes, fewest, most_tiles);
    return (std::max)((std::min)(tiles(), round_up(fit, tile_rows)), std::int64_t{1});
  }
  std::int64_t blocks() const { return pieces(tiles(), block()); }
  std::int64_t input_size() const { return block() * points() * stride(s.C); }
  std::int64_t sums_size() const {
    return block() * points() * stride((std::min)(s.OC, std::int64_t(gemm->columns)));
  }
  std::int64_t packed_size() const { return points() * s.C * round_up(s.OC, gemm->lanes); }

  std::int64_t input_slots() const { return (std::min)(blocks(), most_workers()); }
  std::int64_t sums_slots() const { return (std::min)(blocks() * panels(), most_workers()); }
  /// Floats of memory for a call: a pixel of zeros, points and sums. Grows with N.
  std::int64_t scratch_size() const {
    return stride(s.C) + input_slots() * input_size() + sums_slots() * sums_size();
  }
};

/// Convolution `s`, which must be able to, by tiles of m x m.
template <class = WhenUsed>
Winograd winograd(const GemmImplementation& gemm, const Conv2dShape& s, int m) {
  return {&gemm, select_winograd(gemm, m), s};
}
/// The convolution of dy, by the weights turned over, that is the gradient by x of `s`.
inline Conv2dShape turned_over(const Conv2dShape& s) {
  Conv2dShape turned = s;
  std::swap(turned.H, turned.OH);
  std::swap(turned.W, turned.OW);
  std::swap(turned.C, turned.OC);
  turned.pad_top = 2 - s.pad_top;
  turned.pad_left = 2 - s.pad_left;
  return turned;
}

/// How a convolution is computed.
enum class ConvAlgorithm { direct, winograd_2x2, winograd_4x4 };

/// The m of Winograd's F(m x m, 3x3), or 0.
constexpr int winograd_tile(ConvAlgorithm algorithm) {
  return algorithm == ConvAlgorithm::winograd_4x4   ? 4
         : algorithm == ConvAlgorithm::winograd_2x2 ? 2
                                                    : 0;
}

/// Whether Winograd's algorithm could compute this with the products of `gemm`.
template <class = WhenUsed>
bool winograd_possible(const GemmImplementation& gemm, const Conv2dShape& s) {
  return select_winograd(gemm, 2) && s.KH == 3 && s.KW == 3 && s.stride_h == 1 && s.stride_w == 1 &&
         s.dilation_h == 1 && s.dilation_w == 1 && s.groups == 1;
}

/// The algorithm that takes the least time for this shape, N included.
///
/// For each pair of channels, a product costs one multiplication for each pixel or tile, and as
/// much as 15 of them to fetch the weight (5 from a fast third cache), which decides where a large
/// layer sees a small image once; a transform costs about 200 for each channel of a tile in and
/// out. Winograd must promise to save a sixth of the time. Measured with AVX-512 on one image,
/// weights not in the caches: 48x48 of 64 to 64 channels 2.3 times as fast with 4x4 as directly,
/// 24x24 of 64 to 128 2.0, 12x12 of 256 to 256 1.6, and 1.8 with 2x2; 6x6 of 512 to 512 0.6 and
/// 0.9. With the fast cache of Zen 5: 12x12 of 256 to 256 2.6, and 1.9 with 2x2; 6x6 of 512 to 512
/// 0.7 and 1.7; 24x24 of 16 to 16 2.2, and 1.2.
template <class = WhenUsed>
ConvAlgorithm choose_conv_algorithm(const GemmImplementation& gemm, const Conv2dShape& s,
                                    ThirdCache cache = third_cache()) {
  if (!winograd_possible(gemm, s) || s.C < 16 || s.OC < 16) return ConvAlgorithm::direct;
  constexpr double transform = 200;
  const double fetch = cache == ThirdCache::fast ? 5 : 15;
  ConvAlgorithm best = ConvAlgorithm::direct;
  double least = 9 * (static_cast<double>(s.N * s.OH * s.OW) + fetch) / 1.2;
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::winograd_2x2, ConvAlgorithm::winograd_4x4}) {
    const std::int64_t m = winograd_tile(algorithm), points = (m + 2) * (m + 2);
    const double tiles = static_cast<double>(s.N * pieces(s.OH, m) * pieces(s.OW, m));
    const double around =
        transform * points / 36 * (1 / static_cast<double>(s.C) + 1 / static_cast<double>(s.OC));
    const double cost = static_cast<double>(points) * (tiles + fetch) + tiles * around;
    if (cost >= least) continue;
    least = cost;
    best = algorithm;
  }
  return best;
}

}  // namespace octet::inline OCTET_ABI::kernels
