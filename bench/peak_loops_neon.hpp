// The peak loops of 64-bit ARM: sixteen independent sums hide the latency of four units of depth 4.
#pragma once

#include <cstdint>

#include "octet/kernels/neon/target.hpp"

#if OCTET_NEON
#include <arm_neon.h>

namespace bench {

inline void f32_neon(std::int64_t iterations) {
  float32x4_t sum[16] = {};
  const float32x4_t x = {};
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (float32x4_t& each : sum) asm volatile("fmla %0.4s, %1.4s, %1.4s" : "+w"(each) : "w"(x));
  }
}

/// Two products of bytes fit int16, where no weight is -128.
inline void s8_neon(std::int64_t iterations) {
  int32x4_t sum[16] = {};
  const int8x16_t x = {};
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int32x4_t& each : sum) {
      int16x8_t two;
      asm volatile("smull %1.8h, %2.8b, %2.8b\n smlal2 %1.8h, %2.16b, %2.16b\n sadalp %0.4s, %1.8h"
                   : "+w"(each), "=&w"(two)
                   : "w"(x));
    }
  }
}

OCTET_NEON_DOTPROD inline void s8_neon_dotprod(std::int64_t iterations) {
  int32x4_t sum[16] = {};
  const int8x16_t x = {};
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int32x4_t& each : sum) asm volatile("sdot %0.4s, %1.16b, %1.16b" : "+w"(each) : "w"(x));
  }
}

OCTET_NEON_I8MM inline void s8_neon_i8mm(std::int64_t iterations) {
  int32x4_t sum[16] = {};
  const int8x16_t x = {};
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int32x4_t& each : sum) asm volatile("smmla %0.4s, %1.16b, %1.16b" : "+w"(each) : "w"(x));
  }
}

}  // namespace bench

#endif
