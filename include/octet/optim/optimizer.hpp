// What every optimizer has in common: state for each parameter, one clock, and a file form from
// which training goes on bit for bit.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/safetensors.hpp"
#include "octet/nn/layer.hpp"

namespace octet::inline OCTET_ABI {

/// What a schedule gives for a step.
struct Rate {
  double learning_rate = 0;
  /// SGD's momentum or Adam's beta1; none: the optimizer's own.
  std::optional<double> momentum = std::nullopt;

  friend bool operator==(const Rate&, const Rate&) = default;
};

/// A rate for each training step, counted from 0: a pure function, so that a resumed training finds
/// its place by the number of the step alone.
using Schedule = std::function<Rate(std::int64_t step)>;

/// The same rate for ever.
inline Schedule constant_rate(double learning_rate) {
  return [learning_rate](std::int64_t) { return Rate{learning_rate}; };
}

/// Everything an update rule needs for one parameter in one step.
template <class T>
struct Update {
  Parameter<T>& parameter;
  /// As many tensors of the parameter's shape as the rule asked for, zero before the first step.
  std::span<Tensor<T>> state;
  /// The schedule's rate times the parameter's own factor.
  double learning_rate;
  std::optional<double> momentum;
  /// How many steps this parameter has taken with this one: those while it is frozen do not count.
  std::int64_t step;
  ThreadPool& pool;
};

/// How a parameter moves against its gradient. A rule of your own is a name, names for the tensors
/// it remembers, and a function:
///   Optimizer<float> plain({"plain", {}, [](const Update<float>& u) { ... }});
template <class T>
struct UpdateRule {
  std::string name;
  std::vector<std::string> state_names;
  std::function<void(const Update<T>&)> update;
};

/// Applies an update rule to the parameters of a network, and owns the rule's state. State belongs
/// to a parameter by its place in the list, which must be the same in every step.
template <class T>
class Optimizer {
 public:
  explicit Optimizer(UpdateRule<T> rule) : rule_(std::move(rule)) {}

  /// One step for all parameters, from their gradients, which stay as they are. A parameter whose
  /// learning_rate_factor is 0 is frozen: neither it nor its state changes.
  void step(std::span<Parameter<T>* const> parameters, const Rate& rate,
            ThreadPool& pool = default_thread_pool()) {
    prepare(parameters);
    ++steps_;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      Parameter<T>& parameter = *parameters[i];
      if (parameter.learning_rate_factor == 0) continue;
      rule_.update({parameter, state_[i], rate.learning_rate * parameter.learning_rate_factor,
                    rate.momentum, ++taken_[i], pool});
    }
  }

  /// The number of steps taken.
  std::int64_t steps() const { return steps_; }
  std::string_view name() const { return rule_.name; }

  /// Adds the state to a file: tensors "optimizer.PLACE.NAME" and the metadata "optimizer".
  void save(SafetensorsWriter& file) const {
    Json taken = Json::array();
    for (const std::int64_t steps : taken_) taken.push(steps);
    file.set_metadata("optimizer", Json::object()
                                       .set("rule", rule_.name)
                                       .set("steps", steps_)
                                       .set("parameters", state_.size())
                                       .set("taken", std::move(taken))
                                       .text());
    for (std::size_t i = 0; i < state_.size(); ++i)
      for (std::size_t k = 0; k < state_[i].size(); ++k) file.add(tensor_name(i, k), state_[i][k]);
  }
  /// Takes the state from a file that save() wrote for the same rule and the same parameters. The
  /// state stays as it was if the file does not fit.
  void load(const Safetensors& file, std::span<Parameter<T>* const> parameters) {
    const Json saved = Json::parse(file.metadata("optimizer"), file.source() + ": optimizer");
    std::string rule;
    std::int64_t steps = 0, count = 0;
    std::vector<std::int64_t> taken;
    reading(file.source() + ": optimizer", [&] {
      rule = saved["rule"].as_string();
      steps = saved["steps"].as_integer();
      count = saved["parameters"].as_integer();
      // Files without it are of trainings that froze the same parameters all the time.
      if (const Json* const each_taken = saved.find("taken"))
        for (const Json& each : each_taken->as_array()) taken.push_back(each.as_integer());
      else
        taken.assign(static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, 1 << 20)), steps);
    });
    if (rule != rule_.name)
      fail(file.source(), ": expected the state of ", rule_.name, ", got that of ", rule);
    if (steps < 0 || count != (steps ? static_cast<std::int64_t>(parameters.size()) : 0))
      fail(file.source(), ": expected the state of ", parameters.size(),
           " parameters, got that of ", count, " after ", steps, " steps");
    if (static_cast<std::int64_t>(taken.size()) != count ||
        std::any_of(taken.begin(), taken.end(),
                    [steps](std::int64_t each) { return each < 0 || each > steps; }))
      fail(file.source(), ": optimizer: expected how many steps, from 0 to ", steps, ", each of ",
           count, " parameters has taken");
    States states;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      states.emplace_back();
      for (std::size_t k = 0; k < rule_.state_names.size(); ++k) {
        Tensor<T> tensor(parameters[i]->value.shape());
        file.copy_to(tensor_name(i, k), tensor.view());
        states.back().push_back(std::move(tensor));
      }
    }
    state_ = std::move(states);
    taken_ = std::move(taken);
    steps_ = steps;
  }

 private:
  using States = std::vector<std::vector<Tensor<T>>>;

  std::string tensor_name(std::size_t parameter, std::size_t state) const {
    return text_of("optimizer.", parameter, ".", rule_.state_names[state]);
  }
  /// Makes the state at the first step; later, checks that the parameters are still the same ones.
  void prepare(std::span<Parameter<T>* const> parameters) {
    if (steps_ > 0 && state_.size() != parameters.size())
      fail(rule_.name, ": expected the ", state_.size(), " parameters of the first step, got ",
           parameters.size());
    const bool first = steps_ == 0;
    if (first) {
      state_.assign(parameters.size(), {});
      taken_.assign(parameters.size(), 0);
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const Parameter<T>& parameter = *parameters[i];
      const Shape& shape = parameter.value.shape();
      if (!(parameter.gradient.shape() == shape))
        fail(rule_.name, ": expected a gradient of shape ", shape, " for ", parameter.name,
             ", got ", parameter.gradient.shape());
      if (first)
        state_[i].assign(rule_.state_names.size(), Tensor<T>(shape));
      else if (!state_[i].empty() && !(state_[i][0].shape() == shape))
        fail(rule_.name, ": expected a parameter of shape ", state_[i][0].shape(), " in place ", i,
             ", as in the first step, got ", parameter.name, " of shape ", shape);
    }
  }

  UpdateRule<T> rule_;
  States state_;
  // Steps of each parameter, and of all.
  std::vector<std::int64_t> taken_;
  std::int64_t steps_ = 0;
};

}  // namespace octet::inline OCTET_ABI
