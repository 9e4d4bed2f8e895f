// Whole networks: float32, float16 weights and int8; batch 1 and 64; one thread and all; for each
// instruction set; and the same by onnxruntime, if it is installed. OCTET_BENCH_BATCH sets the
// larger batch.
#include <benchmark/benchmark.h>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>

#include "../work.hpp"
#include "../zoo.hpp"
#include "onnx.hpp"
#include "onnxruntime.hpp"

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

/// Drawn once.
const Tensor<float>& images_of(const Shape& input, std::int64_t batch) {
  static std::map<std::string, Tensor<float>> drawn;
  Tensor<float>& images = drawn[to_text(input.with_batch(batch))];
  if (images.elements() == 0) images = bench::faces(input, batch);
  return images;
}

void run(benchmark::State& state, const bench::ZooNetwork& network, Form form, Isa isa,
         std::int64_t batch, int threads) {
  const Program& program = program_of(network, form, isa);
  ThreadPool pool(threads);
  Workspace workspace(program, {.batch = batch, .pool = &pool});
  const Tensor<float>& images = images_of(program.input_shape(), batch);
  Tensor<float> logits(program.output_shape().with_batch(batch));
  const TensorView<const float> input = images;
  const TensorView<float> output = logits;
  // Takes memory, which the first run alone does.
  program.run({&input, 1}, {&output, 1}, workspace);
  for (auto _ : state) program.run({&input, 1}, {&output, 1}, workspace);
  const bench::Arithmetic arithmetic =
      form == Form::int8 ? bench::Arithmetic::s8 : bench::Arithmetic::f32;
  bench::count_work(state,
                    {arithmetic, isa, 2.0 * static_cast<double>(program.multiply_adds() * batch),
                     static_cast<double>(program.weight_bytes())});
}

/// {N, H, W, C} as {N, C, H, W}.
std::vector<float> planes(const Tensor<float>& images) {
  const std::int64_t C = images.shape()[3], area = images.shape()[1] * images.shape()[2];
  std::vector<float> values;
  for (std::int64_t n = 0; n < images.shape()[0]; ++n)
    for (std::int64_t c = 0; c < C; ++c)
      for (std::int64_t i = 0; i < area; ++i) values.push_back(images[(n * area + i) * C + c]);
  return values;
}

/// How far another library's outputs for the first image are from Octet's, over the largest of
/// these.
double difference(const Tensor<float>& own, const std::vector<float>& other) {
  double most = 0, largest = 1e-30;
  for (std::int64_t i = 0; i < own.elements(); ++i) {
    largest = (std::max)(largest, std::abs(static_cast<double>(own[i])));
    most = (std::max)(most,
                      std::abs(static_cast<double>(own[i] - other[static_cast<std::size_t>(i)])));
  }
  return most / largest;
}

/// The same program by onnxruntime, which must come to the same results: in int8 it may round some
/// sums otherwise.
void run_onnxruntime(benchmark::State& state, const bench::ZooNetwork& network, Form form,
                     std::int64_t batch, int threads) {
  const Program& program = program_of(network, form, active_isa());
  static std::map<std::string, std::string> models;
  std::string& model = models[network.label + form_names[static_cast<int>(form)]];
  const Shape& in = program.input_shape();
  const Tensor<float>& images = images_of(in, batch);
  std::vector<float> input = planes(images);
  std::vector<float> output(static_cast<std::size_t>(batch * program.output_shape().elements()));
  try {
    if (model.empty()) model = bench::onnx_of(program.description());
    bench::OnnxSession session(model, threads, input, {batch, in[2], in[0], in[1]}, output,
                               {batch, program.output_shape().elements()});
    session.run();
    const TensorView<const float> all = images;
    const double off = difference(program(all.rows(0, 1)), output);
    if (!(off < (form == Form::int8 ? 0.1 : 1e-3)))
      throw std::runtime_error("onnxruntime: its outputs differ by " + std::to_string(off));
    for (auto _ : state) session.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "!!! %s: %s !!!\n", network.label.c_str(), error.what());
    return state.SkipWithError(error.what());
  }
  const bench::Arithmetic arithmetic =
      form == Form::int8 ? bench::Arithmetic::s8 : bench::Arithmetic::f32;
  bench::count_work(
      state, {arithmetic, active_isa(), 2.0 * static_cast<double>(program.multiply_adds() * batch),
              static_cast<double>(program.weight_bytes())});
}

/// Registers body(state, batch, threads) as network/LABEL/FORM/WHO/batch_N/threads_T.
template <class Body>
void add_forms(const bench::ZooNetwork& network, Form form, const std::string& who, Body body) {
  const char* const larger = std::getenv("OCTET_BENCH_BATCH");
  ThreadPool all(0);
  for (const std::int64_t batch : {1, larger ? std::atoi(larger) : 64})
    for (const int threads : {1, all.threads()}) {
      const std::string name = "network/" + network.label + "/" +
                               form_names[static_cast<int>(form)] + "/" + who + "/batch_" +
                               std::to_string(batch) + "/threads_" + std::to_string(threads);
      auto* const registered = benchmark::RegisterBenchmark(
          name.c_str(), [=](benchmark::State& state) { body(state, batch, threads); });
      registered->Unit(benchmark::kMillisecond);
      // One thread is timed by its own clock, which a busy machine does not disturb.
      if (threads > 1) registered->UseRealTime();
      if (all.threads() == 1) break;
    }
}

void add(const bench::ZooNetwork& network, Form form, Isa isa) {
  add_forms(network, form, to_text(isa),
            [=, &network](benchmark::State& state, std::int64_t batch, int threads) {
              run(state, network, form, isa, batch, threads);
            });
}
void add_onnxruntime(const bench::ZooNetwork& network, Form form) {
  add_forms(network, form, "onnxruntime",
            [=, &network](benchmark::State& state, std::int64_t batch, int threads) {
              run_onnxruntime(state, network, form, batch, threads);
            });
}

// Before main, which Google Benchmark's library brings.
const bool registered = [] {
  const std::string onnxruntime = bench::onnxruntime_version();
  if (!onnxruntime.empty()) benchmark::AddCustomContext("onnxruntime", onnxruntime);
  for (const bench::ZooNetwork& network : bench::zoo()) {
    for (const Isa isa : {Isa::avx2, Isa::avx512})
      if (isa_allowed(isa)) add(network, Form::float32, isa);
    for (const Isa isa : {Isa::avx2, Isa::avx_vnni, Isa::avx512_vnni, Isa::amx})
      if (isa_allowed(isa)) add(network, Form::int8, isa);
    add(network, Form::float16, active_isa());
    if (!onnxruntime.empty())
      for (const Form form : {Form::float32, Form::int8}) add_onnxruntime(network, form);
    // Of processors that are not x86, the strongest set.
    const Isa own = active_isa();
    if (own != Isa::scalar && same_family(own, Isa::avx2)) continue;
    add(network, Form::float32, own);
    add(network, Form::int8, own);
  }
  return true;
}();

}  // namespace
