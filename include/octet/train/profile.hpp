// Where the time of a training step goes, layer by layer.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "octet/core/median.hpp"
#include "octet/graph/executor.hpp"
#include "octet/nn/losses/cross_entropy.hpp"

namespace octet::inline OCTET_ABI {

/// The median times of one layer over the measured steps.
struct LayerTime {
  std::string name;
  double forward_milliseconds = 0;
  double backward_milliseconds = 0;
};

/// Repeats the forward and backward pass of one batch and times every layer. Parameters stay as
/// they are; gradients are zero afterwards; running statistics move.
template <class T>
std::vector<LayerTime> profile_step(const Graph<T>& graph, TensorView<const T> images,
                                    std::span<const std::int32_t> labels, int repetitions = 5,
                                    const ExecutorOptions& options = {}) {
  if (repetitions < 1) fail("profile: expected at least 1 repetition, got ", repetitions);
  using Clock = std::chrono::steady_clock;
  const auto nodes = static_cast<std::size_t>(graph.size());
  std::vector<std::vector<double>> forward(nodes), backward(nodes);
  Executor<T> executor(graph, options);
  // The first repetition fills caches and memory, and is not counted.
  for (int repetition = 0; repetition <= repetitions; ++repetition) {
    Clock::time_point last = Clock::now();
    const auto note = [&](std::vector<std::vector<double>>& times, int node) {
      const Clock::time_point now = Clock::now();
      const std::chrono::duration<double, std::milli> taken = now - last;
      if (repetition > 0) times[static_cast<std::size_t>(node)].push_back(taken.count());
      last = now;
    };
    executor.forward_timed(images, [&](int node) { note(forward, node); });
    executor.zero_output_gradients();
    cross_entropy<T>(executor.output(), labels, {}, executor.output_gradient());
    last = Clock::now();
    executor.backward([&](int node) { note(backward, node); });
    graph.zero_gradients();
  }
  std::vector<LayerTime> times;
  for (std::size_t i = 0; i < nodes; ++i)
    if (graph.node(static_cast<int>(i)).layer)
      times.push_back(
          {graph.node(static_cast<int>(i)).name, median(forward[i]), median(backward[i])});
  return times;
}

/// The times as a table with their sums.
inline std::string profile_text(const std::vector<LayerTime>& times) {
  std::string text = "layer                     forward ms  backward ms\n";
  double forward = 0, backward = 0;
  const auto line = [&](std::string name, double a, double b) {
    char numbers[64];
    std::snprintf(numbers, sizeof numbers, "  %10.2f  %11.2f\n", a, b);
    if (name.size() < 24) name.resize(24, ' ');
    text += name + numbers;
  };
  for (const LayerTime& time : times) {
    line(time.name, time.forward_milliseconds, time.backward_milliseconds);
    forward += time.forward_milliseconds;
    backward += time.backward_milliseconds;
  }
  line("sum", forward, backward);
  return text;
}

}  // namespace octet::inline OCTET_ABI
