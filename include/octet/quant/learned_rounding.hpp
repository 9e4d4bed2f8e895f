// Learned rounding (AdaRound): which weights of a layer to round up and which down, so that the
// errors cancel out in its output.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "octet/core/channel_runs.hpp"
#include "octet/core/random.hpp"
#include "octet/kernels/conv2d.hpp"
#include "octet/kernels/depthwise.hpp"
#include "octet/optim/adam.hpp"
#include "octet/quant/parameters.hpp"

namespace octet::inline OCTET_ABI {

/// How weights become integers: each to the nearest one, or up or down as the layer's output on
/// calibration images asks for.
enum class WeightRounding { nearest, learned };

struct LearnedRoundingOptions {
  /// Output pixels that a layer learns from, of all images together, fewer where their patches
  /// would take more than 64 MB; and how many of them one step sees.
  std::int64_t pixels = 8192;
  std::int64_t batch = 256;
  /// Steps of Adam for each layer, and its learning rate.
  std::int64_t steps = 400;
  double learning_rate = 0.2;
  /// The weight of the regularizer, from what share of the steps on it acts, and its exponent then
  /// and at the end.
  double regularization = 0.3;
  double warm_up = 0.2;
  double first_exponent = 20;
  double last_exponent = 2;
  std::uint64_t seed = 0;

  /// Fails with a sentence if they make no sense.
  template <class = WhenUsed>
  void check() const {
    if (pixels < 1 || batch < 1 || steps < 1)
      fail("learned rounding: expected at least one pixel, a batch of 1 and one step, got ", pixels,
           ", ", batch, " and ", steps);
    if (!(learning_rate > 0 && regularization >= 0 && warm_up >= 0 && warm_up <= 1))
      fail(
          "learned rounding: expected a learning rate above 0, a regularization of at least 0 and "
          "a warm-up from 0 to 1, got ",
          learning_rate, ", ", regularization, " and ", warm_up);
    if (!(last_exponent >= 1 && first_exponent >= last_exponent))
      fail("learned rounding: expected exponents that fall from ", first_exponent,
           " to at least 1, got ", last_exponent);
  }
};

/// One layer in int8, and what its rounding is learned from.
struct RoundingProblem {
  /// The convolution, and the limits of its output; the depthwise one has its output channel last.
  kernels::Conv2dShape shape;
  OutputChannel output_channel = OutputChannel::first;
  float lowest = -std::numeric_limits<float>::infinity();
  float highest = std::numeric_limits<float>::infinity();
  QuantizationParameters input;
  /// The float weights, and them rounded to nearest: real = scale[oc] * q. The bias has the scale
  /// input.scale * scale[oc].
  std::span<const float> weight;
  std::span<const std::int8_t> nearest;
  std::span<const float> scale;
  std::span<const std::int32_t> bias;
  /// What `pixels` output pixels see of the int8 input, [pixels, KH, KW, C], and what the float
  /// layer gives there, [pixels, OC]. The last `held_out` of them are not learned from, but decide.
  std::span<const std::int8_t> patches;
  std::span<const float> targets;
  std::int64_t held_out = 0;
};

struct RoundingSolution {
  std::vector<std::int8_t> weight;
  /// How many weights are not rounded to nearest.
  std::int64_t changed = 0;
  /// The mean squared error of the output on the pixels that decide, of all channels.
  double nearest_error = 0, learned_error = 0;
};

/// M. Nagel, R. A. Amjad, M. van Baalen, C. Louizos and T. Blankevoort, "Up or down? Adaptive
/// rounding for post-training quantization" (ICML 2020). A weight w = s (floor(w / s) + h) gets a
/// variable v with h = clamp(1.2 sigmoid(v) - 0.1, 0, 1), which begins at its fraction. Adam
/// minimizes, over output pixels,
///   mean of (y - y')^2 / (step^2 mean (q - z)^2) + regularization * sum of (1 - |2 h -
///   1|^exponent)
/// where y is the output of the float layer with its ReLU, y' that of the rounded one on the int8
/// input q of zero point z and scale s_x, and step = s_x s, so that the first term is of one size
/// for every layer. The falling exponent drives each h to 0 or 1. Differently from the paper, a
/// channel keeps the nearest rounding where the learned one is not better on pixels that it has not
/// learned from; and a weight that is an integer stays one.
template <class = WhenUsed>
class LearnedRounding {
 public:
  LearnedRounding(const RoundingProblem& problem, const LearnedRoundingOptions& options,
                  ThreadPool& pool)
      : problem_(problem),
        options_(options),
        pool_(pool),
        OC_(problem.shape.OC),
        weights_(static_cast<std::int64_t>(problem.weight.size())),
        patch_(problem.shape.KH * problem.shape.KW * problem.shape.C),
        pixels_(static_cast<std::int64_t>(problem.patches.size()) / patch_),
        learned_(pixels_ - problem.held_out),
        batch_((std::min)(options.batch, learned_)),
        v_("v", ParameterKind::weight, {weights_}),
        lower_(at(weights_)),
        movable_(at(weights_)),
        trial_(at(weights_)),
        slope_(at(weights_)),
        bias_(problem.bias.begin(), problem.bias.end()),
        x_(at(batch_ * patch_)),
        y_(at(batch_ * OC_)) {
    OCTET_ASSERT(learned_ > 0);
    begin_at_fractions();
    describe_channels();
  }

