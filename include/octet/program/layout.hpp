// Where each value of a program lies: in the arena, or in the caller's inputs and outputs.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "octet/core/memory_plan.hpp"
#include "octet/program/description.hpp"
#include "octet/program/fused_steps.hpp"

namespace octet::inline OCTET_ABI {

struct ValuePlace {
  enum class Kind { arena, input, output };
  Kind kind = Kind::arena;
  /// Bytes from the beginning of the arena, for one example: with N of them, N times as many.
  std::int64_t offset = 0;
  /// Of the network's inputs or outputs.
  int index = 0;
};

/// An output that no step can write directly, because it is an input or another output too.
struct CopiedOutput {
  int output;
  int value;
};

struct ProgramLayout {
  std::vector<ValuePlace> places;
  std::vector<CopiedOutput> copied_outputs;
  std::int64_t arena_bytes = 0;
};

/// Values that share one piece of memory, as a forest whose roots stand for their trees.
template <class = WhenUsed>
class BasicSharedMemory {
 public:
  explicit BasicSharedMemory(const ProgramDescription& description, const FusedSteps& fused = {})
      : parent_(description.values.size()), last_read_(description.values.size(), -1) {
    std::iota(parent_.begin(), parent_.end(), 0);
    const int end = static_cast<int>(description.operations.size());
    for (int i = 0; i < end; ++i)
      for (const int input : description.operations[at(i)].inputs) last_read_[at(input)] = i;
    for (const int value : description.inputs) last_read_[at(value)] = end;
    for (const int value : description.outputs) last_read_[at(value)] = end;
    // Reshapes first: they decide how long memory is really needed. In order, so that a tree of
    // many is not a chain.
    for (int i = 0; i < end; ++i)
      if (description.operations[at(i)].as<operations::Reshape>())
        join(description.operations[at(i)]);
    for (int i = 0; i < end; ++i)
      if (runs_in_place(description, i, fused)) join(description.operations[at(i)]);
  }

  int root(int value) const {
    while (parent_[at(value)] != value) value = parent_[at(value)];
    return value;
  }
  int last_read(int value) const { return last_read_[at(root(value))]; }

 private:
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }

  void join(const Operation& operation) {
    const int from = root(operation.inputs[0]), to = root(operation.output);
    if (from == to) return;
    parent_[at(to)] = from;
    last_read_[at(from)] = (std::max)(last_read_[at(from)], last_read_[at(to)]);
  }
  /// Whether the operation may write over its first input, which nobody reads afterwards.
  bool runs_in_place(const ProgramDescription& description, int i, const FusedSteps& fused) const {
    const Operation& operation = description.operations[at(i)];
    if (!operation.as<operations::Activation>() && !operation.as<operations::Lookup>() &&
        !operation.as<operations::Add>() && !operation.as<operations::Multiply>())
      return false;
    // In float, a fused addition must not write over what it adds.
    if (fused.owner(i) != i && description.value(operation.output).type == ElementType::f32 &&
        operation.inputs[0] != description.operations[at(fused.owner(i))].output)
      return false;
    // A fused operation writes while its owner runs, so nobody may read from then on.
    for (int k = fused.owner(i); k < i; ++k)
      for (const int input : description.operations[at(k)].inputs)
        if (root(input) == root(operation.inputs[0])) return false;
    return last_read(operation.inputs[0]) == i;
  }

  std::vector<int> parent_;
  std::vector<int> last_read_;
};
using SharedMemory = BasicSharedMemory<>;

/// Plans the arena of a valid description, reusing memory as soon as it is free. It serves the
/// operations one by one as well as fused: what a fused one writes lives from when its owner runs.
template <class = WhenUsed>
ProgramLayout plan_layout(const ProgramDescription& description, const FusedSteps& fused = {}) {
  const auto at = [](int index) { return static_cast<std::size_t>(index); };
  const SharedMemory memory(description, fused);
  ProgramLayout layout;
  layout.places.resize(description.values.size());
  std::vector<int> buffer_of(description.values.size(), -1);
  std::vector<bool> placed(description.values.size(), false);
  for (std::size_t k = 0; k < description.inputs.size(); ++k) {
    const int value = memory.root(description.inputs[k]);
    layout.places[at(value)] = {ValuePlace::Kind::input, 0, static_cast<int>(k)};
    placed[at(value)] = true;
  }
  for (std::size_t k = 0; k < description.outputs.size(); ++k) {
    const int output = description.outputs[k], value = memory.root(output);
    if (placed[at(value)]) {
      layout.copied_outputs.push_back({static_cast<int>(k), output});
      continue;
    }
    layout.places[at(value)] = {ValuePlace::Kind::output, 0, static_cast<int>(k)};
    placed[at(value)] = true;
  }
  std::vector<BufferLifetime> buffers;
  for (std::size_t i = 0; i < description.operations.size(); ++i) {
    const int output = description.operations[i].output, value = memory.root(output);
    if (value != output || placed[at(value)]) continue;
    const std::int64_t bytes =
        description.value(value).shape.elements() * element_size(description.value(value).type);
    buffer_of[at(value)] = static_cast<int>(buffers.size());
    buffers.push_back({round_up(bytes, static_cast<std::int64_t>(alignment)),
                       fused.owner(static_cast<int>(i)),
                       (std::max)(memory.last_read(value), static_cast<int>(i))});
  }
  const MemoryPlan plan = plan_memory(buffers, static_cast<std::int64_t>(alignment));
  layout.arena_bytes = plan.size;
  constexpr std::int64_t most_bytes = std::int64_t{1} << 32;
  if (plan.size > most_bytes)
    fail("program: expected to need at most ", most_bytes, " bytes of working memory, got ",
         plan.size);
  for (std::size_t v = 0; v < layout.places.size(); ++v) {
    const int value = memory.root(static_cast<int>(v));
    if (buffer_of[at(value)] >= 0)
      layout.places[at(value)].offset = plan.offsets[at(buffer_of[at(value)])];
    layout.places[v] = layout.places[at(value)];
  }
  return layout;
}

}  // namespace octet::inline OCTET_ABI
