// Convolution of float or double images, its gradients, and the form with packed weights that
// programs run. Linear layers are 1x1 convolutions: see linear_shape().
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

#include "octet/core/aligned.hpp"
#include "octet/core/cpu.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_backward_weight_f32.hpp"
#include "octet/kernels/conv2d_f32.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gemm.hpp"
#include "octet/kernels/scalar/conv2d.hpp"
#include "octet/kernels/thread_memory.hpp"
#include "octet/kernels/winograd_backward_weight_f32.hpp"
#include "octet/kernels/winograd_f32.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The weights of a convolution in the order in which one implementation reads them: a value, made
/// once when a program is loaded. For a given algorithm it does not depend on N, H or W.
struct PackedConv2d {
  AlignedVector<float> data;
  const GemmImplementation* implementation = nullptr;
  ConvAlgorithm algorithm = ConvAlgorithm::direct;
  std::string_view name = {};  ///< of the kernel that runs
};

/// What one group of a convolution sums.
inline Gather forward_gather(const Conv2dShape& s) {
  return {s.N,
          forward_axis(s.H, s.OH, s.KH, s.stride_h, s.dilation_h, s.pad_top),
          forward_axis(s.W, s.OW, s.KW, s.stride_w, s.dilation_w, s.pad_left),
          s.C,
          s.C / s.groups,
          s.OC,
          s.OC / s.groups};
}

/// Packs w, [OC, KH, KW, C / groups], for `row` into memory of packed_conv2d_size() floats.
inline void pack_conv2d_into(const GemmImplementation& row, const Conv2dShape& s, const float* w,
                             float* packed, ThreadPool* pool) {
  const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups, taps = s.KH * s.KW;
  const std::int64_t size = packed_size(row, taps, C, OC), panels = pieces(OC, row.columns);
  over_ranges(pool, s.groups * panels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t group = i / panels, panel = i % panels;
      const auto tap_offset = [&](std::int64_t tap) { return tap * C; };
      pack_panels(row, taps, C, OC, w + group * OC * taps * C, tap_offset, {taps * C, 1},
                  packed + group * size, panel, panel + 1);
    }
  });
}
/// Floats that pack_conv2d_into() writes.
inline std::int64_t packed_conv2d_size(const GemmImplementation& row, const Conv2dShape& s) {
  return s.groups * packed_size(row, s.KH * s.KW, s.C / s.groups, s.OC / s.groups);
}

/// The algorithm for one image after the other. A program takes it for batches too, so that an
/// image's result does not depend on the others.
template <class = WhenUsed>
ConvAlgorithm choose_conv_algorithm(Conv2dShape shape, Isa isa = active_isa()) {
  shape.N = 1;
  return choose_conv_algorithm(select_gemm(isa), shape);
}

/// Packs w, [OC, KH, KW, C / groups], for the best implementation that `isa` allows. The algorithm
/// must be possible: see choose_conv_algorithm().
template <class = WhenUsed>
PackedConv2d pack_conv2d(const Conv2dShape& shape, const float* w, Isa isa = active_isa(),
                         ConvAlgorithm algorithm = ConvAlgorithm::direct) {
  PackedConv2d packed;
  packed.implementation = &select_gemm(isa);
  packed.algorithm = algorithm;
  if (const int tile = winograd_tile(algorithm)) {
    packed.name = select_winograd(*packed.implementation, tile)->name;
    const Winograd by_tiles = winograd(*packed.implementation, shape, tile);
    packed.data.resize(static_cast<std::size_t>(by_tiles.packed_size()));
    pack_winograd(by_tiles, w, packed.data.data(), 0, by_tiles.panels());
    return packed;
  }
  packed.name = gather_product_name(*packed.implementation, forward_gather(shape));
  if (!packed.implementation->product) {
    packed.data.assign(w, w + shape.OC * shape.KH * shape.KW * (shape.C / shape.groups));
    return packed;
  }
  packed.data.resize(static_cast<std::size_t>(packed_conv2d_size(*packed.implementation, shape)));
  pack_conv2d_into(*packed.implementation, shape, w, packed.data.data(), nullptr);
  return packed;
}

/// Floats of scratch memory that conv2d_run() needs.
template <class = WhenUsed>
std::int64_t conv2d_scratch_size(const Conv2dShape& shape, const PackedConv2d& packed) {
  const int tile = winograd_tile(packed.algorithm);
  return tile ? winograd(*packed.implementation, shape, tile).scratch_size() : 0;
}

/// The convolution with weights packed for `row`, which must have a product.
inline void conv2d_product(const GemmImplementation& row, const Conv2dShape& s, const float* x,
                           const float* packed, const Epilogue<float>& epilogue, float* y,
                           ThreadPool* pool) {
  const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups;
  const Gather gather = forward_gather(s);
  for (std::int64_t g = 0; g < s.groups; ++g) {
    Epilogue<float> part = epilogue;
    if (part.bias) part.bias += g * OC;
    if (part.residual) part.residual += g * OC;
    gather_product(row, gather, x + g * C, packed + g * packed_size(row, s.KH * s.KW, C, OC), part,
                   y + g * OC, pool);
  }
}

/// conv2d_forward with packed weights; allocates nothing. `scratch` has conv2d_scratch_size()
/// floats. Runs on the caller alone when `pool` is null.
template <class = WhenUsed>
void conv2d_run(const Conv2dShape& shape, const float* x, const PackedConv2d& packed,
                const Epilogue<float>& epilogue, float* y, ThreadPool* pool,
                float* scratch = nullptr) noexcept {
  if (const int tile = winograd_tile(packed.algorithm))
    return winograd_run(winograd(*packed.implementation, shape, tile), x, packed.data.data(),
                        epilogue, y, scratch, pool);
  if (packed.implementation->product) {
    conv2d_product(*packed.implementation, shape, x, packed.data.data(), epilogue, y, pool);
    return;
  }
  over_ranges(pool, shape.N * shape.OH, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::conv2d_forward(shape, x, packed.data.data(), epilogue, y, begin, end);
  });
}

/// What memory of a thread is for: packed weights, and scratch behind them.
enum class ConvMemory { weights };

/// dx by products of tiles: the convolution of dy with the flipped weights, one for each phase of
/// the stride.
inline void conv2d_backward_input_product(const GemmImplementation& row, const Conv2dShape& s,
                                          const float* dy, const float* w, float* dx,
                                          ThreadPool& pool) {
  const std::int64_t C = s.C / s.groups, OC = s.OC / s.groups, taps = s.KH * s.KW;
  const std::int64_t panels = pieces(C, row.columns);
  float* const packed = thread_memory<ConvMemory::weights, float>(packed_size(row, taps, OC, C));
  for (std::int64_t phase = 0; phase < s.stride_h * s.stride_w; ++phase) {
    const auto h_axis =
        backward_axis(s.H, s.OH, s.KH, s.stride_h, s.dilation_h, s.pad_top, phase / s.stride_w);
    const auto w_axis =
        backward_axis(s.W, s.OW, s.KW, s.stride_w, s.dilation_w, s.pad_left, phase % s.stride_w);
    const Gather gather{s.N, h_axis.axis, w_axis.axis, s.OC, OC, s.C, C};
    if (gather.pixels() <= 0) continue;
    for (std::int64_t g = 0; g < s.groups; ++g) {
      pool.parallel_for(panels, 1, [&](std::int64_t begin, std::int64_t end) {
        const auto tap_offset = [&](std::int64_t tap) {
          const std::int64_t kh = h_axis.first_tap + tap / w_axis.axis.taps * h_axis.tap_stride;
          const std::int64_t kw = w_axis.first_tap + tap % w_axis.axis.taps * w_axis.tap_stride;
          return (kh * s.KW + kw) * C;
        };
        pack_panels(row, gather.taps(), OC, C, w + g * OC * taps * C, tap_offset, {1, taps * C},
                    packed, begin, end);
      });
      gather_product(row, gather, dy + g * OC, packed, {}, dx + g * C, &pool);
    }
  }
}