  RoundingSolution run() {
    Optimizer<float> optimizer = adam<float>();
    Parameter<float>* const parameter = &v_;
    std::vector<std::int64_t> order(at(learned_));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    const Random random(options_.seed);
    std::int64_t used = learned_, epoch = 0;
    for (std::int64_t step = 0; step < options_.steps; ++step) {
      if (used + batch_ > learned_) {
        random.substream(static_cast<std::uint64_t>(epoch++)).shuffle(std::span(order));
        used = 0;
      }
      take_step_gradient({order.data() + used, at(batch_)}, step);
      used += batch_;
      optimizer.step({&parameter, 1}, {options_.learning_rate}, pool_);
    }
    return decide();
  }

 private:
  /// One output channel: 1 / step, the limits of the output in steps, and the gradient of the loss
  /// by a sum, divided by what is missing there.
  struct Channel {
    float per_step, low, high, factor;
  };

  static constexpr std::int64_t grain = 1 << 13;
  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }
  std::int64_t channel_of(std::int64_t weight) const {
    return output_channels(problem_.output_channel, weights_, OC_).of(weight);
  }
  double step_of(std::int64_t oc) const {
    return double{problem_.input.scale} * double{problem_.scale[at(oc)]};
  }

  void begin_at_fractions() {
    for (std::int64_t i = 0; i < weights_; ++i) {
      const float steps = problem_.weight[at(i)] / problem_.scale[at(channel_of(i))];
      const float lower = (std::clamp)(std::floor(steps), -127.0f, 127.0f);
      const float fraction = (std::clamp)(steps - lower, 0.0f, 1.0f);
      lower_[at(i)] = lower;
      movable_[at(i)] = fraction > 0 && fraction < 1 && lower < 127 ? 1.0f : 0.0f;
      v_.value[i] = -std::log(1.2f / (fraction + 0.1f) - 1);
      // What does not move is what it was.
      if (movable_[at(i)] == 0) lower_[at(i)] = problem_.nearest[at(i)];
    }
  }
  void describe_channels() {
    const std::int64_t groups = problem_.shape.groups, C = problem_.shape.C / groups;
    std::vector<std::int64_t> squares(at(groups));
    for (std::size_t i = 0; i < problem_.patches.size(); ++i) {
      const std::int64_t q = problem_.patches[i] - problem_.input.zero_point;
      squares[i % at(problem_.shape.C) / at(C)] += q * q;
    }
    const auto inputs = static_cast<double>(pixels_ * patch_ / groups);
    for (std::int64_t oc = 0; oc < OC_; ++oc) {
      const std::int64_t sum = squares[at(oc / (OC_ / groups))];
      const double mean_square = static_cast<double>((std::max)(sum, std::int64_t{1})) / inputs;
      const double step = step_of(oc);
      channels_.push_back({static_cast<float>(1 / step),
                           static_cast<float>(double{problem_.lowest} / step),
                           static_cast<float>(double{problem_.highest} / step),
                           static_cast<float>(-2 / (static_cast<double>(batch_) * mean_square))});
    }
  }

