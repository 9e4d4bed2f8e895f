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

TEST_CASE("a program without its weights gives the same bits, and their memory back") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const Tensor<float> x = networks::images(network.input, 3);
    const Program int8 = quantize(graph, x).program;
    for (const Program& program : {compile(graph), int8}) {
      CHECK(program.has_weights());
      const Program bare(program.description(), {.keep_weights = KeepWeights::no});
      CHECK_FALSE(bare.has_weights());
      CHECK(bare(x) == program(x));
      CHECK(bare.weight_bytes() == program.weight_bytes());
      for (const ProgramTensor& tensor : bare.description().tensors)
        CHECK(tensor.bytes.capacity() == 0);
    }
  }
}

TEST_CASE("what int8 computes together has the bits of its operations one by one") {
  Graph<float> graph(3);
  const networks::V input = graph.input({12, 20, 16});
  networks::V x =
      max_pool(relu(conv2d(input, 34, {.kernel = 3, .padding = 1})), {.kernel = 2, .stride = 2});
  // The sum is written before the convolution that it follows has read all of x.
  x = relu(x + conv2d(x, 34, {.kernel = 3, .padding = 1}));
  networks::V y = relu(conv2d(x, 34, {.kernel = 3, .padding = 1}));
  x = conv2d(y, 34, {.kernel = 1}) + x;
  // Three readers; the convolution comes before what is added to it.
  y = conv2d(x, 34, {.kernel = 1});
  x = y + conv2d(max_pool(x, {.kernel = 3, .stride = 1, .padding = 1}), 34, {.kernel = 1});
  graph.output(linear(flatten(x), 5));
  graph.output(global_average_pool(y));
  const Tensor<float> images = networks::images({12, 20, 16}, 5);
  const QuantizedProgram quantized = quantize(graph, images);
  const ProgramDescription& description = quantized.program.description();
  const TensorView<const float> input_view = images;
  const auto results_of = [&](const Program& program, int threads, auto&& run) {
    ThreadPool pool(threads);
    Workspace workspace(program, {.batch = 3, .pool = &pool});
    std::vector<Tensor<float>> results;
    std::vector<TensorView<float>> views;
    for (const int output : description.outputs)
      results.emplace_back(description.value(output).shape.with_batch(5));
    for (Tensor<float>& result : results) views.push_back(result);
    run(program, std::span<const TensorView<float>>(views), workspace);
    std::vector<float> all;
    for (const Tensor<float>& result : results)
      all.insert(all.end(), result.data(), result.data() + result.elements());
    return all;
  };
  const auto together = [&](const Program& program, auto views, Workspace& workspace) {
    program.run({&input_view, 1}, views, workspace);
  };
  const auto one_by_one = [&](const Program& program, auto views, Workspace& workspace) {
    program.run_observed({&input_view, 1}, views, workspace,
                         [](int, int, const std::byte*, std::int64_t, std::int64_t) {});
  };
  const std::vector<float> expected =
      results_of(Program(description, {.isa = Isa::scalar}), 1, one_by_one);
  for (std::size_t i = 0; i < isa_names.size(); ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (!isa_allowed(isa)) continue;
    CAPTURE(isa_names[i]);
    const Program program(description, {.isa = isa});
    for (const int threads : {1, 2}) {
      CHECK(results_of(program, threads, together) == expected);
      CHECK(results_of(program, threads, one_by_one) == expected);
    }
    int steps = 0, fused = 0;
    ThreadPool pool(1);
    Workspace workspace(program, {.batch = 5, .pool = &pool});
    results_of(program, 1, [&](const Program& timed, auto views, Workspace& memory) {
      timed.run_timed({&input_view, 1}, views, memory, [&](int) { ++steps; });
    });
    for (const OperationInfo& info : program.operations()) fused += info.kernel.starts_with("in ");
    // Five images are two pieces.
    CHECK(steps == 2 * (static_cast<int>(program.operations().size()) - fused));
    CHECK(fused == (isa == Isa::amx ? 4 : 0));
  }
}

/// Three images through run(), with several threads, and one operation after the other.
void check_same_bits(const Program& program, const Shape& shape) {
  const Tensor<float> images = networks::images(shape, 3);
  const TensorView<const float> input = images;
  Tensor<float> expected(program.output_shape().with_batch(3));
  const TensorView<float> output = expected;
  Workspace one(program);
  program.run_observed({&input, 1}, {&output, 1}, one,
                       [](int, int, const std::byte*, std::int64_t, std::int64_t) {});
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    Workspace workspace(program, {.batch = 3, .pool = &pool});
    CHECK(program.predict(images, workspace) == expected);
  }
}

