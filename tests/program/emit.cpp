// Emitted headers, as far as no compiler is needed: what they say, and what is refused. The last
// case writes those that the scripts in tests/emit compile and run.
#include "octet/program/emit.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>

#include "contains.hpp"
#include "networks.hpp"
#include "octet/data/synthetic_faces.hpp"
#include "octet/data/transforms/normalize.hpp"
#include "octet/models/mobilenet_v2.hpp"
#include "octet/models/resnet9.hpp"
#include "octet/models/shallow_cnn.hpp"
#include "octet/program/file.hpp"
#include "octet/program/float16_weights.hpp"
#include "octet/program/int8_weights.hpp"
#include "octet/program/quantize.hpp"
#include "temporary_folder.hpp"

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

/// The first `count` pictures of a file of FER2013: a label, then 48 x 48 pixels, in each record.
ImageDataset real_faces(const std::string& path, std::int64_t count) {
  ImageDataset faces;
  faces.H = faces.W = 48;
  faces.C = 1;
  faces.class_names = {"Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"};
  std::ifstream file(path, std::ios::binary);
  for (char record[2305]; faces.size() < count && file.read(record, sizeof record);)
    faces.add({reinterpret_cast<const std::uint8_t*>(record) + 1, 48, 48, 1}, record[0]);
  return faces;
}

/// Some to calibrate with and some to test with: real ones where they are, else drawn ones.
Splits some_faces(std::int64_t train, std::int64_t test) {
  const std::string folder = shared_folder() + "/data/fer2013/";
  Splits faces{real_faces(folder + "fer2013_train.bin", train),
               {},
               real_faces(folder + "fer2013_test_private.bin", test)};
  if (faces.train.size() > 0 && faces.test.size() > 0) return faces;
  MESSAGE("FER2013 is not there (OCTET_SHARED): drawn faces take the place of real ones");
  return synthetic_face_splits(train, 0, test);
}

Tensor<float> tensor_of(const ImageDataset& data, const Pipeline& pipeline) {
  Tensor<float> images(data.image_shape().with_batch(data.size()));
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const Tensor<float> image = pipeline(data.image(i));
    std::copy(image.begin(), image.end(), images.data() + i * image.elements());
  }
  return images;
}

/// The logits of the scalar run; those of every instruction set that is here must be the same.
Tensor<float> logits_of(const Program& program, const Tensor<float>& images) {
  const Tensor<float> logits = Program(program.description(), {.isa = Isa::scalar})(images);
  for (const Isa isa :
       {Isa::avx2, Isa::avx_vnni, Isa::avx512, Isa::avx512_vnni, Isa::avx512_bf16, Isa::amx})
    if (cpu_supports(isa)) {
      CAPTURE(to_text(isa));
      CHECK(Program(program.description(), {.isa = isa})(images) == logits);
    }
  return logits;
}

template <class T>
void append(std::string& text, std::string_view type, const std::string& name,
            std::span<const T> values) {
  emission::append_array(text, type, name, std::to_string(values.size()), values);
}

