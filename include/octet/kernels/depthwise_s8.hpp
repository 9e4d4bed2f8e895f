// The int8 depthwise convolution: every channel by itself.
#pragma once

#include <span>
#include <string_view>

#include "octet/core/aligned.hpp"
#include "octet/core/cpu.hpp"
#include "octet/kernels/ranges.hpp"
#include "octet/kernels/scalar/depthwise_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

struct DepthwiseS8Implementation;

/// The weights of one depthwise convolution in the order in which one implementation reads them.
struct PackedDepthwiseS8 {
  const DepthwiseS8Implementation* implementation = nullptr;
  int x_zero_point = 0;
  AlignedVector<std::byte> weights;
  /// What is added to the accumulators of each channel, modulo 2^32, before the bias.
  AlignedVector<std::int32_t> correction;
};

/// One row of the table: how it packs, how much scratch it wants, how it runs.
struct DepthwiseS8Implementation {
  std::string_view name;
  Isa isa;
  void (*pack)(const Conv2dShape& shape, const std::int8_t* w, PackedDepthwiseS8& packed);
  std::int64_t (*scratch_bytes)(const Conv2dShape& shape) noexcept;
  void (*run)(const Conv2dShape& shape, const std::int8_t* x, const PackedDepthwiseS8& packed,
              const Requantize& q, std::int8_t* y, std::byte* scratch, ThreadPool* pool) noexcept;
};

namespace scalar {

inline void pack_depthwise_s8(const Conv2dShape& s, const std::int8_t* w,
                              PackedDepthwiseS8& packed) {
  const auto* bytes = reinterpret_cast<const std::byte*>(w);
  packed.weights.assign(bytes, bytes + s.KH * s.KW * s.OC);
}
inline std::int64_t depthwise_s8_scratch_bytes(const Conv2dShape&) noexcept { return 0; }
inline void depthwise_s8(const Conv2dShape& s, const std::int8_t* x,
                         const PackedDepthwiseS8& packed, const Requantize& q, std::int8_t* y,
                         std::byte*, ThreadPool* pool) noexcept {
  const auto* w = reinterpret_cast<const std::int8_t*>(packed.weights.data());
  over_ranges(pool, s.N * s.OH, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      depthwise_s8_row(s, x, packed.x_zero_point, w, q, y, row / s.OH, row % s.OH);
  });
}

}  // namespace scalar

/// The implementations, best first.
inline std::span<const DepthwiseS8Implementation> depthwise_s8_table() {
  static constexpr DepthwiseS8Implementation table[] = {
      {"depthwise_s8s8s8_scalar", Isa::scalar, &scalar::pack_depthwise_s8,
       &scalar::depthwise_s8_scratch_bytes, &scalar::depthwise_s8},
  };
  return table;
}

/// Packs the weights w [KH, KW, OC], each in [-127, 127], for the best implementation that `isa`
/// allows. OC is a multiple of C, groups is not looked at.
inline PackedDepthwiseS8 pack_depthwise_s8(const Conv2dShape& shape, const std::int8_t* w,
                                           int x_zero_point, Isa isa = active_isa()) {
  PackedDepthwiseS8 packed;
  for (const DepthwiseS8Implementation& row : depthwise_s8_table())
    if (!packed.implementation && row.isa <= isa) packed.implementation = &row;
  packed.x_zero_point = x_zero_point;
  packed.implementation->pack(shape, w, packed);
  return packed;
}

/// How many bytes of scratch depthwise_s8 wants for this shape, whatever the number of threads.
inline std::int64_t depthwise_s8_scratch_bytes(const Conv2dShape& shape,
                                               const PackedDepthwiseS8& packed) noexcept {
  return packed.implementation->scratch_bytes(shape);
}

/// y[n, oh, ow, oc] = requantize(bias[oc] + sum over kh, kw of
///   (x[n, h, w, oc / (OC / C)] - x_zero_point) * w[kh, kw, oc]), the padding reading as
/// x_zero_point. `scratch` has depthwise_s8_scratch_bytes() bytes, 64-byte aligned.
inline void depthwise_s8(const Conv2dShape& shape, const std::int8_t* x,
                         const PackedDepthwiseS8& packed, const Requantize& q, std::int8_t* y,
                         std::byte* scratch, ThreadPool* pool = nullptr) noexcept {
  packed.implementation->run(shape, x, packed, q, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels
