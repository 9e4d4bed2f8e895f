// The layers of emitted headers, in int8 and those that only move values: C++17 without a library.
// The emitter writes down those that a program needs.
#pragma once

#include <string_view>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::emission {

inline constexpr std::string_view convolution_shape_text = R"text(
/// The geometry of a convolution.
struct ConvolutionShape {
  std::int32_t H, W, C, OH, OW, OC, KH, KW;
  std::int32_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, groups;
};
)text";

inline constexpr std::string_view pool_shape_text = R"text(
/// The geometry of a pooling. KH = 0: the windows divide the image into OH x OW parts.
struct PoolShape {
  std::int32_t H, W, C, OH, OW, KH, KW, stride_h, stride_w, pad_top, pad_left;
};

/// The part of a window that lies inside of the image: [begin, end) of `extent`.
struct WindowSide {
  std::int32_t begin, end;
};
inline WindowSide window_side(std::int32_t index, std::int32_t extent, std::int32_t outputs,
                              std::int32_t kernel, std::int32_t stride, std::int32_t padding) {
  if (kernel == 0)
    return {index * extent / outputs, ((index + 1) * extent + outputs - 1) / outputs};
  const std::int32_t begin = index * stride - padding, end = begin + kernel;
  return {begin < 0 ? 0 : begin, end > extent ? extent : end};
}
inline std::int32_t pixel_count(const WindowSide& rows, const WindowSide& columns) {
  return (rows.end - rows.begin) * (columns.end - columns.begin);
}
)text";

inline constexpr std::string_view conv2d_s8_text = R"text(
/// What one output pixel sees of one group's channels, one tap after the other: the padding reads
/// as the zero point, and zeros follow up to a multiple of dot_step.
inline std::int32_t gather(const ConvolutionShape& s, const std::int8_t* x,
                           std::int32_t x_zero_point, std::int32_t oh, std::int32_t ow,
                           std::int32_t group, std::int8_t* patch) {
  const std::int32_t C = s.C / s.groups;
  std::int32_t count = 0;
  for (std::int32_t kh = 0; kh < s.KH; ++kh)
    for (std::int32_t kw = 0; kw < s.KW; ++kw) {
      const std::int32_t h = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
      const std::int32_t w = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
      const bool inside = h >= 0 && h < s.H && w >= 0 && w < s.W;
      const std::int8_t* const pixel = x + (inside ? (h * s.W + w) * s.C + group * C : 0);
      for (std::int32_t c = 0; c < C; ++c)
        patch[count++] = inside ? pixel[c] : static_cast<std::int8_t>(x_zero_point);
    }
  while (count % dot_step != 0) patch[count++] = 0;
  return count;
}

/// Weights are [OC, KH * KW * C / groups], with at least dot_step - 1 bytes behind them, which meet
/// the patch's zeros. Each bias is less x_zero_point times the sum of its channel's weights.
inline void conv2d_s8(const ConvolutionShape& s, const std::int8_t* x, std::int32_t x_zero_point,
                      const std::int8_t* w, const Requantize& q, std::int8_t* patch,
                      std::int8_t* y) {
  const std::int32_t OC = s.OC / s.groups, row = s.KH * s.KW * (s.C / s.groups);
  for (std::int32_t oh = 0; oh < s.OH; ++oh)
    for (std::int32_t ow = 0; ow < s.OW; ++ow)
      for (std::int32_t group = 0; group < s.groups; ++group) {
        const std::int32_t count = gather(s, x, x_zero_point, oh, ow, group, patch);
        const std::int32_t end = (group + 1) * OC;
        for (std::int32_t first = group * OC; first < end; first += 4) {
          const std::int8_t* rows[4];
          for (std::int32_t i = 0; i < 4; ++i)
            rows[i] = w + (first + i < end ? first + i : first) * row;
          std::int32_t sums[4];
          dot_4(count, patch, rows, sums);
          for (std::int32_t i = 0; i < 4 && first + i < end; ++i)
            y[(oh * s.OW + ow) * s.OC + first + i] =
                requantize(sums[i] + q.bias[first + i], q.multiplier[first + i], q.zero_point,
                           q.lo, q.hi);
        }
      }
}
)text";