/// An operation that reads value 0 and writes value `output`.
Operation operation_of(const std::string& name, int output, auto parameters) {
  Operation operation;
  operation.name = name;
  operation.inputs = {0};
  operation.output = output;
  operation.parameters = parameters;
  return operation;
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
  CHECK(contains(header.text,
                 "// RAM     192 bytes of static memory, and 8 where self_test() is called"));
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
  for (const char* const name : {"a", "_a1", "a::b", "A_::b2", "classes", "in::t", "t"})
    CHECK(emission::is_namespace_name(name));
  for (const char* const name :
       {"", "1a", "a::", "::a", "a:b", "a b", "a{", "a::1", "a:::b", "class", "a::int", "xor::a",
        "std", "a__b", "_A", "size_t", "int8_t::a", "a::int8_t"})
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
  expect({.name_space = "a b"},
         "expected the name of a namespace that C++ and its libraries leave free, got \"a b\"");
  expect({.class_names = {"one"}}, "a class name for each of its 2 elements, got 1");
  expect({.mean = {0.5f}}, "expected 1 or 1 values for mean and deviation, got 0");
  expect({.mean = {0.5f}, .deviation = {0}}, "expected a deviation above 0, got 0");
  expect({.mean = {NAN}, .deviation = {1}}, "expected a finite mean, got nan");
  for (const float deviation : {INFINITY, 1e-45f})
    expect({.mean = {0.5f}, .deviation = {deviation}},
           "expected a finite deviation with a finite inverse, got ");
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

TEST_CASE("a network whose outputs are not finite has no self-test, and is refused") {
  Graph<float> graph(1);
  graph.output(linear(graph.input({2}), 2));
  graph.parameters()[1]->value[0] = std::numeric_limits<float>::infinity();
  CHECK(contains(complaint_of(compile(graph), {}),
                 "emit: expected finite outputs for the self-test, got inf in "));
}

TEST_CASE("an adaptive pooling whose windows an int32 cannot count is refused") {
  Graph<float> graph(1);
  graph.output(adaptive_average_pool(graph.input({1, 70000, 1}), {1, 34999}));
  const std::string complaint = complaint_of(compile(graph), {});
  CAPTURE(complaint);
  CHECK(contains(complaint,
                 "adaptive_average_pool_1: expected an adaptive pooling with (H + 1) * OH and (W + "
                 "1) * OW of at most 2147483647, got 2449964999"));
}

TEST_CASE("the windows of an average at the edges share its multipliers") {
  Graph<float> graph(1);
  graph.output(average_pool(graph.input({40, 30, 1}), {.kernel = 3, .stride = 1, .padding = 1}));
  // Four pixels lie inside of the image in the corners, six at the other edges.
  CHECK(contains(emitted_header(compile(graph), {}).text, "multiplier_0[6] = {"));
}

TEST_CASE("pixels of a network that gives its input back stay float32") {
  const EmitOptions pixels{.mean = {0.5f}, .deviation = {0.25f}};
  ProgramDescription description = small_program().program.description();
  REQUIRE(contains(emitted_header(Program(description), pixels).text, "run_layers("));
  description.outputs = description.inputs;
  CHECK_FALSE(contains(emitted_header(Program(description), pixels).text, "run_layers("));
  description.operations.clear();
  CHECK_FALSE(contains(emitted_header(Program(description), pixels).text, "run_layers("));
}

TEST_CASE("an output without dimensions is one class") {
  ProgramDescription description;
  description.values = {{.name = "input", .shape = {1, 1, 1}}, {.name = "output", .shape = {}}};
  description.inputs = {0};
  description.outputs = {1};
  description.operations = {operation_of("reshape", 1, operations::Reshape{})};
  const std::string header =
      emitted_header(Program(description), {.mean = {0}, .deviation = {1}}).text;
  CHECK(contains(header, "kernels::softmax(1, 1, "));
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
  const Splits faces = some_faces(16, 6);
  const NormalizeOptions statistics = channel_statistics(faces.train);
  const Pipeline pipeline{normalize(statistics)};
  const Tensor<float> train = tensor_of(faces.train, pipeline);
  const Tensor<float> test = tensor_of(faces.test, pipeline);
  std::string includes, constants, body;
  append(constants, "std::uint8_t", "pixels", std::span<const std::uint8_t>(faces.test.pixels));
  for (const networks::Network& network : zoo()) {
    CAPTURE(network.name);
    const Program program = quantize(networks::make(network), train).program;
    const Tensor<float> logits = logits_of(program, test);
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

  // An input and the memory that nothing reads, though a layer's name looks as if it did.
  ProgramDescription unread;
  unread.values = {{.name = "read", .shape = {1, 1, 4}},
                   {.name = "unread", .shape = {3}},
                   {.name = "output", .shape = {1, 1, 4}}};
  unread.inputs = {0, 1};
  unread.outputs = {2};
  unread.operations = {operation_of("a.memory.b", 2, operations::Softmax{})};
  emit(Program(unread), path("unread.hpp"), {.name_space = "unread"});
  includes += "#include \"unread.hpp\"\n";
  body += "  ++step;\n  if (!unread::self_test()) return step;\n";
  write_file(path("operations.cpp"), std::string_view(includes + constants + comparison +
                                                      check_function + body + "  return 0;\n}\n"));
}

// Run by tests/emit/faces.sh with the environment variables OCTET_EMIT_FOLDER; OCTET_FACES, how
// many of the private test, or all; and OCTET_MODELS, int8 programs that fer quantize wrote, or
// nothing for a network with random weights. Writes for each model N model_N.hpp and faces_N.bin:
// as int32 the number of faces and of classes, then for each face its pixels, and the logits of the
// scalar run, to which all instruction sets and the program read back from its file agree.
TEST_CASE("faces for the script in tests/emit" * doctest::skip()) {
  const char* const folder = std::getenv("OCTET_EMIT_FOLDER");
  REQUIRE(folder);
  const char* const wanted = std::getenv("OCTET_FACES");
  const char* const models = std::getenv("OCTET_MODELS");
  const std::int64_t all = 3589;
  const std::int64_t count = !wanted ? 3 : std::string(wanted) == "all" ? all : std::atoi(wanted);
  const Splits faces = some_faces(64, count);
  REQUIRE(faces.test.size() == count);

  std::vector<LoadedProgram> programs;
  std::istringstream paths(models ? models : "");
  for (std::string path; paths >> path;)
    programs.push_back(load_program(path, {.keep_weights = KeepWeights::yes}));
  if (programs.empty()) {
    const NormalizeOptions statistics = channel_statistics(faces.train);
    const Tensor<float> train = tensor_of(faces.train, {normalize(statistics)});
    Json numbers = Json::object()
                       .set("mean", Json::array().push(statistics.mean[0]))
                       .set("deviation", Json::array().push(statistics.deviation[0]));
    programs.push_back({quantize(networks::make(zoo()[0]), train).program,
                        {{"model", zoo()[0].name}, {"normalization", numbers.text()}}});
  }

  for (std::size_t i = 0; i < programs.size(); ++i) {
    const auto& [program, metadata] = programs[i];
    const std::string begin = std::string(folder) + "/", end = "_" + std::to_string(i);
    const Json numbers = Json::parse(metadata.at("normalization"), "normalization");
    const NormalizeOptions statistics{
        {static_cast<float>(numbers["mean"].as_array()[0].as_number())},
        {static_cast<float>(numbers["deviation"].as_array()[0].as_number())}};
    const Tensor<float> images = tensor_of(faces.test, {normalize(statistics)});
    const Tensor<float> logits = logits_of(program, images);
    save_program(program, begin + "saved.safetensors");
    CHECK(load_program(begin + "saved.safetensors").program(images) == logits);
    emit(program, begin + "model" + end + ".hpp",
         {.name_space = "network", .mean = statistics.mean, .deviation = statistics.deviation});

    const std::int32_t sizes[] = {static_cast<std::int32_t>(count),
                                  static_cast<std::int32_t>(logits.shape()[1])};
    std::ofstream file(begin + "faces" + end + ".bin", std::ios::binary);
    file.write(reinterpret_cast<const char*>(sizes), sizeof sizes);
    for (std::int64_t k = 0; k < count; ++k) {
      file.write(reinterpret_cast<const char*>(faces.test.image(k).pixels), 48 * 48);
      file.write(reinterpret_cast<const char*>(logits.data() + k * sizes[1]),
                 static_cast<std::streamsize>(sizeof(float)) * sizes[1]);
    }
    REQUIRE(file.flush().good());
    MESSAGE("model ", i, ", ", metadata.at("model"),
            ": the scalar run, every instruction set here ", "and the program read back agree on ",
            count, " faces");
  }
}
