// Writes a program's header: constants, memory, one call for each operation, and a self-test.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/random.hpp"
#include "octet/program/emit/arithmetic_text.hpp"
#include "octet/program/emit/calls.hpp"
#include "octet/program/emit/dot_text.hpp"
#include "octet/program/program.hpp"

namespace octet::inline OCTET_ABI {

struct EmitOptions {
  /// Namespace of everything in the header; a::b is fine.
  std::string name_space = "network";
  /// What the comment at the top calls the network.
  std::string title = "A network";
  /// With a mean and a deviation, for all channels or for each, the header also takes pixels:
  /// bytes, row by row, channel innermost, which become (byte / 255 - mean) / deviation, as by
  /// normalize(). The network must have one input [H, W, C] and one output.
  std::vector<float> mean = {}, deviation = {};
  /// Of the outputs; with them the header has class_names[].
  std::vector<std::string> class_names = {};
  /// The picture of the self-test, H * W * C bytes; random ones if it is empty.
  std::vector<std::uint8_t> golden_pixels = {};
};

struct EmittedHeader {
  std::string text;
  /// Constants in read-only memory. Code comes on top, a few KB.
  std::int64_t flash_bytes = 0;
  /// Further constants for self_test(), which a linker drops where it is not called.
  std::int64_t self_test_bytes = 0;
  /// Static memory.
  std::int64_t ram_bytes = 0;
};

namespace emission {

template <std::same_as<Program> AnyProgram>
class Emitter {
 public:
  Emitter(const AnyProgram& program, const EmitOptions& options)
      : program_(program),
        d_(program.description()),
        options_(options),
        calls_(d_),
        ram_(calls_.ram_bytes()),
        takes_pixels_(!options.mean.empty() || !options.deviation.empty()) {
    check();
  }

  EmittedHeader run() {
    std::string functions = run_functions();
    if (takes_pixels_) functions += run_on_pixels() + predict();
    functions += self_test();
    ram_ = (std::max)(ram_, std::int64_t{64});
    const Constants& constants = calls_.constants;
    return {text_of(top(), sizes(), kernels(), "\nnamespace constants {\n", constants.text(),
                    "}  // namespace constants\n", memory(), functions,
                    "\n}  // inline namespace\n}  // namespace ", options_.name_space, "\n"),
            constants.flash_bytes(), constants.golden_bytes(), ram_};
  }

 private:
  static std::size_t at_index(std::int64_t index) { return static_cast<std::size_t>(index); }

  void check() const {
    if (!is_namespace_name(options_.name_space))
      fail("emit: expected the name of a namespace that C++ and its libraries leave free, got \"",
           options_.name_space, "\"");
    for (const Operation& operation : d_.operations)
      if (const auto* const custom = operation.template as<operations::Custom>())
        fail("emit: ", operation.name, ": the layer ", custom->layer,
             " is known to its author alone, and cannot be emitted");
    std::int64_t bytes = calls_.ram_bytes();
    for (const ProgramTensor& tensor : d_.tensors)
      bytes += static_cast<std::int64_t>(tensor.bytes.size());
    constexpr std::int64_t most_bytes = std::int64_t{1} << 30;
    if (bytes > most_bytes)
      fail("emit: expected at most ", most_bytes, " bytes of weights and working memory, got ",
           bytes);
    const auto outputs = program_.output_shape().elements();
    if (!options_.class_names.empty() &&
        (d_.outputs.size() != 1 ||
         static_cast<std::int64_t>(options_.class_names.size()) != outputs))
      fail("emit: expected one output and a class name for each of its ", outputs,
           " elements, got ", options_.class_names.size(), " names");
    if (takes_pixels_)
      check_pixels();
    else if (!options_.golden_pixels.empty())
      fail("emit: expected a mean and a deviation with the golden pixels");
  }
  void check_pixels() const {
    const Shape& shape = program_.input_shape();
    if (d_.inputs.size() != 1 || d_.outputs.size() != 1 || shape.rank() != 3)
      fail("emit: expected one input [H, W, C] and one output of a network that takes pixels");
    for (const auto* const values : {&options_.mean, &options_.deviation})
      if (values->size() != 1 && static_cast<std::int64_t>(values->size()) != shape[2])
        fail("emit: expected 1 or ", shape[2], " values for mean and deviation, got ",
             values->size());
    for (const float mean : options_.mean)
      if (!std::isfinite(mean)) fail("emit: expected a finite mean, got ", mean);
    for (const float deviation : options_.deviation) {
      if (!(deviation > 0)) fail("emit: expected a deviation above 0, got ", deviation);
      if (!std::isfinite(deviation) || !std::isfinite(1.0f / deviation))
        fail("emit: expected a finite deviation with a finite inverse, got ", deviation);
    }
    const std::size_t pixels = options_.golden_pixels.size();
    if (pixels != 0 && pixels != at_index(shape.elements()))
      fail("emit: expected ", shape.elements(), " golden pixels, got ", pixels);
  }

