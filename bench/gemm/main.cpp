// Matrix products of Octet and of the libraries found on this machine, one thread, and between them
// the loops that know no memory: all in one process, so that random interleaving
// (--benchmark_enable_random_interleaving=true) lets them share the machine's moods.
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

#include "../work.hpp"
#include "product.hpp"

namespace {

// Libraries read these when they are loaded, which is before main.
void set_environment_and_restart(char** argv) {
  if (std::getenv("OCTET_BENCH_RESTARTED")) return;
  setenv("OCTET_BENCH_RESTARTED", "1", 1);
  setenv("OMP_NUM_THREADS", "1", 1);
  // OpenBLAS 0.3.21 does not know newer processors and takes its slowest core for them.
  if (octet::cpu_supports(octet::Isa::avx512)) setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
  execv("/proc/self/exe", argv);
}

void register_peaks() {
  for (const bench::PeakLoop& loop : bench::peak_loops()) {
    if (!octet::cpu_supports(loop.isa)) continue;
    const std::string arithmetic(
        bench::arithmetic_names[static_cast<std::size_t>(loop.arithmetic)]);
    benchmark::RegisterBenchmark(
        ("peak/" + arithmetic + "/" + octet::to_text(loop.isa)).c_str(),
        [&loop](benchmark::State& state) {
          constexpr std::int64_t iterations = 10000;
          for (auto _ : state) loop.run(iterations);
          bench::count_work(state, {loop.arithmetic, loop.isa,
                                    loop.operations * static_cast<double>(iterations), 0});
        });
  }
}

}  // namespace

void bench::register_contestant(const std::string& type, const std::string& isa,
                                const std::string& who, const Prepare& prepare) {
  const bool s8 = type == "int8";
  for (const Product& p : products())
    benchmark::RegisterBenchmark(
        ("gemm/" + type + "/" + p.name() + "/" + who).c_str(), [=](benchmark::State& state) {
          const auto run = prepare(p);
          run();  // Some compile their code when they are called first.
          for (auto _ : state) {
            run();
            benchmark::ClobberMemory();
          }
          const std::int64_t elements = p.P() * p.K + p.K * p.O() + p.P() * p.O();
          std::size_t number = 0;
          while (octet::isa_names[number] != isa) ++number;
          count_work(state, {s8 ? Arithmetic::s8 : Arithmetic::f32, static_cast<octet::Isa>(number),
                             2.0 * static_cast<double>(p.M * p.N * p.K),
                             static_cast<double>(elements * (s8 ? 1 : 4))});
        });
}

int main(int argc, char** argv) {
  set_environment_and_restart(argv);
  register_peaks();
  bench::register_octet();
  bench::register_eigen();
  bench::register_openblas();
  bench::register_onednn();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
