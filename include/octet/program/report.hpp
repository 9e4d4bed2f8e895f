// What quantization did to each layer, measured on the calibration images.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/json.hpp"
#include "octet/program/layer_histograms.hpp"
#include "octet/program/program.hpp"
#include "octet/program/quantizer.hpp"

namespace octet::inline OCTET_ABI {

/// One layer of the network.
struct LayerReport {
  std::string name;
  std::string kernel;
  ElementType element_type = ElementType::f32;
  /// Why it stays float32; empty for int8.
  std::string reason;
  /// The smallest and largest output in float32, and what int8 can express.
  Range float_range;
  Range int8_range;
  /// 10 log10(sum of y^2 / sum of (y - y_int8)^2): how much louder the output is than the error
  /// that it has collected so far. Infinite where there is no error; -3000 where there is nothing
  /// else.
  double sqnr_db = 0;
  /// The share of float32 outputs that int8 cuts off, because they lie outside of its range.
  double saturated = 0;
  /// For int8: real = scale * (q - zero_point).
  float scale = 1;
  std::int32_t zero_point = 0;
  /// The outputs in float32, over all that float32 reaches and int8 can express.
  EqualBins activations;
  /// For layers that have weights.
  std::optional<WeightReport> weights;
};

struct QuantizationReport {
  std::vector<LayerReport> layers;
  std::int64_t images = 0;
  /// Bytes of all weights before and after.
  std::int64_t float_bytes = 0;
  std::int64_t int8_bytes = 0;
  /// How the ranges moved while images came in, from how many on more of them brought nothing (0:
  /// they still did), and that as a sentence.
  std::vector<CalibrationPoint> curve;
  std::int64_t settled_after = 0;
  std::string verdict;
  /// What is suspicious about the calibration; a sentence each.
  std::vector<std::string> warnings;

  /// The layers that stay float32.
  std::vector<std::string> float_layers() const {
    std::vector<std::string> names;
    for (const LayerReport& layer : layers)
      if (!layer.reason.empty()) names.push_back(layer.name);
    return names;
  }
  /// A table for people.
  template <class = WhenUsed>
  std::string text() const;
  /// The same for programs; an infinite SQNR is null.
  template <class = WhenUsed>
  Json json() const;
};

/// The sums behind a layer's SQNR and its share of saturated values.
struct ErrorSums {
  double signal = 0, noise = 0;
  std::int64_t count = 0, saturated = 0;

  /// Counts an output of the float32 program and what the other program has in its place.
  void add(float expected, float got, bool cut_off) {
    const double error = double{got} - double{expected};
    signal += double{expected} * double{expected};
    noise += error * error;
    saturated += cut_off;
    ++count;
  }
  double sqnr_db() const {
    if (noise == 0) return std::numeric_limits<double>::infinity();
    // Only what has no error is infinite, so an error on nothing but zeros is not.
    return 10 * std::log10((std::max)(1e-300, signal / noise));
  }
  double share_saturated() const {
    return count ? static_cast<double>(saturated) / static_cast<double>(count) : 0;
  }
};

/// The operations of two programs of one network that have the same name, by number; -1 where the
/// other program has none. Throws Error if their outputs have different shapes.
struct OperationPairs {
  std::vector<int> int8_of, float_of;