  /// Whether pixels become int8 by a table, without ever being float32.
  bool quantizes_pixels() const {
    if (!takes_pixels_ || d_.operations.empty() ||
        !d_.operations[0].template as<operations::Quantize>())
      return false;
    auto readers = std::count(d_.outputs.begin(), d_.outputs.end(), d_.inputs[0]);
    for (const Operation& operation : d_.operations)
      for (const int each : operation.inputs) readers += each == d_.inputs[0];
    return readers == 1;
  }
  /// Whether everything between its ends is int8 or moves values, so that every bit is known.
  bool is_exact() const {
    for (const Operation& each : d_.operations)
      if (!calls_.is_int8(each) && !each.template as<operations::Dequantize>() &&
          !each.template as<operations::Reshape>() && !each.template as<operations::Pad>() &&
          !each.template as<operations::Concat>() && !each.template as<operations::MaxPool2d>())
        return false;
    return true;
  }

  // The functions of the header.

  std::string calls_from(std::size_t first) {
    std::string text;
    for (std::size_t i = first; i < d_.operations.size(); ++i) {
      const Operation& operation = d_.operations[i];
      text += text_of("  // ", comment(operation.name), ": ", operation.type(), " to ",
                      d_.value(operation.output).shape, "\n", calls_.text_of_operation(i));
    }
    return text + calls_.text_of_copies();
  }

  std::string run_functions() {
    std::string inputs, outputs;
    for (std::size_t k = 0; k < d_.inputs.size(); ++k)
      inputs +=
          text_of("[[maybe_unused]] const float* ", calls_.input_name(static_cast<int>(k)), ", ");
    for (std::size_t k = 0; k < d_.outputs.size(); ++k)
      outputs += text_of("[[maybe_unused]] float* ", calls_.output_name(static_cast<int>(k)), ", ");
    const std::string head = text_of(
        "\n/// Inputs as the network was trained on, one example; outputs as the network gives "
        "them.\n",
        "inline void run(", inputs, outputs,
        "[[maybe_unused]] Memory& memory = static_memory) {\n");
    if (!quantizes_pixels()) return text_of(head, calls_from(0), "}\n");
    return text_of("\n/// All layers, after run() has quantized the input.\n",
                   "inline void run_layers(", outputs, "[[maybe_unused]] Memory& memory) {\n",
                   calls_from(1), "}\n", head, calls_.text_of_operation(0),
                   "  run_layers(output, memory);\n}\n");
  }

