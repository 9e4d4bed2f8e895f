// Fake quantization against numbers recorded from PyTorch (tests/golden/record.py), and the node.
#include "octet/quant/fake_quantize.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "nn/layer_alone.hpp"
#include "octet/check/gradient_check.hpp"
#include "octet/core/safetensors.hpp"
#include "octet/quant/fake_quantize_layer.hpp"

using namespace octet;

namespace {

const Safetensors& golden() {
  static const Safetensors file =
      Safetensors::read(OCTET_SOURCE_DIR "/tests/golden/fakequant.safetensors");
  return file;
}
Tensor<float> recorded(const std::string& name) { return golden().tensor<float>(name); }
std::span<const float> span_of(const Tensor<float>& tensor) {
  return {tensor.data(), static_cast<std::size_t>(tensor.elements())};
}

struct Case {
  std::string name;
  std::vector<float> scale = {}, zero_point = {};
  QuantizedLevels levels = {};
  double gradient_factor = 1;
  bool learned = false;
};

/// x [4, 6, 5, 5] has its channel in front of 25 pixels.
void check_case(const Case& c) {
  CAPTURE(c.name);
  const Tensor<float> x = recorded("x"), dy = recorded("grad_out");
  const ChannelRuns layout{static_cast<std::int64_t>(c.scale.size()), c.scale.size() > 1 ? 25 : 1};
  Tensor<float> y(x.shape()), dx(x.shape());
  std::vector<FakeQuantizeGradient> gradients(c.scale.size());
  ThreadPool pool(2);
  fake_quantize<float>(span_of(x), c.scale, c.zero_point, c.levels, layout,
                       {y.data(), span_of(y).size()}, pool);
  // PyTorch's forward rounds a learned zero point to the nearest integer, as here. Its backward
  // adds 1/2 and cuts the fraction off, which is another integer for -37.4: -36.
  std::vector<float> backward_zero_point = c.zero_point;
  if (c.learned && c.scale.size() == 1) backward_zero_point[0] = std::trunc(c.zero_point[0] + 0.5f);
  fake_quantize_backward<float>(span_of(x), c.scale, backward_zero_point, c.levels, layout,
                                span_of(dy), {dx.data(), span_of(dx).size()}, gradients,
                                c.gradient_factor, pool);
  const Tensor<float> expected_y = recorded(c.name + ".y"), expected_dx = recorded(c.name + ".gx");
  // PyTorch multiplies by 1 / scale: next to a tie it may round to the other side.
  std::vector<double> by_ties(c.scale.size());
  int ties = 0;
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    CAPTURE(i);
    const auto channel = static_cast<std::size_t>(layout.of(i));
    const float scale = c.scale[channel];
    const double quotient = double{x[i]} / double{scale};
    const bool tie = std::abs(quotient - std::floor(quotient) - 0.5) < 1e-4;
    const double quantum = tie ? 1.0001 * double{scale} : 0;
    CHECK(std::abs(double{y[i]} - double{expected_y[i]}) <=
          quantum + 1e-6 * std::abs(double{y[i]}));
    if (!tie) CHECK(dx[i] == expected_dx[i]);
    ties += tie;
    if (tie) by_ties[channel] += c.gradient_factor * std::abs(double{dy[i]}) * 256;
  }
  CHECK(ties < 60);
  if (!c.learned) return;
  const Tensor<float> ds = recorded(c.name + ".gs"), dz = recorded(c.name + ".gz");
  for (std::size_t k = 0; k < c.scale.size(); ++k) {
    const auto at = static_cast<std::int64_t>(k);
    const auto close = [&](double got, double expected, double tie_size) {
      CHECK(std::abs(got - expected) <=
            1e-4 * std::abs(expected) + 1e-5 * c.gradient_factor + by_ties[k] * tie_size);
    };
    close(gradients[k].scale, double{ds[at]}, 1.0 / 256);
    close(gradients[k].zero_point, double{dz[at]}, double{c.scale[k]} / 256);
  }
}

std::vector<float> numbers(const std::string& name) {
  const Tensor<float> tensor = recorded(name);
  return {tensor.begin(), tensor.end()};
}

}  // namespace