inline constexpr std::string_view depthwise_s8_text = R"text(
/// Weights are [KH, KW, OC]; output channel oc sees input channel oc / (OC / C).
inline void depthwise_s8(const ConvolutionShape& s, const std::int8_t* x,
                         std::int32_t x_zero_point, const std::int8_t* w, const Requantize& q,
                         std::int8_t* y) {
  constexpr std::int32_t block = 16;
  const std::int32_t multiplier = s.OC / s.C;
  for (std::int32_t oh = 0; oh < s.OH; ++oh)
    for (std::int32_t ow = 0; ow < s.OW; ++ow)
      for (std::int32_t first = 0; first < s.OC; first += block) {
        const std::int32_t channels = s.OC - first < block ? s.OC - first : block;
        std::int32_t sums[block];
        for (std::int32_t i = 0; i < channels; ++i) sums[i] = q.bias[first + i];
        for (std::int32_t kh = 0; kh < s.KH; ++kh)
          for (std::int32_t kw = 0; kw < s.KW; ++kw) {
            const std::int32_t h = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
            const std::int32_t v = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
            if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
            const std::int8_t* const pixel = x + (h * s.W + v) * s.C;
            const std::int8_t* const tap = w + (kh * s.KW + kw) * s.OC + first;
            if (multiplier == 1)
              for (std::int32_t i = 0; i < channels; ++i)
                sums[i] += (pixel[first + i] - x_zero_point) * tap[i];
            else
              for (std::int32_t i = 0; i < channels; ++i)
                sums[i] += (pixel[(first + i) / multiplier] - x_zero_point) * tap[i];
          }
        for (std::int32_t i = 0; i < channels; ++i)
          y[(oh * s.OW + ow) * s.OC + first + i] = requantize(
              sums[i], q.multiplier[first + i], q.zero_point, q.lo, q.hi);
      }
}
)text";

inline constexpr std::string_view max_pool_text = R"text(
/// The largest value of each window; a NaN wins.
template <class T>
void max_pool(const PoolShape& s, const T* x, T* y) {
  for (std::int32_t oh = 0; oh < s.OH; ++oh)
    for (std::int32_t ow = 0; ow < s.OW; ++ow) {
      const WindowSide rows = window_side(oh, s.H, s.OH, s.KH, s.stride_h, s.pad_top);
      const WindowSide columns = window_side(ow, s.W, s.OW, s.KW, s.stride_w, s.pad_left);
      for (std::int32_t c = 0; c < s.C; ++c) {
        T best = x[(rows.begin * s.W + columns.begin) * s.C + c];
        for (std::int32_t h = rows.begin; h < rows.end; ++h)
          for (std::int32_t w = columns.begin; w < columns.end; ++w) {
            const T value = x[(h * s.W + w) * s.C + c];
            if (value > best || !(value == value)) best = value;
          }
        y[(oh * s.OW + ow) * s.C + c] = best;
      }
    }
}
)text";

inline constexpr std::string_view average_pool_s8_text = R"text(
/// The mean of each window: its sum times s_x / s_y / count. multiplier[k] is for windows of which
/// least + k pixels lie inside of the image; if `least` is 0, multiplier[0] is for all of them.
inline void average_pool_s8(const PoolShape& s, const std::int8_t* x, std::int32_t x_zero_point,
                            const float* multiplier, std::int32_t least, std::int32_t zero_point,
                            std::int8_t* y) {
  for (std::int32_t oh = 0; oh < s.OH; ++oh)
    for (std::int32_t ow = 0; ow < s.OW; ++ow) {
      const WindowSide rows = window_side(oh, s.H, s.OH, s.KH, s.stride_h, s.pad_top);
      const WindowSide columns = window_side(ow, s.W, s.OW, s.KW, s.stride_w, s.pad_left);
      const float factor = multiplier[least == 0 ? 0 : pixel_count(rows, columns) - least];
      for (std::int32_t c = 0; c < s.C; ++c) {
        std::int32_t sum = 0;
        for (std::int32_t h = rows.begin; h < rows.end; ++h)
          for (std::int32_t w = columns.begin; w < columns.end; ++w)
            sum += x[(h * s.W + w) * s.C + c] - x_zero_point;
        y[(oh * s.OW + ow) * s.C + c] = requantize(sum, factor, zero_point, -128, 127);
      }
    }
}
)text";

