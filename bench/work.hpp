// What a benchmark tells about itself beside its time, so that the report can compare it with the
// peak of the machine.
#pragma once

#include <benchmark/benchmark.h>

#include "octet/core/cpu.hpp"
#include "peak_loops.hpp"

namespace bench {

/// The work of one iteration: multiplications and additions, and bytes read and written once.
struct Work {
  Arithmetic arithmetic = Arithmetic::f32;
  octet::Isa isa = octet::Isa::scalar;
  double operations = 0;
  double bytes = 0;
};

/// Adds the counters operations and bytes, and the rate of operations a second, or, where there are
/// none, of bytes. The label is like "int8 amx".
inline void count_work(benchmark::State& state, const Work& work) {
  using benchmark::Counter;
  // Of zeros the library would compute a variation that is no number, and no JSON.
  if (work.operations > 0) state.counters["operations"] = work.operations;
  if (work.bytes > 0) state.counters["bytes"] = work.bytes;
  state.counters["rate"] = Counter(work.operations > 0 ? work.operations : work.bytes,
                                   Counter::kIsIterationInvariantRate);
  state.SetLabel(std::string(arithmetic_names[static_cast<std::size_t>(work.arithmetic)]) + " " +
                 octet::to_text(work.isa));
}

}  // namespace bench
