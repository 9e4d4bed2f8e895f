// Learned rounding of a whole program, layer after layer.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "octet/program/program.hpp"
#include "octet/program/quantizer.hpp"
#include "octet/quant/learned_rounding.hpp"

namespace octet::inline OCTET_ABI {

/// What learned rounding did to one layer.
struct LayerRounding {
  std::string layer;
  std::int64_t weights = 0;
  /// How many of them are not rounded to nearest.
  std::int64_t changed = 0;
  /// The mean squared error of the layer's output, in its own units, on images that it has not
  /// learned from: with all weights rounded to nearest, and as they were learned, before biases are
  /// corrected. The layers before it are those of the int8 program in both.
  double nearest_error = 0, learned_error = 0;
};

/// Learns how to round the weights of each int8 convolution and linear layer, in the order of the
/// program, and tells the quantizer. Each learns to give, on what the int8 layers before it give,
/// the output of the float32 layer on what the float32 layers before it give: so it makes up for
/// their errors too. Goes through the images once for each layer. The last eighth of the images is
/// not learned from, and decides; of fewer than eight images all do both. The result depends on the
/// order of the images, not on how they are cut into batches or on the number of threads. A
/// template only so that it is compiled where it is used.
template <std::same_as<Program> AnyProgram>
class RoundingLearner {
 public:
  RoundingLearner(const AnyProgram& program, const LearnedRoundingOptions& options,
                  ThreadPool* pool)
      : program_(program), options_(options), own_pool_(1), pool_(pool ? *pool : own_pool_) {
    options.check();
  }

  std::vector<LayerRounding> run(Quantizer<ProgramDescription>& quantizer,
                                 const BatchSource& images, std::int64_t image_count) {
    images_ = image_count;
    std::vector<LayerRounding> layers;
    const std::vector<Operation>& operations = program_.description().operations;
    for (std::size_t i = 0; i < operations.size(); ++i) {
      if (!quantizer.decisions()[i].int8) continue;
      operations[i].visit_convolution(
          [&](const auto& conv) { layers.push_back(learn(quantizer, i, conv, images)); });
    }
    return layers;
  }

 private:
  static constexpr std::int64_t batch = 8;
  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

  template <class Convolution>
  LayerRounding learn(Quantizer<ProgramDescription>& quantizer, std::size_t number,
                      const Convolution& conv, const BatchSource& images) {
    Quantizer<ProgramDescription> so_far = quantizer;
    const Program int8_program(so_far.run());
    const ProgramDescription& from = program_.description();
    const ProgramDescription& to = int8_program.description();
    const Operation& operation = from.operations[number];
    const Operation* quantized = &to.operations[0];
    while (quantized->name != operation.name || quantized->type() != operation.type()) ++quantized;
    const auto& parameters = *quantized->template as<Convolution>();
    const ProgramValue& input = to.value(quantized->inputs[0]);

    RoundingProblem problem;
    problem.shape = conv.shape;
    problem.output_channel = Convolution::output_channel;
    problem.lowest = conv.clamp.low;
    problem.highest = conv.clamp.high;
    problem.input = {input.scale, input.zero_point};
    const AlignedVector<float> weight = float_steps::weights_of(from, conv);
    problem.weight = weight;
    problem.nearest = to.tensor(parameters.weight_tensor).template as<std::int8_t>();
    problem.scale = to.tensor(parameters.scale_tensor).template as<float>();
    problem.bias = to.tensor(parameters.bias_tensor).template as<std::int32_t>();
    collect(int8_program, conv.shape, quantized->inputs[0], static_cast<int>(number),
            input.zero_point, images);
    problem.patches = patches_;
    problem.targets = targets_;
    problem.held_out = images_taken_ / 8 * pixels_per_image_;
    RoundingSolution solution = learn_rounding(problem, options_, pool_);
    quantizer.round(number, std::move(solution.weight),
                    {problem.scale.begin(), problem.scale.end()});
    return {operation.name, static_cast<std::int64_t>(weight.size()), solution.changed,
            solution.nearest_error, solution.learned_error};
  }

