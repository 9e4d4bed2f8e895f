// The fake-quantize node of a network: what int8 will do to an activation, while training.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "octet/kernels/requantize_s8.hpp"
#include "octet/nn/attributes.hpp"
#include "octet/nn/layer.hpp"
#include "octet/nn/value.hpp"
#include "octet/nn/window.hpp"
#include "octet/quant/fake_quantize.hpp"

namespace octet::inline OCTET_ABI {

/// How a range follows the batches of a training: the extremes of all of them, or a moving average
/// of each batch's extremes, range += momentum * (batch - range), from the first batch on. Jacob et
/// al., "Quantization and training of neural networks for efficient integer-arithmetic-only
/// inference" (CVPR 2018), 3.1.
enum class RangeObserver { min_max, moving_average };

/// Whether a scale follows from the observed range, or is learned by gradient descent (LSQ),
/// beginning at the observed one.
enum class QuantizationScale { observed, learned };

/// When a quantization-aware training does what, in steps of training from its beginning. The
/// defaults quantize from the first step on, and freeze nothing.
struct QuantizationSchedule {
  static constexpr std::int64_t never = std::int64_t{1} << 24;
  /// Before this step nothing is quantized; ranges are observed.
  std::int64_t quantize_from = 0;
  /// From this step on ranges stay as they are (learned scales go on learning).
  std::int64_t freeze_observers_from = never;
  /// From this step on batch norm takes its running statistics, as inference does, and they stay.
  std::int64_t freeze_batch_norm_from = never;

  /// For so many steps that begin with a trained network: the first twentieth observes, observers
  /// are frozen after one half, batch norm's statistics after two thirds.
  static QuantizationSchedule fine_tuning(std::int64_t total_steps) {
    return {total_steps / 20, total_steps / 2, total_steps * 2 / 3};
  }
  /// For so many steps that begin with random weights, whose ranges move until the end: the first
  /// fifth observes, and the last tenth has everything frozen.
  static QuantizationSchedule from_scratch(std::int64_t total_steps) {
    return {total_steps / 5, total_steps * 9 / 10, total_steps * 9 / 10};
  }
  void check(std::string_view type) const {
    for (const std::int64_t step : {quantize_from, freeze_observers_from, freeze_batch_norm_from})
      if (step < 0 || step > never)
        fail(type, ": expected a schedule of steps from 0 to ", never, ", got ", step);
  }
};

struct FakeQuantizeOptions {
  RangeObserver observer = RangeObserver::moving_average;
  /// The share of a new batch in a moving average.
  double momentum = 0.01;
  QuantizationScale scale = QuantizationScale::observed;
  QuantizationSchedule schedule = {};
};

/// The options as a layer's attributes, and back: all but what concerns batch norm.
inline Json fake_quantize_attributes(const FakeQuantizeOptions& options) {
  return Json::object()
      .set("observer", options.observer == RangeObserver::min_max ? "min_max" : "moving_average")
      .set("momentum", options.momentum)
      .set("scale", options.scale == QuantizationScale::learned ? "learned" : "observed")
      .set("quantize_from", options.schedule.quantize_from)
      .set("freeze_observers_from", options.schedule.freeze_observers_from);
}
inline FakeQuantizeOptions fake_quantize_options(std::string_view type, const Json& attributes) {
  const AttributeReader reader(type, attributes);
  const auto step = [&](std::string_view name) {
    return reader.integer(name, 0, QuantizationSchedule::never);
  };
  return {.observer = reader.word("observer", {"min_max", "moving_average"})
                          ? RangeObserver::moving_average
                          : RangeObserver::min_max,
          .momentum = reader.number("momentum", 1e-12, 1),
          .scale = reader.word("scale", {"observed", "learned"}) ? QuantizationScale::learned
                                                                 : QuantizationScale::observed,
          .schedule = {.quantize_from = step("quantize_from"),
                       .freeze_observers_from = step("freeze_observers_from")}};
}

/// A layer's own count of training steps. It is saved with the network, so that a resumed training
/// is where it was.
template <class T>
class StepCounter {
 public:
  explicit StepCounter(std::string name = "steps") : buffer_{std::move(name), Tensor<T>({1})} {}
  std::int64_t steps() const { return static_cast<std::int64_t>(buffer_.value[0]); }
  /// Counts a step; stays at the last number that a float32 can count to.
  void next() {
    if (steps() < QuantizationSchedule::never) buffer_.value[0] += T{1};
  }
  Buffer<T>& buffer() { return buffer_; }

