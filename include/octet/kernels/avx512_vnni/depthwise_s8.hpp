// The int8 depthwise convolution of 3x3 by vpdpbusd on columns of three taps.
#pragma once

#include "octet/kernels/avx512/depthwise_s8.hpp"
#include "octet/kernels/avx512_vnni/depthwise_tile_s8.hpp"
#include "octet/kernels/rows_s8.hpp"

#if OCTET_X86
#if !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
namespace octet::inline OCTET_ABI::kernels::avx512_vnni {

/// Other kernels go to the int16 form.
inline bool is_depthwise_3x3(const Conv2dShape& s) { return s.KH == 3 && s.KW == 3 && s.OC == s.C; }

/// A depthwise convolution as vectors of 64 channels. Where 64 is a multiple of C and the stride is
/// 1, or 2 and whole vectors can be taken apart, a vector holds as many pixels as fit, and a row is
/// one run of OW * C channels.
struct VectorsS8 {
  std::int64_t blocks;  ///< of 64 channels, with weights of their own
  std::int64_t pixels, pixel_stride, column_step;
  std::int64_t channels;  ///< of a pixel; of a row if pixels share vectors
  bool joined, every_second;
  bool two_rows;            ///< are computed at once where there are two
  bool fits_int32 = false;  ///< all multipliers are below 1
  explicit VectorsS8(const Conv2dShape& s) : blocks(pieces(s.C, 64)) {
    const bool share = s.C < 64 && 64 % s.C == 0;
    every_second =
        share && s.stride_w == 2 && s.dilation_w == 1 && s.C % 8 == 0 && s.OW * s.C >= 64;
    joined = every_second || (share && s.stride_w == 1);
    two_rows = joined && s.stride_w == 1 && s.stride_h == 1 && s.dilation_h == 1;
    channels = joined ? s.OW * s.C : s.C, pixels = joined ? 1 : s.OW;
    pixel_stride = s.stride_w * s.C, column_step = s.dilation_w * s.C;
  }
  std::int64_t head_bytes() const { return blocks * 512; }  ///< start values and multipliers
};

OCTET_TARGET_AVX512_VNNI inline avx512::Limits64S8 limits_of(const VectorsS8& v,
                                                             const Requantize& q) noexcept {
  avx512::Limits64S8 limits = avx512::limits_64_s8(q.zero_point, q.lo, q.hi);
  limits.fits_int32 = v.fits_int32;
  return limits;
}

/// Rows of the output whose pixels share vectors: two, or one at stride 2.
template <class = WhenUsed>
OCTET_TARGET_AVX512_VNNI void depthwise_s8_joined(const VectorsS8& v,
                                                  const PackedDepthwiseS8& packed,
                                                  const Requantize& q, const std::byte* head,
                                                  const RowsS8& x, std::int8_t* y) noexcept {
  const avx512::Limits64S8 limits = limits_of(v, q);
  const DepthwiseLineS8 line = {.x = {x.row[0], x.row[1], x.row[2], x.row[3]},
                                .pixel_stride = v.pixel_stride,
                                .column_step = v.column_step,
                                .weights = packed.weights.data(),
                                .head = head,
                                .y = y,
                                .y_stride = v.channels,
                                .mask = ~__mmask64{0}};
  if (v.every_second)
    depthwise_s8_every_second(line, v.channels, limits);
  else
    depthwise_s8_two_rows(line, v.channels, limits);
}

/// A row of the output, 64 channels after the other.
template <class = WhenUsed>
OCTET_TARGET_AVX512_VNNI void depthwise_s8_row(const VectorsS8& v, const Conv2dShape& s,
                                               const PackedDepthwiseS8& packed, const Requantize& q,
                                               const std::byte* head, const RowsS8& x,
                                               std::int8_t* y) noexcept {
  const avx512::Limits64S8 limits = limits_of(v, q);
  for (std::int64_t c = 0, done; c < v.channels; c += done) {
    const std::int64_t block = v.joined ? 0 : c / 64, left = v.channels - c;
    // Vectors of two pixels are half a vector from tap to tap: neighbours share a column.
    const bool pairs = v.joined && v.column_step == 32 && left >= 64;
    const std::int64_t pixels = pairs ? left / 64 : v.pixels;
    const DepthwiseLineS8 line = {.x = {x.row[0] + c, x.row[1] + c, x.row[2] + c},
                                  .pixel_stride = pairs ? 64 : v.pixel_stride,
                                  .column_step = v.column_step,
                                  .weights = packed.weights.data() + block * 768,
                                  .head = head + block * 512,
                                  .y = y + c,
                                  .y_stride = pairs ? 64 : s.OC,
                                  .mask = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1};
    done = pairs ? 64 * pixels : 64;
    if (line.pixel_stride == line.column_step)
      depthwise_s8_tiles<1>(line, pixels, limits);
    else if (line.pixel_stride == 2 * line.column_step)
      depthwise_s8_tiles<2>(line, pixels, limits);
    else
      for (std::int64_t p = 0; p < pixels; ++p) depthwise_s8_tile<1, 1>(line, p, limits);
  }
}

/// Which channel of a block number `lane` of vector j holds.
constexpr std::int64_t unpacked_channel(std::int64_t j, std::int64_t lane) {
  return lane / 4 * 16 + j * 4 + lane % 4;
}

/// Packs w [3, 3, C] as [blocks of 64 channels, KW, 4 vectors, 16 channels, KH and a zero], and for
/// the second of two rows once more behind, with the zero before KH.
inline void pack_depthwise_s8(const Conv2dShape& s, const std::int8_t* w,
                              PackedDepthwiseS8& packed) {
  if (!is_depthwise_3x3(s)) return avx512::pack_depthwise_s8(s, w, packed);
  const std::int64_t blocks = pieces(s.C, 64), repeats = 64 % s.C == 0 ? 64 / s.C : 1;
  const bool two_rows = VectorsS8(s).two_rows;
  packed.weights.assign(static_cast<std::size_t>(blocks * (two_rows ? 1536 : 768)), std::byte{0});
  packed.correction.assign(static_cast<std::size_t>(blocks * 64), 0);
  for (std::int64_t at = 0; at < blocks * 64; ++at) {
    const std::int64_t j = at % 64 / 16, block = at / 64;
    const std::int64_t in_block = unpacked_channel(j, at % 16);
    const std::int64_t c = repeats > 1 ? in_block % s.C : block * 64 + in_block;
    if (c >= s.C) continue;
    int sum = 0;
    for (std::int64_t kw = 0; kw < 3; ++kw)
      for (std::int64_t kh = 0; kh < 3; ++kh) {
        const std::int8_t value = w[(kh * 3 + kw) * s.C + c];
        const auto to = static_cast<std::size_t>(((block * 3 + kw) * 64 + at % 64) * 4 + kh);
        packed.weights[to] = static_cast<std::byte>(value);
        if (two_rows) packed.weights[to + 769] = static_cast<std::byte>(value);
        sum += value;
      }
    packed.correction[static_cast<std::size_t>(at)] = -(packed.x_zero_point + 128) * sum;
  }
}

/// Four vectors of channels, each beginning 16 later, in the order in which unpacking deals them.
OCTET_TARGET_AVX512_VNNI inline void store_unpacked(const __m512i (&n)[4], std::byte* to) noexcept {
  __m512i dealt[4];
  avx512::deal_64(n, dealt);
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) _mm512_store_si512(to + 64 * j, dealt[j]);
}

