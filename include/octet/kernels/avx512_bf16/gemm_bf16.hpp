// The operations of bf16 products for AVX-512 with BF16; included by kernels/gemm_bf16.hpp.
#pragma once

#include <algorithm>
#include <immintrin.h>

#include "octet/kernels/gemm_tile_bf16.hpp"
#include "octet/kernels/vector/unroll.hpp"

#define OCTET_AVX512_BF16 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")))
#define OCTET_AVX512_BF16_INLINE OCTET_AVX512_BF16 __attribute__((always_inline)) inline

namespace octet::inline OCTET_ABI::kernels::avx512_bf16 {

OCTET_AVX512_BF16_INLINE __m512i load_tile_row(const Bfloat16* p) {
  return _mm512_loadu_si512(static_cast<const void*>(p));
}
OCTET_AVX512_BF16_INLINE void store_tile_row(Bfloat16* p, __m512i v) {
  _mm512_storeu_si512(static_cast<void*>(p), v);
}

// Eight rows by two vectors of columns stay in registers; every step of two products broadcasts a
// pair of a's row and reads two vectors of b.
OCTET_AVX512_BF16 inline void product_rows(const Bf16Product& p, std::int64_t row) {
  __m512 sum[8][2];
  float* const target = p.sum + row * bf16_block;
  OCTET_UNROLL for (int r = 0; r < 8; ++r) {
    OCTET_UNROLL for (int v = 0; v < 2; ++v) {
      sum[r][v] =
          p.adds ? _mm512_loadu_ps(target + r * bf16_block + v * bf16_tile) : _mm512_setzero_ps();
    }
  }
  for (std::int64_t s = 0; s < p.steps; ++s) {
    const Bfloat16* const a =
        p.a + p.a_offset[s] + row / bf16_tile * p.a_tile + row % bf16_tile * bf16_depth;
    const Bfloat16* const b0 = p.b + s * p.b_step;
    const Bfloat16* const b1 = p.columns > bf16_tile ? b0 + p.b_tile : b0;
    for (std::int64_t k = 0; k < bf16_depth; k += 2) {
      const __m512bh left = reinterpret_cast<__m512bh>(load_tile_row(b0 + k * bf16_tile));
      const __m512bh right = reinterpret_cast<__m512bh>(load_tile_row(b1 + k * bf16_tile));
      OCTET_UNROLL for (int r = 0; r < 8; ++r) {
        const __m512bh pair = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(
            a[r * bf16_depth + k].bits | std::uint32_t{a[r * bf16_depth + k + 1].bits} << 16)));
        sum[r][0] = _mm512_dpbf16_ps(sum[r][0], pair, left);
        sum[r][1] = _mm512_dpbf16_ps(sum[r][1], pair, right);
      }
    }
  }
  OCTET_UNROLL for (int r = 0; r < 8; ++r) {
    OCTET_UNROLL for (int v = 0; v < 2; ++v) {
      _mm512_storeu_ps(target + r * bf16_block + v * bf16_tile, sum[r][v]);
    }
  }
}
template <class = WhenUsed>
void product_bf16(const Bf16Product& p) {
  for (std::int64_t row = 0; row < p.rows; row += 8) product_rows(p, row);
}

OCTET_AVX512_BF16 inline void convert_bf16(std::int64_t count, std::int64_t depth,
                                           const float* from, std::int64_t stride, Bfloat16* to,
                                           std::int64_t block_stride) {
  for (std::int64_t p = 0; p < count; ++p) {
    const float* const pixel = from + p * stride;
    Bfloat16* out = to + p * bf16_depth;
    std::int64_t c = 0;
    for (; c + bf16_depth <= depth; c += bf16_depth, out += block_stride)
      store_tile_row(out, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(
                              _mm512_loadu_ps(pixel + c + bf16_tile), _mm512_loadu_ps(pixel + c))));
    if (c == depth) continue;
    const auto present = (std::uint32_t{1} << (depth - c)) - 1;
    const __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(present), pixel + c);
    const __m512 high =
        _mm512_maskz_loadu_ps(static_cast<__mmask16>(present >> 16), pixel + c + bf16_tile);
    store_tile_row(out, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
  }
}

