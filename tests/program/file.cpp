// Saved programs: the same bits after loading, and no damaged file is believed.
#include "octet/program/file.hpp"

#include <cstdlib>
#include <doctest/doctest.h>

#include "networks.hpp"
#include "octet/program/float16_weights.hpp"
#include "octet/program/int8_weights.hpp"
#include "octet/program/quantize.hpp"
#include "temporary_folder.hpp"

using namespace octet;

namespace {

LoadedProgram parse(std::span<const std::byte> bytes,
                    LoadOptions options = {.keep_weights = KeepWeights::yes}) {
  return load_program(Safetensors::parse(bytes, ChecksumRule::required), options);
}

/// y = gain * x, with a parameter.
class Gain final : public Layer<float> {
 public:
  std::string_view type() const override { return "gain"; }
  Shape output_shape(std::span<const Shape> inputs) const override { return inputs[0]; }
  void forward(Inputs<float> inputs, TensorView<float> output, const Pass&) override {
    for (std::int64_t i = 0; i < output.elements(); ++i) output[i] = gain_.value[0] * inputs[0][i];
  }
  void backward(Inputs<float>, TensorView<const float>, TensorView<const float>,
                InputGradients<float>, const Pass&) override {}
  std::vector<Parameter<float>*> parameters() override { return {&gain_}; }
  std::unique_ptr<Layer<float>> clone() const override { return std::make_unique<Gain>(*this); }

 private:
  Parameter<float> gain_{"gain", ParameterKind::weight, {1}};
};

Graph<float> gain_network() {
  Graph<float> graph(1);
  graph.output(apply<float>(std::make_unique<Gain>(), {graph.input({3})}));
  graph.node(1).layer->parameters()[0]->value[0] = 2.5f;
  return graph;
}

}  // namespace

TEST_CASE("float32, float16 and int8 programs give the same bits after loading") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Graph<float> graph = networks::make(network);
    const Tensor<float> x = networks::images(network.input, 3);
    const Program program = compile(graph);
    const Program half = with_float16_weights(program);
    const Program weights_only = with_int8_weights(program);
    const Program int8 = quantize(graph, x).program;
    for (const Program* const each : {&program, &half, &weights_only, &int8}) {
      const AlignedVector<std::byte> bytes =
          program_file(*each, {{"classes", "angry,happy"}}).bytes();
      const LoadedProgram loaded = parse(bytes);
      CHECK(loaded.program(x) == (*each)(x));
      CHECK(loaded.metadata == Metadata{{"classes", "angry,happy"}});
      CHECK(program_file(loaded.program, loaded.metadata).bytes() == bytes);
    }
    CHECK(half.weight_bytes() < program.weight_bytes());
    // Where weights are one for each channel, they stay as they are.
    if (network.name != "lonely batch norm and adaptive windows")
      CHECK(weights_only.weight_bytes() < half.weight_bytes());
  }
}

