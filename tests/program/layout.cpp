// Where a program's values lie: no step may destroy what a later one reads.
#include "octet/program/layout.hpp"

#include <doctest/doctest.h>

#include "networks.hpp"
#include "octet/program/quantize.hpp"

using namespace octet;

namespace {

/// Plays the program with the numbers of values in place of their elements: each operation must
/// find its inputs' numbers in every byte of their memory, and then marks that of its output.
/// What is fused is written by its owner, from the inputs of both.
void play(const ProgramDescription& description, const FusedSteps& fused = {},
          bool together = false) {
  const ProgramLayout layout = plan_layout(description, fused);
  REQUIRE(layout.places.size() == description.values.size());
  std::vector<int> arena(static_cast<std::size_t>(layout.arena_bytes), -1);
  std::vector<std::vector<int>> input, output;
  const auto bytes = [&](int value) {
    const ProgramValue& v = description.value(value);
    return static_cast<std::size_t>(v.shape.elements() * element_size(v.type));
  };
  for (const int value : description.inputs) input.emplace_back(bytes(value), value);
  for (const int value : description.outputs) output.emplace_back(bytes(value), -1);
  const auto memory = [&](int value) {
    const ValuePlace& place = layout.places[static_cast<std::size_t>(value)];
    const auto index = static_cast<std::size_t>(place.index);
    std::vector<int>& all = place.kind == ValuePlace::Kind::input    ? input.at(index)
                            : place.kind == ValuePlace::Kind::output ? output.at(index)
                                                                     : arena;
    const std::size_t begin = static_cast<std::size_t>(place.offset);
    REQUIRE(begin + bytes(value) <= all.size());
    return std::span(all).subspan(begin, bytes(value));
  };
  const auto holds = [&](int value) {
    return std::ranges::all_of(memory(value), [&](int mark) { return mark == value; });
  };
  for (std::size_t i = 0; i < description.operations.size(); ++i) {
    const int number = static_cast<int>(i);
    if (together && fused.owner(number) != number) continue;
    const int after = together ? fused.after(number) : -1;
    const Operation& operation =
        description.operations[after >= 0 ? static_cast<std::size_t>(after) : i];
    CAPTURE(operation.name);
    for (const int value : description.operations[i].inputs) CHECK(holds(value));
    for (const int value : operation.inputs)
      if (value != description.operations[i].output) CHECK(holds(value));
    // A convolution reads its neighbours' inputs after its first results are written.
    if (after >= 0)
      for (const int value : description.operations[i].inputs)
        CHECK(memory(value).data() != memory(operation.output).data());
    // A float one may read what is added after it wrote there.
    if (after >= 0 && description.value(operation.output).type == ElementType::f32)
      for (const int value : operation.inputs)
        if (value != description.operations[i].output)
          CHECK(memory(value).data() != memory(operation.output).data());
    const ValuePlace& place = layout.places[static_cast<std::size_t>(operation.output)];
    // A reshape's output is its input under another name, and may be the caller's own.
    if (place.kind == ValuePlace::Kind::input) CHECK(operation.as<operations::Reshape>());
    if (operation.as<operations::Reshape>())
      CHECK(memory(operation.output).data() == memory(operation.inputs[0]).data());
    else if (place.kind == ValuePlace::Kind::arena)
      CHECK(place.offset % static_cast<std::int64_t>(alignment) == 0);
    // What else lies in the same memory is lost from here on, but for the reshaped input.
    std::ranges::fill(memory(operation.output), operation.output);
    if (operation.as<operations::Reshape>()) {
      for (const Operation& later : description.operations)
        if (&later > &operation)
          for (const int value : later.inputs) CHECK(value != operation.inputs[0]);
    }
  }
  for (std::size_t k = 0; k < description.outputs.size(); ++k) {
    const bool copied = std::ranges::any_of(layout.copied_outputs, [&](const CopiedOutput& c) {
      return c.output == static_cast<int>(k);
    });
    const ValuePlace& place = layout.places[static_cast<std::size_t>(description.outputs[k])];
    CHECK(holds(description.outputs[k]));
    if (!copied)
      CHECK((place.kind == ValuePlace::Kind::output && place.index == static_cast<int>(k)));
  }
}

/// x -> relu -> relu6 -> softmax, all of `channels` floats.
ProgramDescription chain(std::int64_t channels) {
  ProgramDescription d;
  d.inputs = {d.add_value({"x", {channels}})};
  const auto add = [&](std::string name, OperationParameters parameters) {
    const int from = static_cast<int>(d.values.size()) - 1;
    const int to = d.add_value({name, {channels}});
    d.operations.push_back({name, {from}, to, std::move(parameters)});
  };
  add("relu", operations::Activation{Function::clamp, {0, 9}, 0});
  add("relu6", operations::Activation{Function::clamp, {0, 6}, 0});
  add("softmax", operations::Softmax{});
  d.outputs = {static_cast<int>(d.values.size()) - 1};
  return d;
}

}  // namespace

TEST_CASE("layout: every operation finds its inputs whole, in float32 and in int8") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const Program compiled = compile(graph);
    play(compiled.description());
    const FusedSteps fused_floats(compiled.description(), active_isa());
    play(compiled.description(), fused_floats);
    play(compiled.description(), fused_floats, true);
    const Program program = quantize(graph, networks::images(network.input, 2)).program;
    play(program.description());
    const FusedSteps fused(program.description(), active_isa());
    play(program.description(), fused);
    play(program.description(), fused, true);
  }
}

TEST_CASE("layout: activations write over what they read, but never over the caller's input") {
  const ProgramDescription d = chain(32);
  play(d);
  const ProgramLayout layout = plan_layout(d);
  CHECK(layout.places[0].kind == ValuePlace::Kind::input);
  CHECK(layout.places[1].kind == ValuePlace::Kind::arena);
  CHECK(layout.places[2].kind == ValuePlace::Kind::arena);
  CHECK(layout.places[1].offset == layout.places[2].offset);
  CHECK(layout.places[3].kind == ValuePlace::Kind::output);
  CHECK(layout.arena_bytes == 32 * 4);
}

TEST_CASE("layout: a value that is read again later is not written over") {
  ProgramDescription d = chain(32);
  d.operations.pop_back();
  d.values.pop_back();
  d.outputs = {d.add_value({"sum", {32}})};
  d.operations.push_back({"sum", {2, 1}, 3, operations::Add{}});
  play(d);
  const ProgramLayout layout = plan_layout(d);
  CHECK(layout.places[1].kind == ValuePlace::Kind::arena);
  // The sum is written over its first input, so both are the caller's output.
  CHECK(layout.places[2].kind == ValuePlace::Kind::output);
  CHECK(layout.arena_bytes == 32 * 4);
}

TEST_CASE("layout: an input or a value that is an output twice is copied at the end") {
  ProgramDescription d = chain(4);
  d.outputs = {3, 3, 0};
  const ProgramLayout layout = plan_layout(d);
  REQUIRE(layout.copied_outputs.size() == 2);
  CHECK(layout.copied_outputs[0].output == 1);
  CHECK(layout.copied_outputs[0].value == 3);
  CHECK(layout.copied_outputs[1].output == 2);
  CHECK(layout.copied_outputs[1].value == 0);
}

TEST_CASE("layout: an arena that nobody has is refused with a sentence") {
  CHECK_THROWS_WITH_AS(plan_layout(chain(std::int64_t{1} << 31)),
                       "program: expected to need at most 4294967296 bytes of working memory, got "
                       "8589934592",
                       Error);
}
