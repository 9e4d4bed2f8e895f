// Winograd's convolution F(4x4, 3x3) in integers, exact: 36 multiplications for 16 outputs instead
// of 144 (Lavin and Gray, Fast algorithms for convolutional neural networks, 2015).
//
// The transform of the image, B^T d B, has integer factors, which sum to 10 in each direction: 100
// * 255 fits into int16. The filter's is taken as G' g G'^T, where G' = {1 0 0; 1 1 1; 1 -1 1; 1 2
// 4; 1 -2 4; 0 0 1} has no fractions: 49 * 127 fits into int16. Sums of their products are taken
// modulo 2^32, and so is what turns them into outputs: A'^T M A' gives 9 * 2^p times the sum that
// is looked for, p at most 6. Modulo 2^32 9 has an inverse, and the sum comes out exactly if it is
// below 2^25 in magnitude, which the weights tell.
#pragma once

#include <algorithm>
#include <cstring>

#include "octet/core/cache.hpp"
#include "octet/kernels/conv2d_s8_packing.hpp"

namespace octet::inline OCTET_ABI::kernels {

inline constexpr std::int64_t winograd_s8_points = 36;

/// Weights between what products read and what they fetch, 8 KiB: all weights are read in their
/// order, for each group of tiles again. With AVX2 that makes resnet9 1.28 times as fast, whose
/// last layers have 19 MB for four tiles, with AVX-512 VNNI 1.02 times (Zen 5).
inline constexpr std::int64_t winograd_s8_ahead = 4096;

/// What divides the outputs of row r and column c of a tile, as a shift to the right, after they
/// were multiplied by the inverse of 9.
constexpr int winograd_s8_shift(int r, int c) {
  constexpr int each[4] = {3, 2, 1, 1};
  return each[r] + each[c];
}
inline constexpr std::int32_t winograd_s8_inverse_of_9 = 954437177;

/// Whether a convolution can be computed so, whole vectors of channels at a time.
inline bool is_winograd_s8(const Conv2dShape& s) noexcept {
  return s.KH == 3 && s.KW == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1 && s.groups == 1 && s.C % 32 == 0 && s.OC % 32 == 0;
}

/// Whether it is, and no sum of products of these weights can reach 2^25 in magnitude.
template <class = WhenUsed>
bool winograd_s8_fits(const Conv2dShape& s, const std::int8_t* w, int x_zero_point) noexcept {
  if (!is_winograd_s8(s)) return false;
  const std::int64_t depth = s.KH * s.KW * s.C, up = 127 - x_zero_point, down = 128 + x_zero_point;
  for (std::int64_t oc = 0; oc < s.OC; ++oc) {
    const std::int8_t* const weights = w + oc * depth;
    const std::int64_t positive =
        sum_over_weights(weights, depth, [](int each) { return (std::max)(each, 0); });
    const std::int64_t negative =
        sum_over_weights(weights, depth, [](int each) { return (std::min)(each, 0); });
    const std::int64_t highest = up * positive - down * negative;
    const std::int64_t lowest = down * positive - up * negative;
    if ((std::max)(highest, lowest) >= 1 << 25) return false;
  }
  return true;
}

/// How many tiles an image has, and the bytes of the packed weights, 8 times as many as int8 takes.
inline std::int64_t winograd_s8_tiles(const Conv2dShape& s) noexcept {
  return pieces(s.OH, 4) * pieces(s.OW, 4);
}
inline std::int64_t winograd_s8_weight_bytes(const Conv2dShape& s) noexcept {
  return s.OC * s.C * winograd_s8_points * 2;
}

/// The tiles of 4 x 4 pixels of some images, in groups that are multiplied together. Transformed,
/// they are [groups, 36, group, C] of int16.
struct WinogradS8 {
  std::int64_t TH, TW, images, tiles, group;
  WinogradS8(const Conv2dShape& s, std::int64_t most_in_group)
      : TH(pieces(s.OH, 4)), TW(pieces(s.OW, 4)) {
    const std::int64_t bytes = winograd_s8_points * TH * TW * s.C * 2;
    images = (std::clamp)(second_cache_bytes() / 2 / (std::max)(bytes, std::int64_t{1}),
                          std::int64_t{1}, (std::max)(s.N, std::int64_t{1}));
    tiles = images * TH * TW;
    group = pieces(tiles, (std::max)(pieces(tiles, most_in_group), std::int64_t{1}));
  }
  std::int64_t scratch_bytes(std::int64_t C) const {
    return round_up(C, 64) +
           round_up(tiles, (std::max)(group, std::int64_t{1})) * winograd_s8_points * C * 2;
  }
};

/// G' v for one column of the filters of LANES channels, written `stride` rows of them apart.
template <int LANES>
void winograd_s8_filter(const std::int16_t (&a)[LANES], const std::int16_t (&b)[LANES],
                        const std::int16_t (&c)[LANES], std::int16_t (*to)[LANES], int stride) {
  for (int i = 0; i < LANES; ++i) {
    const int even = a[i] + c[i], even_4 = a[i] + 4 * c[i];
    to[0][i] = a[i];
    to[stride][i] = static_cast<std::int16_t>(even + b[i]);
    to[2 * stride][i] = static_cast<std::int16_t>(even - b[i]);
    to[3 * stride][i] = static_cast<std::int16_t>(even_4 + 2 * b[i]);
    to[4 * stride][i] = static_cast<std::int16_t>(even_4 - 2 * b[i]);
    to[5 * stride][i] = c[i];
  }
}

/// Packs w [OC, 3, 3, C] as int16 [blocks of KERNEL::width channels, 36, C / 2, width, 2]. The
/// filters of a block are transformed together, as vectors: 30 times as fast as one by one.
template <class KERNEL>
void pack_winograd_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  constexpr int width = KERNEL::width, lanes = 2 * width;
  using Lanes = std::int16_t[lanes];
  packed.weights.resize(static_cast<std::size_t>(winograd_s8_weight_bytes(s)));
  std::byte* to = packed.weights.data();
  const std::int64_t pairs = s.C / 2;
  Lanes taps[9], rows[18], points[winograd_s8_points];
  for (std::int64_t oc = 0; oc < s.OC;
       oc += width, to += winograd_s8_points * pairs * sizeof taps[0])
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const std::int8_t* const from = w + oc * 9 * s.C + 2 * pair;
      for (int i = 0; i < lanes; ++i)
        for (int tap = 0; tap < 9; ++tap) taps[tap][i] = from[(i / 2 * 9 + tap) * s.C + i % 2];
      for (int kw = 0; kw < 3; ++kw)
        winograd_s8_filter(taps[kw], taps[3 + kw], taps[6 + kw], rows + kw, 3);
      for (int i = 0; i < 6; ++i)
        winograd_s8_filter(rows[3 * i], rows[3 * i + 1], rows[3 * i + 2], points + 6 * i, 1);
      for (int point = 0; point < winograd_s8_points; ++point)
        std::memcpy(to + (point * pairs + pair) * sizeof taps[0], points[point], sizeof taps[0]);
    }
}

