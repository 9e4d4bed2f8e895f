#include "octet/core/safetensors.hpp"

#include <doctest/doctest.h>

#include "temporary_folder.hpp"

using octet::ChecksumRule;
using octet::Error;
using octet::Safetensors;
using octet::SafetensorsWriter;
using octet::Shape;
using octet::Tensor;

namespace {

using Bytes = std::vector<std::byte>;

// A file from a header and as many bytes of data, without a checksum.
Bytes file_of(const std::string& header, std::size_t data) {
  const std::uint64_t length = header.size();
  Bytes bytes(8 + header.size() + data);
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  for (std::size_t i = 0; i < data; ++i) bytes[8 + header.size() + i] = std::byte(i);
  return bytes;
}

std::string refusal(const Bytes& bytes) {
  try {
    Safetensors::parse(bytes, ChecksumRule::if_present, "file");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

SafetensorsWriter small_file() {
  SafetensorsWriter writer;
  writer.set_metadata("note", "a \"quoted\" text, and \"octet.checksum\":\"0000000000000000\"");
  writer.add("weight", Tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  writer.add("codes", Tensor<std::int8_t>({5}, {-128, -1, 0, 1, 127}));
  writer.add("scalar", Tensor<double>(Shape{}, 2.5));
  writer.add("empty", Tensor<std::int64_t>({0, 4}));
  writer.add("half", Tensor<octet::Float16>({2}, {octet::to_float16(0.5f), {}}));
  return writer;
}

void check_small_file(const Safetensors& file) {
  CHECK(file.entries().size() == 5);
  CHECK(file.metadata("note") == "a \"quoted\" text, and \"octet.checksum\":\"0000000000000000\"");
  CHECK(file.tensor<float>("weight") == Tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  CHECK(file.tensor<std::int8_t>("codes") == Tensor<std::int8_t>({5}, {-128, -1, 0, 1, 127}));
  CHECK(file.tensor<double>("scalar") == Tensor<double>(Shape{}, 2.5));
  CHECK(file.tensor<std::int64_t>("empty").shape() == Shape{0, 4});
  CHECK(octet::to_float(file.tensor<octet::Float16>("half")[0]) == 0.5f);
}

}  // namespace

TEST_CASE("safetensors: what is written is read, from memory and from a file") {
  const SafetensorsWriter writer = small_file();
  check_small_file(Safetensors::parse(writer.bytes(), ChecksumRule::required));
  const TemporaryFolder folder;
  const std::string path = folder.path("a");
  writer.write(path);
  const Safetensors file = Safetensors::read(path, ChecksumRule::required);
  check_small_file(file);
  CHECK(file.source() == path);
  const auto bytes = octet::read_file(path);
  CHECK(bytes == writer.bytes());
}

TEST_CASE("safetensors: nothing at all is a file, too") {
  const Safetensors file = Safetensors::parse(SafetensorsWriter().bytes(), ChecksumRule::required);
  CHECK(file.entries().empty());
  CHECK(refusal(file_of("{}", 0)) == "accepted");
}

TEST_CASE("safetensors: a moved file keeps its tensors") {
  Safetensors first = Safetensors::parse(small_file().bytes());
  const Safetensors second = std::move(first);
  check_small_file(second);
}

TEST_CASE("safetensors: a tensor that is taken is gone, and the others stay") {
  Safetensors file = Safetensors::parse(small_file().bytes());
  const std::size_t size = file.find("weight")->data.size();
  CHECK(file.take(*file.find("weight")).size() == size);
  CHECK(file.find("weight")->data.empty());
  for (const auto& entry : file.entries())
    if (entry.name != "weight")
      CHECK(static_cast<std::int64_t>(entry.data.size()) ==
            entry.shape.elements() * octet::safetensors_size(entry.dtype));
}

TEST_CASE("safetensors: tensors are aligned as far as sizes allow, and by their element always") {
  SafetensorsWriter writer;
  for (int i = 1; i < 40; ++i) {
    writer.add("byte" + std::to_string(i), Tensor<std::int8_t>({i * 7}));
    writer.add("float" + std::to_string(i), Tensor<float>({i}));
    writer.add("double" + std::to_string(i), Tensor<double>({i}));
    writer.add("line" + std::to_string(i), Tensor<float>({i, 16}));
  }
  const auto bytes = writer.bytes();
  const Safetensors file = Safetensors::parse(bytes);
  CHECK(file.entries().size() == 39 * 4);
  std::size_t at = bytes.size();
  for (const auto& entry : file.entries()) at -= entry.data.size();
  CHECK(at % 64 == 0);
  for (const auto& entry : file.entries()) {
    CAPTURE(entry.name);
    const auto element = static_cast<std::size_t>(octet::safetensors_size(entry.dtype));
    CHECK(at % element == 0);
    if (entry.data.size() % 64 == 0) CHECK(at % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(entry.data.data()) % 64 == 0);
    at += entry.data.size();
  }
}

TEST_CASE("safetensors: the data of a file with an unpadded header is moved into alignment") {
  const Bytes bytes = file_of(R"({"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}})", 4);
  const Safetensors file = Safetensors::parse(bytes);
  CHECK(reinterpret_cast<std::uintptr_t>(file.find("a")->data.data()) % 64 == 0);
  CHECK(file.tensor<std::int32_t>("a")[0] == 0x03020100);
}

TEST_CASE("safetensors: the same content gives the same bytes") {
  CHECK(small_file().bytes() == small_file().bytes());
}

TEST_CASE("safetensors: a file cut at any byte is refused") {
  const auto whole = small_file().bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    REQUIRE_THROWS_AS(Safetensors::parse(cut), Error);
  }
  // Five bytes less: the end of the data. Twenty in all: the header has begun.
  const auto size = static_cast<std::ptrdiff_t>(whole.size());
  CHECK(refusal(Bytes(whole.begin(), whole.end() - 5)) ==
        octet::text_of("file: is cut short: expected ", size, " bytes, got ", size - 5));
  CHECK(refusal(Bytes(whole.begin(), whole.begin() + 20))
            .find("file: is cut short: expected at least ") == 0);
  Bytes longer(whole.begin(), whole.end());
  longer.push_back(std::byte{0});
  CHECK_THROWS_AS(Safetensors::parse(longer), Error);
}

TEST_CASE("safetensors: a file with any single byte changed is refused") {
  const auto whole = small_file().bytes();
  Bytes changed(whole.begin(), whole.end());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      changed[i] = std::byte(value);
      if (changed[i] == whole[i]) continue;
      CAPTURE(i);
      CAPTURE(value);
      bool refused = false;
      try {
        Safetensors::parse(changed, ChecksumRule::required);
      } catch (const Error&) {
        refused = true;
      }
      REQUIRE(refused);
    }
    changed[i] = whole[i];
  }
}

