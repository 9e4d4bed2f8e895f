// Saved programs: the same bits after loading, and no damaged file is believed.
#include "octet/program/file.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <unistd.h>

#include "networks.hpp"
#include "octet/program/float16_weights.hpp"
#include "octet/program/quantize.hpp"

using namespace octet;

namespace {

LoadedProgram parse(std::span<const std::byte> bytes, ProgramOptions options = {}) {
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
    const Program int8 = quantize(graph, x).program;
    for (const Program* const each : {&program, &half, &int8}) {
      const AlignedVector<std::byte> bytes =
          program_file(*each, {{"classes", "angry,happy"}}).bytes();
      const LoadedProgram loaded = parse(bytes);
      CHECK(loaded.program(x) == (*each)(x));
      CHECK(loaded.metadata == Metadata{{"classes", "angry,happy"}});
      CHECK(program_file(loaded.program, loaded.metadata).bytes() == bytes);
    }
    CHECK(half.weight_bytes() < program.weight_bytes());
  }
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

TEST_CASE("files: written whole, and told apart from other files") {
  const std::string path = text_of("/tmp/octet_program_", ::getpid(), ".safetensors");
  const networks::Network network = networks::all()[0];
  const Program program = compile(networks::make(network));
  save_program(program, path);
  const Tensor<float> x = networks::images(network.input, 2);
  const LoadedProgram loaded = load_program(path);
  CHECK(loaded.program(x) == program(x));
  CHECK(!loaded.program.has_weights());
  CHECK_THROWS_AS(save_program(loaded.program, path), Error);
  CHECK_THROWS_AS(quantize(loaded.program, batches_of(x)), Error);

  SafetensorsWriter other;
  other.add("weight", x);
  other.write(path);
  CHECK_THROWS_WITH_AS(
      load_program(path),
      (path + ": expected a compiled or quantized program, got a file without one").c_str(), Error);
  ::unlink(path.c_str());
}

TEST_CASE("a layer of one's own comes back if it is registered; else it is named") {
  const Program program = compile(gain_network());
  const AlignedVector<std::byte> bytes = program_file(program).bytes();
  CHECK_THROWS_WITH_AS(parse(bytes),
                       "program: gain_1 is a layer of the type \"gain\", which is not known here: "
                       "register_layer() or register_custom_layer() makes it so; "
                       "layer_registry<float>() does for Octet's own",
                       Error);
  register_layer<float>("gain", [](const Json&) { return std::make_unique<Gain>(); });
  const Tensor<float> x({1, 3}, {1, 2, -4});
  CHECK(parse(bytes).program(x) == Tensor<float>({1, 3}, {2.5f, 5, -10}));
}