/// Start values and multipliers of a block.
OCTET_TARGET_AVX512_VNNI inline void write_head(const VectorsS8& v, const Conv2dShape& s,
                                                const PackedDepthwiseS8& packed,
                                                const Requantize& q, std::int64_t block,
                                                std::byte* to) noexcept {
  const float* multiplier = q.multiplier + block * 64;
  const std::int32_t* bias = q.bias ? q.bias + block * 64 : nullptr;
  std::int64_t count = (std::min)(s.C - block * 64, std::int64_t{64});
  float multipliers[64];
  std::int32_t biases[64];
  if (v.joined) {
    for (std::int64_t i = 0; i < 64; ++i) {
      multipliers[i] = i < s.C ? multiplier[i] : multipliers[i - s.C];
      biases[i] = !bias ? 0 : i < s.C ? bias[i] : biases[i - s.C];
    }
    multiplier = multipliers, bias = biases, count = 64;
  }
  __m512i start[4], factor[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __mmask16 mask = avx512::mask_16((std::max)(count - 16 * j, std::int64_t{0}));
    factor[j] = _mm512_castps_si512(_mm512_maskz_loadu_ps(mask, multiplier + 16 * j));
    start[j] = bias ? _mm512_maskz_loadu_epi32(mask, bias + 16 * j) : _mm512_setzero_si512();
  }
  store_unpacked(start, to);
  store_unpacked(factor, to + 256);
  const std::int32_t* const correction = packed.correction.data() + block * 64;
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j)
    _mm512_store_si512(to + 64 * j, _mm512_add_epi32(_mm512_load_si512(to + 64 * j),
                                                     _mm512_load_si512(correction + 16 * j)));
}

