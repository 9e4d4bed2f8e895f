// Loops that do nothing but multiply and add in registers, as fast as each instruction set can: the
// yardstick of all other loops. Twelve independent sums hide the latency of two units of depth 5.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "octet/core/cpu.hpp"
#include "peak_loops_neon.hpp"
#if OCTET_X86
#include <immintrin.h>
#endif

namespace bench {

/// What is multiplied: the sums are float32, or int32 for s8. s8_saturating loses bits where the
/// sum of two products leaves int16, so it limits no exact kernel.
enum class Arithmetic { f32, bf16, s8, s8_saturating };
inline constexpr std::string_view arithmetic_names[] = {"float32", "bf16", "int8",
                                                        "int8 saturating"};

struct PeakLoop {
  Arithmetic arithmetic;
  octet::Isa isa;
  std::string_view instruction;
  /// Multiplications and additions of one iteration.
  double operations;
  void (*run)(std::int64_t iterations);
};

// The empty assembly keeps the compiler from seeing through a sum.
inline void baseline_f32(std::int64_t iterations) {
  using Four = float __attribute__((vector_size(16)));
  Four sum[12] = {};
  const Four x = {0.5f, 0.5f, 0.5f, 0.5f};
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (Four& each : sum) each = each * x + x;
  }
  for (Four& each : sum) asm volatile("" ::"m"(each));
}

#if OCTET_X86
inline void baseline_s8(std::int64_t iterations) {
  __m128i sum[12] = {};
  __m128i x = _mm_set1_epi16(3);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m128i& each : sum) {
      asm volatile("" : "+x"(x));
      each = _mm_add_epi32(each, _mm_madd_epi16(x, x));
      asm volatile("" : "+x"(each));
    }
  }
}

__attribute__((target("avx2,fma"))) inline void f32_avx2(std::int64_t iterations) {
  __m256 sum[12] = {};
  const __m256 x = _mm256_set1_ps(0.5f);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m256& each : sum) {
      each = _mm256_fmadd_ps(x, each, x);
      asm volatile("" : "+x"(each));
    }
  }
}

__attribute__((target("avx2"))) inline void s8_avx2(std::int64_t iterations) {
  __m256i sum[12] = {};
  __m256i x = _mm256_set1_epi16(3);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m256i& each : sum) {
      asm volatile("" : "+x"(x));
      each = _mm256_add_epi32(each, _mm256_madd_epi16(x, x));
      asm volatile("" : "+x"(each));
    }
  }
}

__attribute__((target("avx2"))) inline void s8_saturating_avx2(std::int64_t iterations) {
  __m256i sum[12] = {};
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i x = _mm256_set1_epi8(3);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m256i& each : sum) {
      asm volatile("" : "+x"(x));
      each = _mm256_add_epi32(each, _mm256_madd_epi16(_mm256_maddubs_epi16(x, x), ones));
      asm volatile("" : "+x"(each));
    }
  }
}

__attribute__((target("avx2,avxvnni"))) inline void s8_avx_vnni(std::int64_t iterations) {
  __m256i sum[12] = {};
  const __m256i x = _mm256_set1_epi8(3);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m256i& each : sum) {
      each = _mm256_dpbusd_avx_epi32(each, x, x);
      asm volatile("" : "+x"(each));
    }
  }
}

__attribute__((target("avx512f"))) inline void f32_avx512(std::int64_t iterations) {
  __m512 sum[12] = {};
  const __m512 x = _mm512_set1_ps(0.5f);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m512& each : sum) {
      each = _mm512_fmadd_ps(x, each, x);
      asm volatile("" : "+v"(each));
    }
  }
}

__attribute__((target("avx512f,avx512bw"))) inline void s8_avx512(std::int64_t iterations) {
  __m512i sum[12] = {};
  __m512i x = _mm512_set1_epi16(3);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m512i& each : sum) {
      asm volatile("" : "+v"(x));
      each = _mm512_add_epi32(each, _mm512_madd_epi16(x, x));
      asm volatile("" : "+v"(each));
    }
  }
}

