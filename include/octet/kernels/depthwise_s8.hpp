// The int8 depthwise convolution: every channel by itself.
#pragma once

#include "octet/kernels/avx2/depthwise_s8.hpp"
#include "octet/kernels/avx512/depthwise_s8.hpp"
#include "octet/kernels/avx512_vnni/depthwise_s8.hpp"
#include "octet/kernels/depthwise_s8_packing.hpp"
#include "octet/kernels/neon/depthwise_s8.hpp"
#include "octet/kernels/table.hpp"
#include "octet/kernels/wasm_simd128/depthwise_s8.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The implementations, best first.
template <class = WhenUsed>
Table<DepthwiseS8Implementation> depthwise_s8_table() {
  static constexpr DepthwiseS8Implementation table[] = {
#if OCTET_X86
    {"depthwise_s8s8s8_4x64c4_avx512_vnni", Isa::avx512_vnni, &avx512_vnni::pack_depthwise_s8,
     &avx512_vnni::depthwise_s8_scratch_bytes, &avx512_vnni::depthwise_s8},
    {"depthwise_s8s8s8_2x32c2_avx512", Isa::avx512, &avx512::pack_depthwise_s8,
     &depthwise_s8_lines_scratch_bytes, &avx512::depthwise_s8},
    {"depthwise_s8s8s8_2x16c2_avx2", Isa::avx2, &avx2::pack_depthwise_s8,
     &depthwise_s8_lines_scratch_bytes, &avx2::depthwise_s8},
#elif OCTET_NEON
    {"depthwise_s8s8s8_4x16c2_neon", Isa::neon, &neon::pack_depthwise_s8,
     &neon::depthwise_s8_scratch_bytes, &neon::depthwise_s8},
#elif OCTET_WASM_SIMD128
    {"depthwise_s8s8s8_2x16c2_wasm_simd128", Isa::wasm_simd128, &wasm_simd128::pack_depthwise_s8,
     &depthwise_s8_lines_scratch_bytes, &wasm_simd128::depthwise_s8},
#endif
    {"depthwise_s8s8s8_scalar", Isa::scalar, &scalar::pack_depthwise_s8,
     &scalar::depthwise_s8_scratch_bytes, &scalar::depthwise_s8},
  };
  return table;
}

/// Packs the weights w [KH, KW, OC], each in [-127, 127], for the best implementation that `isa`
/// allows. OC is a multiple of C, groups is not looked at.
template <class = WhenUsed>
PackedDepthwiseS8 pack_depthwise_s8(const Conv2dShape& shape, const std::int8_t* w,
                                    int x_zero_point, Isa isa = active_isa()) {
  PackedDepthwiseS8 packed;
  for (const DepthwiseS8Implementation& row : depthwise_s8_table())
    if (!packed.implementation && isa_allowed(row.isa, isa)) packed.implementation = &row;
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
