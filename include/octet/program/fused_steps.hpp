// Which operations of a program are computed together, so that what lies between them is never
// written, or stays in the cache.
#pragma once

#include <cstddef>
#include <vector>

#include "octet/core/cpu.hpp"
#include "octet/kernels/conv2d_s8.hpp"
#include "octet/kernels/pointwise_depthwise_f32.hpp"
#include "octet/program/description.hpp"

namespace octet::inline OCTET_ABI {

/// For each operation the number of the one that computes it: its own, or that of the convolution
/// before, to whose results it adds something, or which it pools, in int8, or filters depthwise, in
/// float. The description stays as it is, and so does every bit of every result.
template <class = WhenUsed>
class BasicFusedSteps {
 public:
  BasicFusedSteps() = default;
  BasicFusedSteps(const ProgramDescription& description, Isa isa)
      : owner_(description.operations.size()), after_(owner_.size(), -1) {
    const int count = static_cast<int>(owner_.size());
    std::vector<int> reader(description.values.size(), -1), writer = reader, readers(reader.size());
    for (int i = 0; i < count; ++i) {
      owner_[at(i)] = i;
      writer[at(description.operations[at(i)].output)] = i;
      for (const int input : description.operations[at(i)].inputs)
        reader[at(input)] = i, ++readers[at(input)];
    }
    for (const int output : description.outputs) ++readers[at(output)];
    for (int i = 0; i < count; ++i) {
      const Operation& operation = description.operations[at(i)];
      const auto* const conv = operation.as<operations::Conv2d>();
      const int next = reader[at(operation.output)];
      if (!conv || next < 0 || readers[at(operation.output)] != 1) continue;
      const Operation& after = description.operations[at(next)];
      if (!reads_image(after, conv->shape)) continue;
      // What is added has to be there already.
      if (after.as<operations::Add>() && writer[at(other_input(after, operation.output))] > i)
        continue;
      const bool is_float = description.value(operation.output).type == ElementType::f32;
      if (!(is_float ? fuses_float(description, *conv, after, isa)
                     : fuses_int8(description, *conv, operation, after, isa)))
        continue;
      owner_[at(next)] = i;
      after_[at(i)] = next;
    }
  }

  /// Who computes operation i: i itself unless it is fused.
  int owner(int i) const { return owner_.empty() ? i : owner_[at(i)]; }
  /// The operation that the convolution i computes too, or -1.
  int after(int i) const { return after_.empty() ? -1 : after_[at(i)]; }

  /// The input of an addition that is not `value`.
  static int other_input(const Operation& add, int value) {
    return add.inputs[add.inputs[0] == value ? 1 : 0];
  }
  /// What this operation is after a convolution.
  static kernels::AfterConv2dS8 kind_of(const ProgramDescription& description,
                                        const Operation& operation) {
    if (description.value(operation.output).type != ElementType::s8)
      return kernels::AfterConv2dS8::nothing;
    if (operation.as<operations::Add>()) return kernels::AfterConv2dS8::add;
    const auto* const pool = operation.as<operations::MaxPool2d>();
    if (!pool || pool->windows != operations::Windows::fixed)
      return kernels::AfterConv2dS8::nothing;
    const kernels::Pool2dShape& s = pool->shape;
    const bool halves = s.KH == 2 && s.KW == 2 && s.stride_h == 2 && s.stride_w == 2 &&
                        2 * s.OH == s.H && 2 * s.OW == s.W && s.pad_top == 0 && s.pad_left == 0;
    return halves ? kernels::AfterConv2dS8::max_pool_2x2 : kernels::AfterConv2dS8::nothing;
  }

 private:
  /// Whether an operation takes the results of a convolution for the image that they are: it may
  /// see the same numbers as one of other extents.
  static bool reads_image(const Operation& operation, const kernels::Conv2dShape& s) {
    const auto same = [&](const auto* each) {
      return !each || (each->shape.H == s.OH && each->shape.W == s.OW);
    };
    return same(operation.as<operations::DepthwiseConv2d>()) &&
           same(operation.as<operations::MaxPool2d>());
  }
  /// Whether a float convolution that limits nothing adds what follows, or is computed some lines
  /// at a time with the depthwise one that follows.
  static bool fuses_float(const ProgramDescription& description, const operations::Conv2d& conv,
                          const Operation& after, Isa isa) {
    if (description.value(after.output).type != ElementType::f32) return false;
    if (after.as<operations::Add>()) return conv.clamp.none();
    const auto* const depthwise = after.as<operations::DepthwiseConv2d>();
    return depthwise && kernels::select_gemm(isa).product &&
           kernels::PointwiseDepthwise{conv.shape, depthwise->shape}.pays();
  }
  static bool fuses_int8(const ProgramDescription& description, const operations::Conv2d& conv,
                         const Operation& operation, const Operation& after, Isa isa) {
    const kernels::AfterConv2dS8 kind = kind_of(description, after);
    if (kind == kernels::AfterConv2dS8::nothing) return false;
    const auto* const row = kernels::conv2d_s8_implementation(
        conv.shape, description.tensor(conv.weight_tensor).as<std::int8_t>().data(),
        description.value(operation.inputs[0]).zero_point, isa);
    return row->can_fuse && row->can_fuse(conv.shape, kind);
  }
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }

  std::vector<int> owner_, after_;
};
using FusedSteps = BasicFusedSteps<>;

}  // namespace octet::inline OCTET_ABI
