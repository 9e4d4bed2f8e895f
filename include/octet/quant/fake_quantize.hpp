// Fake quantization: real numbers that take only the values that int8 can express, so that training
// sees what quantization will do, and gradients that pass as if it did nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "octet/core/aligned.hpp"
#include "octet/core/channel_runs.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/arithmetic_s8.hpp"
#include "octet/quant/observer.hpp"
#include "octet/quant/parameters.hpp"

namespace octet::inline OCTET_ABI {

/// The integers of a quantized tensor: [-128, 127] for activations, [-127, 127] for weights.
struct QuantizedLevels {
  int lo = -128, hi = 127;
};

/// The gradients by learned scales and zero points.
struct FakeQuantizeGradient {
  double scale = 0, zero_point = 0;
};

/// Fake quantization of one value, with the gradient of it.
/// y = (clamp(round(x / scale) + zero_point, lo, hi) - zero_point) * scale.
/// Straight-through: dy/dx = 1 where the clamp did nothing, else 0 (Bengio, Leonard and Courville,
/// "Estimating or propagating gradients through stochastic neurons", 2013). Esser et al., "Learned
/// step size quantization" (ICLR 2020): dy/dscale = round(x / scale) - x / scale where the clamp
/// did nothing, else lo - zero_point or hi - zero_point; dy/dzero_point = 0, else -scale (Bhalgat
/// et al., "LSQ+", 2020).
struct FakeQuantized {
  float value;
  bool inside;
  float by_scale, by_zero_point;

  FakeQuantized(float x, float scale, int zero_point, QuantizedLevels levels) {
    const std::int8_t q =
        kernels::round_to_int8(x == x ? x / scale : 0.0f, zero_point, levels.lo, levels.hi);
    value = kernels::dequantize(q, scale, zero_point);
    const float quotient = x / scale, rounded = std::nearbyint(quotient);
    const auto low = static_cast<float>(levels.lo - zero_point);
    const auto high = static_cast<float>(levels.hi - zero_point);
    inside = rounded >= low && rounded <= high;
    by_scale = inside ? rounded - quotient : rounded < low ? low : high;
    by_zero_point = inside ? 0.0f : -scale;
  }
};

/// The learned zero point as the integer that it stands for.
template <class T>
int rounded_zero_point(T zero_point, QuantizedLevels levels) {
  const double rounded = std::nearbyint(static_cast<double>(zero_point));
  return static_cast<int>(
      (std::clamp)(rounded, static_cast<double>(levels.lo), static_cast<double>(levels.hi)));
}

/// y = fake-quantized x; x and y may be the same memory. scale and zero_point have one element for
/// each channel; an empty zero_point means 0.
template <class T>
void fake_quantize(std::span<const T> x, std::span<const T> scale, std::span<const T> zero_point,
                   QuantizedLevels levels, ChannelRuns layout, std::span<T> y, ThreadPool& pool) {
  pool.parallel_for(
      static_cast<std::int64_t>(x.size()), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const auto k = static_cast<std::size_t>(i), c = static_cast<std::size_t>(layout.of(i));
          const int z = zero_point.empty() ? 0 : rounded_zero_point(zero_point[c], levels);
          y[k] = static_cast<T>(
              FakeQuantized(static_cast<float>(x[k]), static_cast<float>(scale[c]), z, levels)
                  .value);
        }
      });
}

/// dx = dy where x is inside of the range, else 0. If `gradients` is not empty, it has an element
/// for each channel, to which gradient_factor times the sums of dy * dy/dscale and of
/// dy * dy/dzero_point are added. dx and dy may be the same memory. Sums are taken in an order that
/// does not depend on the number of threads.
template <class T>
void fake_quantize_backward(std::span<const T> x, std::span<const T> scale,
                            std::span<const T> zero_point, QuantizedLevels levels,
                            ChannelRuns layout, std::span<const T> dy, std::span<T> dx,
                            std::span<FakeQuantizeGradient> gradients, double gradient_factor,
                            ThreadPool& pool) {
  constexpr std::int64_t grain = 1 << 14;
  const auto count = static_cast<std::int64_t>(x.size());
  const std::size_t channels = gradients.size();
  std::vector<FakeQuantizeGradient> partial(static_cast<std::size_t>(pieces(count, grain)) *
                                            channels);
  pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    FakeQuantizeGradient* const sums =
        partial.data() + static_cast<std::size_t>(begin / grain) * channels;
    for (std::int64_t i = begin; i < end; ++i) {
      const auto k = static_cast<std::size_t>(i), c = static_cast<std::size_t>(layout.of(i));
      const int z = zero_point.empty() ? 0 : rounded_zero_point(zero_point[c], levels);
      const FakeQuantized result(static_cast<float>(x[k]), static_cast<float>(scale[c]), z, levels);
      const T gradient = dy[k];
      if (channels) {
        sums[c].scale += static_cast<double>(gradient) * double{result.by_scale};
        sums[c].zero_point += static_cast<double>(gradient) * double{result.by_zero_point};
      }
      if (!dx.empty()) dx[k] = result.inside ? gradient : T{0};
    }
  });
  for (std::size_t i = 0; i < partial.size(); ++i) {
    gradients[i % channels].scale += gradient_factor * partial[i].scale;
    gradients[i % channels].zero_point += gradient_factor * partial[i].zero_point;
  }
}

/// The smallest and the largest element; {largest float, lowest float} if there is none.
template <class T>
Range extremes_of(std::span<const T> x, ThreadPool& pool) {
  constexpr std::int64_t grain = 1 << 16;
  constexpr std::size_t lanes = 16;
  const auto count = static_cast<std::int64_t>(x.size());
  const float largest = (std::numeric_limits<float>::max)();
  std::vector<Range> partial(static_cast<std::size_t>(pieces(count, grain)), {largest, -largest});
  pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    // Sixteen of each, because one alone would wait for itself.
    T low[lanes], high[lanes];
    std::fill_n(low, lanes, static_cast<T>(largest));
    std::fill_n(high, lanes, static_cast<T>(-largest));
    const T* values = x.data() + begin;
    const T* const last = x.data() + end;
    const auto take = [&](std::size_t k, T value) {
      low[k] = value < low[k] ? value : low[k];
      high[k] = value > high[k] ? value : high[k];
    };
    for (; last - values >= static_cast<std::ptrdiff_t>(lanes); values += lanes)
      for (std::size_t k = 0; k < lanes; ++k) take(k, values[k]);
    for (; values < last; ++values) take(0, *values);
    partial[static_cast<std::size_t>(begin / grain)] = {
        static_cast<float>(*std::min_element(low, low + lanes)),
        static_cast<float>(*std::max_element(high, high + lanes))};
  });
  Range range{largest, -largest};
  for (const Range& each : partial)
    range = {(std::min)(range.low, each.low), (std::max)(range.high, each.high)};
  return range;
}

}  // namespace octet::inline OCTET_ABI
