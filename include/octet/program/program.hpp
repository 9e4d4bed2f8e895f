// What you run: an immutable list of kernel calls, weights packed for this processor, memory
// planned.
#pragma once

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "octet/core/cpu.hpp"
#include "octet/core/memory_plan.hpp"
#include "octet/core/tensor.hpp"
#include "octet/program/custom_step.hpp"
#include "octet/program/description.hpp"
#include "octet/program/float_steps.hpp"
#include "octet/program/int8_steps.hpp"
#include "octet/program/layout.hpp"
#include "octet/program/validate.hpp"

namespace octet::inline OCTET_ABI {

/// Whether a program keeps its weights as they are in files beside the packed ones. Without them it
/// runs, but can be neither saved, quantized nor emitted.
enum class KeepWeights { no, yes };

struct ProgramOptions {
  /// The instruction set that weights are packed for.
  Isa isa = active_isa();
  KeepWeights keep_weights = KeepWeights::yes;
};

/// What is worth knowing about one operation of a program.
struct OperationInfo {
  std::string name;
  std::string type;
  /// What runs it; kernels/table.hpp tells how such a name is read. "in NAME" if the operation of
  /// that name computes this one too.
  std::string kernel;
  ElementType element_type = ElementType::f32;
  Shape shape;
  /// Multiply-and-add operations for one example.
  std::int64_t multiply_adds = 0;
  /// Bytes of its weights, tables and biases as they are stored.
  std::int64_t weight_bytes = 0;
};

/// The most bytes that outputs may take, or the values of a workspace; more is a mistake.
inline constexpr std::int64_t most_run_bytes = std::int64_t{1} << 42;

/// The outputs of a program, and views of them as run() takes them.
struct ProgramOutputs {
  std::vector<Tensor<float>> tensors;
  std::vector<TensorView<float>> views;
};

class Workspace;
struct PieceMemory;

/// A compiled network. It is never changed after it is built, so any number of threads may run it
/// at once, each with a Workspace of its own.
class Program {
 public:
  /// Packs a description. Fails, naming the operation, if the description makes no sense. A
  /// template only so that it is compiled where it is used.
  template <std::same_as<ProgramDescription> Description>
  explicit Program(Description description, ProgramOptions options = {}) : isa_(options.isa) {
    active_isa();  // A wrong OCTET_ISA is told here, not by a kernel, which must not throw.
    validate(description);
    const FusedSteps fused(description, isa_);
    layout_ = plan_layout(description, fused);
    std::vector<int> readers(description.tensors.size());
    for (const Operation& operation : description.operations)
      for (const int tensor : operation.tensors()) ++readers[static_cast<std::size_t>(tensor)];
    for (std::size_t i = 0; i < description.operations.size(); ++i) {
      const int number = static_cast<int>(i), owner = fused.owner(number);
      const Operation& operation = description.operations[i];
      if (const int after = fused.after(number); after >= 0) {
        const Operation& follower = description.operations[static_cast<std::size_t>(after)];
        add_fused(description, operation, follower, number);
      } else {
        steps_.push_back(make_step(description, operation));
        if (owner == number) runs_.push_back({steps_.back(), number});
      }
      infos_.push_back(info_of(description, operation));
      if (owner != number)
        infos_.back().kernel = "in " + infos_[static_cast<std::size_t>(owner)].name;
      if (options.keep_weights == KeepWeights::yes) continue;
      // One by one, so that no more than one layer's weights are there twice.
      for (const int tensor : operation.tensors()) {
        const auto index = static_cast<std::size_t>(tensor);
        if (--readers[index] == 0) description.tensors[index].bytes = AlignedVector<std::byte>();
      }
    }
    has_weights_ = options.keep_weights == KeepWeights::yes || description.tensors.empty();
    description_ = std::make_shared<const ProgramDescription>(std::move(description));
  }