  /// What the network's input is for each of the 256 bytes: one row for all channels, or for each.
  /// The arithmetic is that of Pipeline and normalize().
  std::vector<float> pixel_values() const {
    const std::size_t rows = (std::max)(options_.mean.size(), options_.deviation.size());
    std::vector<float> values;
    for (std::size_t row = 0; row < rows; ++row)
      for (int byte = 0; byte < 256; ++byte) {
        const float mean = options_.mean[options_.mean.size() == 1 ? 0 : row];
        const float deviation = options_.deviation[options_.deviation.size() == 1 ? 0 : row];
        const float value = octet::kernels::rounded(static_cast<float>(byte) * (1.0f / 255.0f));
        values.push_back((value - mean) * (1.0f / deviation));
      }
    return values;
  }

  std::string run_on_pixels() {
    calls_.use(pixels_text);
    const std::vector<float> values = pixel_values();
    const std::int64_t count = program_.input_shape().elements();
    std::string buffer, rest;
    if (quantizes_pixels()) {
      const ProgramValue& to = d_.value(d_.operations[0].output);
      std::vector<std::int8_t> quantized;
      for (const float value : values)
        quantized.push_back(octet::kernels::quantize(value, to.scale, to.zero_point));
      calls_.constants.add("pixels", std::span<const std::int8_t>(quantized));
      buffer = calls_.at(d_.operations[0].output);
      rest = "  run_layers(output, memory);\n";
    } else {
      calls_.constants.add("pixels", std::span<const float>(values));
      buffer = calls_.memory(ElementType::f32, ram_);
      rest = text_of("  run(", buffer, ", output, memory);\n");
      ram_ += round_up(count * std::int64_t{sizeof(float)}, std::int64_t{64});
    }
    return text_of("\n/// The same for pixels, row by row, channel innermost.\n",
                   "inline void run(const std::uint8_t* pixels, float* output, ",
                   "Memory& memory = static_memory) {\n", "  kernels::convert_pixels(", count, ", ",
                   values.size() / 256, ", pixels, constants::pixels, ", buffer, ");\n", rest,
                   "}\n");
  }

  bool ends_in_softmax() const {
    int value = d_.outputs[0];
    for (auto operation = d_.operations.rbegin(); operation != d_.operations.rend(); ++operation)
      if (operation->output == value) {
        if (operation->template as<operations::Softmax>()) return true;
        if (!operation->template as<operations::Reshape>()) return false;
        value = operation->inputs[0];
      }
    return false;
  }
  std::string predict() {
    const std::int64_t outputs = program_.output_shape().elements();
    const Shape& shape = program_.output_shape();
    const std::int64_t columns = shape.rank() ? shape.back() : 1;
    std::string softmax;
    if (!ends_in_softmax()) {
      calls_.use(exponential_text), calls_.use(softmax_text);
      softmax = text_of("  kernels::softmax(", outputs / columns, ", ", columns,
                        ", probabilities, probabilities);\n");
    }
    return text_of(
        "\n/// The probability of each class; returns the number of the most probable one.\n",
        "inline std::int32_t predict(const std::uint8_t* pixels, float* probabilities,\n",
        "                            Memory& memory = static_memory) {\n",
        "  run(pixels, probabilities, memory);\n", softmax, "  std::int32_t best = 0;\n",
        "  for (std::int32_t i = 1; i < ", outputs, "; ++i)\n",
        "    if (probabilities[i] > probabilities[best]) best = i;\n", "  return best;\n}\n");
  }

