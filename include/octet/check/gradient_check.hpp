// Checks a layer against its own forward pass: that backward() is the gradient of forward(), and
// that both keep the rules that an executor relies on.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "octet/nn/layer.hpp"

namespace octet::inline OCTET_ABI {

/// Whether the check draws the parameters' values at random or takes them as they are.
enum class CheckedParameters { drawn, kept };

struct GradientCheckOptions {
  /// The largest relative error that passes.
  double tolerance = 1e-6;
  /// The difference in x, relative to max(1, |x|).
  double step = 5e-4;
  std::int64_t batch = 2;
  std::uint64_t seed = 1;
  Mode mode = Mode::training;
  /// Inputs are drawn from [lowest, highest], no two of one tensor alike, so that a maximum is not
  /// on the edge between two elements (tensors of thousands have some that were moved off a kink).
  double lowest = -2, highest = 2;
  /// Where the derivative jumps: inputs keep 4 steps away from there.
  std::vector<double> kinks = {0};
  CheckedParameters parameters = CheckedParameters::drawn;
  /// Fills input number `input` instead, where uniform values will not do.
  std::function<void(std::size_t input, TensorView<double> values)> fill_input{};
};

/// What a check found.
struct GradientCheckResult {
  /// The largest relative error |backward - difference| / max(|backward|, |difference|, floor), and
  /// the element where it is. The floor, 1e-3 or 1e-3 of the tensor's largest gradient, keeps
  /// rounding in a gradient of zero from counting.
  double worst_error = 0;
  std::string where = "nothing was checked";
  double by_backward = 0, by_difference = 0;
  double tolerance = 0;
  std::int64_t elements_checked = 0;
  /// A sentence for each broken rule of the Layer interface.
  std::vector<std::string> broken_rules;

  bool passed() const {
    return elements_checked > 0 && worst_error <= tolerance && broken_rules.empty();
  }
  std::string text() const {
    std::string text = text_of(passed() ? "passed: " : "FAILED: ", elements_checked,
                               " elements, worst relative error ", worst_error, " at ", where,
                               " (backward ", by_backward, ", difference ", by_difference, ")");
    for (const std::string& rule : broken_rules) text += "\n  " + rule;
    return text;
  }
};

namespace check {

/// One layer, its inputs and the gradient of the loss by its output: the loss is their dot product.
/// A template only so that it is compiled where it is used.
template <std::same_as<double> T>
class GradientCheck {
 public:
  GradientCheck(const Layer<T>& layer, std::span<const Shape> inputs,
                const GradientCheckOptions& options)
      : options_(options), layer_(layer.clone()) {
    if (options.batch < 1)
      fail("check_gradient: expected a batch of at least 1, got ", options.batch);
    result_.tolerance = options.tolerance;
    if (layer_->attributes().text() != layer.attributes().text())
      broken(text_of("clone(): expected the attributes ", layer.attributes().text(), ", got ",
                     layer_->attributes().text()));
    compare_with_clone(layer);
    const Random random(options.seed);
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      inputs_.emplace_back(inputs[k].with_batch(options.batch));
      if (options.fill_input)
        options.fill_input(k, inputs_[k]);
      else
        draw(inputs_[k], random.substream(k));
    }
    output_ = Tensor<T>(layer_->output_shape(inputs).with_batch(options.batch));
    upstream_ = Tensor<T>(output_.shape());
    const Random upstream = random.substream(1000);
    for (std::int64_t i = 0; i < upstream_.elements(); ++i)
      upstream_[i] = upstream.normal(static_cast<std::uint64_t>(i));
    if (options.parameters == CheckedParameters::drawn) draw_parameters(random.substream(1001));
    for (const Buffer<T>* const buffer : layer_->buffers()) buffers_.push_back(buffer->value);
  }

  GradientCheckResult run() {
    if (!result_.broken_rules.empty()) return result_;
    check_forward();
    if (!result_.broken_rules.empty()) return result_;
    const std::vector<Tensor<T>> gradients = analytic(0, pool_);
    check_rules(gradients);
    const std::vector<Parameter<T>*> parameters = layer_->parameters();
    for (std::size_t k = 0; k < inputs_.size(); ++k)
      compare(inputs_[k], gradients[k], text_of("input ", k));
    for (std::size_t p = 0; p < parameters.size(); ++p)
      compare(parameters[p]->value, gradients[inputs_.size() + p], parameters[p]->name);
    return result_;
  }

 private:
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  using Views = std::vector<TensorView<const T>>;