  /// Computes every output {N, ...} from one tensor {N, ...} for each input, for any N: in pieces
  /// whose values fit the caches, each on one thread if there are two examples for every thread,
  /// else with all threads in every operation. Allocates nothing. The shapes must be right:
  /// predict() checks them. No output may overlap an input or another output: outputs are written
  /// while inputs are still read.
  void run(std::span<const TensorView<const float>> inputs,
           std::span<const TensorView<float>> outputs, Workspace& workspace) const noexcept;

  /// run() that also calls observe(operation, value, data, first, count) after each operation: the
  /// numbers of the operation and of the value it wrote, the value's memory, and which examples
  /// these are: as many at once as the workspace was made for. Operations run one by one here, so
  /// that every value exists; run() computes some together, with the same bits.
  template <class Observer>
  void run_observed(std::span<const TensorView<const float>> inputs,
                    std::span<const TensorView<float>> outputs, Workspace& workspace,
                    Observer&& observe) const;

  /// run(), piece by piece, that also calls observe(operation) after each step, with the number of
  /// its operation. One that is fused into another gets no call.
  template <class Observer>
  void run_timed(std::span<const TensorView<const float>> inputs,
                 std::span<const TensorView<float>> outputs, Workspace& workspace,
                 Observer&& observe) const;

  /// Fails with a sentence unless these inputs fit the program.
  void check(std::span<const TensorView<const float>> inputs) const {
    if (inputs.size() != description_->inputs.size())
      fail("program: expected ", description_->inputs.size(), " inputs, got ", inputs.size());
    const Shape& first = inputs[0].shape();
    const std::int64_t N = first.rank() > 0 ? first[0] : 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const ProgramValue& value = description_->value(description_->inputs[k]);
      if (N < 1 || inputs[k].empty() || !(inputs[k].shape() == value.shape.with_batch(N)))
        fail("program: expected ", value.shape, " with a batch in front for ", value.name, ", got ",
             inputs[k].shape());
    }
  }

  /// Memory for the outputs of so many examples. Fails if they would take more than 2^42 bytes.
  ProgramOutputs make_outputs(std::int64_t examples) const {
    ProgramOutputs outputs;
    for (const int output : description_->outputs)
      if (const std::int64_t bytes = 4 * description_->value(output).shape.elements();
          examples < 0 || examples > most_run_bytes / bytes)
        fail("program: expected from 0 to 2^42 bytes of outputs, got ", examples, " examples of ",
             bytes, " bytes");
    for (const int output : description_->outputs)
      outputs.tensors.emplace_back(description_->value(output).shape.with_batch(examples));
    for (Tensor<float>& tensor : outputs.tensors) outputs.views.push_back(tensor);
    return outputs;
  }

  /// run() with the shapes checked; fails with a sentence if they do not fit.
  std::vector<Tensor<float>> predict(std::span<const TensorView<const float>> inputs,
                                     Workspace& workspace) const;
  /// The output of a program with one input and one output.
  Tensor<float> predict(TensorView<const float> input, Workspace& workspace) const;
  /// The same with a workspace that lives as long as the call.
  Tensor<float> operator()(TensorView<const float> input) const;

  /// Values, operations and, unless they were dropped, weights.
  const ProgramDescription& description() const { return *description_; }
  bool has_weights() const { return has_weights_; }
  Isa isa() const { return isa_; }
  const std::vector<OperationInfo>& operations() const { return infos_; }
  /// Layers that run as their authors wrote them, in float32, because nothing is known of them.
  std::vector<std::string> custom_layers() const {
    std::vector<std::string> names;
    for (const Operation& operation : description_->operations)
      if (operation.as<operations::Custom>()) names.push_back(operation.name);
    return names;
  }
  /// Bytes of working memory for each example of a batch.
  std::int64_t arena_bytes() const { return layout_.arena_bytes; }
  std::int64_t weight_bytes() const {
    std::int64_t sum = 0;
    for (const OperationInfo& info : infos_) sum += info.weight_bytes;
    return sum;
  }
  std::int64_t multiply_adds() const {
    std::int64_t sum = 0;
    for (const OperationInfo& info : infos_) sum += info.multiply_adds;
    return sum;
  }
  /// The shapes of one example of input or output number `index`.
  const Shape& input_shape(int index = 0) const {
    return description_->value(description_->inputs[static_cast<std::size_t>(index)]).shape;
  }
  const Shape& output_shape(int index = 0) const {
    return description_->value(description_->outputs[static_cast<std::size_t>(index)]).shape;
  }

