// What this machine can do at most, and which of its limits binds a piece of work: the roofline of
// Williams, Waterman and Patterson (2009).
#pragma once

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bandwidth.hpp"
#include "octet/core/json.hpp"
#include "octet/core/thread_pool.hpp"
#include "peak_loops.hpp"
#include "timing.hpp"

namespace bench {

struct ComputePeak {
  Arithmetic arithmetic;
  octet::Isa isa;
  int threads;
  std::string instruction;
  /// Multiplications and additions per second, / 1e9.
  double giga_operations;
};
struct Bandwidth {
  Level level;
  int threads;
  /// Of each thread.
  std::int64_t working_set;
  /// GB/s; a copy counts bytes read and bytes written.
  double read, copy;
};

/// What limits a piece of work, and the least time that it can take.
struct Roof {
  double seconds = 0;
  /// "compute", or the level of memory.
  std::string binds = "compute";
  /// How fast that is: GOP/s, or GB/s.
  double rate = 0;
};

/// Whether `isa` includes `other`: AVX-512 does not bring AVX-VNNI.
inline bool includes(octet::Isa isa, octet::Isa other) {
  return other <= isa && !(isa == octet::Isa::avx512 && other == octet::Isa::avx_vnni);
}

struct MachinePeak {
  std::vector<ComputePeak> compute;
  std::vector<Bandwidth> bandwidth;

  /// The best of an instruction set and of those that it includes, on so many threads.
  double giga_operations(Arithmetic arithmetic, octet::Isa isa, int threads) const {
    double best = 0;
    for (const ComputePeak& each : compute)
      if (each.arithmetic == arithmetic && includes(isa, each.isa) &&
          (each.threads == 1) == (threads == 1))
        best = (std::max)(best, each.giga_operations);
    return best;
  }
  /// GB/s of the level that holds so many bytes of all threads.
  const Bandwidth& bandwidth_for(double bytes, int threads) const {
    const Bandwidth* widest = &bandwidth.back();
    for (const Bandwidth& each : bandwidth)
      if ((each.threads == 1) == (threads == 1)) {
        widest = &each;
        if (bytes <= 2.0 * static_cast<double>(each.working_set) * each.threads) break;
      }
    return *widest;
  }
  /// The least time for work that multiplies and moves so much, each byte once.
  Roof roof(Arithmetic arithmetic, octet::Isa isa, int threads, double operations,
            double bytes) const {
    const double giga = giga_operations(arithmetic, isa, threads);
    const Bandwidth& memory = bandwidth_for(bytes, threads);
    const double computing = giga > 0 ? operations / giga / 1e9 : 0;
    const double speed = (std::max)(memory.read, memory.copy), moving = bytes / speed / 1e9;
    if (computing >= moving) return {computing, "compute", giga};
    return {moving, std::string(level_names[static_cast<std::size_t>(memory.level)]), speed};
  }

