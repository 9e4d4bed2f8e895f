// The int8 convolution, of which a linear layer is the case H = 1, W = batch, KH = KW = 1.
#pragma once

#include "octet/kernels/amx/conv2d_s8.hpp"
#include "octet/kernels/amx/pointwise_s8.hpp"
#include "octet/kernels/avx2/conv2d_s8.hpp"
#include "octet/kernels/avx2/winograd_s8.hpp"
#include "octet/kernels/avx512_vnni/conv2d_s8.hpp"
#include "octet/kernels/avx512_vnni/winograd_s8.hpp"
#include "octet/kernels/avx_vnni/conv2d_s8.hpp"
#include "octet/kernels/avx_vnni/winograd_s8.hpp"
#include "octet/kernels/conv2d_s8_packing.hpp"
#include "octet/kernels/neon/conv2d_s8.hpp"
#include "octet/kernels/neon_dotprod/conv2d_s8.hpp"
#include "octet/kernels/neon_i8mm/conv2d_s8.hpp"
#include "octet/kernels/scalar/conv2d_s8.hpp"
#include "octet/kernels/table.hpp"
#include "octet/kernels/wasm_simd128/conv2d_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

namespace scalar {

template <class = WhenUsed>
void pack_conv2d_s8(const Conv2dShape& s, const std::int8_t* w, PackedConv2dS8& packed) {
  const auto* bytes = reinterpret_cast<const std::byte*>(w);
  packed.weights.assign(bytes, bytes + s.OC * s.KH * s.KW * (s.C / s.groups));
}
inline std::int64_t conv2d_s8_scratch_bytes(const Conv2dShape&) noexcept { return 0; }
inline void conv2d_s8(const Conv2dShape& s, const std::int8_t* x, const PackedConv2dS8& packed,
                      const Requantize& q, std::int8_t* y, std::byte*, ThreadPool* pool) noexcept {
  const auto* w = reinterpret_cast<const std::int8_t*>(packed.weights.data());
  over_ranges(pool, s.N * s.OH, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      conv2d_s8_row(s, x, packed.x_zero_point, w, q, y, row / s.OH, row % s.OH);
  });
}

}  // namespace scalar

/// The implementations, best first.
template <class = WhenUsed>
Table<Conv2dS8Implementation> conv2d_s8_table() {
  static constexpr Conv2dS8Implementation table[] = {
#if OCTET_X86
    {"pointwise_s8s8s8_16x64c64_amx", Isa::amx, &amx::pack_pointwise_s8,
     &amx::pointwise_s8_scratch_bytes, &amx::pointwise_s8, &amx::suits_pointwise_s8,
     &amx::pointwise_s8_fits},
    {"conv2d_s8s8s8_96x16c64_amx", Isa::amx, &amx::pack_conv2d_s8, &amx::conv2d_s8_scratch_bytes,
     &amx::conv2d_s8, &amx::suits_conv2d_s8, nullptr, &amx::conv2d_s8_can_fuse,
     &amx::conv2d_s8_fused},
    {"winograd_s8s8s8_4x4_avx512_vnni", Isa::avx512_vnni,
     &pack_winograd_s8<avx512_vnni::WinogradKernelS8>,
     &winograd_s8_scratch_bytes<avx512_vnni::WinogradKernelS8>,
     &winograd_s8<avx512_vnni::WinogradKernelS8>, &avx512_vnni::suits_winograd_s8,
     &winograd_s8_fits},
    {"few_taps_s8s8s8_x64c4_avx512_vnni", Isa::avx512_vnni, &avx512_vnni::pack_conv2d_s8,
     &avx512_vnni::conv2d_s8_scratch_bytes, &avx512_vnni::few_taps_s8, nullptr,
     &avx512_vnni::few_taps_s8_fits},
    {"conv2d_s8s8s8_6x64c4_avx512_vnni", Isa::avx512_vnni, &avx512_vnni::pack_conv2d_s8,
     &avx512_vnni::conv2d_s8_scratch_bytes, &avx512_vnni::conv2d_s8},
    {"winograd_s8s8s8_4x4_avx_vnni", Isa::avx_vnni, &pack_winograd_s8<avx_vnni::WinogradKernelS8>,
     &winograd_s8_scratch_bytes<avx_vnni::WinogradKernelS8>,
     &winograd_s8<avx_vnni::WinogradKernelS8>, &avx_vnni::suits_winograd_s8, &winograd_s8_fits},
    {"conv2d_s8s8s8_6x16c4_avx_vnni", Isa::avx_vnni, &avx_vnni::pack_conv2d_s8,
     &avx_vnni::conv2d_s8_scratch_bytes, &avx_vnni::conv2d_s8},
    {"winograd_s8s8s8_4x4_avx2", Isa::avx2, &pack_winograd_s8<avx2::WinogradKernelS8>,
     &winograd_s8_scratch_bytes<avx2::WinogradKernelS8>, &winograd_s8<avx2::WinogradKernelS8>,
     &avx2::suits_winograd_s8, &winograd_s8_fits},
    {"conv2d_s8s8s8_6x16c2_avx2", Isa::avx2, &avx2::pack_conv2d_s8, &avx2::conv2d_s8_scratch_bytes,
     &avx2::conv2d_s8},
#elif OCTET_NEON
    {"conv2d_s8s8s8_6x16c8_neon_i8mm", Isa::neon_i8mm, &neon_i8mm::pack_conv2d_s8,
     &neon::conv2d_s8_scratch_bytes, &neon_i8mm::conv2d_s8},
    {"conv2d_s8s8s8_6x16c4_neon_dotprod", Isa::neon_dotprod, &neon_dotprod::pack_conv2d_s8,
     &neon::conv2d_s8_scratch_bytes, &neon_dotprod::conv2d_s8},
    {"conv2d_s8s8s8_4x16c4_neon", Isa::neon, &neon::pack_conv2d_s8, &neon::conv2d_s8_scratch_bytes,
     &neon::conv2d_s8},
#elif OCTET_WASM_SIMD128
    {"conv2d_s8s8s8_3x16c2_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::pack_conv2d_s8,
     &wasm_simd128::conv2d_s8_scratch_bytes, &wasm_simd128::conv2d_s8},
#endif
    {"conv2d_s8s8s8_scalar", Isa::scalar, &scalar::pack_conv2d_s8, &scalar::conv2d_s8_scratch_bytes,
     &scalar::conv2d_s8},
  };
  return table;
}

