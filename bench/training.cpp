// Training steps on all threads: forward, loss, backward, Adam. OCTET_BENCH_BATCH sets the number
// of images, 256 unless told otherwise.
#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstring>

#include "octet/graph/executor.hpp"
#include "octet/nn/losses/cross_entropy.hpp"
#include "octet/optim/adam.hpp"
#include "work.hpp"
#include "zoo.hpp"

using namespace octet;

namespace {

/// The most memory that the process has held since reset_peak_memory(), in MB.
double peak_megabytes() {
  double kilobytes = 0;
  if (std::FILE* const status = std::fopen("/proc/self/status", "r")) {
    for (char line[256]; std::fgets(line, sizeof line, status);)
      if (std::strncmp(line, "VmHWM:", 6) == 0) kilobytes = std::atof(line + 6);
    std::fclose(status);
  }
  return kilobytes / 1024;
}
void reset_peak_memory() {
  if (std::FILE* const command = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", command);
    std::fclose(command);
  }
}

void step(benchmark::State& state, const bench::ZooNetwork& network, Precision precision,
          std::int64_t batch) {
  reset_peak_memory();
  ThreadPool pool(0);
  const Graph<float> graph = make_model<float>(network.model, network.options);
  Executor<float> executor(graph, {.pool = &pool, .precision = precision});
  if (executor.precision() != precision) return state.SkipWithError("not on this processor");
  Optimizer<float> optimizer = adam<float>();
  const std::vector<Parameter<float>*> parameters = graph.parameters();
  const Tensor<float> images = bench::faces(network.options.input, batch);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(batch));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 7);
  const auto one_step = [&](std::uint64_t number) {
    executor.forward(images, Mode::training, number);
    cross_entropy<float>(executor.output(), labels, {}, executor.output_gradient(), pool);
    executor.backward();
    optimizer.step(parameters, {.learning_rate = 1e-4}, pool);
    graph.zero_gradients();
  };
  one_step(0);  // Takes memory, which the first step alone does.
  std::uint64_t number = 0;
  for (auto _ : state) one_step(++number);
  // Forward, the gradient by the weights and the gradient by the input multiply alike.
  const bench::Arithmetic arithmetic =
      precision == Precision::bf16 ? bench::Arithmetic::bf16 : bench::Arithmetic::f32;
  bench::count_work(state, {arithmetic, active_isa(),
                            6.0 * static_cast<double>(graph.multiply_adds() * batch), 0});
  state.counters["images/s"] =
      benchmark::Counter(static_cast<double>(batch), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["peak_mb"] = peak_megabytes();
}

// Before main, which Google Benchmark's library brings.
const bool registered = [] {
  const char* const wanted = std::getenv("OCTET_BENCH_BATCH");
  const std::int64_t batch = wanted ? std::atoi(wanted) : 256;
  for (const bench::ZooNetwork& network : bench::zoo()) {
    if (network.options.input[0] != 48) continue;
    for (const Precision precision : {Precision::float32, Precision::bf16})
      benchmark::RegisterBenchmark(("training/" + network.label + "/" + to_text(precision) +
                                    "/batch_" + std::to_string(batch))
                                       .c_str(),
                                   [&network, precision, batch](benchmark::State& state) {
                                     step(state, network, precision, batch);
                                   })
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
  }
  return true;
}();

}  // namespace
