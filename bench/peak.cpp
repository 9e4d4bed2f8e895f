// Measures the machine: peak [--quick] [--json FILE]
#include "peak.hpp"

#include <cstdio>
#include <fstream>

#include "arguments.hpp"

namespace {

/// What was measured, for the report.
octet::Json machine(int threads) {
  std::string processor = "unknown processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) processor = line.substr(line.find(':') + 2);
  return octet::Json::object()
      .set("processor", processor)
      .set("threads", threads)
      .set("isa", octet::to_text(octet::active_isa()))
#if defined(__clang__)
      .set("compiler", "Clang " + std::to_string(__clang_major__));
#else
      .set("compiler", "GCC " + std::to_string(__GNUC__));
#endif
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  octet::ThreadPool pool(0);
  bench::PeakOptions options;
  if (arguments.quick) options = {.samples = 5, .milliseconds = 0.2};
  const bench::MachinePeak peak = bench::measure_peak(pool, options);
  std::printf("%-16s %-12s %-34s %7s %12s\n", "arithmetic", "isa", "instruction", "threads",
              "GOP/s");
  for (const bench::ComputePeak& each : peak.compute)
    std::printf(
        "%-16s %-12s %-34s %7d %12.1f\n",
        std::string(bench::arithmetic_names[static_cast<std::size_t>(each.arithmetic)]).c_str(),
        octet::to_text(each.isa).c_str(), each.instruction.c_str(), each.threads,
        each.giga_operations);
  std::printf("\n%-8s %14s %7s %12s %12s\n", "level", "KiB a thread", "threads", "read GB/s",
              "copy GB/s");
  for (const bench::Bandwidth& each : peak.bandwidth)
    std::printf("%-8s %14lld %7d %12.1f %12.1f\n",
                std::string(bench::level_names[static_cast<std::size_t>(each.level)]).c_str(),
                static_cast<long long>(each.working_set / 1024), each.threads, each.read,
                each.copy);
  arguments.write(peak.json().set("machine", machine(pool.threads())));
}