/// The best implementation that `isa` allows, that suits the shape and can compute it with these
/// weights.
template <class = WhenUsed>
const Conv2dS8Implementation* conv2d_s8_implementation(const Conv2dShape& shape,
                                                       const std::int8_t* w, int x_zero_point,
                                                       Isa isa) {
  const Conv2dS8Implementation* best = nullptr;
  for (const Conv2dS8Implementation& row : conv2d_s8_table())
    if (!best && isa_allowed(row.isa, isa) && (!row.suits || row.suits(shape)) &&
        (!row.fits || row.fits(shape, w, x_zero_point)))
      best = &row;
  return best;
}

/// Packs the weights w [OC, KH, KW, C / groups], each in [-127, 127], for the best implementation
/// that `isa` allows and that suits the shape. KH * KW * C / groups must be at most
/// conv2d_s8_max_depth(), or 255 * sum |w| + |bias| of every channel fit into int32.
template <class = WhenUsed>
PackedConv2dS8 pack_conv2d_s8(const Conv2dShape& shape, const std::int8_t* w, int x_zero_point,
                              Isa isa = active_isa()) {
  PackedConv2dS8 packed;
  packed.implementation = conv2d_s8_implementation(shape, w, x_zero_point, isa);
  packed.x_zero_point = x_zero_point;
  packed.implementation->pack(shape, w, packed);
  return packed;
}

/// How many bytes of scratch conv2d_s8 wants for this shape, whatever the number of threads.
inline std::int64_t conv2d_s8_scratch_bytes(const Conv2dShape& shape,
                                            const PackedConv2dS8& packed) noexcept {
  return packed.implementation->scratch_bytes(shape);
}

/// y[n, oh, ow, oc] = requantize(bias[oc] + sum of (x - x_zero_point) * w), where the padding reads
/// as x_zero_point. `scratch` has conv2d_s8_scratch_bytes() bytes, 64-byte aligned.
inline void conv2d_s8(const Conv2dShape& shape, const std::int8_t* x, const PackedConv2dS8& packed,
                      const Requantize& q, std::int8_t* y, std::byte* scratch,
                      ThreadPool* pool = nullptr) noexcept {
  packed.implementation->run(shape, x, packed, q, y, scratch, pool);
}

/// conv2d_s8() and what `fusion` says, with the bits of the two one after the other: y is [N, OH,
/// OW, OC], pooled [N, OH / 2, OW / 2, OC]. Multipliers of what is pooled are not negative. Only
/// where the implementation's can_fuse() says so.
inline void conv2d_s8_fused(const Conv2dShape& shape, const std::int8_t* x,
                            const PackedConv2dS8& packed, const Requantize& q,
                            const Conv2dS8Fusion& fusion, std::int8_t* y, std::byte* scratch,
                            ThreadPool* pool = nullptr) noexcept {
  packed.implementation->run_fused(shape, x, packed, q, fusion, y, scratch, pool);
}

}  // namespace octet::inline OCTET_ABI::kernels