 private:
  Buffer<T> buffer_;
};

/// y = (clamp(round(x / scale) + zero_point, -128, 127) - zero_point) * scale, by the functions
/// that the int8 kernels are made of; see FakeQuantized for the gradients. Training observes the
/// range of x, one for all channels, and quantizes by it once the schedule says so; inference
/// quantizes as soon as anything was observed. A learned scale's gradient is multiplied by 1 /
/// sqrt(127 * elements of an example), and the scale learns at a tenth of the schedule's rate,
/// because it is much smaller than weights are.
template <class T>
class FakeQuantize final : public Layer<T> {
 public:
  static constexpr std::string_view type_name = "fake_quantize";

  explicit FakeQuantize(FakeQuantizeOptions options = {})
      : options_(checked(options)),
        range_{"range", Tensor<T>({2})},
        scale_("scale", ParameterKind::normalization, {1}),
        zero_point_("zero_point", ParameterKind::normalization, {1}) {
    scale_.value.fill(T{1});
    scale_.learning_rate_factor = zero_point_.learning_rate_factor = 0.1;
  }

  std::string_view type() const override { return type_name; }
  Shape output_shape(std::span<const Shape> inputs) const override {
    return single_input(type(), inputs);
  }

  void forward(Inputs<T> inputs, TensorView<T> output, const Pass& pass) override {
    const std::span<const T> x(inputs[0].data(), static_cast<std::size_t>(inputs[0].elements()));
    const std::int64_t step = counter_.steps();
    bool quantizes = ready();
    if (pass.training()) {
      const std::int64_t observed_until =
          learned() ? options_.schedule.quantize_from : options_.schedule.freeze_observers_from;
      if (step < (std::max<std::int64_t>)(observed_until, 1)) observe(x, pass.threads());
      counter_.next();
      quantizes = step >= options_.schedule.quantize_from;
    }
    passes_ = !quantizes;
    if (!passes_)
      quantize(x, output, pass.threads());
    else if (output.data() != x.data())
      std::copy(x.begin(), x.end(), output.begin());
  }

  void backward(Inputs<T> inputs, TensorView<const T>, TensorView<const T> d_output,
                InputGradients<T> d_inputs, const Pass& pass) override {
    const auto size = static_cast<std::size_t>(d_output.elements());
    const std::span<const T> x(inputs[0].data(), size), dy(d_output.data(), size);
    const std::span<T> dx(d_inputs[0].data(), d_inputs[0].empty() ? 0 : size);
    if (passes_) {
      if (!dx.empty() && dx.data() != dy.data()) std::copy(dy.begin(), dy.end(), dx.begin());
      return;
    }
    if (!learned()) {
      if (!dx.empty()) straight_through(x, dy, dx, pass.threads());
      return;
    }
    const std::int64_t features = d_output.elements() / d_output.shape()[0];
    const double factor = 1 / std::sqrt(127.0 * static_cast<double>(features));
    const QuantizationParameters now = quantization();
    const T scale = static_cast<T>(now.scale), zero_point = static_cast<T>(now.zero_point);
    FakeQuantizeGradient gradient;
    fake_quantize_backward<T>(x, {&scale, 1}, {&zero_point, 1}, {}, {}, dy, dx, {&gradient, 1},
                              factor, pass.threads());
    scale_.gradient[0] += static_cast<T>(gradient.scale);
    zero_point_.gradient[0] += static_cast<T>(gradient.zero_point);
  }

  /// What the int8 program has for this activation. Fails if nothing was observed yet.
  QuantizationParameters quantization() const {
    if (!ready())
      fail("fake_quantize: expected at least one step of training, which observes the range");
    if (!learned()) return parameters_of_range(range().low, range().high);
    const double scale = (std::max)(static_cast<double>(scale_.value[0]), double{smallest_scale});
    return {static_cast<float>(scale), rounded_zero_point(zero_point_.value[0], QuantizedLevels{})};
  }
  /// Whether a range has been observed.
  bool ready() const { return counter_.steps() > 0; }
  Range range() const {
    return {static_cast<float>(range_.value[0]), static_cast<float>(range_.value[1])};
  }
  const FakeQuantizeOptions& options() const { return options_; }