TEST_CASE("safetensors: without a checksum a changed byte is refused or read, never more") {
  const Bytes whole =
      file_of(R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
              R"("b":{"dtype":"I8","shape":[3],"data_offsets":[8,11]}})",
              11);
  REQUIRE(refusal(whole) == "accepted");
  Bytes changed = whole;
  int refused = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      changed[i] = std::byte(value);
      try {
        const Safetensors file = Safetensors::parse(changed);
        for (const auto& entry : file.entries())
          REQUIRE(entry.data.size() ==
                  static_cast<std::size_t>(entry.shape.elements() *
                                           octet::safetensors_size(entry.dtype)));
      } catch (const Error&) {
        ++refused;
      }
    }
    changed[i] = whole[i];
  }
  CHECK(refused > 10000);
  CHECK_THROWS_WITH_AS(Safetensors::parse(whole, ChecksumRule::required, "file"),
                       "file: expected a file that Octet wrote, but it has no octet.checksum",
                       Error);
}

TEST_CASE("safetensors: each flaw of a header has its sentence") {
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
           offsets + "}}";
  };
  CHECK(refusal(Bytes(7)) == "file: expected a safetensors file, got only 7 bytes");
  Bytes huge(64, std::byte{0xFF});
  CHECK(refusal(huge) == "file: expected a safetensors file, but it does not begin like one");
  CHECK(refusal(file_of("[]", 0)) == "file: header: expected a JSON object");
  CHECK(refusal(file_of("{\"a\":", 0)) == "file: header: expected a value at byte 5");
  CHECK(refusal(file_of(R"({"__metadata__":[]})", 0)) == "file: __metadata__: expected an object");
  CHECK(refusal(file_of(R"({"__metadata__":{"k":1}})", 0)) ==
        "file: __metadata__: \"k\": expected a string");
  CHECK(refusal(file_of(R"({"a":{"dtype":"F32","shape":[1]}})", 4)) ==
        "file: tensor \"a\": expected dtype, shape and two data_offsets");
  CHECK(refusal(file_of(entry("F32", "[1]", "[0,4,8]"), 8)) ==
        "file: tensor \"a\": expected dtype, shape and two data_offsets");
  CHECK(refusal(file_of(entry("C64", "[1]", "[0,8]"), 8)) ==
        "file: tensor \"a\": unknown dtype \"C64\"");
  CHECK(refusal(file_of(entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4)) ==
        "file: tensor \"a\": expected at most 8 dimensions, got 9");
  CHECK(refusal(file_of(entry("F32", "[-1]", "[0,4]"), 4)) ==
        "file: tensor \"a\": shape: expected integers of at least 0");
  CHECK(refusal(file_of(entry("F32", "[1.0]", "[0,4]"), 4)) ==
        "file: tensor \"a\": shape: expected integers of at least 0");
  CHECK(refusal(file_of(entry("F32", "[4294967296,2147483648]", "[0,4]"), 4)) ==
        "file: tensor \"a\": shape: its number of bytes does not fit into 64 bits");
  CHECK(refusal(file_of(entry("F64", "[4611686018427387904,0]", "[0,0]"), 0)) ==
        "file: tensor \"a\": shape: its number of bytes does not fit into 64 bits");
  CHECK(refusal(file_of(entry("F32", "[1]", "[4,0]"), 4)) ==
        "file: tensor \"a\": data_offsets: expected a range within 4 bytes of data");
  CHECK(refusal(file_of(entry("F32", "[1]", "[-4,0]"), 4)) ==
        "file: tensor \"a\": data_offsets: expected a range within 4 bytes of data");
  CHECK(refusal(file_of(entry("F32", "[2]", "[0,4]"), 4)) ==
        "file: tensor \"a\": expected 8 bytes of data for its shape, got 4");
  CHECK(refusal(file_of(entry("F32", "[1]", "[4,8]"), 8)) ==
        "file: tensor \"a\": expected its data at offset 0, where the tensor before it ends, got "
        "4");
  CHECK(refusal(file_of(entry("F32", "[1]", "[0,4]"), 8)) ==
        "file: expected 4 bytes of data, got 8");
  CHECK(refusal(file_of(R"({"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},)"
                        R"("b":{"dtype":"I8","shape":[4],"data_offsets":[2,6]}})",
                        6)) ==
        "file: tensor \"b\": expected its data at offset 4, where the tensor before it ends, got "
        "2");
  CHECK(refusal(file_of(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},)"
                        R"("a":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}})",
                        2))
            .find("file: header: expected no name twice") == 0);
}

