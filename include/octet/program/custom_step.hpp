// A user's own layer as a step of a program.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "octet/program/description.hpp"
#include "octet/program/step.hpp"

namespace octet::inline OCTET_ABI {

/// A layer made to run in one workspace: one of the two.
struct CustomRun {
  CustomLayer::Run run;
  CustomLayer::RunS8 run_s8;
};

template <class = WhenUsed>
struct BasicCustomStep : StepBase {
  static constexpr std::size_t most_inputs = 16;
  struct Argument {
    int value;
    Shape shape;
    float scale;
    std::int32_t zero_point;
  };
  std::string layer;
  std::vector<Argument> inputs;
  Argument output;
  bool s8;
  /// Which of the workspace's layers it is.
  int number;

  BasicCustomStep(const ProgramDescription& description, const Operation& operation,
                  const operations::Custom& custom, int number_)
      : layer(custom.layer), number(number_) {
    const auto argument = [&](int index) {
      const ProgramValue& value = description.value(index);
      return Argument{index, value.shape, value.scale, value.zero_point};
    };
    for (const int input : operation.inputs) inputs.push_back(argument(input));
    output = argument(operation.output);
    s8 = description.value(operation.output).type == ElementType::s8;
  }

  std::string kernel() const { return text_of(layer, s8 ? "_s8 (custom)" : "_f32 (custom)"); }
  void run(const Frame& frame) const noexcept {
    const CustomRun& custom = frame.customs[number];
    if (s8) {
      const auto tensor = [&](const Argument& argument) {
        return CustomLayer::S8Tensor{frame.at<std::int8_t>(argument.value),
                                     argument.shape.with_batch(frame.N), argument.scale,
                                     argument.zero_point};
      };
      std::array<CustomLayer::S8Tensor, most_inputs> arguments;
      for (std::size_t i = 0; i < inputs.size(); ++i) arguments[i] = tensor(inputs[i]);
      custom.run_s8({arguments.data(), inputs.size()}, tensor(output), frame.pool);
    } else {
      std::array<TensorView<const float>, most_inputs> arguments;
      for (std::size_t i = 0; i < inputs.size(); ++i)
        arguments[i] = {frame.at<const float>(inputs[i].value),
                        inputs[i].shape.with_batch(frame.N)};
      custom.run({arguments.data(), inputs.size()},
                 {frame.at<float>(output.value), output.shape.with_batch(frame.N)}, frame.pool);
    }
  }
};
using CustomStep = BasicCustomStep<>;

}  // namespace octet::inline OCTET_ABI