  std::vector<Parameter<T>*> parameters() override {
    if (learned()) return {&scale_, &zero_point_};
    return {};
  }
  std::vector<Buffer<T>*> buffers() override { return {&range_, &counter_.buffer()}; }
  std::unique_ptr<Layer<T>> clone() const override { return std::make_unique<FakeQuantize>(*this); }
  bool backward_reads_output() const override { return false; }
  bool in_place() const override { return true; }

  Json attributes() const override { return fake_quantize_attributes(options_); }
  static std::unique_ptr<Layer<T>> from_attributes(const Json& attributes) {
    return std::make_unique<FakeQuantize>(fake_quantize_options(type_name, attributes));
  }

 private:
  static const FakeQuantizeOptions& checked(const FakeQuantizeOptions& options) {
    if (!(options.momentum > 0 && options.momentum <= 1))
      fail(type_name, ": expected a momentum above 0 and up to 1, got ", options.momentum);
    options.schedule.check(type_name);
    return options;
  }
  bool learned() const { return options_.scale == QuantizationScale::learned; }

  void observe(std::span<const T> x, ThreadPool& pool) {
    const Range batch = extremes_of(x, pool);
    if (batch.low > batch.high) return;
    const auto move = [&](T& end, double seen, double outermost) {
      if (!ready())
        end = static_cast<T>(seen);
      else if (options_.observer == RangeObserver::min_max)
        end = static_cast<T>(outermost);
      else
        end = static_cast<T>(static_cast<double>(end) +
                             options_.momentum * (seen - static_cast<double>(end)));
    };
    const Range before = range();
    move(range_.value[0], batch.low, (std::min)(before.low, batch.low));
    move(range_.value[1], batch.high, (std::max)(before.high, batch.high));
    if (!learned()) return;
    const QuantizationParameters now = parameters_of_range(range().low, range().high);
    scale_.value[0] = static_cast<T>(now.scale);
    zero_point_.value[0] = static_cast<T>(now.zero_point);
  }

  void quantize(std::span<const T> x, TensorView<T> y, ThreadPool& pool) {
    const QuantizationParameters now = quantization();
    if constexpr (std::is_same_v<T, float>) {
      const std::int64_t count = y.elements();
      levels_.resize(x.size());
      kernels::quantize_f32(count, x.data(), now.scale, now.zero_point, levels_.data(), &pool);
      kernels::dequantize_f32(count, levels_.data(), now.scale, now.zero_point, y.data(), &pool);
    } else {
      const T scale = static_cast<T>(now.scale), zero_point = static_cast<T>(now.zero_point);
      fake_quantize<T>(x, {&scale, 1}, {&zero_point, 1}, {}, {}, {y.data(), x.size()}, pool);
    }
  }

  /// fake_quantize_backward() without the gradients of the scale. round(v) lies in [lo, hi] if v
  /// lies in [lo - 1/2, hi + 1/2]; of a tie the even side counts.
  void straight_through(std::span<const T> x, std::span<const T> dy, std::span<T> dx,
                        ThreadPool& pool) const {
    const QuantizationParameters now = quantization();
    const auto lo = static_cast<float>(-128 - now.zero_point);
    const auto hi = static_cast<float>(127 - now.zero_point);
    const float infinity = std::numeric_limits<float>::infinity();
    const bool even = now.zero_point % 2 == 0;
    const float lowest = even ? lo - 0.5f : std::nextafter(lo - 0.5f, infinity);
    const float highest = even ? std::nextafter(hi + 0.5f, -infinity) : hi + 0.5f;
    pool.parallel_for(
        static_cast<std::int64_t>(x.size()), 1 << 15, [&](std::int64_t begin, std::int64_t end) {
          for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
            const float quotient = static_cast<float>(x[k]) / now.scale;
            const bool inside = (quotient >= lowest) & (quotient <= highest);
            dx[k] = inside ? dy[k] : T{0};
          }
        });
  }

  FakeQuantizeOptions options_;
  Buffer<T> range_;
  Parameter<T> scale_, zero_point_;
  StepCounter<T> counter_;
  /// Whether the last forward let everything pass.
  bool passes_ = true;
  std::vector<std::int8_t> levels_;
};

}  // namespace octet::inline OCTET_ABI
