// Running allocates nothing, calibration as much for many images as for few, and many threads share
// one program.
#include "octet/program/program.hpp"

#include <atomic>
#include <cstdlib>
#include <doctest/doctest.h>
#include <malloc.h>
#include <new>
#include <thread>

#include "networks.hpp"
#include "octet/program/quantize.hpp"

namespace {
std::atomic<long> allocations{0};
/// Bytes in use, and the most that there were.
std::atomic<long> bytes{0}, most_bytes{0};

void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  size = (size + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, size ? size : alignment);
  if (!memory) throw std::bad_alloc();
  const long now = bytes += static_cast<long>(malloc_usable_size(memory));
  for (long most = most_bytes; most < now && !most_bytes.compare_exchange_weak(most, now);) {
  }
  return memory;
}

void release(void* memory) {
  bytes -= static_cast<long>(malloc_usable_size(memory));
  std::free(memory);
}
}  // namespace

// Inlined into one side of a new and delete, GCC would take the two for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  return allocate(size, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, alignof(std::max_align_t));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { release(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { release(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory);
}

using namespace octet;

TEST_CASE("run allocates nothing, in float32 and in int8, for any batch size") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const Tensor<float> x = networks::images(network.input, 7);
    const Program programs[] = {compile(graph), quantize(graph, x).program};
    for (const Program& program : programs)
      for (const int threads : {1, 2}) {
        CAPTURE(threads);
        ThreadPool pool(threads);
        Workspace workspace(program, {.batch = 3, .pool = &pool});
        Tensor<float> y(program.output_shape().with_batch(7));
        const TensorView<const float> input = x;
        const TensorView<float> output = y;
        // The first call may set up what belongs to a thread or a process.
        program.run({&input, 1}, {&output, 1}, workspace);
        const long before = allocations;
        program.run({&input, 1}, {&output, 1}, workspace);
        CHECK(allocations == before);
      }
  }
  const long before = allocations;
  Tensor<float> one({1});
  CHECK(allocations == before + 1);
}

TEST_CASE("calibration takes as much memory for many images as for few") {
  const networks::Network network = networks::all()[1];
  const Program program = compile(networks::make(network));
  const Tensor<float> batch = networks::images(network.input, 50);
  ThreadPool pool(1);
  const auto memory_for = [&](int batches) {
    const BatchSource source = [&](const BatchVisitor& visit) {
      const TensorView<const float> view = batch;
      for (int i = 0; i < batches; ++i) visit({&view, 1});
    };
    const long before = bytes;
    most_bytes = before;
    CHECK(calibrate(program, source, {}, &pool).images() == 50 * batches);
    return most_bytes - before;
  };
  // The first call may set up what belongs to a thread or a process.
  memory_for(1);
  const long few = memory_for(2);
  CHECK(few > 0);
  // A point of the curve for each doubling of their number comes on top.
  CHECK(memory_for(40) < few + 8192);
}

TEST_CASE("many threads run one program at once") {
  const networks::Network network = networks::all()[3];
  const Graph<float> graph = networks::make(network);
  const Tensor<float> x = networks::images(network.input, 5);
  const Program programs[] = {compile(graph), quantize(graph, x).program};
  for (const Program& program : programs) {
    const Tensor<float> expected = program(x);
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        Workspace workspace(program, {.batch = 2});
        for (int k = 0; k < 5; ++k) right += program.predict(x, workspace) == expected;
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(right == 20);
  }
}