 private:
  friend class Workspace;
  /// The step for a convolution, and the one that runs instead of it and the operation after it.
  template <class Description>
  void add_fused(const Description& description, const Operation& operation,
                 const Operation& follower, int number) {
    const auto& conv = *operation.as<operations::Conv2d>();
    if (description.value(operation.output).type == ElementType::f32) {
      float_steps::Conv2d<> first(description, operation, conv, isa_);
      steps_.push_back(Step(first));
      if (const auto* const add = follower.as<operations::Add>()) {
        first.add(follower, *add);
        runs_.push_back({Step(std::move(first)), number});
        return;
      }
      const auto& depthwise = *follower.as<operations::DepthwiseConv2d>();
      runs_.push_back({Step(float_steps::PointwiseDepthwise<>{
                           std::move(first), {description, follower, depthwise, isa_}}),
                       number});
      return;
    }
    const int8_steps::Conv2d<> first(description, operation, conv, isa_);
    steps_.push_back(Step(first));
    runs_.push_back({Step(int8_steps::FusedConv2d<>(description, first, follower)), number});
  }

  /// The step for an operation that exists in both types.
  template <class Float, class Int8, class Parameters>
  Step either(const ProgramDescription& description, const Operation& operation,
              const Parameters& parameters) const {
    if (description.value(operation.output).type == ElementType::s8)
      return Step(Int8(description, operation, parameters, isa_));
    return Step(Float(description, operation, parameters, isa_));
  }
  template <std::same_as<ProgramDescription> Description>
  Step make_step(const Description& d, const Operation& op) {
    namespace f = float_steps;
    namespace q = int8_steps;
    namespace o = operations;
    if (const auto* const p = op.as<o::Conv2d>())
      return either<f::Conv2d<>, q::Conv2d<>>(d, op, *p);
    if (const auto* const p = op.as<o::DepthwiseConv2d>())
      return either<f::DepthwiseConv2d<>, q::DepthwiseConv2d<>>(d, op, *p);
    if (const auto* const p = op.as<o::MaxPool2d>())
      return either<f::MaxPool2d<>, q::MaxPool2d<>>(d, op, *p);
    if (const auto* const p = op.as<o::AveragePool2d>())
      return either<f::AveragePool2d<>, q::AveragePool2d<>>(d, op, *p);
    if (const auto* const p = op.as<o::Add>()) return either<f::Add<>, q::Add<>>(d, op, *p);
    if (const auto* const p = op.as<o::Multiply>())
      return either<f::Multiply<>, q::Multiply<>>(d, op, *p);
    if (const auto* const p = op.as<o::Concat>())
      return either<f::Concat<>, q::Concat<>>(d, op, *p);
    if (const auto* const p = op.as<o::Pad>()) return either<f::Pad<>, q::Pad<>>(d, op, *p);
    if (const auto* const p = op.as<o::Activation>()) return Step(f::Activation<>(d, op, *p, isa_));
    if (const auto* const p = op.as<o::Softmax>()) return Step(f::Softmax<>(d, op, *p, isa_));
    if (const auto* const p = op.as<o::Reshape>()) return Step(f::Reshape<>(d, op, *p, isa_));
    if (const auto* const p = op.as<o::Lookup>()) return Step(q::Lookup<>(d, op, *p, isa_));
    if (const auto* const p = op.as<o::Quantize>()) return Step(q::Quantize<>(d, op, *p, isa_));
    if (const auto* const p = op.as<o::Dequantize>()) return Step(q::Dequantize<>(d, op, *p, isa_));
    return Step(CustomStep(d, op, *op.as<o::Custom>(), customs_++));
  }