inline std::int64_t depthwise_s8_scratch_bytes(const Conv2dShape& s) noexcept {
  if (!is_depthwise_3x3(s)) return depthwise_s8_lines_scratch_bytes(s);
  const std::int64_t head = VectorsS8(s).head_bytes();
  return ConvertedRowsS8::fit(s) ? head : head + PaddedS8(s, 1).scratch_bytes();
}

template <class = WhenUsed>
void depthwise_s8(const Conv2dShape& s, const std::int8_t* x, const PackedDepthwiseS8& packed,
                  const Requantize& q, std::int8_t* y, std::byte* scratch,
                  ThreadPool* pool) noexcept {
  if (!is_depthwise_3x3(s)) return avx512::depthwise_s8(s, x, packed, q, y, scratch, pool);
  if (s.N * s.OH * s.OW == 0) return;
  VectorsS8 v(s);
  v.fits_int32 = avx512::below_one(s.C, q.multiplier);
  for (std::int64_t block = 0; block < v.blocks; ++block)
    write_head(v, s, packed, q, block, scratch + block * 512);
  std::byte* const image = scratch + v.head_bytes();
  LinesS8 work;
  work.shape = s, work.x_channels = s.C, work.convert = &to_unsigned;
  work.border = static_cast<std::uint8_t>(packed.x_zero_point + 128);
  const PaddedS8 padded(s, 1);
  const bool ahead = !ConvertedRowsS8::fit(s);
  for (std::int64_t first = 0; first < s.N; first += padded.images) {
    const std::int64_t images = (std::min)(padded.images, s.N - first);
    const std::int8_t* const from = x + first * s.H * s.W * s.C;
    if (ahead) convert_images_s8(work, padded, from, images, image, pool);
    over_ranges(pool, images * s.OH, 1 + 1024 / (s.OW * v.blocks),
                [&](std::int64_t begin, std::int64_t end) {
                  ConvertedRowsS8 converted(work);
                  for (std::int64_t row = begin, done; row < end; row += done) {
                    const std::int64_t n = row / s.OH, oh = row % s.OH;
                    done = v.two_rows && row + 1 < end && oh + 1 < s.OH ? 2 : 1;
                    const RowsS8 rows = ahead
                                            ? rows_of(s, padded, image + n * padded.image_bytes, oh)
                                            : converted.rows(from + n * s.H * s.W * s.C, oh, done);
                    std::int8_t* const to = y + (first * s.OH + row) * s.OW * s.OC;
                    if (done == 2 || v.every_second)
                      depthwise_s8_joined(v, packed, q, scratch, rows, to);
                    else
                      depthwise_s8_row(v, s, packed, q, scratch, rows, to);
                  }
                });
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::avx512_vnni

#if !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