TEST_CASE("int8 weights: no weight moves by more than half a step, and the rest is float32") {
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    const Program program = compile(networks::make(network));
    const Program rounded = with_int8_weights(program);
    const ProgramDescription &from = program.description(), &to = rounded.description();
    REQUIRE(to.operations.size() == from.operations.size());
    int layers = 0;
    const auto check = [&](const auto& before, const auto& after, bool channel_last) {
      ++layers;
      if (before.shape.OC == from.tensor(before.weight_tensor).shape.elements()) {
        CHECK(to.tensor(after.weight_tensor).type == ElementType::f32);
        return;
      }
      CHECK(to.tensor(after.weight_tensor).type == ElementType::s8);
      CHECK(to.tensor(after.bias_tensor).type == ElementType::f32);
      const auto scale = to.tensor(after.scale_tensor).template as<float>();
      const auto w = from.tensor(before.weight_tensor).template as<float>();
      const AlignedVector<float> got = float_steps::weights_of(to, after);
      REQUIRE(got.size() == w.size());
      std::vector<float> largest(scale.size());
      double worst = 0;
      for (std::size_t i = 0; i < w.size(); ++i) {
        const std::size_t oc = channel_last ? i % scale.size() : i / (w.size() / scale.size());
        largest[oc] = (std::max)(largest[oc], std::abs(w[i]));
        worst = (std::max)(worst, std::abs(double{got[i]} - double{w[i]}) / double{scale[oc]});
      }
      CHECK(worst > 0.3);
      CHECK(worst < 0.5 + 1e-4);
      for (std::size_t oc = 0; oc < scale.size(); ++oc)
        CHECK(scale[oc] == doctest::Approx(largest[oc] / 127).epsilon(1e-6));
    };
    for (std::size_t i = 0; i < from.operations.size(); ++i) {
      const Operation &before = from.operations[i], &after = to.operations[i];
      if (const auto* const conv = before.as<operations::Conv2d>())
        check(*conv, *after.as<operations::Conv2d>(), false);
      else if (const auto* const depthwise = before.as<operations::DepthwiseConv2d>())
        check(*depthwise, *after.as<operations::DepthwiseConv2d>(), true);
    }
    CHECK(layers > 1);
    // What it computes is what the float32 program of those weights computes.
    ProgramDescription same = from;
    for (std::size_t i = 0; i < from.operations.size(); ++i)
      if (const auto* const conv = to.operations[i].as<operations::Conv2d>()) {
        const AlignedVector<float> w = float_steps::weights_of(to, *conv);
        std::memcpy(same.tensors[static_cast<std::size_t>(conv->weight_tensor)].bytes.data(),
                    w.data(), w.size() * sizeof(float));
      } else if (const auto* const depthwise = to.operations[i].as<operations::DepthwiseConv2d>()) {
        const AlignedVector<float> w = float_steps::weights_of(to, *depthwise);
        std::memcpy(same.tensors[static_cast<std::size_t>(depthwise->weight_tensor)].bytes.data(),
                    w.data(), w.size() * sizeof(float));
      }
    const Tensor<float> x = networks::images(network.input, 3);
    CHECK(rounded(x) == Program(same)(x));
    CHECK(!(rounded(x) == program(x)));
  }
}

TEST_CASE("int8 weights: a quarter of the file, and the int8 program of them is that of float32") {
  Graph<float> graph(1);
  auto x = graph.input({8, 8, 16});
  x = relu(conv2d(x, 64, {.kernel = 3}));
  graph.output(linear(flatten(conv2d(x, 64, {.kernel = 3})), 10));
  const Program program = compile(graph), rounded = with_int8_weights(program);
  const auto size = [](const Program& each) {
    return static_cast<double>(program_file(each).bytes().size());
  };
  CHECK(size(rounded) / size(program) < 0.27);
  // Rounding weights that lie on their grid changes nothing.
  const Tensor<float> images = networks::images({8, 8, 16}, 4);
  const Program int8 = quantize(program, batches_of(images)).program;
  const Program again = quantize(rounded, batches_of(images)).program;
  for (std::size_t i = 0; i < int8.description().tensors.size(); ++i) {
    const ProgramTensor& tensor = int8.description().tensors[i];
    if (tensor.type == ElementType::s8) CHECK(tensor.bytes == again.description().tensors[i].bytes);
  }
  // A layer that stays float32 keeps its int8 weights.
  const Program mixed = quantize(rounded, batches_of(images), {.keep_float = {"linear_1"}}).program;
  CHECK(parse(program_file(mixed).bytes()).program(images) == mixed(images));

  CHECK_THROWS_WITH_AS(
      with_int8_weights(Program(program.description(), {.keep_weights = KeepWeights::no})),
      doctest::Contains("keeps its weights"), Error);
  graph.node(1).layer->parameters()[0]->value[7] = std::nanf("");
  CHECK_THROWS_WITH_AS(with_int8_weights(compile(graph)), doctest::Contains("finite weights"),
                       Error);
}

