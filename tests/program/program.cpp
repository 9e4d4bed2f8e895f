// Running allocates nothing, and many threads share one program.
#include "octet/program/program.hpp"

#include <atomic>
#include <cstdlib>
#include <doctest/doctest.h>
#include <new>
#include <thread>

#include "networks.hpp"
#include "octet/program/quantize.hpp"

namespace {
std::atomic<long> allocations{0};

void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  size = (size + alignment - 1) / alignment * alignment;
  if (void* const memory = std::aligned_alloc(alignment, size ? size : alignment)) return memory;
  throw std::bad_alloc();
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
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
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