TEST_CASE("golden fake quantization: per tensor") {
  for (const char* const name : {"s8", "s8n", "u8", "s8asym", "s4"}) {
    const Tensor<double> p = golden().tensor<double>(std::string("pt.") + name + ".params");
    // 0 .. 255 is -128 .. 127, moved.
    const double shift = p[2] == 0 ? 128 : 0;
    check_case({.name = std::string("pt.") + name,
                .scale = {static_cast<float>(p[0])},
                .zero_point = {static_cast<float>(p[1] - shift)},
                .levels = {static_cast<int>(p[2] - shift), static_cast<int>(p[3] - shift)}});
  }
}

TEST_CASE("golden fake quantization: per channel") {
  for (const char* const name : {"pc.sym", "pc.asym"}) {
    const Tensor<std::int32_t> zero_point =
        golden().tensor<std::int32_t>(std::string(name) + ".zp");
    Case c{.name = name, .scale = numbers(std::string(name) + ".scale")};
    for (const std::int32_t z : zero_point) c.zero_point.push_back(static_cast<float>(z));
    check_case(c);
  }
}

TEST_CASE("golden fake quantization: learned scale and zero point") {
  for (const char* const name : {"learn_pt.a", "learn_pt.b", "learn_pt.c", "learn_pc"}) {
    const std::string key = name;
    check_case({.name = key,
                .scale = numbers(key + ".scale"),
                .zero_point = numbers(key + ".zp"),
                .gradient_factor = double{recorded(key + ".grad_factor")[0]},
                .learned = true});
  }
}

TEST_CASE("fake-quantized values are those of the converter") {
  const QuantizationParameters p{0.037f, -11};
  ThreadPool pool(1);
  for (int i = -400; i < 400; ++i) {
    const float x = 0.0185f * static_cast<float>(i);
    const float expected = dequantize_value(quantize_value(x, p), p);
    CHECK(FakeQuantized(x, p.scale, p.zero_point, {}).value == expected);
    CHECK(FakeQuantized(x, p.scale, 0, {-127, 127}).value ==
          static_cast<float>(quantize_weight(x, p.scale)) * p.scale);
  }
}

namespace {

const Pass training{.mode = Mode::training};

Tensor<float> ramp(float low, float high) {
  Tensor<float> x({2, 4, 4, 3});
  for (std::int64_t i = 0; i < x.elements(); ++i)
    x[i] = low + (high - low) * static_cast<float>(i) / static_cast<float>(x.elements() - 1);
  return x;
}

}  // namespace

TEST_CASE("the node observes, then quantizes, then stops observing") {
  FakeQuantize<float> node({.observer = RangeObserver::min_max,
                            .schedule = {.quantize_from = 2, .freeze_observers_from = 3}});
  const std::vector<Tensor<float>> small = {ramp(-1, 2)}, large = {ramp(-3, 1)},
                                   huge = {ramp(-50, 50)};
  CHECK_THROWS_AS(node.quantization(), Error);
  CHECK(forward(node, small) == small[0]);
  CHECK(forward(node, small, training) == small[0]);
  CHECK(node.range() == Range{-1, 2});
  // Inference quantizes as soon as it can.
  CHECK(!(forward(node, small) == small[0]));
  CHECK(forward(node, large, training) == large[0]);
  CHECK(node.range() == Range{-3, 2});
  CHECK(backward(node, large, large[0], large[0], training)[0] == large[0]);
  const Tensor<float> y = forward(node, small, training);
  CHECK(!(y == small[0]));
  const QuantizationParameters p = parameters_of_range(-3, 2);
  CHECK(node.quantization() == p);
  for (std::int64_t i = 0; i < y.elements(); ++i)
    CHECK(y[i] == dequantize_value(quantize_value(small[0][i], p), p));
  const Tensor<float> cut = forward(node, huge, training);
  CHECK(node.range() == Range{-3, 2});
  // The gradient passes inside of the range alone.
  const Tensor<float> dx = backward(node, huge, cut, huge[0], training)[0];
  int inside = 0;
  for (std::int64_t i = 0; i < dx.elements(); ++i) {
    const double q = std::nearbyint(double{huge[0][i]} / double{p.scale}) + p.zero_point;
    CHECK(dx[i] == (q >= -128 && q <= 127 ? huge[0][i] : 0.0f));
    inside += dx[i] != 0;
  }
  CHECK(inside > 0);
  CHECK(inside < dx.elements() / 2);
}

