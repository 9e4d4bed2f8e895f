// explain(): every kind of int8 layer, against plain sums and against what is refused.
#include "octet/program/explain.hpp"

#include <doctest/doctest.h>

#include "networks.hpp"
#include "octet/program/quantize.hpp"

using namespace octet;

namespace {

std::string complaint_of(const Program& program, std::string_view name, std::int64_t element,
                         const Tensor<float>& x) {
  try {
    explain(program, name, element, x);
  } catch (const Error& error) {
    return error.what();
  }
  return "no complaint";
}

}  // namespace

TEST_CASE("every int8 layer's numbers are derived to what the kernels wrote") {
  std::vector<std::string> kinds;
  for (const networks::Network& network : networks::all()) {
    const Program program =
        quantize(networks::make(network), networks::images(network.input, 8)).program;
    const Tensor<float> x = networks::images(network.input, 1, 77);
    const ProgramDescription& d = program.description();
    for (const Operation& operation : d.operations) {
      const ProgramValue& y = d.value(operation.output);
      const bool moves = operation.as<operations::Reshape>() || operation.as<operations::Pad>() ||
                         operation.as<operations::Concat>();
      if (y.type != ElementType::s8 || moves) continue;
      CAPTURE(operation.name);
      kinds.emplace_back(operation.type());
      const std::int64_t count = y.shape.elements();
      for (const std::int64_t element : {std::int64_t{0}, count / 3, count / 2, count - 1}) {
        const Explanation e = explain(program, operation.name, element, x);
        // A step away from the real number at most, unless the range ends before it.
        const double stands_for = (e.result - y.zero_point) * double{y.scale};
        if (e.result > -128 && e.result < 127)
          CHECK(std::abs(stands_for - e.real) <= 1.01 * double{y.scale});
        CHECK(e.products + e.zero_point_term + e.bias ==
              (operation.as<operations::Conv2d>() || operation.as<operations::DepthwiseConv2d>()
                   ? e.accumulator
                   : 0));
        CHECK(e.text.find(operation.name) == 0);
      }
    }
  }
  for (const char* const kind : {"conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d",
                                 "add", "multiply", "lookup", "quantize"}) {
    CAPTURE(kind);
    CHECK(std::find(kinds.begin(), kinds.end(), kind) != kinds.end());
  }
}

TEST_CASE("a convolution by hand") {
  // y = 2 a - 3 b + 1 of an image of one pixel and two channels, in scales that are easy.
  ProgramDescription d;
  const float weight_scale = 0.5f;
  const std::int8_t weights[] = {4, -6};
  const std::int32_t bias[] = {8};
  d.values = {{"image", {1, 1, 2}},
              {"image.int8", {1, 1, 2}, ElementType::s8, 0.25f, 10},
              {"conv", {1, 1, 1}, ElementType::s8, 0.5f, -3},
              {"conv.float32", {1, 1, 1}}};
  d.tensors = {
      ProgramTensor::of("w", {1, 1, 1, 2}, ElementType::s8, std::span<const std::int8_t>(weights)),
      ProgramTensor::of("b", {1}, ElementType::s32, std::span<const std::int32_t>(bias)),
      ProgramTensor::of("s", {1}, ElementType::f32, std::span<const float>(&weight_scale, 1))};
  d.inputs = {0};
  d.outputs = {3};
  d.operations = {{"image.int8", {0}, 1, operations::Quantize{}},
                  {"conv", {1}, 2, operations::Conv2d{{.C = 2}, {}, 0, 1, 2}},
                  {"conv.float32", {2}, 3, operations::Dequantize{}}};
  const Program program(d);
  Tensor<float> x({1, 1, 1, 2});
  x[0] = 5, x[1] = 1.25f;  // 30 and 15 in int8
  const Explanation e = explain(program, "conv", 0, x);
  CHECK(e.products == 30 * 4 - 15 * 6);
  CHECK(e.zero_point_term == -10 * (4 - 6));
  CHECK(e.bias == 8);
  CHECK(e.accumulator == 58);
  CHECK(e.multiplier == 0.25f);
  CHECK(e.product == 14.5f);
  CHECK(e.result == 14 - 3);
  CHECK(e.real == 2 * 5 - 3 * 1.25 + 1);
  for (const char* const part :
       {"30 * 4 + 15 * -6 = 30", "-(10) * (sum of q_w = -2) = 20", "30 + 20 + 8 = 58",
        "58 * 0.25 = 14.5", "14, to nearest, ties to even", "14 + -3 = 11", "gave 11 too"}) {
    CAPTURE(part);
    CHECK(e.text.find(part) != std::string::npos);
  }

  CHECK(complaint_of(program, "none", 0, x).find("expected the name") != std::string::npos);
  CHECK(complaint_of(program, "conv", 1, x).find("below 1, got 1") != std::string::npos);
  CHECK(complaint_of(program, "conv.float32", 0, x).find("expected int8") != std::string::npos);
  CHECK(complaint_of(program, "conv", 0, Tensor<float>({2, 1, 1, 2})).find("one example") !=
        std::string::npos);
  const Program bare(d, {.keep_weights = KeepWeights::no});
  CHECK(complaint_of(bare, "conv", 0, x).find("keeps its weights") != std::string::npos);
}