OCTET_AVX512_BF16 inline void interleave_bf16(const Bfloat16* from, Bfloat16* to,
                                              std::int64_t tile_stride) {
  // Word i of a pair's first tile is channel i / 2 of row i % 2: words 0 to 31 of the two rows are
  // those of the first one.
  alignas(64) static constexpr std::int16_t first[32] = {0,  32, 1,  33, 2,  34, 3,  35, 4,  36, 5,
                                                         37, 6,  38, 7,  39, 8,  40, 9,  41, 10, 42,
                                                         11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
  const __m512i low = _mm512_load_si512(static_cast<const void*>(first));
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  for (std::int64_t pair = 0; pair < bf16_tile; ++pair) {
    const __m512i a = load_tile_row(from + 2 * pair * bf16_depth);
    const __m512i b = load_tile_row(from + (2 * pair + 1) * bf16_depth);
    store_tile_row(to + pair * bf16_depth, _mm512_permutex2var_epi16(a, low, b));
    store_tile_row(to + tile_stride + pair * bf16_depth, _mm512_permutex2var_epi16(a, high, b));
  }
}

// Exchanges blocks of 1, 2, 4 and 8 pairs, in four rounds of 16 shuffles. They are the zero-masked
// ones with a full mask, as in avx512/vector.hpp.
OCTET_AVX512_BF16 inline void turn_bf16(const Bfloat16* from, Bfloat16* to) {
  constexpr __mmask16 every_pair = 0xffff;
  __m512i a[16], b[16];
  for (int i = 0; i < 16; ++i) a[i] = load_tile_row(from + i * bf16_depth);
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_maskz_unpacklo_epi32(every_pair, a[i], a[i + 1]);
    b[i + 1] = _mm512_maskz_unpackhi_epi32(every_pair, a[i], a[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_maskz_unpacklo_epi64(0xff, b[i], b[i + 2]);
    a[i + 1] = _mm512_maskz_unpackhi_epi64(0xff, b[i], b[i + 2]);
    a[i + 2] = _mm512_maskz_unpacklo_epi64(0xff, b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_maskz_unpackhi_epi64(0xff, b[i + 1], b[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    b[i] = _mm512_maskz_shuffle_i32x4(every_pair, a[i], a[i + 4], 0x88);
    b[i + 4] = _mm512_maskz_shuffle_i32x4(every_pair, a[i], a[i + 4], 0xdd);
    b[i + 8] = _mm512_maskz_shuffle_i32x4(every_pair, a[i + 8], a[i + 12], 0x88);
    b[i + 12] = _mm512_maskz_shuffle_i32x4(every_pair, a[i + 8], a[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; ++i) {
    a[i] = _mm512_maskz_shuffle_i32x4(every_pair, b[i], b[i + 8], 0x88);
    a[i + 8] = _mm512_maskz_shuffle_i32x4(every_pair, b[i], b[i + 8], 0xdd);
  }
  for (int i = 0; i < 16; ++i) store_tile_row(to + i * bf16_depth, a[i]);
}

// Whole lines of a large image go past the caches, which saves reading them before.
OCTET_AVX512_BF16 inline void store_bf16(std::int64_t rows, std::int64_t columns,
                                         std::int64_t first, const float* sum, const float* bias,
                                         StoreThrough through, float* const* c) {
  const auto present = static_cast<std::uint32_t>((std::uint64_t{1} << columns) - 1);
  const auto left = static_cast<__mmask16>(present), right = static_cast<__mmask16>(present >> 16);
  const __m512 zero = _mm512_setzero_ps();
  const __m512 bias_left = bias ? _mm512_maskz_loadu_ps(left, bias + first) : zero;
  const __m512 bias_right = bias ? _mm512_maskz_loadu_ps(right, bias + first + bf16_tile) : zero;
  for (std::int64_t r = 0; r < rows; ++r) {
    if (!c[r]) continue;
    float* const to = c[r] + first;
    const float* const row = sum + r * bf16_block;
    const __m512 a = _mm512_add_ps(_mm512_loadu_ps(row), bias_left);
    const __m512 b = _mm512_add_ps(_mm512_loadu_ps(row + bf16_tile), bias_right);
    if (through == StoreThrough::memory && columns == bf16_block &&
        reinterpret_cast<std::uintptr_t>(to) % 64 == 0) {
      _mm512_stream_ps(to, a);
      _mm512_stream_ps(to + bf16_tile, b);
    } else {
      _mm512_mask_storeu_ps(to, left, a);
      _mm512_mask_storeu_ps(to + bf16_tile, right, b);
    }
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512_bf16