  OperationInfo info_of(const ProgramDescription& description, const Operation& operation) const {
    const ProgramValue& output = description.value(operation.output);
    OperationInfo info;
    info.name = operation.name;
    info.type = operation.type();
    info.kernel = steps_.back().kernel();
    info.element_type = output.type;
    info.shape = output.shape;
    for (const int tensor : operation.tensors())
      info.weight_bytes += static_cast<std::int64_t>(description.tensor(tensor).bytes.size());
    operation.visit_convolution([&](const auto& conv) {
      const kernels::Conv2dShape& s = conv.shape;
      info.multiply_adds = output.shape.elements() * s.KH * s.KW * (s.C / s.groups);
    });
    return info;
  }

  /// Calls body(frame) for `count` examples from `first` on.
  template <class Body>
  void run_piece(std::span<const TensorView<const float>> inputs,
                 std::span<const TensorView<float>> outputs, PieceMemory& memory, ThreadPool* pool,
                 std::int64_t first, std::int64_t count, Body&& body) const;
  /// Calls body(frame, first, count) for each `piece` examples, one piece after the other.
  template <class Body>
  void over_pieces(std::span<const TensorView<const float>> inputs,
                   std::span<const TensorView<float>> outputs, PieceMemory& memory,
                   ThreadPool* pool, std::int64_t piece, Body&& body) const;

  /// What run() goes through: a step, and the number of its operation.
  struct Run {
    Step step;
    int operation;
  };
  Isa isa_;
  bool has_weights_ = true;
  int customs_ = 0;
  /// One for each operation.
  std::vector<Step> steps_;
  std::vector<Run> runs_;
  std::vector<OperationInfo> infos_;
  ProgramLayout layout_;
  std::shared_ptr<const ProgramDescription> description_;
};

struct WorkspaceOptions {
  /// How many examples a call brings; it may bring more or fewer.
  std::int64_t batch = 1;
  /// One thread, the caller's, if none is given. It must outlive the workspace.
  ThreadPool* pool = nullptr;
};

/// The memory of one piece of a batch.
struct PieceMemory {
  AlignedVector<std::byte> arena, scratch;
  /// Where each value begins.
  std::vector<std::byte*> values;
  std::vector<CustomRun> customs;
};

/// The memory in which a program runs. One thread at a time may use it.
class Workspace {
 public:
  /// Takes all memory that run() will need of this program, and of its copies.
  explicit Workspace(const Program& program, WorkspaceOptions options = {})
      : description_(program.description_), batch_(options.batch), pool_(options.pool) {
    if (batch_ < 1) fail("workspace: expected a batch of at least 1, got ", batch_);
    if (batch_ > most_run_bytes / (program.arena_bytes() + 1))
      fail("workspace: expected a batch that takes at most 2^42 bytes, got one of ", batch_,
           " examples, ", program.arena_bytes(), " bytes each");
    if (!pool_) {
      own_pool_ = std::make_unique<ThreadPool>(1);
      pool_ = own_pool_.get();
    }
    if (batch_ >= examples_for_threads())
      pieces_.resize(static_cast<std::size_t>(pool_->threads()));
    // The weights are read once for each piece, so its values may take as much memory as they do,
    // or 1 MiB, half of a large second cache. Measured with 64 images and two threads, against all
    // images and both threads in every operation: int8 networks 1.1 to 1.3 times as fast,
    // MobileNets in float32 1.4 to 1.6 times.
    const std::int64_t bytes = (std::max)(program.weight_bytes(), std::int64_t{1} << 20);
    piece_ = std::clamp(bytes / (program.arena_bytes() + 1), std::int64_t{1}, batch_);
    piece_ = piece_of(batch_);
    for (PieceMemory& memory : pieces_) prepare(program, memory, piece_);
  }

