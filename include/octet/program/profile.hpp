// Where the time of a running program goes, operation by operation.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include "octet/core/median.hpp"
#include "octet/program/program.hpp"

namespace octet::inline OCTET_ABI {

/// What one operation of a program costs for a whole batch.
struct OperationCost {
  OperationInfo info;
  /// The median over the rounds; 0 if another operation computes this one too.
  double milliseconds = 0;
  std::int64_t multiply_adds = 0;
  /// Inputs, weights and output, each read or written once: the least that has to be moved.
  std::int64_t bytes_moved = 0;
};

/// Runs a program again and again and times every operation. Programs that are to be compared take
/// turns, round by round, so that a busy machine is unfair to all alike:
///   Profiler first(a, inputs), second(b, inputs);
///   for (int i = 0; i < 9; ++i) first.round(), second.round();
/// A template only so that it is compiled where it is used.
template <std::same_as<Program> AnyProgram>
class Profiler {
 public:
  /// The program, the memory of the inputs, {N, ...} each, and the pool must outlive this. Fails if
  /// the inputs do not fit the program.
  Profiler(const AnyProgram& program, std::span<const TensorView<const float>> inputs,
           ThreadPool* pool = nullptr)
      : program_(program),
        inputs_(inputs.begin(), inputs.end()),
        workspace_(make(inputs, pool)),
        outputs_(program.make_outputs(batch())) {
    milliseconds_.resize(program.operations().size());
    // Takes memory, which the first run alone does.
    program_.run(inputs_, outputs_.views, workspace_);
  }
  /// For a program with one input.
  Profiler(const AnyProgram& program, TensorView<const float> input, ThreadPool* pool = nullptr)
      : Profiler(program, std::span<const TensorView<const float>>(&input, 1), pool) {}

  /// Runs the program twice and times the second run: the first one brings back into the caches
  /// what another program has driven out of them in between.
  void round() {
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point start, Clock::time_point end) {
      return std::chrono::duration<double, std::milli>(end - start).count();
    };
    program_.run(inputs_, outputs_.views, workspace_);
    const Clock::time_point start = Clock::now();
    Clock::time_point last = start;
    for (std::vector<double>& each : milliseconds_) each.push_back(0);
    program_.run_timed(inputs_, outputs_.views, workspace_, [&](int operation) {
      const Clock::time_point now = Clock::now();
      milliseconds_[static_cast<std::size_t>(operation)].back() += since(last, now);
      last = now;
    });
    totals_.push_back(since(start, Clock::now()));
  }

  std::int64_t batch() const { return inputs_[0].shape()[0]; }
  /// The median time of a whole run.
  double milliseconds() const {
    expect_round();
    return median(totals_);
  }

  /// What each operation costs, in the order of the program. Fails before the first round.
  std::vector<OperationCost> costs() const {
    expect_round();
    const ProgramDescription& description = program_.description();
    const auto bytes_of = [&](int index) {
      const ProgramValue& value = description.value(index);
      return value.shape.elements() * element_size(value.type) * batch();
    };
    std::vector<OperationCost> costs;
    for (std::size_t i = 0; i < milliseconds_.size(); ++i) {
      const Operation& operation = description.operations[i];
      OperationCost cost{program_.operations()[i], median(milliseconds_[i]), 0, 0};
      cost.multiply_adds = cost.info.multiply_adds * batch();
      if (!operation.template as<operations::Reshape>()) {
        cost.bytes_moved = cost.info.weight_bytes + bytes_of(operation.output);
        for (const int input : operation.inputs) cost.bytes_moved += bytes_of(input);
      }
      costs.push_back(std::move(cost));
    }
    return costs;
  }

 private:
  void expect_round() const {
    if (totals_.empty()) fail("profile: expected at least one round");
  }
  Workspace make(std::span<const TensorView<const float>> inputs, ThreadPool* pool) const {
    program_.check(inputs);
    return Workspace(program_, {.batch = inputs[0].shape()[0], .pool = pool});
  }
  const AnyProgram& program_;
  std::vector<TensorView<const float>> inputs_;
  Workspace workspace_;
  ProgramOutputs outputs_;
  std::vector<std::vector<double>> milliseconds_;
  std::vector<double> totals_;
};

}  // namespace octet::inline OCTET_ABI