TEST_CASE("a float convolution adds what follows, with the bits of one by one") {
  Graph<float> graph(5);
  const Shape shape{20, 23, 8};
  const auto image = graph.input(shape);
  // Tiles, Winograd's tiles, sums of few products and of many, which take several passes.
  auto x = image + conv2d(image, 8, {.kernel = 3, .padding = 1});
  x = relu(conv2d(x, 8, {.kernel = 1}) + x);
  auto wide = conv2d(x, 96, {.kernel = 1});
  wide = relu6(wide + conv2d(wide, 96, {.kernel = 3, .padding = 1}));
  wide = conv2d(wide, 96, {.kernel = 3, .padding = 2, .dilation = 2}) + wide;
  auto flat = linear(global_average_pool(wide), 800);
  graph.output(linear(flat, 800) + flat);
  const Program program = compile(graph);
  int fused = 0;
  for (const OperationInfo& info : program.operations())
    fused += info.type == "add" && info.kernel.starts_with("in ");
  CHECK(fused == 5);
  check_same_bits(program, shape);
}

TEST_CASE("a float convolution leaves an addition alone that it cannot make") {
  Graph<float> graph(5);
  const auto image = graph.input({6, 6, 4});
  const auto x = conv2d(image, 4, {.kernel = 1});
  const auto limited = relu(conv2d(image, 4, {.kernel = 1}));
  // To what is limited before, and to itself.
  graph.output(limited + max_pool(image, {.kernel = 1}));
  graph.output(x + x);
  const Program program = compile(graph);
  for (const OperationInfo& info : program.operations()) CHECK(!info.kernel.starts_with("in "));
}

TEST_CASE("large pointwise and depthwise convolutions run together, with the bits of one by one") {
  Graph<float> graph(5);
  networks::V x = relu6(conv2d(graph.input({73, 96, 3}), 80, {.kernel = 1}));
  x = relu6(depthwise_conv2d(x, {.kernel = 3, .stride = 2, .padding = 1}));
  graph.output(global_average_pool(x));
  const Program program = compile(graph);
  const bool together = kernels::select_gemm().product != nullptr;
  CHECK(program.operations()[1].kernel.starts_with("in ") == together);
  check_same_bits(program, {73, 96, 3});
}

TEST_CASE("a convolution is not computed with one that reads its results as another image") {
  Graph<float> graph(1);
  const auto x = conv2d(graph.input({64, 64, 2}), 160, {.kernel = 1});
  graph.output(depthwise_conv2d(x, {.kernel = 3, .padding = 1}));
  ProgramDescription d = compile(graph).description();
  REQUIRE(d.operations.size() == 2);
  const bool has_strips = kernels::select_gemm(active_isa()).product != nullptr;
  CHECK(FusedSteps(d, active_isa()).after(0) == (has_strips ? 1 : -1));
  auto wide = *d.operations[1].as<operations::DepthwiseConv2d>();
  wide.shape.H = wide.shape.OH = 4;
  wide.shape.W = wide.shape.OW = 1024;
  d.operations[1].parameters = wide;
  CHECK_NOTHROW(validate(d));
  CHECK(FusedSteps(d, active_isa()).after(0) == -1);
}

TEST_CASE("an observer sees as many examples at once as the workspace was made for") {
  Graph<float> graph(5);
  graph.output(global_average_pool(conv2d(graph.input({64, 64, 1}), 64, {.kernel = 3})));
  const Program program = compile(graph);
  const Tensor<float> images = networks::images({64, 64, 1}, 8);
  const TensorView<const float> input = images;
  Tensor<float> y(program.output_shape().with_batch(8));
  const TensorView<float> output = y;
  for (const int threads : {1, 2}) {
    ThreadPool pool(threads);
    Workspace workspace(program, {.batch = 5, .pool = &pool});
    CHECK(workspace.bytes() < 5 * program.arena_bytes());
    std::vector<std::int64_t> seen;
    program.run_observed({&input, 1}, {&output, 1}, workspace,
                         [&](int operation, int, const std::byte*, auto first, auto count) {
                           if (operation == 0) seen.insert(seen.end(), {first, count});
                         });
    CHECK(seen == std::vector<std::int64_t>{0, 5, 5, 3});
    CHECK(y == program(images));
  }
}