  std::int64_t batch() const { return batch_; }
  std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const PieceMemory& memory : pieces_)
      sum += static_cast<std::int64_t>(memory.arena.size() + memory.scratch.size());
    return sum;
  }

 private:
  friend class Program;

  /// From so many on every thread runs pieces of its own.
  std::int64_t examples_for_threads() const { return 2 * pool_->threads(); }
  /// The size of the pieces of `total` examples: at most piece_, and as many for each thread.
  std::int64_t piece_of(std::int64_t total) const {
    const auto workers = static_cast<std::int64_t>(pieces_.size());
    return octet::pieces(total, round_up(octet::pieces(total, piece_), workers));
  }
  /// Memory for a whole batch at once, which run() does not need: taken when it is first wanted.
  PieceMemory& whole(const Program& program) {
    if (piece_ == batch_) return pieces_[0];
    if (whole_.values.empty()) prepare(program, whole_, batch_);
    return whole_;
  }
  static void prepare(const Program& program, PieceMemory& memory, std::int64_t examples) {
    std::int64_t scratch = 0;
    for (const std::int64_t N : {std::int64_t{1}, examples}) {
      for (const Step& step : program.steps_) scratch = (std::max)(scratch, step.scratch_bytes(N));
      for (const Program::Run& run : program.runs_)
        scratch = (std::max)(scratch, run.step.scratch_bytes(N));
    }
    memory.arena.resize(static_cast<std::size_t>(program.arena_bytes() * examples));
    memory.scratch.resize(static_cast<std::size_t>(scratch));
    memory.values.resize(program.description().values.size());
    for (const Operation& operation : program.description().operations)
      if (const auto* const custom = operation.as<operations::Custom>()) {
        const bool s8 = program.description().value(operation.output).type == ElementType::s8;
        memory.customs.push_back(
            {s8 ? nullptr : custom->run.make_run(), s8 ? custom->run.make_run_s8() : nullptr});
      }
  }

  /// Kept, so that no other program can have its address; null once this was moved from.
  std::shared_ptr<const ProgramDescription> description_;
  std::int64_t batch_, piece_ = 1;
  ThreadPool* pool_;
  std::unique_ptr<ThreadPool> own_pool_;
  /// One for each thread, or one for all.
  std::vector<PieceMemory> pieces_{1};
  PieceMemory whole_;
};

template <class Body>
void Program::run_piece(std::span<const TensorView<const float>> inputs,
                        std::span<const TensorView<float>> outputs, PieceMemory& memory,
                        ThreadPool* pool, std::int64_t first, std::int64_t count,
                        Body&& body) const {
  OCTET_ASSERT(inputs.size() == description_->inputs.size());
  OCTET_ASSERT(outputs.size() == description_->outputs.size());
  OCTET_ASSERT(memory.values.size() == description_->values.size());
  const std::int64_t total = inputs[0].shape()[0];
  for (std::size_t k = 0; k < inputs.size(); ++k)
    OCTET_ASSERT(inputs[k].elements() == total * input_shape(static_cast<int>(k)).elements());
  for (std::size_t k = 0; k < outputs.size(); ++k)
    OCTET_ASSERT(outputs[k].elements() == total * output_shape(static_cast<int>(k)).elements());
  const auto example = [&](const auto& view) {
    return view.data() + first * (view.elements() / total);
  };
  for (std::size_t v = 0; v < layout_.places.size(); ++v) {
    const ValuePlace& place = layout_.places[v];
    const auto k = static_cast<std::size_t>(place.index);
    if (place.kind == ValuePlace::Kind::arena)
      memory.values[v] = memory.arena.data() + place.offset * count;
    else if (place.kind == ValuePlace::Kind::output)
      memory.values[v] = reinterpret_cast<std::byte*>(example(outputs[k]));
    else  // Steps read their inputs and never write them.
      memory.values[v] =
          const_cast<std::byte*>(reinterpret_cast<const std::byte*>(example(inputs[k])));
  }
  body(Frame{memory.values.data(), count, memory.scratch.data(), pool, memory.customs.data()});
  for (const CopiedOutput& copy : layout_.copied_outputs) {
    const TensorView<float>& output = outputs[static_cast<std::size_t>(copy.output)];
    std::memcpy(example(output), memory.values[static_cast<std::size_t>(copy.value)],
                static_cast<std::size_t>(count * (output.elements() / total)) * sizeof(float));
  }
}

