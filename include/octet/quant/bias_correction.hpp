// Bias correction: what rounding the weights does to the mean of an output, taken out again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "octet/core/channel_runs.hpp"
#include "octet/core/error.hpp"
#include "octet/kernels/conv2d_shape.hpp"

namespace octet::inline OCTET_ABI {

/// Whether the int8 biases make up for the mean error of the weights.
enum class BiasCorrection { none, mean_error };

/// By how much the mean of each output channel moves because weights w are rounded to scale * q:
/// the sum over kh, kw, c of (scale[oc] q - w) E[x_c] inside(kh, kw), where E[x_c] is the mean of
/// input channel c and inside the share of output pixels for which this tap lies in the image, not
/// in its padding. M. Nagel et al., "Data-free quantization through weight equalization and bias
/// correction" (ICCV 2019), 4.2, with means that were observed. Weights have their output channel
/// at `place`.
inline std::vector<double> mean_weight_error(const kernels::Conv2dShape& s,
                                             std::span<const float> weight,
                                             std::span<const std::int8_t> quantized,
                                             std::span<const float> scale,
                                             std::span<const double> input_means,
                                             OutputChannel place) {
  OCTET_ASSERT(static_cast<std::int64_t>(input_means.size()) == s.C);
  const auto inside = [](std::int64_t taps, std::int64_t stride, std::int64_t dilation,
                         std::int64_t pad, std::int64_t in, std::int64_t out) {
    std::vector<double> share;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      std::int64_t count = 0;
      for (std::int64_t o = 0; o < out; ++o) {
        const std::int64_t at = o * stride - pad + tap * dilation;
        count += at >= 0 && at < in;
      }
      share.push_back(static_cast<double>(count) / static_cast<double>(out));
    }
    return share;
  };
  const std::vector<double> rows = inside(s.KH, s.stride_h, s.dilation_h, s.pad_top, s.H, s.OH);
  const std::vector<double> columns = inside(s.KW, s.stride_w, s.dilation_w, s.pad_left, s.W, s.OW);
  const ChannelRuns channels =
      output_channels(place, static_cast<std::int64_t>(weight.size()), s.OC);
  const std::int64_t C = s.C / s.groups, per_group = s.OC / s.groups;
  std::vector<double> error;
  for (std::int64_t oc = 0; oc < s.OC; ++oc) {
    double sum = 0;
    for (std::int64_t kh = 0; kh < s.KH; ++kh)
      for (std::int64_t kw = 0; kw < s.KW; ++kw)
        for (std::int64_t c = 0; c < C; ++c) {
          const auto at = static_cast<std::size_t>(channels.at(oc, (kh * s.KW + kw) * C + c));
          const double rounding =
              quantized[at] * double{scale[static_cast<std::size_t>(oc)]} - double{weight[at]};
          sum += rounding * input_means[static_cast<std::size_t>(oc / per_group * C + c)] *
                 rows[static_cast<std::size_t>(kh)] * columns[static_cast<std::size_t>(kw)];
        }
    error.push_back(sum);
  }
  return error;
}

}  // namespace octet::inline OCTET_ABI