  /// The inputs of the self-test; adds them to the constants, and their names to `arguments`.
  std::vector<Tensor<float>> golden_inputs(std::string& arguments) {
    std::vector<Tensor<float>> inputs;
    for (std::size_t k = 0; k < d_.inputs.size(); ++k) {
      const Random random(Random(48).substream(k));
      Tensor<float> input(d_.value(d_.inputs[k]).shape.with_batch(1));
      const auto count = static_cast<std::uint64_t>(input.elements());
      if (takes_pixels_) {
        std::vector<std::uint8_t> pixels = options_.golden_pixels;
        for (std::uint64_t i = pixels.size(); i < count; ++i)
          pixels.push_back(static_cast<std::uint8_t>(random.bits(i)));
        const std::vector<float> values = pixel_values();
        const std::size_t rows = values.size() / 256;
        for (std::size_t i = 0; i < count; ++i)
          input.data()[i] = values[i % rows * 256 + pixels[i]];
        arguments +=
            calls_.constants.add_golden("golden_pixels", std::span<const std::uint8_t>(pixels));
      } else {
        for (std::uint64_t i = 0; i < count; ++i)
          input.data()[i] = static_cast<float>(random.uniform(i, -1, 1));
        arguments +=
            calls_.constants.add_golden(text_of("golden_", calls_.input_name(static_cast<int>(k))),
                                        std::span<const float>(input.begin(), input.end()));
      }
      arguments += ", ";
      inputs.push_back(std::move(input));
    }
    return inputs;
  }

  std::string self_test() {
    calls_.use(checksum_text);
    std::string arguments, buffers, comparisons;
    const std::vector<Tensor<float>> inputs = golden_inputs(arguments);
    const std::vector<TensorView<const float>> views(inputs.begin(), inputs.end());
    const Program reference(d_, {.isa = Isa::scalar});
    Workspace workspace(reference);
    const std::vector<Tensor<float>> results = reference.predict(views, workspace);
    for (std::size_t k = 0; k < results.size(); ++k) {
      const Tensor<float>& result = results[k];
      const std::string name = calls_.output_name(static_cast<int>(k)), limit = tolerance(result);
      const std::string expected = calls_.constants.add_golden(
          "golden_" + name, std::span<const float>(result.begin(), result.end()));
      for (const float value : result)
        if (!std::isfinite(value))
          fail("emit: expected finite outputs for the self-test, got ", value, " in ", name);
      // Not on the stack, which is small where such a header runs.
      buffers += text_of("  static float ", name, "[", result.elements(), "];\n");
      self_test_ram_ += 4 * result.elements();
      arguments += name + ", ";
      comparisons +=
          text_of("  for (std::size_t i = 0; i < ", result.elements(), "; ++i) {\n",
                  "    const float error = ", name, "[i] - ", expected, "[i];\n",
                  "    if (!(error >= -", limit, " && error <= ", limit, ")) return false;\n  }\n");
    }
    return text_of(
        "\n/// Whether every constant is as it was written, and the network computes what it did "
        "in ",
        "the\n/// program that this was emitted from.\n",
        "inline bool self_test(Memory& memory = static_memory) {\n",
        calls_.constants.checksum_test(), buffers, "  run(", arguments, "memory);\n", comparisons,
        "  return true;\n}\n");
  }
  /// No error where all is int8. Sums of float32 products differ by their order, and next to int8
  /// by a step of the quantization.
  std::string tolerance(const Tensor<float>& result) const {
    if (is_exact()) return literal(0.0f);
    float largest = 1e-6f;
    for (const float value : result) largest = (std::max)(largest, std::abs(value));
    const bool any_int8 = std::any_of(d_.operations.begin(), d_.operations.end(),
                                      [&](const Operation& each) { return calls_.is_int8(each); });
    return literal(largest * (any_int8 ? 0.05f : 1e-4f));
  }

  // The header around them.