  octet::Json json() const {
    octet::Json out;
    out.set("compute", octet::Json::array()).set("bandwidth", octet::Json::array());
    octet::Json rows = octet::Json::array(), levels = octet::Json::array();
    for (const ComputePeak& each : compute)
      rows.push(octet::Json::object()
                    .set("arithmetic", arithmetic_names[static_cast<std::size_t>(each.arithmetic)])
                    .set("isa", octet::to_text(each.isa))
                    .set("threads", each.threads)
                    .set("instruction", each.instruction)
                    .set("giga_operations", each.giga_operations));
    for (const Bandwidth& each : bandwidth)
      levels.push(octet::Json::object()
                      .set("level", level_names[static_cast<std::size_t>(each.level)])
                      .set("threads", each.threads)
                      .set("working_set", each.working_set)
                      .set("read", each.read)
                      .set("copy", each.copy));
    return out.set("compute", std::move(rows)).set("bandwidth", std::move(levels));
  }
};

/// MachinePeak::json() read back.
inline MachinePeak peak_from(const octet::Json& json) {
  const auto number_of = [](const auto& names, const octet::Json& name) {
    return std::find(std::begin(names), std::end(names), name.as_string()) - std::begin(names);
  };
  MachinePeak peak;
  for (const octet::Json& row : json["compute"].as_array())
    peak.compute.push_back({static_cast<Arithmetic>(number_of(arithmetic_names, row["arithmetic"])),
                            static_cast<octet::Isa>(number_of(octet::isa_names, row["isa"])),
                            static_cast<int>(row["threads"].as_integer()),
                            row["instruction"].as_string(), row["giga_operations"].as_number()});
  for (const octet::Json& row : json["bandwidth"].as_array())
    peak.bandwidth.push_back({static_cast<Level>(number_of(level_names, row["level"])),
                              static_cast<int>(row["threads"].as_integer()),
                              row["working_set"].as_integer(), row["read"].as_number(),
                              row["copy"].as_number()});
  return peak;
}

struct PeakOptions {
  /// Each figure is the median of so many samples of so many milliseconds; of memory, a sample is
  /// one pass over a piece.
  int samples = 31;
  double milliseconds = 0.4;
};

/// Measures with one thread and with all of `pool`. Samples of all arithmetic loops alternate, and
/// those of reading and copying at one level, so that what slows the machine for a while does not
/// fall on one of them.
inline MachinePeak measure_peak(octet::ThreadPool& pool, const PeakOptions& options = {}) {
  using octet::AlignedVector;
  octet::ThreadPool alone(1);
  std::vector<octet::ThreadPool*> pools = {&alone};
  if (pool.threads() > 1) pools.push_back(&pool);
  // Runs body(thread) on all threads, which wait for each other; the seconds of the slowest.
  const auto on_all = [](octet::ThreadPool& threads, auto&& body) {
    const int count = threads.threads();
    std::atomic<int> arrived{0};
    std::vector<double> seconds(static_cast<std::size_t>(count));
    threads.parallel_for(count, 1, [&](std::int64_t begin, std::int64_t) {
      for (++arrived; arrived < count;) std::this_thread::yield();
      const double start = thread_seconds();
      body(static_cast<std::size_t>(begin));
      seconds[static_cast<std::size_t>(begin)] = thread_seconds() - start;
    });
    return *std::max_element(seconds.begin(), seconds.end());
  };
  // How often to repeat body(1) to fill one sample.
  const auto repetitions = [&](auto&& body) {
    std::int64_t count = 1;
    for (double start = thread_seconds();; count *= 2, start = thread_seconds()) {
      body(count);
      if (thread_seconds() - start >= options.milliseconds / 1000) return count;
    }
  };

  struct Sampled {
    std::vector<double> giga;
    std::int64_t count = 0;
  };
  MachinePeak peak;
  std::vector<const PeakLoop*> loops;
  for (octet::ThreadPool* const threads : pools)
    for (const PeakLoop& loop : peak_loops())
      if (octet::cpu_supports(loop.isa)) {
        loops.push_back(&loop);
        peak.compute.push_back(
            {loop.arithmetic, loop.isa, threads->threads(), std::string(loop.instruction), 0});
      }
  std::vector<Sampled> computed(loops.size());
  for (int sample = 0; sample < options.samples; ++sample)
    for (std::size_t i = 0; i < loops.size(); ++i) {
      octet::ThreadPool& threads = peak.compute[i].threads == 1 ? alone : pool;
      if (sample == 0) computed[i].count = repetitions(loops[i]->run);
      const double seconds =
          on_all(threads, [&](std::size_t) { loops[i]->run(computed[i].count); });
      computed[i].giga.push_back(loops[i]->operations * threads.threads() *
                                 static_cast<double>(computed[i].count) / seconds / 1e9);
    }
  for (std::size_t i = 0; i < loops.size(); ++i)
    peak.compute[i].giga_operations = median(computed[i].giga);

  // Memory of its own for each thread, touched by it.
  std::vector<AlignedVector<std::byte>> memory(static_cast<std::size_t>(pool.threads()));
  on_all(pool, [&](std::size_t thread) {
    memory[thread].assign(static_cast<std::size_t>(working_set(Level::memory)), std::byte{1});
  });
  // Memory is gone through in pieces, so that none of them is still in a cache.
  const std::int64_t piece = working_set(Level::L3) / 1024 * 1024;
  for (octet::ThreadPool* const threads : pools)
    for (const Level level : {Level::L1, Level::L2, Level::L3, Level::memory}) {
      const std::int64_t whole = working_set(level) / 1024 * 1024;
      const std::int64_t bytes = (std::min)(whole, piece), half = bytes / 2;
      std::int64_t first = 0;
      const auto next = [&] { first = (first + bytes) % (whole / bytes * bytes); };
      const auto read = [&](std::size_t thread, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) read_all(memory[thread].data() + first, bytes);
      };
      const auto copy = [&](std::size_t thread, std::int64_t count) {
        std::byte* const from = memory[thread].data() + first;
        for (std::int64_t i = 0; i < count; ++i) copy_all(from, from + half, half);
      };
      const std::int64_t count =
          level == Level::memory ? 1 : repetitions([&](std::int64_t n) { read(0, n); });
      const double moved = 1e-9 * static_cast<double>(bytes * count) * threads->threads();
      std::vector<double> reads, copies;
      for (int sample = 0; sample < options.samples; ++sample) {
        reads.push_back(moved / on_all(*threads, [&](std::size_t t) { read(t, count); }));
        next();
        copies.push_back(moved / on_all(*threads, [&](std::size_t t) { copy(t, count); }));
        next();
      }
      peak.bandwidth.push_back({level, threads->threads(), whole, median(reads), median(copies)});
    }
  return peak;
}

}  // namespace bench