TEST_CASE("half the weights, nearly the same result") {
  const networks::Network network = networks::all()[1];
  const Program program = compile(networks::make(network));
  const Program half = with_float16_weights(program);
  const Tensor<float> x = networks::images(network.input, 2);
  const Tensor<float> a = program(x), b = half(x);
  CHECK(!(a == b));
  for (std::int64_t i = 0; i < a.elements(); ++i)
    CHECK(b[i] == doctest::Approx(a[i]).epsilon(0.02));
}

TEST_CASE("a file cut at any byte, or with any byte changed, is refused with a sentence") {
  Graph<float> graph(3);
  auto x = graph.input({4, 4, 2});
  x = concat({relu(conv2d(x, 3, {.kernel = 3, .padding = 1})), x});
  graph.output(linear(flatten(sigmoid(x)), 2));
  const Tensor<float> images = networks::images({4, 4, 2}, 2);
  const Program program = quantize(graph, images).program;
  const AlignedVector<std::byte> whole = program_file(program).bytes();
  const Tensor<float> expected = program(images);
  REQUIRE(parse(whole).program(images) == expected);

  const auto refused = [&](std::span<const std::byte> bytes) {
    try {
      // Whoever is let through must be the program that was saved.
      return parse(bytes).program(images) == expected ? 2 : 0;
    } catch (const Error& error) {
      return std::string(error.what()).empty() ? 0 : 1;
    }
  };
  for (std::size_t size = 0; size < whole.size(); ++size)
    if (refused({whole.data(), size}) != 1) FAIL_CHECK("cut at byte ", size);
  AlignedVector<std::byte> damaged = whole;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    damaged[at] ^= std::byte(1 << at % 8);
    if (refused(damaged) == 0) FAIL_CHECK("byte ", at, " changed");
    damaged[at] = whole[at];
  }
}

TEST_CASE("a description that makes no sense is refused, though the checksum is right") {
  Graph<float> graph(3);
  auto x = graph.input({4, 4, 2});
  x = max_pool(relu(conv2d(x, 3, {.kernel = 3, .padding = 1})), {.kernel = 2, .stride = 2});
  graph.output(linear(flatten(x), 2));
  const Tensor<float> images = networks::images({4, 4, 2}, 2);
  const Program program = quantize(graph, images).program;
  const Json good = to_json(program.description());
  const std::vector<ProgramTensor>& tensors = program.description().tensors;
  // Replaces every number, one after the other, by numbers that do not belong there.
  int numbers = 0, accepted = 0;
  const std::string text = good.text();
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool begins = std::isdigit(static_cast<unsigned char>(text[at])) &&
                        (text[at - 1] == ':' || text[at - 1] == ',' || text[at - 1] == '[');
    if (!begins) continue;
    std::size_t end = at;
    while (text[end] != ',' && text[end] != ']' && text[end] != '}') ++end;
    for (const char* const bad : {"-1", "999999999", "4611686018427387904", "1e300", "\"x\""}) {
      ++numbers;
      const std::string changed = text.substr(0, at) + bad + text.substr(end);
      try {
        const Program other(DescriptionReader::read(Json::parse(changed), tensors));
        ++accepted;
      } catch (const Error& error) {
        CHECK(std::string(error.what()).size() > 10);
      }
    }
  }
  CHECK(numbers > 300);
  // Clamps, scales and strides along an extent of 1 may be any number.
  CHECK(accepted < numbers / 10);
  CHECK_THROWS_AS(DescriptionReader::read(Json::parse("{}"), {}), Error);
}

TEST_CASE("a description that is wrong is told where") {
  const Program program = compile(networks::make(networks::all()[0]));
  std::string text = to_json(program.description()).text();
  const std::string_view good = "\"stride\":[1,1]";
  const std::size_t at = text.find(good);
  REQUIRE(at != std::string::npos);
  text.replace(at, good.size(), "\"stride\":[1,-1]");
  CHECK_THROWS_WITH_AS(
      DescriptionReader::read(Json::parse(text), {}),
      "program: conv2d_1: stride: expected an integer from 0 to 2147483647, got -1", Error);
}

TEST_CASE("files: written whole, and told apart from other files") {
  const TemporaryFolder folder;
  const std::string path = folder.path("program.safetensors");
  const networks::Network network = networks::all()[0];
  const Program program = compile(networks::make(network));
  save_program(program, path);
  const Tensor<float> x = networks::images(network.input, 2);
  const LoadedProgram loaded = load_program(path);
  CHECK(loaded.program(x) == program(x));
  CHECK(!loaded.program.has_weights());
  CHECK(!load_program(path, {.isa = Isa::scalar}).program.has_weights());
  CHECK_THROWS_AS(save_program(loaded.program, path), Error);
  CHECK_THROWS_AS(quantize(loaded.program, batches_of(x)), Error);

  Json description = to_json(program.description());
  SafetensorsWriter later;
  later.set_metadata(program_key, description.set("version", 2).text());
  for (const ProgramTensor& tensor : program.description().tensors)
    later.add(tensor.name, Tensor<float>(tensor.shape));
  later.write(path);
  CHECK_THROWS_WITH_AS(load_program(path), (path + ": program: expected version 1, got 2").c_str(),
                       Error);

  SafetensorsWriter other;
  other.add("weight", x);
  other.write(path);
  CHECK_THROWS_WITH_AS(
      load_program(path),
      (path + ": expected a compiled or quantized program, got a file without one").c_str(), Error);
}

TEST_CASE("files: a tensor that is named twice is refused, not read twice or left out") {
  const Safetensors file =
      Safetensors::parse(program_file(compile(networks::make(networks::all()[0]))).bytes());
  const Json description = Json::parse(file.metadata(program_key), "description");
  const std::string first = description["tensors"].as_array()[0].as_string();
  const std::string second = description["tensors"].as_array()[1].as_string();
  std::string text = file.metadata(program_key);
  const std::size_t at = text.find('"' + second + '"', text.find("\"tensors\""));
  text.replace(at + 1, second.size(), first);
  SafetensorsWriter writer;
  writer.set_metadata(program_key, text);
  for (const SafetensorsEntry& entry : file.entries())
    writer.add(entry.name, entry.dtype, entry.shape, entry.data.data());
  CHECK_THROWS_WITH_AS(
      load_program(Safetensors::parse(writer.bytes(), ChecksumRule::required, "file")),
      ("file: tensor \"" + first + "\" is named twice").c_str(), Error);
}

TEST_CASE("files: an empty tensor that is named twice is refused, too") {
  SafetensorsWriter writer;
  Json description = to_json(compile(networks::make(networks::all()[0])).description());
  description.set("tensors", Json::array().push("none").push("none"));
  writer.set_metadata(program_key, description.text());
  writer.add("none", Tensor<float>({0}));
  writer.add("other", Tensor<float>({0}));
  CHECK_THROWS_WITH_AS(
      load_program(Safetensors::parse(writer.bytes(), ChecksumRule::required, "file")),
      "file: tensor \"none\" is named twice", Error);
}

TEST_CASE("a layer of one's own comes back if it is registered; else it is named") {
  const Program program = compile(gain_network());
  const AlignedVector<std::byte> bytes = program_file(program).bytes();
  CHECK_THROWS_WITH_AS(
      parse(bytes),
      "safetensors: program: gain_1 is a layer of the type \"gain\", which is not known here: "
      "register_layer() or register_custom_layer() makes it so; "
      "layer_registry<float>() does for Octet's own",
      Error);
  register_layer<float>("gain", [](const Json&) { return std::make_unique<Gain>(); });
  const Tensor<float> x({1, 3}, {1, 2, -4});
  CHECK(parse(bytes).program(x) == Tensor<float>({1, 3}, {2.5f, 5, -10}));
}