  OperationPairs(const ProgramDescription& from, const ProgramDescription& to)
      : int8_of(from.operations.size(), -1), float_of(to.operations.size(), -1) {
    for (std::size_t i = 0; i < from.operations.size(); ++i)
      for (std::size_t k = 0; k < to.operations.size(); ++k) {
        if (to.operations[k].name != from.operations[i].name) continue;
        const Shape& expected = from.value(from.operations[i].output).shape;
        const Shape& got = to.value(to.operations[k].output).shape;
        if (!(got == expected))
          fail("report: ", from.operations[i].name, ": expected ", expected,
               " from both programs, got ", got, " from int8");
        float_of[k] = static_cast<int>(i);
        int8_of[i] = static_cast<int>(k);
      }
  }
};

/// The weights of an operation of the float32 program, beside those of its int8 form; none if it
/// has no weights, or if the programs dropped theirs.
template <std::same_as<ProgramDescription> Description>
std::optional<WeightReport> weight_report_of(const Description& from, const Operation& float32,
                                             const Description& to, const Operation& int8) {
  std::optional<WeightReport> result;
  float32.visit_convolution([&]<class Convolution>(const Convolution& conv) {
    constexpr OutputChannel place = Convolution::output_channel;
    const Convolution& quantized = *int8.template as<Convolution>();
    const ProgramTensor& weight = from.tensor(conv.weight_tensor);
    const ProgramTensor& other = to.tensor(quantized.weight_tensor);
    if (weight.bytes.empty() || other.bytes.empty()) return;
    const AlignedVector<float> weights = float_steps::weights_of(from, conv);
    result = to.value(int8.output).type == ElementType::s8
                 ? weight_report(weights, other.template as<std::int8_t>(),
                                 to.tensor(quantized.scale_tensor).template as<float>(), place)
                 : weight_report(weights, {}, {}, place);
  });
  return result;
}

/// Runs both programs on images, and sums up the errors of each operation of the float32 one.
class ErrorMeasurement {
 public:
  ErrorMeasurement(const Program& float_program, const Program& int8_program,
                   const OperationPairs& pairs, ThreadPool* pool)
      : float_program_(float_program),
        int8_program_(int8_program),
        pairs_(pairs),
        float_workspace_(float_program, {.batch = batch, .pool = pool}),
        int8_workspace_(int8_program, {.batch = batch, .pool = pool}),
        kept_(pairs.int8_of.size()),
        sums_(pairs.int8_of.size()) {}

  template <class = WhenUsed>
  void run(std::span<const TensorView<const float>> inputs) {
    const std::int64_t total = inputs[0].shape()[0];
    for (std::int64_t first = 0; first < total; first += batch) {
      std::vector<TensorView<const float>> piece;
      for (const TensorView<const float>& input : inputs)
        piece.push_back(input.rows(first, (std::min)(batch, total - first)));
      run_piece(piece);
    }
    images_ += total;
  }
  std::int64_t images() const { return images_; }
  const ErrorSums& of(std::size_t float_operation) const { return sums_[float_operation]; }

 private:
  template <class = WhenUsed>
  void run_piece(std::span<const TensorView<const float>> inputs) {
    const ProgramOutputs outputs = float_program_.make_outputs(inputs[0].shape()[0]);
    float_program_.run_observed(
        inputs, outputs.views, float_workspace_,
        [&](int operation, int value, const std::byte* data, std::int64_t, std::int64_t N) {
          const auto* const numbers = reinterpret_cast<const float*>(data);
          const std::int64_t elements = float_program_.description().value(value).shape.elements();
          kept_[static_cast<std::size_t>(operation)].assign(numbers, numbers + N * elements);
        });
    int8_program_.run_observed(
        inputs, outputs.views, int8_workspace_,
        [&](int operation, int value, const std::byte* data, std::int64_t, std::int64_t) {
          if (const int original = pairs_.float_of[static_cast<std::size_t>(operation)];
              original >= 0)
            add(static_cast<std::size_t>(original), int8_program_.description().value(value), data);
        });
  }
  void add(std::size_t original, const ProgramValue& info, const std::byte* data) {
    const QuantizationParameters parameters{info.scale, info.zero_point};
    const bool s8 = info.type == ElementType::s8;
    const float low = parameters.lowest() - parameters.scale / 2;
    const float high = parameters.highest() + parameters.scale / 2;
    const std::vector<float>& expected = kept_[original];
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const float got =
          s8 ? dequantize_value(reinterpret_cast<const std::int8_t*>(data)[k], parameters)
             : reinterpret_cast<const float*>(data)[k];
      sums_[original].add(expected[k], got, s8 && (expected[k] < low || expected[k] > high));
    }
  }

  static constexpr std::int64_t batch = 8;
  const Program &float_program_, &int8_program_;
  const OperationPairs& pairs_;
  Workspace float_workspace_, int8_workspace_;
  std::vector<std::vector<float>> kept_;
  std::vector<ErrorSums> sums_;
  std::int64_t images_ = 0;
};

