// Emitted headers, as far as no compiler is needed: what they say, and what is refused. The last
// case writes those that the scripts in tests/emit compile and run.
#include "octet/program/emit.hpp"

#include <cstdlib>
#include <doctest/doctest.h>

#include "networks.hpp"
#include "octet/data/synthetic_faces.hpp"
#include "octet/data/transforms/normalize.hpp"
#include "octet/models/mobilenet_v2.hpp"
#include "octet/models/resnet9.hpp"
#include "octet/models/shallow_cnn.hpp"
#include "octet/program/float16_weights.hpp"
#include "octet/program/int8_weights.hpp"
#include "octet/program/quantize.hpp"

using namespace octet;

namespace {

std::string text_of_file(const std::string& path) {
  const auto bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string complaint_of(const Program& program, const EmitOptions& options) {
  try {
    emitted_header(program, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no complaint";
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Graph<float> small_graph() {
  Graph<float> graph(1);
  auto x = graph.input({6, 6, 1});
  x = relu(conv2d(x, 3, {.kernel = 3}));
  graph.output(linear(flatten(x), 2));
  return graph;
}

QuantizedProgram small_program() { return quantize(small_graph(), networks::images({6, 6, 1}, 8)); }

/// Networks of the zoo, narrow enough for a microcontroller.
std::vector<networks::Network> zoo() {
  using networks::V;
  return {
      {"shallow_cnn", {48, 48, 1}, [](V x) { return shallow_cnn(x, {.width = 0.0625}); }, 0},
      {"mobilenet_v2",
       {48, 48, 1},
       [](V x) { return mobilenet_v2(x, {.width = 0.1, .first_stride = 1}); },
       0},
      {"resnet9", {48, 48, 1}, [](V x) { return resnet9(x, {.width = 0.0625}); }, 0},
  };
}

template <class T>
void append(std::string& text, std::string_view type, const std::string& name,
            std::span<const T> values) {
  emission::append_array(text, type, name, std::to_string(values.size()), values);
}

}  // namespace

TEST_CASE("the emitted int8 arithmetic is the library's own, byte by byte") {
  const std::string source =
      text_of_file(OCTET_SOURCE_DIR "/include/octet/kernels/portable/arithmetic_s8.hpp");
  const std::string_view open = "namespace octet::inline OCTET_ABI::kernels {\n";
  const std::size_t begin = source.find(open) + open.size();
  CHECK(source.substr(begin, source.rfind("}  // namespace") - begin) == emission::arithmetic_text);
  const std::string header = emitted_header(small_program().program).text;
  CHECK(contains(header, emission::arithmetic_text));
}

TEST_CASE("a header says what it needs, and is the same every time") {
  const Program program = small_program().program;
  const EmittedHeader header =
      emitted_header(program, {.name_space = "a::b", .title = "My\nnet\\"});
  // 9 * 3 and 48 * 2 weights, a bias and a multiplier for each of 5 channels.
  CHECK(header.flash_bytes == 27 + 96 + 5 * 8);
  CHECK(header.self_test_bytes == 36 * 4 + 2 * 4);
  // 36 bytes of input and 48 of the convolution's output, both to multiples of 64; then a patch of
  // 9 and of 48.
  CHECK(header.ram_bytes == 64 + 64 + 64);
  CHECK(contains(header.text, "// My?net?, written by Octet"));
  CHECK(contains(header.text, "// Flash   163 bytes of constants, and 152 "));
  CHECK(contains(header.text, "// RAM     192 bytes"));
  CHECK(contains(header.text, "inline constexpr std::size_t ram_bytes = 192;"));
  CHECK(contains(header.text, "namespace a::b {"));
  CHECK_FALSE(contains(header.text, "predict("));
  CHECK(emitted_header(program, {.name_space = "a::b", .title = "My\nnet\\"}).text == header.text);

  const std::string path = "emitted_" + std::to_string(std::rand()) + ".hpp";
  CHECK(emit(program, path, {.name_space = "a::b", .title = "My\nnet\\"}).ram_bytes == 192);
  CHECK(text_of_file(path) == header.text);
  std::remove(path.c_str());
}

TEST_CASE("names from elsewhere cannot become code") {
  CHECK(emission::comment("a\nint b;\\") == "a?int b;?");
  CHECK(emission::string_literal("a\"b\\c\n\xc3\xa9?") == "\"a\\042b\\134c\\012\\303\\251\\077\"");
  for (const char* const name : {"a", "_a1", "a::b", "A_::b2", "classes", "in::t"})
    CHECK(emission::is_namespace_name(name));
  for (const char* const name : {"", "1a", "a::", "::a", "a:b", "a b", "a{", "a::1", "a:::b",
                                 "class", "a::int", "xor::a", "std", "a__b", "_A"})
    CHECK_FALSE(emission::is_namespace_name(name));
}

TEST_CASE("literals denote the number itself") {
  const std::pair<float, const char*> pairs[] = {{0.0f, "0x0p+0f"},
                                                 {1.5f, "0x1.8p+0f"},
                                                 {-0.1f, "-0x1.99999ap-4f"},
                                                 {INFINITY, "__builtin_huge_valf()"}};
  for (const auto& [number, expected] : pairs) CHECK(emission::literal(number) == expected);
}

TEST_CASE("what cannot be emitted is refused with a sentence") {
  const Program program = small_program().program;
  const auto expect = [&](const EmitOptions& options, const char* sentence) {
    const std::string complaint = complaint_of(program, options);
    CAPTURE(complaint);
    CHECK(contains(complaint, sentence));
  };
  expect({.name_space = "a b"}, "expected the name of a namespace, got \"a b\"");
  expect({.class_names = {"one"}}, "a class name for each of its 2 elements, got 1");
  expect({.mean = {0.5f}}, "expected 1 or 1 values for mean and deviation, got 0");
  expect({.mean = {0.5f}, .deviation = {0}}, "expected a deviation above 0, got 0");
  expect({.mean = {0.5f}, .deviation = {1}, .golden_pixels = {1, 2}},
         "expected 36 golden pixels, got 2");
  expect({.golden_pixels = {1}}, "a mean and a deviation");

  const Program bare(program.description(), {.keep_weights = KeepWeights::no});
  CHECK(contains(complaint_of(bare, {}), "keeps its weights"));
  CHECK_THROWS_WITH_AS(emit(program, "no/such/folder/a.hpp"),
                       doctest::Contains("cannot be written"), Error);

  const Program in_float = compile(small_graph());
  CHECK(contains(complaint_of(in_float, {.mean = {0}, .deviation = {1}}), "no complaint"));
  CHECK(contains(complaint_of(with_int8_weights(in_float), {}),
                 "conv2d_1: expected float32 or float16 weights for a float32 layer, got int8"));
  ProgramDescription description = in_float.description();
  operations::Custom custom;
  custom.layer = "mine";
  custom.run.make_run = [] { return CustomLayer::Run(); };
  description.operations[0].parameters = custom;
  description.operations[0].name = "my_layer";
  CHECK(contains(complaint_of(Program(description), {}), "my_layer: the layer mine"));
}

// Run by the scripts in tests/emit, with the environment variable OCTET_EMIT_FOLDER: writes
// headers, zoo.cpp and operations.cpp, whose function check() returns 0 where every bit is as it
// must be.
TEST_CASE("headers for the scripts in tests/emit" * doctest::skip()) {
  const char* const folder = std::getenv("OCTET_EMIT_FOLDER");
  REQUIRE(folder);
  const auto path = [&](const std::string& name) { return std::string(folder) + "/" + name; };
  const std::string check_function =
      "\nextern \"C\" int check();\nextern \"C\" int check() {\n  int step = 0;\n";
  const std::string comparison =
      "\ntemplate <class Run>\nbool agrees(Run run, std::size_t count, const float* expected, "
      "float "
      "tolerance) {\n  float output[64];\n  run(output);\n  for (std::size_t i = 0; i < count; "
      "++i) {"
      "\n    const float error = output[i] - expected[i];\n    if (!(error >= -tolerance && error "
      "<= "
      "tolerance)) return false;\n  }\n  return true;\n}\n";

  // The zoo on faces, from pixels, bit by bit.
  const Splits faces = synthetic_face_splits(16, 0, 6);
  const NormalizeOptions statistics = channel_statistics(faces.train);
  const Pipeline pipeline{normalize(statistics)};
  const auto tensor_of = [&](const ImageDataset& data) {
    Tensor<float> images(data.image_shape().with_batch(data.size()));
    for (std::int64_t i = 0; i < data.size(); ++i) {
      const Tensor<float> image = pipeline(data.image(i));
      std::copy(image.begin(), image.end(), images.data() + i * image.elements());
    }
    return images;
  };
  const Tensor<float> train = tensor_of(faces.train), test = tensor_of(faces.test);
  std::string includes, constants, body;
  append(constants, "std::uint8_t", "pixels", std::span<const std::uint8_t>(faces.test.pixels));
  for (const networks::Network& network : zoo()) {
    CAPTURE(network.name);
    const Program program = quantize(networks::make(network), train).program;
    const Program scalar(program.description(), {.isa = Isa::scalar});
    const Tensor<float> logits = scalar(test);
    for (const Isa isa :
         {Isa::avx2, Isa::avx_vnni, Isa::avx512, Isa::avx512_vnni, Isa::avx512_bf16, Isa::amx})
      if (isa_allowed(isa)) CHECK(Program(program.description(), {.isa = isa})(test) == logits);
    emit(program, path(network.name + ".hpp"),
         {.name_space = network.name,
          .title = network.name,
          .mean = statistics.mean,
          .deviation = statistics.deviation,
          .class_names = faces.test.class_names});
    includes += "#include \"" + network.name + ".hpp\"\n";
    append(constants, "float", network.name + "_logits",
           std::span<const float>(logits.begin(), logits.end()));
    const std::string& name = network.name;
    body +=
        text_of("  ++step;\n  if (!", name, "::self_test()) return step;\n  ++step;\n",
                "  for (std::size_t i = 0; i < ", test.shape()[0], "; ++i)\n    if (!agrees([&]",
                "(float* y) { ", name, "::run(pixels + 2304 * i, y); }, 7, ", name,
                "_logits + 7 * i, 0)) return step;\n");
  }
  write_file(path("zoo.cpp"), std::string_view(includes + constants + comparison + check_function +
                                               body + "  return 0;\n}\n"));

  // Every operation, in int8 and in float32, from float32.
  includes = constants = body = "";
  for (const networks::Network& network : networks::all()) {
    CAPTURE(network.name);
    std::string name = network.name;
    for (char& character : name)
      if (character == ' ') character = '_';
    const Graph<float> graph = networks::make(network);
    const Tensor<float> x = networks::images(network.input, 3);
    append(constants, "float", name + "_input", std::span<const float>(x.begin(), x.end()));
    const auto add = [&](const std::string& form, const Program& program, float tolerance) {
      const std::string whole = name + form;
      emit(program, path(whole + ".hpp"), {.name_space = whole, .title = whole});
      includes += "#include \"" + whole + ".hpp\"\n";
      const Tensor<float> y = Program(program.description(), {.isa = Isa::scalar})(x);
      append(constants, "float", whole + "_output", std::span<const float>(y.begin(), y.end()));
      const std::int64_t outputs = y.shape()[1];
      body += text_of("  ++step;\n  if (!", whole, "::self_test()) return step;\n  ++step;\n",
                      "  for (std::size_t i = 0; i < 3; ++i)\n    if (!agrees([&](float* y) { ",
                      whole, "::run(", name, "_input + ", x.elements() / 3, " * i, y); }, ",
                      outputs, ", ", whole, "_output + ", outputs, " * i, ",
                      emission::literal(tolerance), ")) return step;\n");
    };
    const QuantizedProgram quantized = quantize(graph, networks::images(network.input, 16));
    float largest = 0;
    for (const float value : compile(graph)(x)) largest = (std::max)(largest, std::abs(value));
    // A float32 layer next to int8 may move a value over the edge of a step.
    add("_int8", quantized.program, quantized.report.float_layers().empty() ? 0 : 0.03f * largest);
    add("_float", compile(graph), 1e-5f * largest);
    add("_half", with_float16_weights(compile(graph)), 1e-5f * largest);
  }
  write_file(path("operations.cpp"), std::string_view(includes + constants + comparison +
                                                      check_function + body + "  return 0;\n}\n"));
}