  std::string top() const {
    std::string text = text_of("// ", comment(options_.title), ", written by Octet ",
                               OCTET_VERSION_MAJOR, ".", OCTET_VERSION_MINOR, ".",
                               OCTET_VERSION_PATCH, ". Emit it again rather than change it.\n//\n");
    for (const int input : d_.inputs)
      text += text_of("// Input   ", d_.value(input).shape, " float32",
                      takes_pixels_ ? ", or pixels as bytes, which are normalized here\n" : "\n");
    for (const int output : d_.outputs)
      text += text_of("// Output  ", d_.value(output).shape, " float32\n");
    text += text_of(
        "// Flash   ", calls_.constants.flash_bytes(), " bytes of constants, and ",
        calls_.constants.golden_bytes(), " where self_test() is called; code comes on top\n",
        "// RAM     ", ram_, " bytes of static memory, and ", self_test_ram_,
        " where self_test() is called\n//\n",
        "// C++17, freestanding: no heap, exceptions, RTTI or library. The compiler's macros "
        "choose ",
        "the\n// instructions; ",
        is_exact() ? "in IEEE float32 every choice gives the same bits.\n"
                   : "sums of float32 are rounded in the order in which it adds them.\n",
        "#pragma once\n\n#include <cstddef>\n", "#include <cstdint>\n");
    if (calls_.uses_dot())
      for (const DotText& each : dot_texts)
        text += each.condition.empty()
                    ? std::string("#endif\n")
                    : text_of(&each == dot_texts ? "#if " : "#elif ", each.condition,
                              "\n#include <", each.header, ">\n");
    return text +
           "\n#if defined(__FAST_MATH__) || defined(__RECIPROCAL_MATH__) || \\\n"
           "    __FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2\n"
           "#error \"float must be IEEE float32: without -ffast-math, and on x86 with SSE\"\n"
           "#endif\n\n";
  }

  std::string sizes() const {
    std::string text = text_of(
        "namespace ", options_.name_space,
        " {\n\ninline constexpr std::size_t flash_bytes = ", calls_.constants.flash_bytes(),
        ";\ninline constexpr std::size_t self_test_bytes = ", calls_.constants.golden_bytes(),
        ";\ninline constexpr std::size_t ram_bytes = ", ram_, ";\n");
    const auto add = [&](const std::string& name, int value) {
      text +=
          text_of("inline constexpr std::size_t ", name, "_size = ", calls_.elements(value), ";\n");
    };
    for (std::size_t k = 0; k < d_.inputs.size(); ++k)
      add(calls_.input_name(static_cast<int>(k)), d_.inputs[k]);
    for (std::size_t k = 0; k < d_.outputs.size(); ++k)
      add(calls_.output_name(static_cast<int>(k)), d_.outputs[k]);
    if (options_.class_names.empty()) return text;
    text += "inline constexpr const char* class_names[] = {";
    for (const std::string& name : options_.class_names)
      text += text_of("\n    ", string_literal(name), ",");
    return text + "};\n";
  }

  /// In a namespace that tells the instruction sets apart, so that no linker merges two of them.
  std::string kernels() const {
    std::string text = "\n";
    if (calls_.uses_dot())
      for (const DotText& each : dot_texts)
        text += text_of(each.condition.empty()
                            ? std::string("#else")
                            : text_of(&each == dot_texts ? "#if " : "#elif ", each.condition),
                        "\ninline namespace ", each.name, " {\nnamespace kernels {\n\n",
                        "constexpr const char* instruction_set = \"", each.name, "\";\n", each.text,
                        each.shared, each.condition.empty() ? "#endif\n" : "");
    else
      text += "inline namespace scalar {\nnamespace kernels {\n";
    return text_of(text, arithmetic_text, calls_.kernels_text(), "\n}  // namespace kernels\n");
  }

  std::string memory() const {
    return "\n/// What the network works in. One call at a time may use it.\n"
           "struct Memory {\n"
           "  alignas(64) unsigned char bytes[ram_bytes];\n"
           "  std::int8_t* s8(std::size_t offset) {\n"
           "    return reinterpret_cast<std::int8_t*>(bytes + offset);\n"
           "  }\n"
           "  float* f32(std::size_t offset) { return reinterpret_cast<float*>(bytes + offset); }\n"
           "};\n"
           "inline Memory static_memory;\n";
  }

  const AnyProgram& program_;
  const ProgramDescription& d_;
  const EmitOptions& options_;
  Calls<ProgramDescription> calls_;
  std::int64_t ram_, self_test_ram_ = 0;
  bool takes_pixels_;
};

}  // namespace emission
}  // namespace octet::inline OCTET_ABI