/// Forward or backward by x: `pack` transforms the weights for a range of panels.
template <class Pack>
void winograd_with_weights(const Winograd& by_tiles, const float* x, const float* w,
                           const Pack& pack, const Epilogue<float>& epilogue, float* y,
                           ThreadPool& pool) {
  const std::int64_t packed_size = round_up(by_tiles.packed_size(), 16);
  float* const packed =
      thread_memory<ConvMemory::weights, float>(packed_size + by_tiles.scratch_size());
  pool.parallel_for(by_tiles.panels(), 1, [&](std::int64_t begin, std::int64_t end) {
    pack(by_tiles, w, packed, begin, end);
  });
  winograd_run(by_tiles, x, packed, epilogue, y, packed + packed_size, &pool);
}

/// y = epilogue(x * w), the formula of Conv2dShape. x is [N, H, W, C], w [OC, KH, KW, C / groups],
/// y [N, OH, OW, OC].
template <class T>
void conv2d_forward(const Conv2dShape& shape, const T* x, const T* w, const Epilogue<T>& epilogue,
                    T* y, ThreadPool& pool) {
  if constexpr (std::is_same_v<T, float>) {
    if (const GemmImplementation& row = select_gemm(); row.product) {
      if (const int tile = winograd_tile(choose_conv_algorithm(row, shape)))
        return winograd_with_weights(winograd(row, shape, tile), x, w, pack_winograd, epilogue, y,
                                     pool);
      float* const packed =
          thread_memory<ConvMemory::weights, float>(packed_conv2d_size(row, shape));
      pack_conv2d_into(row, shape, w, packed, &pool);
      return conv2d_product(row, shape, x, packed, epilogue, y, &pool);
    }
  }
  pool.parallel_for(shape.N * shape.OH, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::conv2d_forward(shape, x, w, epilogue, y, begin, end);
  });
}

/// The gradient by x: assigns dx, [N, H, W, C].
template <class T>
void conv2d_backward_input(const Conv2dShape& shape, const T* dy, const T* w, T* dx,
                           ThreadPool& pool) {
  if constexpr (std::is_same_v<T, float>)
    if (const GemmImplementation& row = select_gemm(); row.product) {
      const Conv2dShape turned = turned_over(shape);
      if (const int tile = winograd_tile(choose_conv_algorithm(row, turned)))
        return winograd_with_weights(winograd(row, turned, tile), dy, w, pack_winograd_turned, {},
                                     dx, pool);
      return conv2d_backward_input_product(row, shape, dy, w, dx, pool);
    }
  pool.parallel_for(shape.N * shape.H, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::conv2d_backward_input(shape, dy, w, dx, begin, end);
  });
}

/// The gradient by w: adds to dw, [OC, KH, KW, C / groups].
template <class T>
void conv2d_backward_weight(const Conv2dShape& shape, const T* x, const T* dy, T* dw,
                            ThreadPool& pool) {
  if constexpr (std::is_same_v<T, float>)
    if (const GemmImplementation& row = select_gemm(); row.product) {
      if (const int tile = winograd_tile(choose_conv_algorithm(row, shape))) {
        const WinogradBackwardWeight by_tiles{winograd(row, shape, tile)};
        return winograd_backward_weight(
            by_tiles.a, x, dy, dw,
            thread_memory<ConvMemory::weights, float>(by_tiles.scratch_size()), pool);
      }
      return backward_weight_product(row, shape, x, dy, dw, pool);
    }
  pool.parallel_for(shape.OC, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::conv2d_backward_weight(shape, x, dy, dw, begin, end);
  });
}

}  // namespace octet::inline OCTET_ABI::kernels