  /// Equally spaced values in random order, moved away from kinks.
  void draw(TensorView<T> values, const Random& random) const {
    const double count = static_cast<double>(values.elements());
    for (std::int64_t i = 0; i < values.elements(); ++i)
      values[i] = options_.lowest +
                  (options_.highest - options_.lowest) * (static_cast<double>(i) + 0.5) / count;
    random.shuffle(std::span(values.data(), static_cast<std::size_t>(values.elements())));
    for (double& value : values)
      for (const double kink : options_.kinks) {
        const double margin = 4 * options_.step * (std::max)(1.0, std::abs(kink));
        if (std::abs(value - kink) < margin) value = kink + (value < kink ? -margin : margin);
      }
  }
  /// The layer that was given may be read here alone: parameters() is for those who may change it.
  void compare_with_clone(const Layer<T>& layer) {
    Layer<T>& original = const_cast<Layer<T>&>(layer);
    const auto parameters = original.parameters(), cloned = layer_->parameters();
    const auto buffers = original.buffers(), cloned_buffers = layer_->buffers();
    if (parameters.size() != cloned.size() || buffers.size() != cloned_buffers.size())
      return broken(text_of("clone(): expected ", parameters.size(), " parameters and ",
                            buffers.size(), " buffers, got ", cloned.size(), " and ",
                            cloned_buffers.size()));
    for (std::size_t p = 0; p < parameters.size(); ++p)
      if (parameters[p] == cloned[p] || parameters[p]->name != cloned[p]->name ||
          !same(parameters[p]->value, cloned[p]->value))
        broken(text_of("clone(): expected a copy of the parameter ", parameters[p]->name));
    for (std::size_t b = 0; b < buffers.size(); ++b)
      if (buffers[b] == cloned_buffers[b] || !same(buffers[b]->value, cloned_buffers[b]->value))
        broken(text_of("clone(): expected a copy of the buffer ", buffers[b]->name));
  }
  void draw_parameters(const Random& random) {
    std::uint64_t number = 0;
    for (Parameter<T>* const parameter : layer_->parameters()) {
      const Random stream = random.substream(number++);
      for (std::int64_t i = 0; i < parameter->value.elements(); ++i)
        parameter->value[i] = stream.normal(static_cast<std::uint64_t>(i));
    }
  }

  Pass pass(ThreadPool& pool) const {
    return {options_.mode, &pool, Random(options_.seed).substream(1002)};
  }
  Views views() const { return {inputs_.begin(), inputs_.end()}; }
  void broken(const std::string& sentence) { result_.broken_rules.push_back(sentence); }
  static bool same(const Tensor<T>& a, const Tensor<T>& b) {
    return a.shape() == b.shape() &&
           std::equal(a.begin(), a.end(), b.begin(), [](double x, double y) {
             return x == y || (std::isnan(x) && std::isnan(y));
           });
  }

  /// The output for the inputs as they are now; its memory holds `poison` before.
  Tensor<T> forward(double poison, ThreadPool& pool) {
    std::size_t k = 0;
    for (Buffer<T>* const buffer : layer_->buffers()) buffer->value = buffers_[k++];
    Tensor<T> output(output_.shape());
    output.fill(poison);
    layer_->forward(views(), output, pass(pool));
    return output;
  }

  void check_forward() {
    output_ = forward(nan, pool_);
    for (std::int64_t i = 0; i < output_.elements(); ++i)
      if (!std::isfinite(output_[i]))
        return broken(text_of("forward: element ", i, " of the output is ", output_[i],
                              "; either it is not assigned or the inputs do not suit the layer"));
    if (!same(output_, forward(7, pool_)))
      broken("forward: a second pass with the same inputs gives another output");
    if (!same(output_, forward(7, three_threads_)))
      broken("forward: the output depends on the number of threads");
    if (layer_->in_place() && output_.elements() != inputs_[0].elements())
      return broken("in_place() is true, but inputs[0] and the output are not of one size");
    if (layer_->in_place()) {
      std::vector<Tensor<T>> copies = inputs_;
      const Views shared(copies.begin(), copies.end());
      layer_->forward(shared, TensorView<T>(copies[0].data(), output_.shape()), pass(pool_));
      if (!std::equal(output_.begin(), output_.end(), copies[0].begin()))
        broken("forward: in_place() is true, but the output differs if it shares inputs[0]");
    }
  }

  /// The gradients by all inputs, then by all parameters. The parameters' gradients start at
  /// `preset`; what backward() says that it does not read is NaN; input `unneeded` gets no
  /// gradient.
  enum class Memory { separate, shared };
  std::vector<Tensor<T>> analytic(double preset, ThreadPool& pool, int unneeded = -1,
                                  Memory memory = Memory::separate) {
    Tensor<T> output = forward(nan, pool);
    std::vector<Tensor<T>> read = inputs_, gradients = inputs_;
    if (!layer_->backward_reads_inputs())
      for (Tensor<T>& input : read) input.fill(nan);
    if (!layer_->backward_reads_output()) output.fill(nan);
    for (Parameter<T>* const parameter : layer_->parameters()) parameter->gradient.fill(preset);
    for (Tensor<T>& gradient : gradients) gradient.fill(nan);
    Tensor<T> upstream = upstream_;
    const bool shared = memory == Memory::shared;
    if (shared) std::copy(upstream_.begin(), upstream_.end(), gradients[0].begin());
    std::vector<TensorView<T>> targets(gradients.begin(), gradients.end());
    if (unneeded >= 0) targets[static_cast<std::size_t>(unneeded)] = {};
    layer_->backward(Views(read.begin(), read.end()), output,
                     {shared ? gradients[0].data() : upstream.data(), upstream_.shape()}, targets,
                     pass(pool));
    for (Parameter<T>* const parameter : layer_->parameters())
      gradients.push_back(parameter->gradient);
    return gradients;
  }