__attribute__((target("avx512f,avx512vnni"))) inline void s8_avx512_vnni(std::int64_t iterations) {
  __m512i sum[12] = {};
  const __m512i x = _mm512_set1_epi8(3);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m512i& each : sum) {
      each = _mm512_dpbusd_epi32(each, x, x);
      asm volatile("" : "+v"(each));
    }
  }
}

__attribute__((target("avx512f,avx512bf16"))) inline void bf16_avx512(std::int64_t iterations) {
  __m512 sum[12] = {};
  const __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.5f));
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m512& each : sum) {
      each = _mm512_dpbf16_ps(each, x, x);
      asm volatile("" : "+v"(each));
    }
  }
}

/// Eight tiles of 16 rows of 64 bytes: four sums, two operands each from the left and the right.
struct TileShapes {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

__attribute__((target("amx-tile"))) inline void load_operand_tiles() {
  alignas(64) static constexpr TileShapes shapes;
  alignas(64) static constexpr std::int8_t zeros[1024] = {};
  _tile_loadconfig(&shapes);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, zeros, 64);
  _tile_loadd(5, zeros, 64);
  _tile_loadd(6, zeros, 64);
  _tile_loadd(7, zeros, 64);
}
__attribute__((target("amx-tile,amx-int8"))) inline void s8_amx(std::int64_t iterations) {
  load_operand_tiles();
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_release();
}
__attribute__((target("amx-tile,amx-bf16"))) inline void bf16_amx(std::int64_t iterations) {
  load_operand_tiles();
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}
#endif

/// All loops, weakest first; what the processor lacks must not be run.
inline std::span<const PeakLoop> peak_loops() {
  using octet::Isa;
  static constexpr PeakLoop loops[] = {
    {Arithmetic::f32, Isa::scalar, OCTET_X86 ? "mulps, addps" : "multiply, add", 12 * 2 * 4,
     &baseline_f32},
#if OCTET_X86
    {Arithmetic::f32, Isa::avx2, "vfmadd ymm", 12 * 2 * 8, &f32_avx2},
    {Arithmetic::f32, Isa::avx512, "vfmadd zmm", 12 * 2 * 16, &f32_avx512},
    {Arithmetic::bf16, Isa::avx512_bf16, "vdpbf16ps zmm", 12 * 2 * 32, &bf16_avx512},
    {Arithmetic::bf16, Isa::amx, "tdpbf16ps", 4 * 2 * 16 * 16 * 32, &bf16_amx},
    {Arithmetic::s8, Isa::scalar, "pmaddwd, paddd", 12 * 2 * 8, &baseline_s8},
    {Arithmetic::s8, Isa::avx2, "vpmaddwd, vpaddd ymm", 12 * 2 * 16, &s8_avx2},
    {Arithmetic::s8_saturating, Isa::avx2, "vpmaddubsw, vpmaddwd, vpaddd ymm", 12 * 2 * 32,
     &s8_saturating_avx2},
    {Arithmetic::s8, Isa::avx_vnni, "vpdpbusd ymm", 12 * 2 * 32, &s8_avx_vnni},
    {Arithmetic::s8, Isa::avx512, "vpmaddwd, vpaddd zmm", 12 * 2 * 32, &s8_avx512},
    {Arithmetic::s8, Isa::avx512_vnni, "vpdpbusd zmm", 12 * 2 * 64, &s8_avx512_vnni},
    {Arithmetic::s8, Isa::amx, "tdpbssd", 4 * 2 * 16 * 16 * 64, &s8_amx},
#elif OCTET_NEON
    {Arithmetic::f32, Isa::neon, "fmla", 16 * 2 * 4, &f32_neon},
    {Arithmetic::s8, Isa::neon, "smull, smlal2, sadalp", 16 * 2 * 16, &s8_neon},
    {Arithmetic::s8, Isa::neon_dotprod, "sdot", 16 * 2 * 16, &s8_neon_dotprod},
    {Arithmetic::s8, Isa::neon_i8mm, "smmla", 16 * 2 * 32, &s8_neon_i8mm},
#endif
  };
  return loops;
}

}  // namespace bench
