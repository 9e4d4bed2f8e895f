// fer quantize: from float32 to int8, and what it costs and brings.
#include <cstdio>
#include <numeric>
#include <optional>
#include <utility>

#include <octet/program/file.hpp>
#include <octet/program/float16_weights.hpp>
#include <octet/program/int8_weights.hpp>
#include <octet/program/quantize.hpp>

#include "commands.hpp"
#include "compare.hpp"
#include "data.hpp"
#include "doctor.hpp"
#include "model.hpp"
#include "option_checks.hpp"
#include "output.hpp"
#include "quantization_report.hpp"

namespace fer {

using namespace octet;

namespace {

/// `count` images of the set in a random order, prepared for the network batch by batch: memory
/// does not grow with their number. The set and the pipeline must outlive the source.
BatchSource calibration_images(const ImageDataset& data, const Pipeline& pipeline,
                               std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> order(data.labels.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  Random(seed).shuffle(std::span(order));
  order.resize(static_cast<std::size_t>((std::min)(count, data.size())));
  return [&data, &pipeline, order = std::move(order)](const BatchVisitor& visit) {
    constexpr std::size_t batch = 32;
    Picture picture;
    for (std::size_t first = 0; first < order.size(); first += batch) {
      const std::size_t size = (std::min)(batch, order.size() - first);
      Tensor<float> images(data.image_shape().with_batch(static_cast<std::int64_t>(size)));
      float* to = images.data();
      for (std::size_t i = first; i < first + size; ++i, to += picture.elements()) {
        pipeline.apply(data.image(order[i]), Random(0), picture);
        std::copy_n(picture.pixels.data(), picture.elements(), to);
      }
      const TensorView<const float> view = images;
      visit({&view, 1});
    }
  };
}

RangeMethod range_from(const std::string& name) {
  if (name == "moving_average") return RangeMethod::moving_average;
  if (name == "percentile") return RangeMethod::percentile;
  if (name == "entropy") return RangeMethod::entropy;
  if (name == "mse") return RangeMethod::mean_squared_error;
  return RangeMethod::min_max;
}

std::int64_t file_bytes(const Program& program, const Metadata& metadata) {
  return static_cast<std::int64_t>(program_file(program, metadata).bytes().size());
}

/// Fails unless each name is that of a layer: before the images are read.
void check_layers(const std::vector<std::string>& names, const Program& program) {
  std::vector<std::string> layers;
  for (const Operation& operation : program.description().operations)
    layers.push_back(operation.name);
  for (const std::string& name : names)
    if (const std::string complaint = one_of(layers)(name); !complaint.empty())
      fail("--keep-float: ", complaint);
}

void print_rounding(const std::vector<LayerRounding>& layers) {
  for (const LayerRounding& layer : layers)
    std::printf(
        "%s: %lld of %lld weights not rounded to nearest, squared error of the output: %.3f "
        "times what it was\n",
        layer.layer.c_str(), static_cast<long long>(layer.changed),
        static_cast<long long>(layer.weights),
        layer.nearest_error > 0 ? layer.learned_error / layer.nearest_error : 1.0);
}

}  // namespace

int quantize(const QuantizeOptions& options) {
  const Model model = load_model(options.model);
  if (model.kind == FileKind::quantization_aware)
    fail(options.model, ": expected a network trained in float32; fer train --qat writes the ",
         "int8 program of this one as int8.safetensors beside it");
  if (model.kind == FileKind::program)
    fail(options.model, ": expected a trained network, got a program that fer quantize wrote");
  check_layers(options.keep_float, model.program);
  check_program_output(options);
  check_report_output(options);
  const DataSplits splits = read_splits(completed(options.data, &model.card), model.H(), model.W());
  if (splits.train.size() == 0 || splits.test.size() == 0)
    fail(options.data.path, ": expected images to calibrate with and to test with, got ",
         splits.train.size(), " and ", splits.test.size());
  tell_of_missing_test(options.data.path, splits);

  ThreadPool pool(options.threads);
  const Pipeline pipeline = model.pipeline();
  const BatchSource images =
      calibration_images(splits.train, pipeline, options.calibrate, options.seed);
  const octet::QuantizeOptions how{.range = range_from(options.method),
                                   .trained_on = InputMoments{.mean = 0, .deviation = 1},
                                   .keep_float = options.keep_float,
                                   .rounding = options.rounding == "learned"
                                                   ? WeightRounding::learned
                                                   : WeightRounding::nearest};
  std::optional<DoctorReport> doctor;
  const QuantizedProgram quantized = [&] {
    if (!options.doctor) return octet::quantize(model.program, images, how, &pool);
    TreatedProgram treated = quantize_with_doctor(options, model, how, images, splits, pool);
    doctor = std::move(treated.doctor);
    return std::move(treated.quantized);
  }();
  if (options.form != "int8")
    std::printf("%s needs no calibration; what follows is int8, to compare with.\n\n",
                options.form.c_str());
  std::printf("%s\n", quantized.report.text().c_str());
  print_rounding(quantized.rounding);

  const Metadata metadata = model.card.metadata();
  const Program half = with_float16_weights(model.program);
  const Program weights_only = with_int8_weights(model.program);
  save_program(options.form == "int8"           ? quantized.program
               : options.form == "int8_weights" ? weights_only
                                                : half,
               options.out, metadata);
  const std::vector<Contestant> forms = {
      {"float32", &model.program, file_bytes(model.program, metadata), pipeline},
      {"float16 weights", &half, file_bytes(half, metadata), pipeline},
      {"int8 weights", &weights_only, file_bytes(weights_only, metadata), pipeline},
      {"int8", &quantized.program, file_bytes(quantized.program, metadata), pipeline}};
  const std::string split = splits.test_is_validation ? "validation" : "test";
  const std::vector<Evaluation> evaluations = print_comparison(forms, split, splits.test, pool);
  if (!options.report.empty())
    write_quantization_report(options, model, splits,
                              {.quantization = quantized.report, .doctor = std::move(doctor)},
                              forms, evaluations);
  std::printf("\nwritten: %s (%s); next: fer predict %s PICTURE, fer info %s\n",
              options.out.c_str(), options.form.c_str(), options.out.c_str(), options.out.c_str());
  return 0;
}

}  // namespace fer