/// What is known of one operation of both programs but its errors.
template <std::same_as<Program> AnyProgram>
LayerReport layer_report(const ProgramDescription& from, const Operation& operation,
                         const AnyProgram& int8_program, std::size_t int8_operation,
                         const Histogram& histogram) {
  const ProgramDescription& to = int8_program.description();
  const ProgramValue& value = to.value(to.operations[int8_operation].output);
  LayerReport layer;
  layer.name = operation.name;
  layer.kernel = int8_program.operations()[int8_operation].kernel;
  layer.element_type = value.type;
  layer.float_range = histogram.extremes();
  Range whole = layer.float_range;
  if (layer.element_type == ElementType::s8) {
    const QuantizationParameters parameters{value.scale, value.zero_point};
    layer.int8_range = {parameters.lowest(), parameters.highest()};
    layer.scale = parameters.scale;
    layer.zero_point = parameters.zero_point;
    whole = {(std::min)(whole.low, layer.int8_range.low),
             (std::max)(whole.high, layer.int8_range.high)};
  }
  layer.activations = equal_bins(histogram, whole, 128);
  layer.weights = weight_report_of(from, operation, to, to.operations[int8_operation]);
  return layer;
}

/// Runs both programs on the images and compares the outputs of operations that have the same name.
/// A template only so that it is compiled where it is used.
template <std::same_as<Program> AnyProgram>
QuantizationReport compare(const AnyProgram& float_program, const AnyProgram& int8_program,
                           const Calibration& calibration,
                           const std::vector<QuantizationDecision>& decisions,
                           const BatchSource& images, ThreadPool* pool = nullptr) {
  const ProgramDescription& from = float_program.description();
  const OperationPairs pairs(from, int8_program.description());
  ErrorMeasurement errors(float_program, int8_program, pairs, pool);
  images([&](std::span<const TensorView<const float>> inputs) { errors.run(inputs); });

  QuantizationReport report;
  report.images = errors.images();
  report.curve = calibration.curve();
  report.settled_after = calibration.settled_after();
  report.verdict = calibration.verdict();
  report.warnings = calibration.warnings();
  report.float_bytes = float_program.weight_bytes();
  report.int8_bytes = int8_program.weight_bytes();
  for (std::size_t i = 0; i < from.operations.size(); ++i) {
    const Operation& operation = from.operations[i];
    if (operation.as<operations::Reshape>() || pairs.int8_of[i] < 0) continue;
    LayerReport layer =
        layer_report(from, operation, int8_program, static_cast<std::size_t>(pairs.int8_of[i]),
                     calibration[static_cast<std::size_t>(operation.output)].histogram);
    layer.reason = decisions[i].reason;
    layer.sqnr_db = errors.of(i).sqnr_db();
    layer.saturated = errors.of(i).share_saturated();
    report.layers.push_back(std::move(layer));
  }
  return report;
}

