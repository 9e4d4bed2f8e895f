// int8 addition, multiplication and tables with NEON, 16 elements at a time.
#pragma once

#include "octet/kernels/neon/requantize_s8.hpp"
#include "octet/kernels/scalar/elementwise_s8.hpp"
#include "octet/kernels/vector/unroll.hpp"

#if OCTET_NEON
#define OCTET_VECTOR inline
namespace octet::inline OCTET_ABI::kernels::neon {
#include "octet/kernels/vector/elementwise_s8.hpp"

/// The table is 16 registers; each quarter of it answers for the bytes that it holds, and leaves
/// the others as they are.
inline void lookup_s8(std::int64_t count, const std::int8_t* x, const TableS8& table,
                      std::int8_t* y) noexcept {
  int8x16x4_t quarter[4];
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 4; ++j) quarter[k].val[j] = vld1q_s8(table.data() + 64 * k + 16 * j);
  const uint8x16_t top = vdupq_n_u8(128), step = vdupq_n_u8(64);
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    uint8x16_t index = veorq_u8(vreinterpretq_u8_s8(vld1q_s8(x + i)), top);
    int8x16_t result = vqtbl4q_s8(quarter[0], index);
    OCTET_UNROLL for (int k = 1; k < 4; ++k) {
      index = vsubq_u8(index, step);
      result = vqtbx4q_s8(result, quarter[k], index);
    }
    vst1q_s8(y + i, result);
  }
  scalar::lookup_s8(count - i, x + i, table, y + i);
}

}  // namespace octet::inline OCTET_ABI::kernels::neon
#undef OCTET_VECTOR
#endif
