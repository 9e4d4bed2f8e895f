// The table of bf16 products: float operands rounded to bf16 and laid out in tiles, multiplied and
// summed as floats.
#pragma once

#include <string_view>

#include "octet/core/cpu.hpp"
#include "octet/kernels/gemm_tile_bf16.hpp"
#include "octet/kernels/scalar/gemm_bf16.hpp"
#include "octet/kernels/table.hpp"
#if OCTET_X86
#include "octet/kernels/amx/gemm_bf16.hpp"
#include "octet/kernels/avx512_bf16/gemm_bf16.hpp"
#endif

namespace octet::inline OCTET_ABI::kernels {

/// One row of the table: the operations of scalar/gemm_bf16.hpp. `run_job` calls job(context,
/// index) with whatever state of the processor `product` needs.
struct Bf16Implementation {
  std::string_view name;
  Isa isa;
  void (*run_job)(void (*job)(void* context, std::int64_t index), void* context,
                  std::int64_t index);
  void (*product)(const Bf16Product&);
  void (*convert)(std::int64_t count, std::int64_t depth, const float* from, std::int64_t stride,
                  Bfloat16* to, std::int64_t block_stride);
  void (*interleave)(const Bfloat16* from, Bfloat16* to, std::int64_t tile_stride);
  void (*turn)(const Bfloat16* from, Bfloat16* to);
  void (*store)(std::int64_t rows, std::int64_t columns, std::int64_t first, const float* sum,
                const float* bias, StoreThrough through, float* const* c);
};

inline void run_plainly(void (*job)(void*, std::int64_t), void* context, std::int64_t index) {
  job(context, index);
}
#if OCTET_X86
// The fence orders stores that went past the caches.
inline void run_with_fence(void (*job)(void*, std::int64_t), void* context, std::int64_t index) {
  job(context, index);
  stream_fence();
}
inline void run_with_tiles(void (*job)(void*, std::int64_t), void* context, std::int64_t index) {
  const amx::Tiles tiles;
  run_with_fence(job, context, index);
}
#endif

/// The implementations of bf16 products, best first.
template <class = WhenUsed>
Table<Bf16Implementation> bf16_table() {
  static constexpr Bf16Implementation table[] = {
#if OCTET_X86
    {"gemm_bf16bf16f32_32x32x32_amx", Isa::amx, &run_with_tiles, &amx::product_bf16,
     &avx512_bf16::convert_bf16, &avx512_bf16::interleave_bf16, &avx512_bf16::turn_bf16,
     &avx512_bf16::store_bf16},
    {"gemm_bf16bf16f32_8x32x2_avx512_bf16", Isa::avx512_bf16, &run_with_fence,
     &avx512_bf16::product_bf16, &avx512_bf16::convert_bf16, &avx512_bf16::interleave_bf16,
     &avx512_bf16::turn_bf16, &avx512_bf16::store_bf16},
#endif
    {"gemm_bf16bf16f32_scalar", Isa::scalar, &run_plainly, &scalar::product_bf16,
     &scalar::convert_bf16, &scalar::interleave_bf16, &scalar::turn_bf16, &scalar::store_bf16},
  };
  return table;
}

/// The first row that `isa` allows.
template <class = WhenUsed>
const Bf16Implementation& select_bf16(Isa isa = active_isa()) {
  return best_row(bf16_table(), isa);
}

/// Whether this processor multiplies bf16 by itself; without, bf16 is slower than float.
template <class = WhenUsed>
bool bf16_is_fast(Isa isa = active_isa()) {
  return select_bf16(isa).isa != Isa::scalar;
}

}  // namespace octet::inline OCTET_ABI::kernels
