// How sums in AMX's tiles become int8: requantized, and then perhaps added to something or pooled.
#pragma once

#include <type_traits>

#include "octet/kernels/amx/tiles_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace octet::inline OCTET_ABI::kernels::amx {

/// What becomes of the sums of a convolution.
struct ResultsS8 {
  const Requantize& q;
  const Conv2dS8Fusion& fusion;
};

/// Up to 6 tiles of sums: each of `pixel_tiles` tiles of pixels times one block of 16 channels,
/// then the same times the next, and where their results go.
struct SumsS8 {
  const std::int64_t* place;  ///< of each pixel's results, see PanelS8
  std::int8_t* y;
  const std::int8_t* addend;  ///< of channel 0, or null
  const float* multiplier;
  std::int64_t channels;  ///< of all blocks
  std::int64_t pixel_tiles = 0, tiles = 0;
  bool fits_int32 = false;  ///< all multipliers are below 1
};

/// What an addition needs besides; the limits of the epilogue are those of its result.
struct AdditionS8 {
  avx512::LimitsS8 limits;  ///< of what is added to
  __m512 multiplier, addend_multiplier, constant;
  const std::int8_t* addend;
};
struct NoAdditionS8 {};

/// The epilogue of these sums, piece by piece, with all that it needs in registers.
template <AfterConv2dS8 AFTER>
struct EpilogueS8 {
  avx512::Limits64S8 limits;
  __m512 factor;
  const std::int32_t* from;
  const std::int64_t* place;
  std::int8_t* y;
  __mmask16 mask;
  SumsS8 sums;  ///< of this block of channels and the next ones
  std::int64_t pieces_of_tile, piece, tile, left;
  std::conditional_t<AFTER == AfterConv2dS8::add, AdditionS8, NoAdditionS8> addition;
};

template <AfterConv2dS8 AFTER>
OCTET_TARGET_AMX_S8 __attribute__((always_inline)) inline void begin_block(
    EpilogueS8<AFTER>& e) noexcept {
  e.place = e.sums.place, e.y = e.sums.y, e.tile = 0;
  e.factor = _mm512_loadu_ps(e.sums.multiplier);
  e.mask = avx512::mask_16(e.sums.channels);
  e.sums.y += 16, e.sums.multiplier += 16, e.sums.channels -= 16;
  if constexpr (AFTER == AfterConv2dS8::add) e.addition.addend = e.sums.addend, e.sums.addend += 16;
}

template <AfterConv2dS8 AFTER>
OCTET_TARGET_AMX_S8 EpilogueS8<AFTER> epilogue_of(const SumsS8& s, const std::int32_t* from,
                                                  const ResultsS8& results,
                                                  std::int64_t pixels) noexcept {
  const Requantize& q = results.q;
  EpilogueS8<AFTER> e{};
  e.limits = avx512::limits_64_s8(q.zero_point, q.lo, q.hi);
  e.limits.fits_int32 = s.fits_int32;
  e.sums = s;
  if constexpr (AFTER == AfterConv2dS8::add) {
    const AddS8& add = results.fusion.add;
    e.addition.limits = avx512::limits_s8(q.zero_point, q.lo, q.hi);
    e.limits = avx512::limits_64_s8(add.zero_point, add.lo, add.hi);
    e.addition.multiplier = _mm512_set1_ps(add.a_multiplier);
    e.addition.addend_multiplier = _mm512_set1_ps(add.b_multiplier);
    e.addition.constant = _mm512_set1_ps(add.constant);
  }
  // Pooled, two tiles of pixels, one row above the other, are half as many pixels of results.
  constexpr bool pooled = AFTER == AfterConv2dS8::max_pool_2x2;
  if (pooled) e.sums.pixel_tiles /= 2;
  e.pieces_of_tile = pieces(pixels, pooled ? 8 : 4);
  e.piece = 0, e.left = (pooled ? s.tiles / 2 : s.tiles) * e.pieces_of_tile;
  e.from = from;
  if (e.left) begin_block(e);
  return e;
}