/// Where the results of one tile go: the first `rows` x `columns` of 4 x 4 pixels.
struct WinogradOutputS8 {
  std::int8_t* y;
  std::int64_t row_stride, pixel_stride;
  std::int64_t rows, columns;
};

template <class KERNEL>
std::int64_t winograd_s8_scratch_bytes(const Conv2dShape& s) noexcept {
  return WinogradS8(s, KERNEL::most_tiles).scratch_bytes(s.C);
}

/// Runs the convolution with the three functions of KERNEL: input() transforms a tile, products()
/// multiplies a group of them at one point, output() makes int8 of the products at all points.
template <class KERNEL>
void winograd_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                 const Requantize& q, std::int8_t* y, std::byte* scratch,
                 ThreadPool* pool) noexcept {
  if (s.N * s.OH * s.OW == 0) return;
  const WinogradS8 plan(s, KERNEL::most_tiles);
  const KERNEL kernel(s, q, packed.x_zero_point);
  auto* const border = reinterpret_cast<std::int8_t*>(scratch);
  std::memset(border, packed.x_zero_point, static_cast<std::size_t>(s.C));
  auto* const transformed = reinterpret_cast<std::int16_t*>(scratch + round_up(s.C, 64));
  const auto* const weights = reinterpret_cast<const std::int16_t*>(packed.weights.data());
  const std::int64_t group_elements = winograd_s8_points * plan.group * s.C;
  const std::int64_t blocks = s.OC / KERNEL::width;
  for (std::int64_t first = 0; first < s.N; first += plan.images) {
    const std::int64_t images = (std::min)(plan.images, s.N - first);
    const std::int64_t tiles = images * plan.TH * plan.TW, groups = pieces(tiles, plan.group);
    over_ranges(
        pool, tiles, 1 + (16 << 10) / (s.C * 16), [&](std::int64_t begin, std::int64_t end) {
          const std::int8_t* pixels[winograd_s8_points];
          for (std::int64_t tile = begin; tile < end; ++tile) {
            const std::int64_t n = first + tile / (plan.TH * plan.TW);
            const std::int64_t h = tile / plan.TW % plan.TH * 4 - s.pad_top;
            const std::int64_t w = tile % plan.TW * 4 - s.pad_left;
            for (std::int64_t i = 0; i < 6; ++i)
              for (std::int64_t j = 0; j < 6; ++j) {
                const bool inside = h + i >= 0 && h + i < s.H && w + j >= 0 && w + j < s.W;
                pixels[i * 6 + j] = inside ? x + ((n * s.H + h + i) * s.W + w + j) * s.C : border;
              }
            kernel.input(pixels,
                         transformed + tile / plan.group * group_elements + tile % plan.group * s.C,
                         plan.group * s.C);
          }
        });
    over_ranges(pool, groups * blocks, 1, [&](std::int64_t job, std::int64_t) {
      alignas(64) std::int32_t
          products[winograd_s8_points * KERNEL::most_tiles * std::int64_t{KERNEL::width}];
      const std::int64_t group = job / blocks, block = job % blocks;
      const std::int64_t count = (std::min)(plan.group, tiles - group * plan.group);
      for (std::int64_t point = 0; point < winograd_s8_points; ++point)
        kernel.products(count, transformed + group * group_elements + point * plan.group * s.C,
                        weights + (block * winograd_s8_points + point) * s.C * KERNEL::width,
                        products + point * count * KERNEL::width);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t tile = group * plan.group + i;
        const std::int64_t n = first + tile / (plan.TH * plan.TW);
        const std::int64_t oh = tile / plan.TW % plan.TH * 4, ow = tile % plan.TW * 4;
        kernel.output(
            products + i * KERNEL::width, count * KERNEL::width, block * KERNEL::width,
            {y + ((n * s.OH + oh) * s.OW + ow) * s.OC + block * KERNEL::width, s.OW * s.OC, s.OC,
             (std::min)(s.OH - oh, std::int64_t{4}), (std::min)(s.OW - ow, std::int64_t{4})});
      }
    });
  }
}

}  // namespace octet::inline OCTET_ABI::kernels