TEST_CASE("safetensors: asking for what is not there says what is") {
  const Safetensors file =
      Safetensors::parse(small_file().bytes(), ChecksumRule::required, "model");
  CHECK(file.find("bias") == nullptr);
  CHECK_THROWS_WITH_AS(file.tensor<float>("bias"), "model: expected a tensor \"bias\", got none",
                       Error);
  CHECK_THROWS_WITH_AS(file.tensor<double>("weight"),
                       "model: tensor \"weight\": expected dtype F64, got F32", Error);
  Tensor<float> target({2, 3});
  CHECK_THROWS_WITH_AS(file.copy_to("weight", target.view()),
                       "model: tensor \"weight\": expected shape [2, 3], got [3, 2]", Error);
  Tensor<float> fitting({3, 2});
  file.copy_to("weight", fitting.view());
  CHECK(fitting[5] == 6);
  CHECK_THROWS_WITH_AS(file.metadata("missing"), "model: expected metadata \"missing\", got none",
                       Error);
}

TEST_CASE("safetensors: the writer refuses what would not be a file") {
  SafetensorsWriter writer;
  const float value = 1;
  writer.add("a", "F32", {1}, &value);
  CHECK_THROWS_WITH_AS(writer.add("a", "F32", {1}, &value),
                       "safetensors: there is already a tensor \"a\"", Error);
  CHECK_THROWS_AS(writer.add("b", "float", {1}, &value), Error);
  CHECK_THROWS_AS(writer.add("__metadata__", "F32", {1}, &value), Error);
  CHECK_THROWS_AS(writer.set_metadata("octet.checksum", "0"), Error);
}

TEST_CASE("safetensors: a checksum that cannot be checked has its sentence") {
  const auto with = [](const std::string& member) {
    return refusal(file_of("{\"__metadata__\":{" + member + "}}", 0));
  };
  CHECK(with(R"("octet.checksum":"0123")") ==
        "file: octet.checksum: expected 16 digits, got \"0123\"");
  // As Python's json writes it.
  CHECK(with(R"("octet.checksum": "0123456789abcdef")") ==
        "file: expected the header as Octet wrote it, but another program has written it anew, so "
        "that its octet.checksum can no longer be checked");
}

TEST_CASE("safetensors: a file of another writer is read, and has no checksum") {
  const std::string path = OCTET_SOURCE_DIR "/tests/golden/train_onecycle_inputs.safetensors";
  const Safetensors file = Safetensors::read(path);
  CHECK(file.tensor<float>("X").shape() == Shape{20, 16, 1, 24, 24});
  CHECK(file.tensor<std::int64_t>("Y").shape() == Shape{20, 16});
  CHECK(file.tensor<float>("init.b1.running_var") == Tensor<float>({8}, 1.0f));
  CHECK_THROWS_WITH_AS(
      Safetensors::read(path, ChecksumRule::required),
      (path + ": expected a file that Octet wrote, but it has no octet.checksum").c_str(), Error);
}