template <class>
std::string QuantizationReport::text() const {
  std::size_t name_width = 5, kernel_width = 6;
  for (const LayerReport& layer : layers) {
    name_width = (std::max)(name_width, layer.name.size());
    kernel_width = (std::max)(kernel_width, layer.kernel.size());
  }
  const auto pad = [](std::string text, std::size_t width) {
    text.resize((std::max)(width, text.size()), ' ');
    return text;
  };
  const auto number = [](const char* format, double value) {
    char buffer[48];
    std::snprintf(buffer, sizeof buffer, format, value);
    return std::string(buffer);
  };
  const auto range = [&](const Range& values) {
    return number("%9.4g", double{values.low}) + " ..." + number("%9.4g", double{values.high});
  };
  std::string out = pad("layer", name_width) + "  " + pad("kernel", kernel_width) + "  type     " +
                    pad("float range", 22) + "   " + pad("int8 range", 22) +
                    "  SQNR dB  saturated\n";
  for (const LayerReport& layer : layers) {
    const bool s8 = layer.element_type == ElementType::s8;
    out += pad(layer.name, name_width) + "  " + pad(layer.kernel, kernel_width) + "  " +
           pad(to_text(layer.element_type), 7) + "  " + range(layer.float_range) + "   " +
           (s8 ? range(layer.int8_range) : pad("", 22)) + "  " +
           (std::isfinite(layer.sqnr_db) ? number("%7.1f", layer.sqnr_db) : "  exact") + "  " +
           (s8 ? number("%7.4f %%", layer.saturated * 100) : "        -") +
           (layer.reason.empty() ? "" : "  " + layer.reason) + "\n";
  }
  const std::vector<std::string> left = float_layers();
  out += text_of(layers.size() - left.size(), " of ", layers.size(), " layers run in int8");
  for (std::size_t i = 0; i < left.size(); ++i) out += (i == 0 ? "; float32: " : ", ") + left[i];
  out += text_of("\nweights: ", float_bytes, " bytes before, ", int8_bytes,
                 " bytes now; measured on ", images, " images\n");
  if (!curve.empty())
    out +=
        "ranges after fewer images: how far they are from the final ones (rare values widen ranges "
        "at\nany time), and how much more of an activation they cut off (which costs accuracy)\n";
  for (const CalibrationPoint& point : curve)
    out += pad("  after " + std::to_string(point.images), 16) +
           number("mean %6.2f %%", 100 * point.mean_change) +
           number("  largest %6.2f %%", 100 * point.largest_change) +
           number("  cut off %6.2f %%", 100 * point.largest_cut) +
           (point.most_cut.empty() ? "" : "  " + point.most_cut) + "\n";
  if (!verdict.empty()) out += verdict + "\n";
  for (const std::string& warning : warnings) out += "warning: " + warning + "\n";
  return out;
}

template <class>
Json QuantizationReport::json() const {
  const auto range = [](const Range& values) { return Json(Json::Array{values.low, values.high}); };
  const auto counts = [](const std::vector<std::uint64_t>& numbers) {
    Json array = Json::array();
    for (const std::uint64_t number : numbers) array.push(number);
    return array;
  };
  Json rows = Json::array();
  for (const LayerReport& layer : layers) {
    Json row = Json::object();
    row.set("name", layer.name).set("kernel", layer.kernel);
    row.set("type", to_text(layer.element_type)).set("float_range", range(layer.float_range));
    if (layer.element_type == ElementType::s8)
      row.set("int8_range", range(layer.int8_range))
          .set("scale", layer.scale)
          .set("zero_point", layer.zero_point);
    row.set("sqnr_db", layer.sqnr_db).set("saturated", layer.saturated);
    row.set("activations", Json::object()
                               .set("range", range(layer.activations.range))
                               .set("counts", counts(layer.activations.counts)));
    if (const auto& weights = layer.weights) {
      Json part = Json::object().set("range", range(weights->range));
      if (!weights->codes.empty())
        part.set("scale", range(weights->scale))
            .set("sqnr_db", weights->sqnr_db)
            .set("codes_in_use", weights->codes_in_use())
            .set("codes", counts(weights->codes));
      row.set("weights", std::move(part));
    }
    if (!layer.reason.empty()) row.set("float_because", layer.reason);
    rows.push(std::move(row));
  }
  Json points = Json::array(), sentences = Json::array();
  for (const CalibrationPoint& point : curve) {
    Json ranges = Json::array();
    for (const Range& values : point.ranges) ranges.push(range(values));
    points.push(Json::object()
                    .set("images", point.images)
                    .set("mean_change", point.mean_change)
                    .set("largest_change", point.largest_change)
                    .set("most_changed", point.most_changed)
                    .set("largest_cut", point.largest_cut)
                    .set("most_cut", point.most_cut)
                    .set("ranges", std::move(ranges)));
  }
  for (const std::string& warning : warnings) sentences.push(warning);
  return Json::object()
      .set("images", images)
      .set("curve", std::move(points))
      .set("settled_after", settled_after)
      .set("verdict", verdict)
      .set("warnings", std::move(sentences))
      .set("float_bytes", float_bytes)
      .set("int8_bytes", int8_bytes)
      .set("layers", std::move(rows));
}

}  // namespace octet::inline OCTET_ABI