  void check_rules(const std::vector<Tensor<T>>& gradients) {
    for (std::size_t k = 0; k < inputs_.size(); ++k)
      if (const auto unset = std::find_if(gradients[k].begin(), gradients[k].end(),
                                          [](double value) { return std::isnan(value); });
          unset != gradients[k].end())
        broken(
            text_of("backward: element ", unset - gradients[k].begin(), " of d_inputs[", k,
                    "] is NaN; either it is not assigned, or added to, or computed from what",
                    " backward_reads_inputs() and backward_reads_output() say it does not read"));
    if (!same(gradients, analytic(0, three_threads_)))
      broken("backward: the gradients depend on the number of threads, or on an earlier pass");
    constexpr double preset = 0.75;
    const std::vector<Tensor<T>> added = analytic(preset, pool_);
    for (std::size_t p = inputs_.size(); p < added.size(); ++p)
      for (std::int64_t i = 0; i < added[p].elements(); ++i)
        if (!(std::abs(added[p][i] - (gradients[p][i] + preset)) <=
              1e-9 * (1 + std::abs(gradients[p][i])))) {
          broken(text_of("backward: does not add to the gradient of ",
                         layer_->parameters()[p - inputs_.size()]->name, ": element ", i, " was ",
                         preset, ", should become ", gradients[p][i] + preset, ", became ",
                         added[p][i]));
          break;
        }
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      std::vector<Tensor<T>> without = analytic(0, pool_, static_cast<int>(k));
      without[k] = gradients[k];
      if (!same(gradients, without))
        broken(text_of("backward: other gradients change if nobody needs d_inputs[", k, "]"));
    }
    if (layer_->in_place() && !same(gradients, analytic(0, pool_, -1, Memory::shared)))
      broken("backward: in_place() is true, but gradients differ if d_inputs[0] shares d_output");
  }
  static bool same(const std::vector<Tensor<T>>& a, const std::vector<Tensor<T>>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Tensor<T>& x, const Tensor<T>& y) { return same(x, y); });
  }

  /// The derivative of the loss by `x` by central differences of fourth order:
  /// (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12 h. Outputs are subtracted before they
  /// are summed, which keeps rounding small.
  double difference(double& x) {
    const double center = x, h = options_.step * (std::max)(1.0, std::abs(x));
    const auto at = [&](double distance) {
      x = center + distance * h;
      Tensor<T> output = forward(nan, pool_);
      x = center;
      return output;
    };
    const Tensor<T> up = at(1), down = at(-1), up2 = at(2), down2 = at(-2);
    double sum = 0;
    for (std::int64_t i = 0; i < upstream_.elements(); ++i)
      sum += upstream_[i] * (8 * (up[i] - down[i]) - (up2[i] - down2[i]));
    return sum / (12 * h);
  }

  void compare(Tensor<T>& values, const Tensor<T>& gradient, const std::string& name) {
    std::vector<double> differences;
    double largest = 0;
    for (double& value : values) {
      differences.push_back(difference(value));
      largest = (std::max)(largest, std::abs(differences.back()));
    }
    for (std::int64_t i = 0; i < values.elements(); ++i) {
      const double expected = differences[static_cast<std::size_t>(i)];
      const double scale =
          (std::max)({std::abs(gradient[i]), std::abs(expected), 1e-3 * (std::max)(1.0, largest)});
      const double error = std::abs(gradient[i] - expected) / scale;
      if (!(error <= result_.worst_error) || result_.elements_checked == 0) {
        result_.worst_error = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
        result_.where = text_of(name, " element ", i);
        result_.by_backward = gradient[i];
        result_.by_difference = expected;
      }
      ++result_.elements_checked;
    }
  }

  GradientCheckOptions options_;
  std::unique_ptr<Layer<T>> layer_;
  std::vector<Tensor<T>> inputs_;
  std::vector<Tensor<T>> buffers_;
  Tensor<T> output_, upstream_;
  ThreadPool pool_{1}, three_threads_{3};
  GradientCheckResult result_;
};

}  // namespace check

/// Checks a layer for inputs of the given shapes (without the batch). The loss is the dot product
/// of the output with a random tensor; its gradient by every input and every parameter is compared
/// with central differences. Besides, that backward() assigns to d_inputs and adds to the
/// parameters' gradients, reads only what it says, and bears inputs whose gradient nobody needs;
/// that nothing changes in place, in a second pass, or with more threads. The layer itself stays as
/// it is; its clone() is checked. A backward() that writes to an empty d_inputs[k], which nobody
/// needs, ends the process here as it would in training.
///
///     const auto result = octet::check_gradient(MyLayer<double>(), {{6, 6, 3}});
///     if (!result.passed()) std::puts(result.text().c_str());
template <std::same_as<double> T>
GradientCheckResult check_gradient(const Layer<T>& layer, const std::vector<Shape>& inputs,
                                   const GradientCheckOptions& options = {}) {
  return check::GradientCheck<T>(layer, inputs, options).run();
}

}  // namespace octet::inline OCTET_ABI