  /// Chooses output pixels of each image, the same number of each, and takes their patches from the
  /// int8 program and their targets from the float one.
  void collect(const Program& int8_program, const kernels::Conv2dShape& s, int input, int operation,
               int zero_point, const BatchSource& images) {
    constexpr std::int64_t most_bytes = 64 << 20;
    const std::int64_t patch = s.KH * s.KW * s.C;
    const std::int64_t most = (std::clamp)(most_bytes / patch, std::int64_t{1}, options_.pixels);
    images_taken_ = (std::min)(images_, most);
    pixels_per_image_ = (std::min)(most / images_taken_, s.OH * s.OW);
    patches_.resize(at(images_taken_ * pixels_per_image_ * patch));
    targets_.resize(at(images_taken_ * pixels_per_image_ * s.OC));
    Workspace float_workspace(program_, {.batch = batch, .pool = &pool_});
    Workspace int8_workspace(int8_program, {.batch = batch, .pool = &pool_});
    std::int64_t first_image = 0;
    const auto take_piece = [&](std::span<const TensorView<const float>> inputs) {
      const ProgramOutputs outputs = program_.make_outputs(inputs[0].shape()[0]);
      program_.run_observed(
          inputs, outputs.views, float_workspace,
          [&](int number, int, const std::byte* data, std::int64_t, std::int64_t N) {
            if (number != operation) return;
            for_each_pixel(s, first_image, N, [&](std::int64_t n, std::int64_t p, std::int64_t k) {
              std::copy_n(reinterpret_cast<const float*>(data) + (n * s.OH * s.OW + p) * s.OC, s.OC,
                          targets_.data() + k * s.OC);
            });
          });
      int8_program.run_observed(
          inputs, outputs.views, int8_workspace,
          [&](int, int value, const std::byte* data, std::int64_t, std::int64_t N) {
            if (value != input) return;
            for_each_pixel(s, first_image, N, [&](std::int64_t n, std::int64_t p, std::int64_t k) {
              copy_patch(s, reinterpret_cast<const std::int8_t*>(data) + n * s.H * s.W * s.C, p,
                         zero_point, patches_.data() + k * patch);
            });
          });
    };
    images([&](std::span<const TensorView<const float>> inputs) {
      const std::int64_t total = (std::min)(inputs[0].shape()[0], images_taken_ - first_image);
      for (std::int64_t first = 0; first < total; first += batch) {
        const std::int64_t count = (std::min)(batch, total - first);
        std::vector<TensorView<const float>> piece;
        for (const TensorView<const float>& each : inputs) piece.push_back(each.rows(first, count));
        take_piece(piece);
        first_image += count;
      }
    });
    if (first_image != images_taken_)
      fail("learned rounding: expected the ", images_, " images of the calibration again, got ",
           first_image);
  }
  /// Calls visit(image of the batch, its pixel, place among all chosen pixels): one pixel in each
  /// of as many equal parts of the image.
  template <class Visit>
  void for_each_pixel(const kernels::Conv2dShape& s, std::int64_t first_image, std::int64_t N,
                      const Visit& visit) const {
    const auto pixels = static_cast<double>(s.OH * s.OW);
    for (std::int64_t n = 0; n < N; ++n) {
      const std::int64_t image = first_image + n;
      const Random random = Random(options_.seed).substream(static_cast<std::uint64_t>(image));
      for (std::int64_t j = 0; j < pixels_per_image_; ++j) {
        const double place = static_cast<double>(j) + random.uniform(static_cast<std::uint64_t>(j));
        const auto pixel =
            static_cast<std::int64_t>(place / static_cast<double>(pixels_per_image_) * pixels);
        visit(n, (std::min)(pixel, s.OH * s.OW - 1), image * pixels_per_image_ + j);
      }
    }
  }
  static void copy_patch(const kernels::Conv2dShape& s, const std::int8_t* image,
                         std::int64_t pixel, int zero_point, std::int8_t* patch) {
    for (std::int64_t kh = 0; kh < s.KH; ++kh)
      for (std::int64_t kw = 0; kw < s.KW; ++kw, patch += s.C) {
        const std::int64_t h = pixel / s.OW * s.stride_h - s.pad_top + kh * s.dilation_h;
        const std::int64_t w = pixel % s.OW * s.stride_w - s.pad_left + kw * s.dilation_w;
        if (h < 0 || h >= s.H || w < 0 || w >= s.W)
          std::fill_n(patch, s.C, static_cast<std::int8_t>(zero_point));
        else
          std::copy_n(image + (h * s.W + w) * s.C, s.C, patch);
      }
  }

  const AnyProgram& program_;
  const LearnedRoundingOptions& options_;
  ThreadPool own_pool_;
  ThreadPool& pool_;
  std::int64_t images_ = 0, images_taken_ = 0, pixels_per_image_ = 0;
  std::vector<std::int8_t> patches_;
  std::vector<float> targets_;
};

}  // namespace octet::inline OCTET_ABI