TEST_CASE("a moving average goes a share of the way to each batch") {
  FakeQuantize<float> node({.momentum = 0.25});
  forward(node, {ramp(-1, 2)}, training);
  CHECK(node.range() == Range{-1, 2});
  forward(node, {ramp(-3, 1)}, training);
  CHECK(node.range() == Range{-1.5f, 1.75f});
}

TEST_CASE("straight-through gradients at ties are those of the plain formula") {
  for (const float low : {-1.0f, -1.004f, -0.5f}) {
    FakeQuantize<float> node({.schedule = {.freeze_observers_from = 1}});
    forward(node, {ramp(low, low + 2.55f)}, training);
    const QuantizationParameters p = node.quantization();
    CAPTURE(p.zero_point);
    Tensor<float> x({1, 1024}), dy({1, 1024}, 1.0f);
    for (std::int64_t i = 0; i < 1024; ++i) x[i] = p.scale * (static_cast<float>(i - 512) / 2);
    const Tensor<float> y = forward(node, {x}, training);
    const Tensor<float> dx = backward(node, {x}, y, dy, training)[0];
    for (std::int64_t i = 0; i < 1024; ++i)
      CHECK(dx[i] == (FakeQuantized(x[i], p.scale, p.zero_point, {}).inside ? 1.0f : 0.0f));
  }
}

TEST_CASE("a learned scale begins at the observed one and gets its gradient") {
  FakeQuantize<float> node({.scale = QuantizationScale::learned});
  const std::vector<Tensor<float>> x = {ramp(-1, 2)};
  forward(node, x, training);
  CHECK(node.quantization() == parameters_of_range(-1, 2));
  REQUIRE(static_cast<Layer<float>&>(node).parameters().size() == 2);
  Parameter<float>& scale = *static_cast<Layer<float>&>(node).parameters()[0];
  Parameter<float>& zero_point = *static_cast<Layer<float>&>(node).parameters()[1];
  scale.value[0] = 0.005f;
  zero_point.value[0] = -20.4f;
  scale.gradient[0] = 3;
  const Tensor<float> y = forward(node, x, training);
  CHECK(node.quantization() == QuantizationParameters{0.005f, -20});
  const Tensor<float> dy = ramp(0.5f, -1);
  const Tensor<float> dx = backward(node, x, y, dy, training)[0];
  double by_scale = 0, by_zero_point = 0;
  for (std::int64_t i = 0; i < dy.elements(); ++i) {
    const FakeQuantized one(x[0][i], 0.005f, -20, {});
    CHECK(dx[i] == (one.inside ? dy[i] : 0.0f));
    by_scale += double{dy[i]} * double{one.by_scale};
    by_zero_point += double{dy[i]} * double{one.by_zero_point};
  }
  const double factor = 1 / std::sqrt(127.0 * 48);
  CHECK(scale.gradient[0] == doctest::Approx(3 + factor * by_scale));
  CHECK(zero_point.gradient[0] == doctest::Approx(factor * by_zero_point));
}

TEST_CASE("where it does not quantize yet, the node is the identity, gradient included") {
  const auto result = check_gradient(FakeQuantize<double>({.schedule = {.quantize_from = 1000}}),
                                     {{4, 3}}, {.kinks = {}});
  CHECK_MESSAGE(result.passed(), result.text());
}

TEST_CASE("a clone and a layer made from attributes go on as the original") {
  FakeQuantize<float> node({.observer = RangeObserver::min_max,
                            .momentum = 0.5,
                            .scale = QuantizationScale::learned,
                            .schedule = {3, 4, 5}});
  const auto made = FakeQuantize<float>::from_attributes(Json::parse(node.attributes().text()));
  CHECK(made->attributes().text() == node.attributes().text());
  forward(node, {ramp(-1, 2)}, training);
  const auto copy = node.clone();
  forward(node, {ramp(-3, 1)}, training);
  forward(*copy, {ramp(-3, 1)}, training);
  CHECK(static_cast<FakeQuantize<float>&>(*copy).range() == node.range());
  CHECK_THROWS_AS(FakeQuantize<float>({.momentum = 0}), Error);
  CHECK_THROWS_AS(FakeQuantize<float>({.schedule = {.quantize_from = -1}}), Error);
}