/// Requantized to int8, and that plus the pixels at `addend`: the same float operations in the same
/// order as by add_s8().
OCTET_TARGET_AMX_S8 __attribute__((always_inline)) inline __m512i add_piece(
    const EpilogueS8<AfterConv2dS8::add>& e, const __m512i (&sum)[4],
    const std::int8_t* nowhere) noexcept {
  __m512 value[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const std::int8_t* const other = e.place[k] < 0 ? nowhere : e.addition.addend + e.place[k];
    const __m512i first =
        avx512::round_16(_mm512_mul_ps(_mm512_cvtepi32_ps(sum[k]), e.factor), e.addition.limits);
    const __m512i second = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(e.mask, other));
    __m512 a_part = _mm512_mul_ps(_mm512_cvtepi32_ps(first), e.addition.multiplier);
    __m512 b_part = _mm512_mul_ps(_mm512_cvtepi32_ps(second), e.addition.addend_multiplier);
    // A product that must exist as a float32 cannot be fused with the sum.
    asm("" : "+v"(a_part), "+v"(b_part));
    value[k] = _mm512_add_ps(_mm512_add_ps(a_part, b_part), e.addition.constant);
  }
  return avx512::round_64(value, e.limits);
}

/// The largest of four rows of sums: two pixels of a row of the image, and two of the next, which
/// the next tile holds. Requantizing never changes the order of sums, so the largest is taken
/// first.
OCTET_TARGET_AMX_S8 __attribute__((always_inline)) inline __m512i largest_of_window(
    const std::int32_t* from) noexcept {
  const std::int32_t* const below = from + 256;
  return _mm512_max_epi32(
      _mm512_max_epi32(_mm512_load_si512(from), _mm512_load_si512(from + 16)),
      _mm512_max_epi32(_mm512_load_si512(below), _mm512_load_si512(below + 16)));
}

/// Four rows of sums, or four windows of four rows, become four pixels of 16 bytes.
template <AfterConv2dS8 AFTER>
OCTET_TARGET_AMX_S8 __attribute__((always_inline)) inline void finish_piece(
    EpilogueS8<AFTER>& e, std::int8_t* nowhere) noexcept {
  constexpr int rows = AFTER == AfterConv2dS8::max_pool_2x2 ? 2 : 1;  // of one tile, to a result
  __m512i sum[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k)
    sum[k] = rows == 2 ? largest_of_window(e.from + 32 * k) : _mm512_load_si512(e.from + 16 * k);
  __m512i bytes;
  if constexpr (AFTER == AfterConv2dS8::add) {
    bytes = add_piece(e, sum, nowhere);
  } else {
    const __m512 factor[4] = {e.factor, e.factor, e.factor, e.factor};
    bytes = avx512::requantize_64(sum, factor, e.limits);
  }
  bytes = avx512::in_order_64(bytes);
  std::int8_t* to[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) to[k] = e.place[k] < 0 ? nowhere : e.y + e.place[k];
  _mm_mask_storeu_epi8(to[0], e.mask, _mm512_castsi512_si128(bytes));
  _mm_mask_storeu_epi8(to[1], e.mask, _mm512_extracti32x4_epi32(bytes, 1));
  _mm_mask_storeu_epi8(to[2], e.mask, _mm512_extracti32x4_epi32(bytes, 2));
  _mm_mask_storeu_epi8(to[3], e.mask, _mm512_extracti32x4_epi32(bytes, 3));
  e.from += rows * 64, e.place += 4, --e.left;
  if (++e.piece == e.pieces_of_tile) {
    e.from += rows * 256 - e.piece * rows * 64, e.place += (4 - e.piece) * 4;
    e.piece = 0;
    if (++e.tile == e.sums.pixel_tiles && e.left > 0) begin_block(e);
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::amx

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