  /// The convolution of N patches: of one pixel each, and without padding.
  kernels::Conv2dShape shape_of(std::int64_t N) const {
    const kernels::Conv2dShape& s = problem_.shape;
    // A depthwise layer of one channel has one group, too, but other weights.
    if (s.groups == 1 && problem_.output_channel == OutputChannel::first)
      return kernels::linear_shape(N, patch_, OC_);
    return {.N = N,
            .H = s.KH,
            .W = s.KW,
            .C = s.C,
            .OC = OC_,
            .KH = s.KH,
            .KW = s.KW,
            .groups = s.groups};
  }
  void load(std::span<const std::int64_t> pixels) {
    const int zero_point = problem_.input.zero_point;
    pool_.parallel_for(static_cast<std::int64_t>(pixels.size()), 1 + grain / patch_,
                       [&](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t n = begin; n < end; ++n) {
                           const std::int8_t* const from =
                               problem_.patches.data() + pixels[at(n)] * patch_;
                           float* const to = x_.data() + n * patch_;
                           for (std::int64_t k = 0; k < patch_; ++k)
                             to[k] = static_cast<float>(from[k] - zero_point);
                         }
                       });
  }
  /// The sums in steps, for N patches that were loaded.
  void multiply(std::int64_t N, const std::vector<float>& weight) {
    const kernels::Epilogue<float> epilogue{.bias = bias_.data()};
    const auto forward = problem_.output_channel == OutputChannel::last
                             ? kernels::depthwise_forward<float>
                             : kernels::conv2d_forward<float>;
    forward(shape_of(N), x_.data(), weight.data(), epilogue, y_.data(), pool_);
  }
  /// What is to be added to an output, in steps, to reach the target.
  float missing(std::int64_t pixel, std::int64_t oc, float sum) const {
    const Channel& channel = channels_[at(oc)];
    return problem_.targets[at(pixel * OC_ + oc)] * channel.per_step -
           kernels::clamp_value(sum, channel.low, channel.high);
  }

  /// The gradient of the loss by v on these pixels.
  void take_step_gradient(std::span<const std::int64_t> pixels, std::int64_t step) {
    pool_.parallel_for(weights_, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const float sigmoid = 1 / (1 + std::exp(-v_.value[i])), h = 1.2f * sigmoid - 0.1f;
        trial_[at(i)] = lower_[at(i)] + movable_[at(i)] * (std::clamp)(h, 0.0f, 1.0f);
        slope_[at(i)] = h > 0 && h < 1 ? movable_[at(i)] * 1.2f * sigmoid * (1 - sigmoid) : 0.0f;
      }
    });
    load(pixels);
    multiply(batch_, trial_);
    turn_into_gradient(pixels);
    v_.gradient.fill(0);
    const auto backward = problem_.output_channel == OutputChannel::last
                              ? kernels::depthwise_backward_weight<float>
                              : kernels::conv2d_backward_weight<float>;
    backward(shape_of(batch_), x_.data(), y_.data(), v_.gradient.data(), pool_);
    add_regularizer(step);
  }
  /// y becomes the gradient of the first term by the sums.
  void turn_into_gradient(std::span<const std::int64_t> pixels) {
    pool_.parallel_for(batch_, 1 + grain / OC_, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        for (std::int64_t oc = 0; oc < OC_; ++oc) {
          float& sum = y_[at(n * OC_ + oc)];
          const Channel& channel = channels_[at(oc)];
          const bool inside = sum > channel.low && sum < channel.high;
          sum = inside ? missing(pixels[at(n)], oc, sum) * channel.factor : 0.0f;
        }
    });
  }
  /// Adds the gradient of the second term, and goes from h to v.
  void add_regularizer(std::int64_t step) {
    const double first = options_.warm_up * static_cast<double>(options_.steps);
    const double done = (static_cast<double>(step) - first) /
                        (std::max)(static_cast<double>(options_.steps) - first, 1.0);
    const bool acts = done >= 0;
    const double exponent =
        options_.last_exponent + (options_.first_exponent - options_.last_exponent) / 2 *
                                     (1 + std::cos(3.14159265358979 * (std::max)(done, 0.0)));
    // |2 h - 1|^(exponent - 1) is looked up: one power for each weight would take half the time.
    constexpr int entries = 1024;
    std::vector<float> power(entries + 1);
    for (int k = 0; acts && k <= entries; ++k)
      power[static_cast<std::size_t>(k)] = static_cast<float>(
          2 * options_.regularization * exponent * std::pow(k / double{entries}, exponent - 1));
    pool_.parallel_for(weights_, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const float distance = 2 * (trial_[at(i)] - lower_[at(i)]) - 1;
        const auto entry = static_cast<std::size_t>(std::abs(distance) * entries);
        const float pull = distance < 0 ? -power[entry] : power[entry];
        v_.gradient[i] = (v_.gradient[i] - pull) * slope_[at(i)];
      }
    });
  }

  /// Squared errors of each channel, in steps, summed over the pixels that decide.
  std::vector<double> squared_errors(const std::vector<float>& weight) {
    std::vector<double> sums(at(OC_));
    std::vector<std::int64_t> pixels;
    const std::int64_t first = problem_.held_out > 0 ? learned_ : 0;
    for (std::int64_t begin = first; begin < pixels_; begin += batch_) {
      pixels.resize(at((std::min)(batch_, pixels_ - begin)));
      std::iota(pixels.begin(), pixels.end(), begin);
      load(pixels);
      multiply(static_cast<std::int64_t>(pixels.size()), weight);
      for (std::size_t n = 0; n < pixels.size(); ++n)
        for (std::int64_t oc = 0; oc < OC_; ++oc) {
          const double error = double{missing(pixels[n], oc, y_[n * at(OC_) + at(oc)])};
          sums[at(oc)] += error * error;
        }
    }
    return sums;
  }
  /// Whether no sum of a channel can leave int32 with these weights; those rounded to nearest are
  /// known to fit.
  bool fits(std::int64_t oc, const std::vector<float>& weight) const {
    double magnitude = 0;
    for (std::int64_t i = 0; i < weights_; ++i)
      if (channel_of(i) == oc) magnitude += double{std::abs(weight[at(i)])};
    return 255 * magnitude + std::abs(double{bias_[at(oc)]}) <=
           double{(std::numeric_limits<std::int32_t>::max)()};
  }
  RoundingSolution decide() {
    const std::vector<float> nearest(problem_.nearest.begin(), problem_.nearest.end());
    for (std::int64_t i = 0; i < weights_; ++i)
      trial_[at(i)] = lower_[at(i)] + (v_.value[i] >= 0 ? movable_[at(i)] : 0.0f);
    const std::vector<double> before = squared_errors(nearest), after = squared_errors(trial_);
    RoundingSolution solution;
    solution.weight.assign(problem_.nearest.begin(), problem_.nearest.end());
    std::vector<bool> better(at(OC_));
    const auto count = static_cast<double>(problem_.held_out > 0 ? problem_.held_out : pixels_) *
                       static_cast<double>(OC_);
    for (std::int64_t oc = 0; oc < OC_; ++oc) {
      better[at(oc)] = after[at(oc)] < before[at(oc)] && fits(oc, trial_);
      const double square = step_of(oc) * step_of(oc) / count;
      solution.nearest_error += before[at(oc)] * square;
      solution.learned_error += (better[at(oc)] ? after : before)[at(oc)] * square;
    }
    for (std::int64_t i = 0; i < weights_; ++i) {
      if (!better[at(channel_of(i))]) continue;
      solution.weight[at(i)] = static_cast<std::int8_t>(trial_[at(i)]);
      solution.changed += solution.weight[at(i)] != problem_.nearest[at(i)];
    }
    return solution;
  }

  const RoundingProblem& problem_;
  const LearnedRoundingOptions& options_;
  ThreadPool& pool_;
  std::int64_t OC_, weights_, patch_, pixels_, learned_, batch_;
  Parameter<float> v_;
  /// For each weight: the integer below it; 1 if it is between two, else 0; the integer that is
  /// tried, with its fraction; dh / dv.
  std::vector<float> lower_, movable_, trial_, slope_;
  std::vector<float> bias_;
  /// Of one step: patches in steps of the input, and sums, later their gradients.
  std::vector<float> x_, y_;
  std::vector<Channel> channels_;
};

/// Learns how to round the weights of one layer. The number of threads changes no bit.
template <class = WhenUsed>
RoundingSolution learn_rounding(const RoundingProblem& problem,
                                const LearnedRoundingOptions& options, ThreadPool& pool) {
  return LearnedRounding<>(problem, options, pool).run();
}

}  // namespace octet::inline OCTET_ABI