template <class Body>
void Program::over_pieces(std::span<const TensorView<const float>> inputs,
                          std::span<const TensorView<float>> outputs, PieceMemory& memory,
                          ThreadPool* pool, std::int64_t piece, Body&& body) const {
  const std::int64_t total = inputs[0].shape()[0];
  for (std::int64_t first = 0; first < total; first += piece) {
    const std::int64_t count = (std::min)(piece, total - first);
    run_piece(inputs, outputs, memory, pool, first, count,
              [&](const Frame& frame) { body(frame, first, count); });
  }
}

template <class Observer>
void Program::run_observed(std::span<const TensorView<const float>> inputs,
                           std::span<const TensorView<float>> outputs, Workspace& workspace,
                           Observer&& observe) const {
  over_pieces(inputs, outputs, workspace.whole(*this), workspace.pool_, workspace.batch_,
              [&](const Frame& frame, std::int64_t first, std::int64_t count) {
                for (std::size_t i = 0; i < steps_.size(); ++i) {
                  steps_[i].run(frame);
                  const int value = description_->operations[i].output;
                  observe(static_cast<int>(i), value,
                          static_cast<const std::byte*>(frame.at<std::byte>(value)), first, count);
                }
              });
}

template <class Observer>
void Program::run_timed(std::span<const TensorView<const float>> inputs,
                        std::span<const TensorView<float>> outputs, Workspace& workspace,
                        Observer&& observe) const {
  over_pieces(inputs, outputs, workspace.pieces_[0], workspace.pool_, workspace.piece_,
              [&](const Frame& frame, std::int64_t, std::int64_t) {
                for (const Run& run : runs_) {
                  run.step.run(frame);
                  observe(run.operation);
                }
              });
}

inline void Program::run(std::span<const TensorView<const float>> inputs,
                         std::span<const TensorView<float>> outputs,
                         Workspace& workspace) const noexcept {
  const std::int64_t total = inputs[0].shape()[0];
  const auto workers = static_cast<std::int64_t>(workspace.pieces_.size());
  if (workers == 1 || total < workspace.examples_for_threads())
    return run_timed(inputs, outputs, workspace, [](int) {});
  const std::int64_t piece = workspace.piece_of(total);
  // Within a piece the pool leaves every loop to the thread that runs it.
  kernels::over_jobs(workspace.pool_, workers, octet::pieces(total, piece),
                     [&](std::int64_t worker, std::int64_t job) {
                       const std::int64_t first = job * piece;
                       run_piece(inputs, outputs,
                                 workspace.pieces_[static_cast<std::size_t>(worker)],
                                 workspace.pool_, first, (std::min)(piece, total - first),
                                 [&](const Frame& frame) {
                                   for (const Run& run : runs_) run.step.run(frame);
                                 });
                     });
}

inline std::vector<Tensor<float>> Program::predict(std::span<const TensorView<const float>> inputs,
                                                   Workspace& workspace) const {
  check(inputs);
  if (workspace.description_ != description_)
    fail("program: expected a workspace that was made for it, got that of another program");
  ProgramOutputs outputs = make_outputs(inputs[0].shape()[0]);
  run(inputs, outputs.views, workspace);
  return std::move(outputs.tensors);
}
inline Tensor<float> Program::predict(TensorView<const float> input, Workspace& workspace) const {
  if (description_->outputs.size() != 1)
    fail("program: expected one output, this one has ", description_->outputs.size());
  return std::move(predict(std::span<const TensorView<const float>>(&input, 1), workspace)[0]);
}
inline Tensor<float> Program::operator()(TensorView<const float> input) const {
  check({&input, 1});
  Workspace workspace(*this, {.batch = input.shape()[0]});
  return predict(input, workspace);
}

}  // namespace octet::inline OCTET_ABI
