// Whole networks: float32, float16 weights and int8; batch 1 and 64; one thread and all; for each
// instruction set. OCTET_BENCH_BATCH sets the larger batch.
#include <benchmark/benchmark.h>
#include <map>
#include <memory>

#include "work.hpp"
#include "zoo.hpp"

using namespace octet;

namespace {

enum class Form { float32, float16, int8 };
constexpr const char* form_names[] = {"float32", "float16", "int8"};

/// Networks are compiled and quantized once, and packed once for each instruction set.
const Program& program_of(const bench::ZooNetwork& network, Form form, Isa isa) {
  static std::map<std::string, std::unique_ptr<bench::Forms>> forms;
  static std::map<std::string, std::unique_ptr<Program>> programs;
  auto& both = forms[network.label];
  if (!both) both = std::make_unique<bench::Forms>(network);
  auto& program = programs[network.label + form_names[static_cast<int>(form)] + to_text(isa)];
  if (program) return *program;
  if (form == Form::float16)
    program = std::make_unique<Program>(with_float16_weights(both->float32, {.isa = isa}));
  else
    program = std::make_unique<Program>(
        bench::repacked(form == Form::int8 ? both->int8 : both->float32, isa));
  return *program;
}

void run(benchmark::State& state, const bench::ZooNetwork& network, Form form, Isa isa,
         std::int64_t batch, int threads) {
  const Program& program = program_of(network, form, isa);
  ThreadPool pool(threads);
  Workspace workspace(program, {.batch = batch, .pool = &pool});
  const Tensor<float> images = bench::faces(program.input_shape(), batch);
  Tensor<float> logits(program.output_shape().with_batch(batch));
  const TensorView<const float> input = images;
  const TensorView<float> output = logits;
  for (auto _ : state) program.run({&input, 1}, {&output, 1}, workspace);
  const bench::Arithmetic arithmetic =
      form == Form::int8 ? bench::Arithmetic::s8 : bench::Arithmetic::f32;
  bench::count_work(state,
                    {arithmetic, isa, 2.0 * static_cast<double>(program.multiply_adds() * batch),
                     static_cast<double>(program.weight_bytes())});
}

void add(const bench::ZooNetwork& network, Form form, Isa isa) {
  const char* const larger = std::getenv("OCTET_BENCH_BATCH");
  ThreadPool all(0);
  for (const std::int64_t batch : {1, larger ? std::atoi(larger) : 64})
    for (const int threads : {1, all.threads()}) {
      const std::string name = "network/" + network.label + "/" +
                               form_names[static_cast<int>(form)] + "/" + to_text(isa) + "/batch_" +
                               std::to_string(batch) + "/threads_" + std::to_string(threads);
      auto* const registered =
          benchmark::RegisterBenchmark(name.c_str(), [=, &network](benchmark::State& state) {
            run(state, network, form, isa, batch, threads);
          });
      registered->Unit(benchmark::kMillisecond);
      // One thread is timed by its own clock, which a busy machine does not disturb.
      if (threads > 1) registered->UseRealTime();
      if (all.threads() == 1) break;
    }
}

// Before main, which Google Benchmark's library brings.
const bool registered = [] {
  for (const bench::ZooNetwork& network : bench::zoo()) {
    for (const Isa isa : {Isa::avx2, Isa::avx512})
      if (isa_allowed(isa)) add(network, Form::float32, isa);
    for (const Isa isa : {Isa::avx2, Isa::avx_vnni, Isa::avx512_vnni, Isa::amx})
      if (isa_allowed(isa)) add(network, Form::int8, isa);
    add(network, Form::float16, active_isa());
    if (active_isa() != Isa::scalar) continue;
    add(network, Form::float32, Isa::scalar);
    add(network, Form::int8, Isa::scalar);
  }
  return true;
}();

}  // namespace