inline constexpr std::string_view add_s8_text = R"text(
inline void add_s8(std::int32_t count, const std::int8_t* a, const std::int8_t* b, const AddS8& p,
                   std::int8_t* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = add(a[i], b[i], p);
}
)text";

inline constexpr std::string_view multiply_s8_text = R"text(
/// b has `factors` elements, which repeat: as many as a, or one for each channel.
inline void multiply_s8(std::int32_t count, std::int32_t factors, const std::int8_t* a,
                        const std::int8_t* b, const MultiplyS8& p, std::int8_t* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = multiply(a[i], b[i % factors], p);
}
)text";

inline constexpr std::string_view lookup_s8_text = R"text(
inline void lookup_s8(std::int32_t count, const std::int8_t* x, const std::int8_t* table,
                      std::int8_t* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = table[x[i] + 128];
}
)text";

inline constexpr std::string_view quantize_s8_text = R"text(
inline void quantize_s8(std::int32_t count, const float* x, float scale, std::int32_t zero_point,
                        std::int8_t* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = quantize(x[i], scale, zero_point);
}
)text";

inline constexpr std::string_view dequantize_s8_text = R"text(
inline void dequantize_s8(std::int32_t count, const std::int8_t* x, float scale,
                          std::int32_t zero_point, float* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = dequantize(x[i], scale, zero_point);
}
)text";

inline constexpr std::string_view concat_text = R"text(
/// Writes x [pixels, channels] into y [pixels, all], from channel `first` on; int8 values of
/// another scale go through a table.
template <class T>
void concat(std::int32_t pixels, std::int32_t channels, std::int32_t all, std::int32_t first,
            const T* x, const std::int8_t* table, T* y) {
  for (std::int32_t pixel = 0; pixel < pixels; ++pixel)
    for (std::int32_t c = 0; c < channels; ++c) {
      const T value = x[pixel * channels + c];
      y[pixel * all + first + c] = table ? table[static_cast<std::int32_t>(value) + 128] : value;
    }
}
)text";

inline constexpr std::string_view pad_text = R"text(
/// x [H, W, C] in the middle of a border.
template <class T>
void pad(std::int32_t H, std::int32_t W, std::int32_t C, std::int32_t top, std::int32_t bottom,
         std::int32_t left, std::int32_t right, const T* x, T value, T* y) {
  const std::int32_t OW = left + W + right;
  for (std::int32_t i = 0; i < (top + H + bottom) * OW * C; ++i) y[i] = value;
  for (std::int32_t h = 0; h < H; ++h)
    for (std::int32_t i = 0; i < W * C; ++i)
      y[((top + h) * OW + left) * C + i] = x[h * W * C + i];
}
)text";

inline constexpr std::string_view pixels_text = R"text(
/// What the network's input is for each of the 256 values of a byte, channel by channel.
template <class T>
void convert_pixels(std::int32_t count, std::int32_t channels, const std::uint8_t* pixels,
                    const T* table, T* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = table[i % channels * 256 + pixels[i]];
}
)text";

inline constexpr std::string_view copy_text = R"text(
inline void copy(std::int32_t count, const float* x, float* y) {
  for (std::int32_t i = 0; i < count; ++i) y[i] = x[i];
}
)text";

// For self_test(). Each step of FNV-1a is a bijection of the sum, so one wrong byte cannot go
// unnoticed.
inline constexpr std::string_view checksum_text = R"text(
/// FNV-1a over the bytes of an array, least significant first. The volatile keeps the compiler from
/// knowing the answer: the memory itself is read.
template <class T>
std::uint32_t checksum(std::uint32_t sum, const T* values, std::size_t count) {
  const std::uint16_t one = 1;
  const bool little = *reinterpret_cast<const unsigned char*>(&one) == 1;
  const volatile unsigned char* const bytes = reinterpret_cast<const unsigned char*>(values);
  for (std::size_t i = 0; i < count * sizeof(T); ++i) {
    const std::size_t byte = i % sizeof(T);
    sum = (sum ^ bytes[i - byte + (little ? byte : sizeof(T) - 1 - byte)]) * 16777619u;
  }
  return sum;
}
)text";

}  // namespace octet::inline OCTET_ABI::emission
